// One filter per channel: an invocation makes one pixel of one channel.

//!import conv

// [out_c, KERNEL, KERNEL]
@group(0) @binding(2) var<storage, read> weight: array<elem>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = p.out_h * p.out_w;
    let pixel = id.x;
    let c = id.y;
    if pixel >= pixels {
        return;
    }
    let y0 = i32(pixel / p.out_w * STRIDE) - i32(p.pad_top);
    let x0 = i32(pixel % p.out_w * STRIDE) - i32(p.pad_left);
    var sum = 0.0;
    for (var ky = 0u; ky < KERNEL; ky++) {
        for (var kx = 0u; kx < KERNEL; kx++) {
            sum += f32(weight[(c * KERNEL + ky) * KERNEL + kx]) * tap(c, y0 + i32(ky), x0 + i32(kx));
        }
    }
    let r = activate(vec4<f32>(sum + channel[c].x), vec4<f32>(channel[c].y));
    output[c * pixels + pixel] = stored(r.x);
}
