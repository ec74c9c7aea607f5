// Fully connected layer on the flattened input: a workgroup makes one output.

//!import elem
//!import activation
//!import map
//!import reduce

// [in_c * in_h * in_w]
@group(0) @binding(1) var<storage, read> input: array<elem>;
// [out_c, in_c * in_h * in_w]
@group(0) @binding(2) var<storage, read> weight: array<elem>;
// [out_c]: bias, slope of the activation below zero
@group(0) @binding(3) var<storage, read> channel: array<vec2<f32>>;
// [out_c]
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = p.in_c * p.in_h * p.in_w;
    let o = group.x;
    var sum = 0.0;
    for (var i = lane; i < n; i += LANES) {
        sum += f32(weight[o * n + i]) * f32(input[i]);
    }
    let total = workgroup_sum(lane, sum);
    if lane == 0u {
        output[o] = activate(vec4<f32>(total + channel[o].x), vec4<f32>(channel[o].y)).x;
    }
}
