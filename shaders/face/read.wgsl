// The identity's pixels at the places that the raster found, the target's where there is none, both in CIELAB. Twin of
// src/guide/{warp,fill}.rs.

//!import face
//!import triangle
//!import texel
//!import lab

// [1]
@group(0) @binding(0) var<storage, read> input: FaceInput;
// [1]
@group(0) @binding(1) var<storage, read> face: Face;
// [side, side]
@group(0) @binding(2) var<storage, read> texels: array<Texel>;
// [898] packed corners
@group(0) @binding(3) var<storage, read> topology: array<u32>;
// [candidates, 468]: where each mesh point finds its texture, the photo's own pixels
@group(0) @binding(4) var<storage, read> places: array<vec2<f32>>;
// all photos' levels, R G B 0
@group(0) @binding(5) var<storage, read> photos: array<u32>;
// [3, side, side]
@group(0) @binding(6) var<storage, read> canvas: array<f32>;
// [side, side]
@group(0) @binding(7) var<storage, read_write> lab: array<LabPair>;

fn photo_texel(level: vec4<u32>, x: u32, y: u32) -> vec3<f32> {
    let last = level.y - 1u;
    return unpack4x8unorm(photos[level.x + min(y, last) * level.y + min(x, last)]).rgb;
}

// The level at `p` (its pixels), edges repeated.
fn bilinear(level: vec4<u32>, p: vec2<f32>) -> vec3<f32> {
    let at = clamp(p, vec2<f32>(0.0), vec2<f32>(f32(level.y - 1u)));
    let i = vec2<u32>(at);
    let f = at - vec2<f32>(i);
    let upper = mix(photo_texel(level, i.x, i.y), photo_texel(level, i.x + 1u, i.y), f.x);
    let lower = mix(photo_texel(level, i.x, i.y + 1u), photo_texel(level, i.x + 1u, i.y + 1u), f.x);
    return mix(upper, lower, f.y);
}

fn photo(choice: u32, texel: Texel) -> vec3<f32> {
    let level = face.levels[choice];
    let first = face.candidates[choice] * POINTS;
    let i = corners(topology[texel.triangle]) + first;
    let p = places[i.x] * (1.0 - texel.u - texel.v) + places[i.y] * texel.u + places[i.z] * texel.v;
    // Centres: a pixel of a halved picture lies between two of the larger.
    return bilinear(level, (p + 0.5) * bitcast<f32>(level.z) - 0.5) * face.candidate_weights[choice];
}

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) pixel: vec3<u32>) {
    if any(pixel.xy >= vec2<u32>(input.side)) {
        return;
    }
    let i = pixel.y * input.side + pixel.x;
    let n = input.side * input.side;
    let texel = texels[i];
    let own = vec4<f32>(lab_from_rgb(vec3<f32>(canvas[i], canvas[n + i], canvas[2u * n + i])), 0.0);
    var guide = own;
    if texel.triangle != UNCOVERED {
        var rgb = photo(0u, texel);
        if face.candidate_weights.y > 0.0 {
            rgb += photo(1u, texel);
        }
        guide = vec4<f32>(lab_from_rgb(rgb), 0.0);
    }
    lab[i] = LabPair(own, guide);
}
