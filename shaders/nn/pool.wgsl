// Maximum or mean over windows that lie inside the map.

//!import gather

override KERNEL: u32 = 2u;
override STRIDE: u32 = 2u;
// 0 maximum, 1 mean
override KIND: u32 = 0u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = p.out_h * p.out_w;
    if id.x >= pixels {
        return;
    }
    let y = id.x / p.out_w * STRIDE;
    let x = id.x % p.out_w * STRIDE;
    var largest = at(id.y, y, x);
    var sum = 0.0;
    for (var ky = 0u; ky < KERNEL; ky++) {
        for (var kx = 0u; kx < KERNEL; kx++) {
            let value = at(id.y, y + ky, x + kx);
            largest = max(largest, value);
            sum += f32(value);
        }
    }
    let mean = stored(sum / f32(KERNEL * KERNEL));
    output[id.y * pixels + id.x] = select(largest, mean, KIND == 1u);
}
