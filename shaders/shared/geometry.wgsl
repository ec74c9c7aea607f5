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

@group(0) @binding(0) var<uniform> p: ConvParams;

// Rows and columns of the input with its edges, as far as kernel taps reach.
fn rows() -> u32 {
    return (p.out_h - 1u) * STRIDE + KERNEL;
}

fn columns() -> u32 {
    return (p.out_w - 1u) * STRIDE + KERNEL;
}
