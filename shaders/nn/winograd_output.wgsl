// Winograd's output transform: an invocation makes the 2 x 2 outputs of one tile (x) of one channel (y), with bias and
// activation.

//!import elem
//!import winograd
//!import activation

// [16, rows, columns]
@group(0) @binding(1) var<storage, read> sum: array<f32>;
// [out_c]: bias, slope of the activation below zero
@group(0) @binding(2) var<storage, read> channel: array<vec2<f32>>;
// [out_c, out_h, out_w]
@group(0) @binding(3) var<storage, read_write> output: array<elem>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let y = corner(id.x);
    if id.x >= p.columns || y.x >= p.out_h {
        return;
    }
    let at = id.y * p.columns + id.x;
    let step = p.rows * p.columns;
    // A^T m A
    let a = gather(at, step);
    let b = gather(at + 4u * step, step);
    let c = gather(at + 8u * step, step);
    let d = gather(at + 12u * step, step);
    let bias = channel[id.y].x;
    let r = activate(vec4<f32>(a + b + c, b - c - d) + bias, vec4<f32>(channel[id.y].y));

    let first = (id.y * p.out_h + y.x) * p.out_w + y.y;
    let right = y.y + 1u < p.out_w;
    output[first] = stored(r.x);
    if right { output[first + 1u] = stored(r.y); }
    if y.x + 1u < p.out_h {
        output[first + p.out_w] = stored(r.z);
        if right { output[first + p.out_w + 1u] = stored(r.w); }
    }
}

// Four sums of a tile's row, times A.
fn gather(at: u32, step: u32) -> vec2<f32> {
    let m = vec4<f32>(sum[at], sum[at + step], sum[at + 2u * step], sum[at + 3u * step]);
    return vec2<f32>(m.x + m.y + m.z, m.y - m.z - m.w);
}
