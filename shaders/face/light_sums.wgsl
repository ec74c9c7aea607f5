// Mean and spread of each workgroup's share of the skin, in target and guide: first the mean, then the squares around
// it, so that nothing cancels. Twin of the moments in src/guide/light.rs.

//!import face
//!import reduce4
//!import lab
//!import cover
//!import light

// [1]
@group(0) @binding(0) var<storage, read> input: FaceInput;
// [1]
@group(0) @binding(1) var<storage, read> face: Face;
// [side, side]
@group(0) @binding(2) var<storage, read> lab: array<LabPair>;
// [side, side]
@group(0) @binding(3) var<storage, read> covers: array<Cover>;
// [1]
@group(0) @binding(4) var<storage, read> light: Light;
// [64, 2]: of target and guide
@group(0) @binding(5) var<storage, read_write> partials: array<Moments>;

// Leaves out unusual lightness, over the whole window; else takes all skin above the nose's tip.
override USUAL_ONLY: bool = false;

const NOSE_TIP = 1u;

// Weights of a pixel's target and guide.
fn weights(i: u32) -> vec2<f32> {
    let skin = covers[i].skin;
    if !USUAL_ONLY {
        return vec2<f32>(skin);
    }
    return skin * vec2<f32>(usual(light.usual.xy, lab[i].own.x), usual(light.usual.zw, lab[i].guide.x));
}

fn canvas_index(k: u32) -> u32 {
    let place = face.window.xy + vec2<u32>(k % face.window.z, k / face.window.z);
    return place.y * input.side + place.x;
}

@compute @workgroup_size(LANES4)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let nose = u32(clamp(face.moved[NOSE_TIP].y - f32(face.window.y), 0.0, f32(face.window.w)));
    let count = face.window.z * select(nose, face.window.w, USUAL_ONLY);
    let first = group.x * LANES4 + lane;
    let step = SUM_GROUPS * LANES4;
    var own = vec4<f32>(0.0);
    var guide = vec4<f32>(0.0);
    for (var k = first; k < count; k += step) {
        let i = canvas_index(k);
        let w = weights(i);
        own += w.x * vec4<f32>(lab[i].own.xyz, 1.0);
        guide += w.y * vec4<f32>(lab[i].guide.xyz, 1.0);
    }
    own = workgroup_sum4(lane, own);
    guide = workgroup_sum4(lane, guide);
    let own_mean = own.xyz / max(own.w, 1e-6);
    let guide_mean = guide.xyz / max(guide.w, 1e-6);
    var own_squares = vec4<f32>(0.0);
    var guide_squares = vec4<f32>(0.0);
    for (var k = first; k < count; k += step) {
        let i = canvas_index(k);
        let w = weights(i);
        let t = lab[i].own.xyz - own_mean;
        let g = lab[i].guide.xyz - guide_mean;
        own_squares += vec4<f32>(w.x * t * t, 0.0);
        guide_squares += vec4<f32>(w.y * g * g, 0.0);
    }
    own_squares = workgroup_sum4(lane, own_squares);
    guide_squares = workgroup_sum4(lane, guide_squares);
    if lane == 0u {
        partials[2u * group.x] = Moments(vec4<f32>(own_mean, own.w), own_squares);
        partials[2u * group.x + 1u] = Moments(vec4<f32>(guide_mean, guide.w), guide_squares);
    }
}
