// Convolution to few output channels: an invocation makes four channels of one pixel; all of a workgroup read the
// same weights at the same time.

//!import conv

// [out_c / 4 rounded up, in_c, KERNEL, KERNEL]; four channels an element, zero where padded
@group(0) @binding(2) var<storage, read> weight: array<vec4<elem>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = p.out_h * p.out_w;
    let pixel = id.x;
    if pixel >= pixels {
        return;
    }
    let y0 = i32(pixel / p.out_w * STRIDE) - i32(p.pad_top);
    let x0 = i32(pixel % p.out_w * STRIDE) - i32(p.pad_left);
    var w = id.y * p.in_c * KERNEL * KERNEL;
    var acc = vec4<f32>();
    for (var c = 0u; c < p.in_c; c++) {
        for (var ky = 0u; ky < KERNEL; ky++) {
            for (var kx = 0u; kx < KERNEL; kx++) {
                acc += vec4<f32>(weight[w]) * tap(c, y0 + i32(ky), x0 + i32(kx));
                w++;
            }
        }
    }
    for (var i = 0u; i < 4u; i++) {
        let c = id.y * 4u + i;
        if c < p.out_c {
            let r = activate(vec4<f32>(acc[i] + channel[c].x), vec4<f32>(channel[c].y));
            output[c * pixels + pixel] = stored(r.x);
        }
    }
}
