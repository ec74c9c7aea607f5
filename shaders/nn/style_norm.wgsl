// Instance norm with scale and shift from a style vector, activation and residual in one go: a workgroup makes one
// channel, and tells its mean. Mean first, then the variance around it: the one-pass formula loses too many digits.
// An invocation keeps 16 values in registers, so that maps of up to 4096 pixels are read once; of larger ones the rest
// is read three times.

//!import activation
//!import map
//!import quads
//!import reduce

// [2, in_c]: scale, shift
@group(0) @binding(2) var<storage, read> style: array<f32>;
// [in_c]: unused, slope of the activation below zero
@group(0) @binding(3) var<storage, read> channel: array<vec2<f32>>;
// [in_c]: mean of the unit's input, read with MEAN_PART only
@group(0) @binding(5) var<storage, read> unit_mean: array<f32>;
// [in_c]: mean of the residual, read with TELL_MEAN 2 only
@group(0) @binding(7) var<storage, read> mean_before: array<f32>;
// [in_c]: mean of the output, written with TELL_MEAN 1 and 2
@group(0) @binding(8) var<storage, read_write> mean_after: array<f32>;

// Scale and shift are these parts of the style and of the mean of the unit's input (AlphaFace's CAII).
override STYLE_PART: f32 = 1.0;
override MEAN_PART: f32 = 0.0;
override RESIDUAL: bool = false;
// The mean of the output: 0 nobody asks, 1 sum of what is written, 2 mean of the residual plus the shift, which is the
// same where there is no activation, since what is shifted has zero mean.
override TELL_MEAN: u32 = 0u;

const ONE = vec4<f32>(1.0);
// Quads in registers.
const HELD = 4u * LANES;

// `v`, zero at places beyond the map's end.
fn inside(q: u32, v: vec4<f32>) -> vec4<f32> {
    return select(vec4<f32>(), v, 4u * q + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(pixels()));
}

// Reads clamp the place rather than branch, so that all of them are under way at once.
fn quad(c: u32, q: u32) -> vec4<f32> {
    return inside(q, read_quad(c, min(q, (pixels() - 1u) / 4u)));
}

fn residual_quad(c: u32, q: u32) -> vec4<f32> {
    if RESIDUAL {
        return read_residual(c, min(q, (pixels() - 1u) / 4u));
    }
    return vec4<f32>();
}

fn squares(q: u32, v: vec4<f32>, mean: f32) -> f32 {
    let d = inside(q, v - mean);
    return dot(d, d);
}

struct Norm {
    mean: f32,
    scale: f32,
    shift: f32,
    slope: f32,
}

// Writes quad `q` made of `v` and `added`; its sum.
fn finish(c: u32, q: u32, v: vec4<f32>, added: vec4<f32>, norm: Norm) -> f32 {
    let y = activate((v - norm.mean) * norm.scale + norm.shift, vec4<f32>(norm.slope)) + added;
    if 4u * q < pixels() {
        write_quad(c, q, y);
    }
    return dot(inside(q, y), ONE);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let c = group.x;
    let n = f32(pixels());
    let quads = (pixels() + 3u) / 4u;
    let q = lane + LANES * vec4<u32>(0u, 1u, 2u, 3u);
    let held = mat4x4<f32>(quad(c, q[0]), quad(c, q[1]), quad(c, q[2]), quad(c, q[3]));
    let added = mat4x4<f32>(
        residual_quad(c, q[0]),
        residual_quad(c, q[1]),
        residual_quad(c, q[2]),
        residual_quad(c, q[3]),
    );

    var sum = dot((held[0] + held[1]) + (held[2] + held[3]), ONE);
    for (var i = lane + HELD; i < quads; i += LANES) {
        sum += dot(quad(c, i), ONE);
    }
    let mean = workgroup_sum(lane, sum) / n;

    var squared = (squares(q[0], held[0], mean) + squares(q[1], held[1], mean))
        + (squares(q[2], held[2], mean) + squares(q[3], held[3], mean));
    for (var i = lane + HELD; i < quads; i += LANES) {
        squared += squares(i, quad(c, i), mean);
    }
    let variance = workgroup_sum(lane, squared) / n;

    var styled = STYLE_PART * vec2<f32>(style[c], style[p.in_c + c]);
    if MEAN_PART != 0.0 {
        styled += MEAN_PART * unit_mean[c];
    }
    let norm = Norm(mean, styled[0] * inverseSqrt(variance + p.factor), styled[1], channel[c].y);
    var written = (finish(c, q[0], held[0], added[0], norm) + finish(c, q[1], held[1], added[1], norm))
        + (finish(c, q[2], held[2], added[2], norm) + finish(c, q[3], held[3], added[3], norm));
    for (var i = lane + HELD; i < quads; i += LANES) {
        written += finish(c, i, quad(c, i), residual_quad(c, i), norm);
    }

    var after = 0.0;
    if TELL_MEAN == 1u {
        after = workgroup_sum(lane, written) / n;
    } else if TELL_MEAN == 2u {
        after = mean_before[c] + norm.shift;
    }
    if TELL_MEAN != 0u && lane == 0u {
        mean_after[c] = after;
    }
}
