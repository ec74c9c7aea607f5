// (x - mean) / |x - mean| * factor for one vector, in one workgroup.

//!import map
//!import reduce

// [in_c]
@group(0) @binding(1) var<storage, read> input: array<f32>;
// [in_c]
@group(0) @binding(2) var<storage, read> mean: array<f32>;
// [in_c]
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    var squares = 0.0;
    for (var i = lane; i < p.in_c; i += LANES) {
        let d = input[i] - mean[i];
        squares += d * d;
    }
    // PyTorch's F.normalize divides by at least 1e-12.
    let scale = p.factor / max(sqrt(workgroup_sum(lane, squares)), 1e-12);
    for (var i = lane; i < p.in_c; i += LANES) {
        output[i] = (input[i] - mean[i]) * scale;
    }
}
