// Zero channels appended.

//!import gather

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = p.out_h * p.out_w;
    if id.x >= pixels {
        return;
    }
    let i = id.y * pixels + id.x;
    if id.y < p.in_c {
        output[i] = input[i];
    } else {
        output[i] = elem(0.0);
    }
}
