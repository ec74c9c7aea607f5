// Sums over a workgroup of LANES invocations.
const LANES = 128u;

var<workgroup> partial: array<f32, LANES>;

// The sum of every invocation's `v`, given to all of them; must be called in uniform control flow.
fn workgroup_sum(lane: u32, v: f32) -> f32 {
    partial[lane] = v;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            partial[lane] += partial[lane + half];
        }
        workgroupBarrier();
    }
    let sum = partial[0];
    // Nobody may begin the next sum before all have read this one.
    workgroupBarrier();
    return sum;
}
