// Bilinear upsampling by 2 of `input`, half-pixel centres, edge clamped: three quarters of the near pixel, a quarter of
// the far one, along each axis.

fn far(i: u32, n: u32) -> u32 {
    return u32(clamp(i32(i / 2u) + select(-1, 1, i % 2u == 1u), 0, i32(n) - 1));
}

// Pixel (y, x) of the upsampled channel c; the input has h rows and w columns.
fn upsampled(c: u32, h: u32, w: u32, y: u32, x: u32) -> f32 {
    let near_row = (c * h + y / 2u) * w;
    let far_row = (c * h + far(y, h)) * w;
    let far_x = far(x, w);
    let near = 0.75 * f32(input[near_row + x / 2u]) + 0.25 * f32(input[near_row + far_x]);
    let other = 0.75 * f32(input[far_row + x / 2u]) + 0.25 * f32(input[far_row + far_x]);
    return 0.75 * near + 0.25 * other;
}
