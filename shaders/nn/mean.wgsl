// Mean over rows and columns: a workgroup makes one channel.

//!import elem
//!import map
//!import reduce

// [in_c, in_h, in_w]
@group(0) @binding(1) var<storage, read> input: array<elem>;
// [in_c]
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = p.in_h * p.in_w;
    var sum = 0.0;
    for (var i = lane; i < n; i += LANES) {
        sum += f32(input[group.x * n + i]);
    }
    let total = workgroup_sum(lane, sum);
    if lane == 0u {
        output[group.x] = total / f32(n);
    }
}
