// The same map in another stored type.

//!import elem
//!import result
//!import map

// [in_c, in_h, in_w]
@group(0) @binding(1) var<storage, read> input: array<elem>;
// [in_c, in_h, in_w]
@group(0) @binding(2) var<storage, read_write> output: array<result>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = p.in_h * p.in_w;
    if id.x >= pixels {
        return;
    }
    let i = id.y * pixels + id.x;
    output[i] = converted(f32(input[i]));
}
