// Instance norm with scale and shift from a style vector, activation and residual in one go: a workgroup makes one
// channel. Mean first, then the variance around it: the one-pass formula loses too many digits.

//!import elem
//!import activation
//!import map
//!import reduce

// [in_c, in_h, in_w]
@group(0) @binding(1) var<storage, read> input: array<elem>;
// [2, in_c]: scale, shift
@group(0) @binding(2) var<storage, read> style: array<f32>;
// [in_c]: unused, slope of the activation below zero
@group(0) @binding(3) var<storage, read> channel: array<vec2<f32>>;
// [in_c, in_h, in_w]
@group(0) @binding(4) var<storage, read_write> output: array<elem>;
// [in_c]: mean of the unit's input, read with CAII only
@group(0) @binding(5) var<storage, read> unit_mean: array<f32>;
// [in_c, in_h, in_w], read with RESIDUAL only
@group(0) @binding(6) var<storage, read> residual: array<elem>;

// AlphaFace: scale and shift are averaged with the mean of the unit's input.
override CAII: bool = false;
override RESIDUAL: bool = false;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let c = group.x;
    let n = p.in_h * p.in_w;
    let base = c * n;
    var sum = 0.0;
    for (var i = lane; i < n; i += LANES) {
        sum += f32(input[base + i]);
    }
    let mean = workgroup_sum(lane, sum) / f32(n);
    var squares = 0.0;
    for (var i = lane; i < n; i += LANES) {
        let d = f32(input[base + i]) - mean;
        squares += d * d;
    }
    let variance = workgroup_sum(lane, squares) / f32(n);

    var scale = style[c];
    var shift = style[p.in_c + c];
    if CAII {
        scale = (scale + unit_mean[c]) * 0.5;
        shift = (shift + unit_mean[c]) * 0.5;
    }
    scale *= inverseSqrt(variance + p.factor);
    let slope = vec4<f32>(channel[c].y);
    for (var i = lane; i < n; i += LANES) {
        var v = activate(vec4<f32>((f32(input[base + i]) - mean) * scale + shift), slope).x;
        if RESIDUAL {
            v += f32(residual[base + i]);
        }
        output[base + i] = stored(v);
    }
}
