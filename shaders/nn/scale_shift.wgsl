// A map times a factor plus a term, both per channel.

//!import gather

// [in_c]: factor, term
@group(0) @binding(3) var<storage, read> channel: array<vec2<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = p.out_h * p.out_w;
    if id.x >= pixels {
        return;
    }
    let i = id.y * pixels + id.x;
    output[i] = stored(f32(input[i]) * channel[id.y].x + channel[id.y].y);
}
