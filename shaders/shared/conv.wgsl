//!import elem
//!import activation

// Geometry of a convolution in channels and pixels.
struct ConvParams {
    in_c: u32,
    in_h: u32,
    in_w: u32,
    out_c: u32,
    out_h: u32,
    out_w: u32,
    pad_top: u32,
    pad_left: u32,
}

override KERNEL: u32 = 3u;
override STRIDE: u32 = 1u;
// Pixels beyond the edge are mirrored (without repeating the edge) instead of zero.
override REFLECT: bool = false;

@group(0) @binding(0) var<uniform> p: ConvParams;
// [in_c, in_h, in_w]
@group(0) @binding(1) var<storage, read> input: array<elem>;
// [out_c]: bias, slope of the activation below zero
@group(0) @binding(3) var<storage, read> channel: array<vec2<f32>>;
// [out_c, out_h, out_w]
@group(0) @binding(4) var<storage, read_write> output: array<elem>;

fn mirror(i: i32, n: i32) -> i32 {
    let folded = abs(i);
    return clamp(select(folded, 2 * n - 2 - folded, folded >= n), 0, n - 1);
}

// The input at a place that may lie beyond the edge.
fn tap(c: u32, y: i32, x: i32) -> f32 {
    let h = i32(p.in_h);
    let w = i32(p.in_w);
    let row = c * p.in_h * p.in_w;
    if REFLECT {
        return f32(input[row + u32(mirror(y, h) * w + mirror(x, w))]);
    }
    if y < 0 || y >= h || x < 0 || x >= w {
        return 0.0;
    }
    return f32(input[row + u32(y * w + x)]);
}
