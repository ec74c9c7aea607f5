// r x r pixels into channels: channel (c * r + dy) * r + dx.

//!import gather

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = p.out_h * p.out_w;
    if id.x >= pixels {
        return;
    }
    let r = p.extra;
    let y = id.x / p.out_w * r + id.y / r % r;
    let x = id.x % p.out_w * r + id.y % r;
    output[id.y * pixels + id.x] = at(id.y / (r * r), y, x);
}
