//! Density confidence: where few texture pixels would be stretched over many, the guide steps back.
//!
//! The confidence is made per triangle, averaged onto the points and interpolated: the mesh's own smoothing stands in
//! for median and Gaussian filters over pixels.

use glam::Vec2;

use super::raster::{Texel, UNCOVERED};
use crate::mesh::{TRIANGLES, canonical};

/// Texture area per canvas area at which the confidence begins to rise, and over which it rises to 1.
const RISE: (f32, f32) = (0.2, 0.4);
/// The smoothed confidence is raised by this, so that good areas count in full.
const GAIN: f32 = 1.1;

/// Signed areas `[TRIANGLES]` of the mesh, in `unit` squared, positive for triangles that face the viewer.
pub fn areas(point: impl Fn(usize) -> Vec2, unit: f32) -> Vec<f32> {
    let area = |t: &[u16; 3]| {
        let [a, b, c] = t.map(|i| point(i as usize));
        -0.5 * (b - a).perp_dot(c - a) / (unit * unit)
    };
    canonical().triangles.iter().map(area).collect()
}

/// Confidence `[POINTS]` from the texture's and the target's triangle areas (same unit).
pub fn confidence(texture: &[f32], target: &[f32], out: &mut Vec<f32>) {
    let points = canonical().points.len();
    let mut sums = vec![[0.0f32; 2]; points];
    for (t, corners) in canonical().triangles.iter().enumerate().take(TRIANGLES) {
        let q = quality(texture[t], target[t]);
        // Large triangles decide: slivers turn over easily.
        let weight = target[t].abs();
        for &i in corners {
            sums[i as usize][0] += q * weight;
            sums[i as usize][1] += weight;
        }
    }
    out.clear();
    out.extend(sums.iter().map(|[q, w]| (q / w.max(f32::MIN_POSITIVE) * GAIN).min(1.0)));
}

fn quality(texture: f32, target: f32) -> f32 {
    if texture <= 0.0 || target <= 0.0 {
        return 0.0;
    }
    ((texture / target - RISE.0) / RISE.1).clamp(0.0, 1.0)
}

/// Multiplies `mask` by the confidence interpolated at each covered pixel.
pub fn attenuate(texels: &[Texel], confidence: &[f32], mask: &mut [f32]) {
    for (texel, mask) in texels.iter().zip(mask).filter(|(t, _)| t.triangle != UNCOVERED) {
        let [a, b, c] = canonical().triangles[texel.triangle as usize].map(|i| confidence[i as usize]);
        let [u, v] = texel.weights;
        *mask *= (a + u * (b - a) + v * (c - a)).clamp(0.0, 1.0);
    }
}
