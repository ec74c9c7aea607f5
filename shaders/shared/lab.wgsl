// sRGB and CIELAB (D65): IEC 61966-2-1 and CIE 15, as in src/guide/color.rs. A pixel's colour in both pictures:
// L*, a*, b*, 0.
struct LabPair {
    // the target's own
    own: vec4<f32>,
    guide: vec4<f32>,
}

const WHITE = vec3<f32>(0.95047, 1.0, 1.08883);
const LINEAR_BELOW = 216.0 / 24389.0;
const LINEAR_SLOPE = 841.0 / 108.0;
const LINEAR_START = 4.0 / 29.0;

fn lab_from_rgb(rgb: vec3<f32>) -> vec3<f32> {
    let code = clamp(rgb, vec3<f32>(0.0), vec3<f32>(1.0));
    let curve = pow((code + 0.055) / 1.055, vec3<f32>(2.4));
    let light = select(curve, code / 12.92, code <= vec3<f32>(0.04045));
    let xyz = vec3<f32>(
        dot(light, vec3<f32>(0.4124564, 0.3575761, 0.1804375)),
        dot(light, vec3<f32>(0.2126729, 0.7151522, 0.072175)),
        dot(light, vec3<f32>(0.0193339, 0.119192, 0.9503041)),
    ) / WHITE;
    let root = pow(max(xyz, vec3<f32>(1e-9)), vec3<f32>(1.0 / 3.0));
    let f = select(LINEAR_SLOPE * xyz + LINEAR_START, root, xyz > vec3<f32>(LINEAR_BELOW));
    return vec3<f32>(116.0 * f.y - 16.0, 500.0 * (f.x - f.y), 200.0 * (f.y - f.z));
}

// Colours outside sRGB are clamped.
fn rgb_from_lab(lab: vec3<f32>) -> vec3<f32> {
    let y = (lab.x + 16.0) / 116.0;
    let f = vec3<f32>(y + lab.y / 500.0, y, y - lab.z / 200.0);
    let xyz = WHITE * select((f - LINEAR_START) / LINEAR_SLOPE, f * f * f, f > vec3<f32>(6.0 / 29.0));
    let linear = vec3<f32>(
        dot(xyz, vec3<f32>(3.2404542, -1.5371385, -0.4985314)),
        dot(xyz, vec3<f32>(-0.969266, 1.8760108, 0.041556)),
        dot(xyz, vec3<f32>(0.0556434, -0.2040259, 1.0572252)),
    );
    let light = clamp(linear, vec3<f32>(0.0), vec3<f32>(1.0));
    let curve = 1.055 * pow(max(light, vec3<f32>(1e-9)), vec3<f32>(1.0 / 2.4)) - 0.055;
    return select(curve, light * 12.92, light <= vec3<f32>(0.0031308));
}
