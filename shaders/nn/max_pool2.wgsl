// Maximum over 2x2 windows, stride 2.

//!import gather

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = p.out_h * p.out_w;
    if id.x >= pixels {
        return;
    }
    let y = id.x / p.out_w * 2u;
    let x = id.x % p.out_w * 2u;
    let top = max(at(id.y, y, x), at(id.y, y, x + 1u));
    let bottom = max(at(id.y, y + 1u, x), at(id.y, y + 1u, x + 1u));
    output[id.y * pixels + id.x] = max(top, bottom);
}
