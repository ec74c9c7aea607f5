// From the depth below the mesh's edge, the confidence, eyes and mouth: how much of the guide is shown, and where skin
// is compared. Twin of src/guide/features.rs and of cover, attenuate and cut_features in src/guide/mod.rs.

//!import face
//!import triangle
//!import texel
//!import cover

// [1]
@group(0) @binding(0) var<storage, read> input: FaceInput;
// [1]
@group(0) @binding(1) var<storage, read> face: Face;
// [side, side]
@group(0) @binding(2) var<storage, read> texels: array<Texel>;
// [898] packed corners
@group(0) @binding(3) var<storage, read> topology: array<u32>;
// [side, side] pixels
@group(0) @binding(4) var<storage, read> depth: array<f32>;
// [side, side]
@group(0) @binding(5) var<storage, read_write> covers: array<Cover>;

const FEATHER = 8.0;
const SKIN_DEPTH = 7.0;
const RIM_DEPTH = 22.0;
// Where each ring begins, and the end of the last.
const RINGS = array<u32, 5>(0u, 16u, 32u, 52u, 72u);
const OUTER_LIPS = 2u;
const INNER_LIPS = 3u;

// Distance to the polygon's edge, positive inside (non-zero winding); far outside anything below -`reach`.
fn inside(ring: u32, p: vec2<f32>, reach: f32) -> f32 {
    let box = face.ring_boxes[ring];
    if any(p < box.xy - reach) || any(p > box.zw + reach) {
        return -2.0 * reach - 1.0;
    }
    var squared = 3e38;
    var winding = 0;
    var start = face.rings[RINGS[ring + 1u] - 1u];
    for (var k = RINGS[ring]; k < RINGS[ring + 1u]; k += 1u) {
        let end = face.rings[k];
        let along = end - start;
        let to = p - start;
        let t = clamp(dot(to, along) / max(dot(along, along), 1e-12), 0.0, 1.0);
        let off = to - along * t;
        squared = min(squared, dot(off, off));
        let left = perp_dot(along, to) > 0.0;
        winding += i32(start.y <= p.y && end.y > p.y && left) - i32(start.y > p.y && end.y <= p.y && !left);
        start = end;
    }
    return select(sqrt(squared), -sqrt(squared), winding == 0);
}

fn confidence(texel: Texel) -> f32 {
    let i = corners(topology[texel.triangle]);
    let first = face.moved[i.x].w;
    let rest = texel.u * (face.moved[i.y].w - first) + texel.v * (face.moved[i.z].w - first);
    return clamp(first + rest, 0.0, 1.0);
}

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) pixel: vec3<u32>) {
    if any(pixel.xy >= vec2<u32>(input.side)) {
        return;
    }
    let i = pixel.y * input.side + pixel.x;
    let texel = texels[i];
    if texel.triangle == UNCOVERED {
        covers[i] = Cover(0.0, 0.0, 1.0);
        return;
    }
    // Canvas pixels per crop 256th.
    let scale = f32(input.crop) / 256.0;
    let p = vec2<f32>(pixel.xy);
    var mask = rise(0.0, FEATHER * scale, depth[i]) * confidence(texel);
    mask *= 1.0 - rise(0.0, 1.6 * scale, inside(INNER_LIPS, p, 0.0));
    var skin = select(0.0, 1.0, depth[i] > SKIN_DEPTH * scale);
    skin *= 1.0 - rise(-4.0 * scale, -2.0 * scale, inside(OUTER_LIPS, p, 4.0 * scale));
    for (var eye = 0u; eye < 2u; eye += 1u) {
        let d = inside(eye, p, 4.0 * scale);
        skin *= 1.0 - rise(-4.0 * scale, -2.0 * scale, d);
        mask *= 1.0 - rise(-3.0 * scale, scale, d) * (1.0 - face.eye_shares[eye]);
    }
    covers[i] = Cover(mask, skin, exp(-depth[i] / (RIM_DEPTH * scale)));
}
