// Puts the workgroups' sums together: what lightness is usual, then gain and offset. Twin of Light::weigh and the
// beginning of Light::run in src/guide/light.rs. One workgroup.

//!import reduce4
//!import light

// [64, 2]: of target and guide
@group(0) @binding(0) var<storage, read> partials: array<Moments>;
// [1]
@group(0) @binding(1) var<storage, read_write> light: Light;

// Second round: gain and offset.
override USUAL_ONLY: bool = false;

const OUTLIER = 1.6;
const LEAST_SKIN = 16.0;
const GAIN = vec2<f32>(0.7, 1.4);
const NONE = 2.0;

// Mean with weight, and standard deviation, of picture 0 (target) or 1 (guide). Chan, Golub, LeVeque: Updating formulae
// and a pairwise algorithm for computing sample variances (1979).
fn join(lane: u32, picture: u32) -> Moments {
    var mine = Moments();
    if lane < SUM_GROUPS {
        mine = partials[2u * lane + picture];
    }
    let sum = workgroup_sum4(lane, vec4<f32>(mine.mean.xyz * mine.mean.w, mine.mean.w));
    let mean = sum.xyz / max(sum.w, 1e-6);
    let apart = mine.mean.xyz - mean;
    let squares = workgroup_sum4(lane, mine.squares + vec4<f32>(apart * apart * mine.mean.w, 0.0));
    return Moments(vec4<f32>(mean, sum.w), sqrt(squares / max(sum.w, 1e-6)));
}

// Mean and reach of the usual lightness; everything without enough skin.
fn range(m: Moments) -> vec2<f32> {
    return select(vec2<f32>(0.0, 3e38), vec2<f32>(m.mean.x, OUTLIER * m.squares.x), m.mean.w >= LEAST_SKIN);
}

@compute @workgroup_size(LANES4)
fn main(@builtin(local_invocation_index) lane: u32) {
    let own = join(lane, 0u);
    let guide = join(lane, 1u);
    if lane != 0u {
        return;
    }
    if !USUAL_ONLY {
        light.usual = vec4<f32>(range(own), range(guide));
        return;
    }
    light.gain = vec4<f32>(1.0, 1.0, 1.0, 0.0);
    light.offset = vec4<f32>(0.0);
    if own.mean.w >= LEAST_SKIN && guide.mean.w >= LEAST_SKIN {
        let ratio = own.squares.xyz / max(guide.squares.xyz, vec3<f32>(1e-6));
        let least = GAIN.x * min(own.squares.xyz / NONE, vec3<f32>(1.0));
        let gain = clamp(ratio, least, vec3<f32>(GAIN.y));
        light.gain = vec4<f32>(gain, 1.0);
        light.offset = vec4<f32>(own.mean.xyz - gain * guide.mean.xyz, 0.0);
    }
}
