// Sums over a workgroup of LANES invocations: 16 columns of 16, then their sums. Two steps instead of eight halvings
// leave three barriers.
const LANES = 256u;

var<workgroup> partial: array<f32, LANES>;

// The sum of every invocation's `v`, given to all of them; must be called in uniform control flow.
fn workgroup_sum(lane: u32, v: f32) -> f32 {
    partial[lane] = v;
    workgroupBarrier();
    if lane < 16u {
        var column = 0.0;
        for (var i = 0u; i < 16u; i++) {
            column += partial[16u * i + lane];
        }
        partial[lane] = column;
    }
    workgroupBarrier();
    var sum = 0.0;
    for (var i = 0u; i < 16u; i++) {
        sum += partial[i];
    }
    // Nobody may begin the next sum before all have read this one.
    workgroupBarrier();
    return sum;
}
