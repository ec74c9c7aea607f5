// Bilinear upsampling by 2, half-pixel centres, edge clamped: three quarters of the near pixel, a quarter of the
// far one, along each axis.

//!import gather

fn far(i: u32, n: u32) -> u32 {
    return u32(clamp(i32(i / 2u) + select(-1, 1, i % 2u == 1u), 0, i32(n) - 1));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = p.out_h * p.out_w;
    if id.x >= pixels {
        return;
    }
    let y = id.x / p.out_w;
    let x = id.x % p.out_w;
    let far_y = far(y, p.in_h);
    let far_x = far(x, p.in_w);
    let near = 0.75 * f32(at(id.y, y / 2u, x / 2u)) + 0.25 * f32(at(id.y, y / 2u, far_x));
    let other = 0.75 * f32(at(id.y, far_y, x / 2u)) + 0.25 * f32(at(id.y, far_y, far_x));
    output[id.y * pixels + id.x] = stored(0.75 * near + 0.25 * other);
}
