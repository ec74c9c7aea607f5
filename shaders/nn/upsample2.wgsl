// The map upsampled by 2.

//!import gather
//!import upsampled

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = p.out_h * p.out_w;
    if id.x >= pixels {
        return;
    }
    output[id.y * pixels + id.x] = stored(upsampled(id.y, p.in_h, p.in_w, id.x / p.out_w, id.x % p.out_w));
}
