//! Loops over runs of values, with the widest vectors that the processor has.

use multiversion::multiversion;

/// Adds `factor` times the first of `values`.
#[multiversion(targets = "simd")]
pub fn add(to: &mut [f32], values: &[f32], factor: f32) {
    for (to, v) in to.iter_mut().zip(values) {
        *to += v * factor;
    }
}

/// A share of `b`, the rest of `a`.
#[multiversion(targets = "simd")]
pub fn mix(a: &[f32], b: &[f32], share: f32, to: &mut [f32]) {
    for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
        *to = a + (b - a) * share;
    }
}

/// The sum of the products with the first of `b`.
#[multiversion(targets = "simd")]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    lanes(a, b, |a, b| a * b)
}

/// The sum of the products with the distances of `b` from `mean`.
#[multiversion(targets = "simd")]
pub fn centred_dot(a: &[f32], b: &[f32], mean: f32) -> f32 {
    lanes(a, b, |a, b| a * (b - mean))
}

/// The sum of the squared distances from `mean`.
#[multiversion(targets = "simd")]
pub fn centred_square(values: &[f32], mean: f32) -> f32 {
    lanes(values, values, |v, _| (v - mean) * (v - mean))
}

/// The sum.
#[multiversion(targets = "simd")]
pub fn sum(values: &[f32]) -> f32 {
    lanes(values, values, |v, _| v)
}

/// The sum of `part` of each pair, as sixteen sums side by side.
#[inline(always)]
fn lanes(a: &[f32], b: &[f32], part: impl Fn(f32, f32) -> f32) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b[..a.len()].as_chunks::<16>());
    let mut sums = [0.0; 16];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..16 {
            sums[lane] += part(a[lane], b[lane]);
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| part(*a, *b)).sum::<f32>()
}
