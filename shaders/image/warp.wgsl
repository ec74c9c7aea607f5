// The frame seen through an affine map: bilinear, each channel at its own sample positions. Beyond the frame's edge the
// outermost samples are repeated, or fade to black within one pixel. An invocation makes one pixel.

//!import codes

// six numbers from MAP on: frame pixels from output pixels
@group(0) @binding(2) var<storage, read> place: array<f32>;
// [3, SIDE, SIDE] RGB
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

override SIDE: u32 = 1u;
override MAP: u32 = 0u;
// 1 repeats the frame's edge, 0 fades to black.
override REPEAT: u32 = 0u;
// What is stored is rgb * GAIN + BIAS.
override GAIN: f32 = 1.0;
override BIAS: f32 = 0.0;

fn bilinear(channel: u32, p: vec2<f32>) -> f32 {
    let site = frame.sites[channel];
    let n = frame.counts[channel].xy;
    let v = clamp((p - site.xy) / site.zw, vec2<f32>(0.0), vec2<f32>(n - 1u));
    let near = min(vec2<u32>(v), max(n, vec2<u32>(2u)) - 2u);
    let far = min(near + 1u, n - 1u);
    let f = v - vec2<f32>(near);
    let top = mix(code(channel, near.x, near.y), code(channel, far.x, near.y), f.x);
    let bottom = mix(code(channel, near.x, far.y), code(channel, far.x, far.y), f.x);
    return mix(top, bottom, f.y);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= SIDE || id.y >= SIDE {
        return;
    }
    let axes = vec4<f32>(place[MAP], place[MAP + 1u], place[MAP + 2u], place[MAP + 3u]);
    let p = affine(axes, vec2<f32>(place[MAP + 4u], place[MAP + 5u]), vec2<f32>(id.xy));
    let inside = clamp(p + 1.0, vec2<f32>(0.0), vec2<f32>(1.0))
        * clamp(vec2<f32>(frame.size.xy) - p, vec2<f32>(0.0), vec2<f32>(1.0));
    let cover = select(inside.x * inside.y, 1.0, REPEAT == 1u);
    var rgb = vec3<f32>(0.0);
    if cover > 0.0 {
        let values = vec3<f32>(bilinear(0u, p), bilinear(1u, p), bilinear(2u, p));
        rgb = clamp(convert(frame.rgb_from_codes, values), vec3<f32>(0.0), vec3<f32>(1.0)) * cover;
    }
    rgb = rgb * GAIN + BIAS;
    let i = id.y * SIDE + id.x;
    output[i] = rgb.x;
    output[SIDE * SIDE + i] = rgb.y;
    output[2u * SIDE * SIDE + i] = rgb.z;
}
