// The landmark net's points in the frame, filtered over time, and the map onto the canvas. Twin of src/smooth.rs and
// src/align.rs, which explain the formulas. One workgroup.

//!import face
//!import finite

// [1]
@group(0) @binding(0) var<storage, read> input: FaceInput;
// [468, 3] landmark-net input pixels
@group(0) @binding(1) var<storage, read> landmarks: array<f32>;
// [1] logit
@group(0) @binding(2) var<storage, read> presence: array<f32>;
// [1]
@group(0) @binding(3) var<storage, read_write> face: Face;

const TAU = 6.283185307;
const SPEED_CUTOFF = 3.0;
const CUTOFF_PER_SPEED = 20.0;
const STILL_CUTOFF = 2.2;
const REFERENCE_CROP = 256.0;
// arcface_128_v2, see src/align.rs.
const TEMPLATE = array<vec2<f32>, 5>(
    vec2<f32>(0.36168, 0.40388),
    vec2<f32>(0.63697, 0.40235),
    vec2<f32>(0.50020, 0.56044),
    vec2<f32>(0.38710, 0.72161),
    vec2<f32>(0.61508, 0.72034),
);

fn in_frame(i: u32) -> vec3<f32> {
    let p = vec3<f32>(landmarks[3u * i], landmarks[3u * i + 1u], landmarks[3u * i + 2u]);
    let scale = sqrt(abs(perp_dot(input.region_x, input.region_y)));
    return vec3<f32>(input.region_x * p.x + input.region_y * p.y + input.region_origin, p.z * scale);
}

// Weight of the new sample in an exponential filter of `cutoff` Hz.
fn weight(cutoff: f32) -> f32 {
    return input.elapsed_secs / (input.elapsed_secs + 1.0 / (TAU * cutoff));
}

fn filter_point(i: u32, eyes: f32) {
    let raw = in_frame(i);
    face.raw[i] = vec4<f32>(raw, 0.0);
    if input.smoothing <= 0.0 || input.elapsed_secs <= 0.0 || eyes <= 0.0 {
        face.smoothed[i] = vec4<f32>(raw, 0.0);
        face.speed[i] = vec4<f32>(0.0);
        return;
    }
    let old = input.previous[i].xyz;
    let old_speed = input.previous_speed[i].xyz;
    let speed = old_speed + ((raw - old) / input.elapsed_secs - old_speed) * weight(SPEED_CUTOFF);
    let still = STILL_CUTOFF * (1.05 - input.smoothing) / input.smoothing / 1.1;
    let share = weight(still + CUTOFF_PER_SPEED * length(speed) / eyes);
    face.smoothed[i] = vec4<f32>(old + (raw - old) * share, 0.0);
    face.speed[i] = vec4<f32>(speed, 0.0);
}

fn at(i: u32) -> vec2<f32> {
    return face.smoothed[i].xy;
}

// Umeyama's similarity of the five points: the map's first column and its shift.
fn canvas_from_frame() -> array<vec2<f32>, 2> {
    let source = array<vec2<f32>, 5>((at(33u) + at(133u)) / 2.0, (at(362u) + at(263u)) / 2.0, at(1u), at(61u), at(291u));
    let ratio = f32(input.crop) / REFERENCE_CROP;
    var wanted = TEMPLATE;
    var source_mean = vec2<f32>(0.0);
    var wanted_mean = vec2<f32>(0.0);
    for (var k = 0u; k < 5u; k += 1u) {
        wanted[k] = (wanted[k] * REFERENCE_CROP + REFERENCE_CROP / 8.0 + 0.5) * ratio - 0.5;
        source_mean += source[k] / 5.0;
        wanted_mean += wanted[k] / 5.0;
    }
    // dot, cross, spread
    var sums = vec3<f32>(0.0);
    for (var k = 0u; k < 5u; k += 1u) {
        let s = source[k] - source_mean;
        let t = wanted[k] - wanted_mean;
        sums += vec3<f32>(dot(s, t), perp_dot(s, t), dot(s, s));
    }
    let turn = select(vec2<f32>(1.0, 0.0), sums.xy / sums.z, sums.z > 0.0);
    let shift = wanted_mean - (turn * source_mean.x + vec2<f32>(-turn.y, turn.x) * source_mean.y);
    return array<vec2<f32>, 2>(turn, shift);
}

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
    let eyes = length(in_frame(263u).xy - in_frame(33u).xy);
    for (var i = lane; i < POINTS; i += 256u) {
        filter_point(i, eyes);
    }
    storageBarrier();
    let map = canvas_from_frame();
    let x = map[0];
    let y = vec2<f32>(-x.y, x.x);
    let scale = length(x);
    for (var i = lane; i < POINTS; i += 256u) {
        let p = face.smoothed[i].xyz;
        face.points[i] = vec4<f32>(x * p.x + y * p.y + map[1], p.z * scale, 0.0);
    }
    if lane == 0u {
        let inverse_x = vec2<f32>(x.x, -x.y) / (scale * scale);
        let inverse_y = vec2<f32>(-inverse_x.y, inverse_x.x);
        face.canvas_from_frame_x = x;
        face.canvas_from_frame_y = y;
        face.canvas_from_frame_origin = map[1];
        face.frame_from_canvas_x = inverse_x;
        face.frame_from_canvas_y = inverse_y;
        face.frame_from_canvas_origin = -(inverse_x * map[1].x + inverse_y * map[1].y);
        face.presence = 1.0 / (1.0 + exp(-presence[0]));
        // A face that shrinks to nothing, or whose numbers are none, is not painted.
        let finite = is_finite(scale) && is_finite(map[1].x) && is_finite(map[1].y) && is_finite(presence[0]);
        let sane = finite && scale * REFERENCE_CROP / f32(input.crop) > 1e-3;
        face.gate = select(0.0, 1.0, sane && presence[0] >= input.least_presence);
    }
}
