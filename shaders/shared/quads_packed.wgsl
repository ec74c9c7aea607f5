// Four neighbouring pixels of a channel at a time, where their number is a multiple of four: one load each.

//!import elem

// [in_c, in_h, in_w]
@group(0) @binding(1) var<storage, read> input: array<vec4<elem>>;
// [in_c, in_h, in_w]
@group(0) @binding(4) var<storage, read_write> output: array<vec4<elem>>;
// [in_c, in_h, in_w], read with RESIDUAL only
@group(0) @binding(6) var<storage, read> residual: array<vec4<elem>>;

fn pixels() -> u32 {
    return p.in_h * p.in_w;
}

fn read_quad(c: u32, q: u32) -> vec4<f32> {
    return vec4<f32>(input[c * (pixels() / 4u) + q]);
}

fn read_residual(c: u32, q: u32) -> vec4<f32> {
    return vec4<f32>(residual[c * (pixels() / 4u) + q]);
}

fn write_quad(c: u32, q: u32, v: vec4<f32>) {
    output[c * (pixels() / 4u) + q] = vec4<elem>(stored(v.x), stored(v.y), stored(v.z), stored(v.w));
}
