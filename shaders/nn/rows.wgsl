// A map in channel-last order at a place of the output: an invocation moves one pixel (x) of one channel (y).

//!import elem
//!import map

// [in_c, in_h, in_w]
@group(0) @binding(1) var<storage, read> input: array<elem>;
// [.., extra + in_h * in_w * in_c, ..]
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = p.in_h * p.in_w;
    if id.x >= pixels {
        return;
    }
    output[p.extra + id.x * p.in_c + id.y] = f32(input[id.y * pixels + id.x]);
}
