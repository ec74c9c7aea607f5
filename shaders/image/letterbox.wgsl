// The whole frame in the middle of a black square, by area: each output value is the mean of the samples under its
// pixel. For frames larger than the square. An invocation makes one pixel.

//!import codes

// [3, SIDE, SIDE] RGB
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

override SIDE: u32 = 1u;
// What is stored is rgb * GAIN + BIAS.
override GAIN: f32 = 1.0;
override BIAS: f32 = 0.0;

// The samples under an output pixel along one axis: first, one past the last, weight of the first and of the last.
struct Span {
    begin: u32,
    end: u32,
    first: f32,
    last: f32,
}

// `near` and `far` are the pixel's edges in samples.
fn span(near: f32, far: f32, n: u32) -> Span {
    let lo = clamp(near, 0.0, f32(n));
    let hi = clamp(far, 0.0, f32(n));
    let begin = min(u32(lo), n - 1u);
    let end = clamp(u32(ceil(hi)), begin + 1u, n);
    return Span(begin, end, f32(begin + 1u) - lo, hi - f32(end - 1u));
}

fn weight(s: Span, i: u32) -> f32 {
    if s.end - s.begin == 1u {
        return 1.0;
    }
    return select(select(1.0, s.last, i + 1u == s.end), s.first, i == s.begin);
}

// Mean of a channel over the pixel whose edges are `lo` and `hi` in frame pixels.
fn mean(channel: u32, lo: vec2<f32>, hi: vec2<f32>) -> f32 {
    let pitch = frame.sites[channel].zw;
    let columns = span(lo.x / pitch.x, hi.x / pitch.x, frame.counts[channel].x);
    let rows = span(lo.y / pitch.y, hi.y / pitch.y, frame.counts[channel].y);
    var sum = 0.0;
    var total = 0.0;
    for (var y = rows.begin; y < rows.end; y++) {
        for (var x = columns.begin; x < columns.end; x++) {
            let w = weight(rows, y) * weight(columns, x);
            sum += w * code(channel, x, y);
            total += w;
        }
    }
    return sum / max(total, 1e-30);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= SIDE || id.y >= SIDE {
        return;
    }
    let size = vec2<f32>(frame.size.xy);
    let long = max(frame.size.x, frame.size.y);
    let scale = f32(long) / f32(SIDE);
    let bars = vec2<f32>((vec2<u32>(long) - frame.size.xy) / 2u);
    let lo = vec2<f32>(id.xy) * scale - bars;
    let hi = vec2<f32>(id.xy + 1u) * scale - bars;
    // The part of the pixel that does not lie on the bars.
    let cover = max((min(hi, size) - max(lo, vec2<f32>(0.0))) / scale, vec2<f32>(0.0));
    let values = vec3<f32>(mean(0u, lo, hi), mean(1u, lo, hi), mean(2u, lo, hi));
    let clamped = clamp(convert(frame.rgb_from_codes, values), vec3<f32>(0.0), vec3<f32>(1.0));
    let rgb = clamped * (cover.x * cover.y) * GAIN + BIAS;
    let i = id.y * SIDE + id.x;
    output[i] = rgb.x;
    output[SIDE * SIDE + i] = rgb.y;
    output[2u * SIDE * SIDE + i] = rgb.z;
}
