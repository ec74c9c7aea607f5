// The guide in the target's light, blended over the target. Twin of Light::apply in src/guide/light.rs and of
// src/guide/fill.rs.

//!import face
//!import lab
//!import cover
//!import light

// [1]
@group(0) @binding(0) var<storage, read> input: FaceInput;
// [1]
@group(0) @binding(1) var<storage, read> face: Face;
// [side, side]
@group(0) @binding(2) var<storage, read> lab: array<LabPair>;
// [side, side]
@group(0) @binding(3) var<storage, read> covers: array<Cover>;
// [1]
@group(0) @binding(4) var<storage, read> light: Light;
// [3, side, side]
@group(0) @binding(5) var<storage, read> canvas: array<f32>;
// [3, side, side]
@group(0) @binding(6) var<storage, read_write> guide: array<f32>;
// [side, side]
@group(0) @binding(7) var<storage, read_write> guide_mask: array<f32>;

// The guide's colour with both fields added; cell centres stand at half cells, edges are repeated.
fn lit(pixel: vec2<u32>, i: u32) -> vec3<f32> {
    let size = grid(face.window.zw, input.cell);
    let place = (vec2<f32>(pixel - face.window.xy) + 0.5) / f32(input.cell) - 0.5;
    let at = clamp(place, vec2<f32>(0.0), vec2<f32>(size - 1u));
    let first = vec2<u32>(at);
    let f = at - vec2<f32>(first);
    let second = min(first + 1u, size - 1u);
    let c = vec4<u32>(first.y * GRID + first.x, first.y * GRID + second.x, second.y * GRID + first.x, second.y * GRID + second.x);
    let wide = mix(mix(light.wide[c.x], light.wide[c.y], f.x), mix(light.wide[c.z], light.wide[c.w], f.x), f.y);
    let near = mix(mix(light.near[c.x], light.near[c.y], f.x), mix(light.near[c.z], light.near[c.w], f.x), f.y);
    let matched = lab[i].guide.xyz * light.gain.xyz + light.offset.xyz;
    return matched + LIGHT * wide.xyz + covers[i].rim * near.xyz;
}

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) pixel: vec3<u32>) {
    if any(pixel.xy >= vec2<u32>(input.side)) {
        return;
    }
    let i = pixel.y * input.side + pixel.x;
    let n = input.side * input.side;
    let mask = covers[i].mask;
    var rgb = vec3<f32>(canvas[i], canvas[n + i], canvas[2u * n + i]);
    if mask > 0.0 {
        rgb += mask * (rgb_from_lab(lit(pixel.xy, i)) - rgb);
    }
    guide[i] = rgb.x;
    guide[n + i] = rgb.y;
    guide[2u * n + i] = rgb.z;
    guide_mask[i] = mask;
}
