// Zeros appended: channels, rows below, columns to the right.

//!import gather

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = p.out_h * p.out_w;
    if id.x >= pixels {
        return;
    }
    let y = id.x / p.out_w;
    let x = id.x % p.out_w;
    let i = id.y * pixels + id.x;
    if id.y < p.in_c && y < p.in_h && x < p.in_w {
        output[i] = at(id.y, y, x);
    } else {
        output[i] = elem(0.0);
    }
}
