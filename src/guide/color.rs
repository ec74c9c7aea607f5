//! sRGB to CIELAB (D65) and back on planes, in place, written so that the compiler vectorises it.
//!
//! IEC 61966-2-1 for sRGB, CIE 15 for L*a*b*. Errors against double precision stay below 1e-2 in L*, a*, b* and 2e-4
//! in R, G, B (tests/guide.rs).

use multiversion::multiversion;

/// Linear sRGB to XYZ over the D65 white, row by row.
const XYZ_FROM_RGB: [[f32; 3]; 3] = [
    [0.412_456_4 / 0.950_47, 0.357_576_1 / 0.950_47, 0.180_437_5 / 0.950_47],
    [0.212_672_9, 0.715_152_2, 0.072_175],
    [0.019_333_9 / 1.088_83, 0.119_192 / 1.088_83, 0.950_304_1 / 1.088_83],
];

/// The inverse.
const RGB_FROM_XYZ: [[f32; 3]; 3] = [
    [3.240_454_2 * 0.950_47, -1.537_138_5, -0.498_531_4 * 1.088_83],
    [-0.969_266 * 0.950_47, 1.876_010_8, 0.041_556 * 1.088_83],
    [0.055_643_4 * 0.950_47, -0.204_025_9, 1.057_225_2 * 1.088_83],
];

/// `((x + .055) / 1.055) ^ 2.4` on [.04045, 1]: least squares with relative weights, error below 2e-4 of the value.
const DECODE: [f32; 9] = [
    0.000_847_842_3,
    0.035_617_44,
    0.480_242_53,
    0.900_827_08,
    -1.016_177_2,
    1.275_630_2,
    -1.134_777_3,
    0.591_394_9,
    -0.133_616_4,
];

/// (6/29)^3 and the slope of L*a*b*'s linear part below it.
const LINEAR_BELOW: f32 = 216.0 / 24389.0;
const LINEAR_SLOPE: f32 = 841.0 / 108.0;
const LINEAR_START: f32 = 4.0 / 29.0;

/// R, G, B (0 to 1, clamped) to L* (0 to 100), a*, b*, plane by plane.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn lab_from_rgb(red: &mut [f32], green: &mut [f32], blue: &mut [f32]) {
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        let [x, y, z] = product(&XYZ_FROM_RGB, [decode(*r), decode(*g), decode(*b)]);
        let (x, y, z) = (compress(x), compress(y), compress(z));
        (*r, *g, *b) = (116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z));
    }
}

/// The inverse of [`lab_from_rgb`]; colours outside sRGB are clamped.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn rgb_from_lab(lightness: &mut [f32], a: &mut [f32], b: &mut [f32]) {
    for ((l, a), b) in lightness.iter_mut().zip(a).zip(b) {
        let y = (*l + 16.0) / 116.0;
        let xyz = [expand(y + *a / 500.0), expand(y), expand(y - *b / 200.0)];
        let [red, green, blue] = product(&RGB_FROM_XYZ, xyz);
        (*l, *a, *b) = (encode(red), encode(green), encode(blue));
    }
}

#[inline(always)]
fn product(m: &[[f32; 3]; 3], [x, y, z]: [f32; 3]) -> [f32; 3] {
    [
        m[0][0] * x + m[0][1] * y + m[0][2] * z,
        m[1][0] * x + m[1][1] * y + m[1][2] * z,
        m[2][0] * x + m[2][1] * y + m[2][2] * z,
    ]
}

/// sRGB code value to linear light.
#[inline(always)]
fn decode(x: f32) -> f32 {
    let x = x.clamp(0.0, 1.0);
    let [c0, c1, c2, c3, c4, c5, c6, c7, c8] = DECODE;
    let curve = c0 + x * (c1 + x * (c2 + x * (c3 + x * (c4 + x * (c5 + x * (c6 + x * (c7 + x * c8)))))));
    if x <= 0.04045 { x / 12.92 } else { curve }
}

/// Linear light to sRGB code value: x^(1/2.4) is the cube root to the power of 5/4.
#[inline(always)]
fn encode(x: f32) -> f32 {
    let x = x.clamp(0.0, 1.0);
    let root = cube_root(x);
    let curve = 1.055 * root * root.sqrt().sqrt() - 0.055;
    if x <= 0.003_130_8 { x * 12.92 } else { curve }
}

#[inline(always)]
fn compress(t: f32) -> f32 {
    if t > LINEAR_BELOW { cube_root(t) } else { LINEAR_SLOPE * t + LINEAR_START }
}

#[inline(always)]
fn expand(f: f32) -> f32 {
    if f > 6.0 / 29.0 { f * f * f } else { (f - LINEAR_START) / LINEAR_SLOPE }
}

/// Cube root of x >= 0 for values that matter here (0 stays near 0): a first guess from the exponent, then Newton's
/// method three times.
#[inline(always)]
fn cube_root(x: f32) -> f32 {
    /// 2/3 of the exponent's bias in f32 bits, tuned for the smallest first error.
    const GUESS: u32 = 709_921_077;
    let mut root = f32::from_bits(x.to_bits() / 3 + GUESS);
    for _ in 0..3 {
        root = (2.0 * root + x / (root * root)) * (1.0 / 3.0);
    }
    root
}
