//!import elem
//!import activation
//!import geometry
//!import tap

// [in_c, in_h, in_w]
@group(0) @binding(1) var<storage, read> input: array<elem>;
// [out_c]: bias, slope of the activation below zero
@group(0) @binding(3) var<storage, read> channel: array<vec2<f32>>;
// [out_c, out_h, out_w]
@group(0) @binding(4) var<storage, read_write> output: array<elem>;

// Writes four neighbouring pixels of channel c after bias and activation, as far as there are such.
fn store(c: u32, pixel: u32, v: vec4<f32>) {
    if c >= p.out_c {
        return;
    }
    let pixels = p.out_h * p.out_w;
    let row = c * pixels;
    let r = activate(v + channel[c].x, vec4<f32>(channel[c].y));
    if pixel < pixels { output[row + pixel] = stored(r.x); }
    if pixel + 1u < pixels { output[row + pixel + 1u] = stored(r.y); }
    if pixel + 2u < pixels { output[row + pixel + 2u] = stored(r.z); }
    if pixel + 3u < pixels { output[row + pixel + 3u] = stored(r.w); }
}
