// Sums of vectors over a workgroup of LANES4 invocations.
const LANES4 = 256u;

var<workgroup> partial4: array<vec4<f32>, LANES4>;

// The sum of every invocation's `v`, given to all of them; must be called in uniform control flow.
fn workgroup_sum4(lane: u32, v: vec4<f32>) -> vec4<f32> {
    partial4[lane] = v;
    workgroupBarrier();
    for (var half = LANES4 / 2u; half > 0u; half /= 2u) {
        if lane < half {
            partial4[lane] += partial4[lane + half];
        }
        workgroupBarrier();
    }
    let sum = partial4[0];
    // Nobody may begin the next sum before all have read this one.
    workgroupBarrier();
    return sum;
}
