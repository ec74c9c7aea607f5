// Channels into r x r pixels: the inverse of space_to_depth.

//!import gather

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = p.out_h * p.out_w;
    if id.x >= pixels {
        return;
    }
    let r = p.extra;
    let y = id.x / p.out_w;
    let x = id.x % p.out_w;
    output[id.y * pixels + id.x] = at((id.y * r + y % r) * r + x % r, y / r, x / r);
}
