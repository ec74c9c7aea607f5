//! Bilinear resampling, half-pixel centres, two taps an axis.

use rayon::prelude::*;

use super::vector::{add, mix};

/// Rows and columns before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Before.
    pub from: [usize; 2],
    /// After.
    pub to: [usize; 2],
}

/// The two places that one is made from, and the share of the second.
#[derive(Clone, Copy, Debug)]
struct Tap {
    places: [usize; 2],
    share: f32,
}

fn taps(from: usize, to: usize) -> Vec<Tap> {
    let ratio = from as f32 / to as f32;
    let tap = |i: usize| {
        let at = ((i as f32 + 0.5) * ratio - 0.5).max(0.0);
        let first = (at as usize).min(from - 1);
        Tap { places: [first, (first + 1).min(from - 1)], share: at - first as f32 }
    };
    (0..to).map(tap).collect()
}

/// Resampling an axis as a matrix, `[to, from]`.
pub fn matrix(from: usize, to: usize) -> Vec<f32> {
    let mut matrix = vec![0.0; to * from];
    for (tap, row) in taps(from, to).iter().zip(matrix.chunks_mut(from)) {
        row[tap.places[0]] += 1.0 - tap.share;
        row[tap.places[1]] += tap.share;
    }
    matrix
}

/// Resamples every plane of `x`.
pub fn forward(sizes: Sizes, x: &[f32], y: &mut [f32]) {
    let Sizes { from: [h, w], to: [to_h, to_w] } = sizes;
    let (rows, columns) = (taps(h, to_h), taps(w, to_w));
    y.par_chunks_mut(to_h * to_w).zip(x.par_chunks(h * w)).for_each_init(
        || vec![0.0; w],
        |mixed, (y, x)| {
            for (tap, y) in rows.iter().zip(y.chunks_mut(to_w)) {
                let [a, b] = tap.places.map(|row| &x[row * w..][..w]);
                mix(a, b, tap.share, mixed);
                for (y, tap) in y.iter_mut().zip(&columns) {
                    let [a, b] = tap.places.map(|column| mixed[column]);
                    *y = a + (b - a) * tap.share;
                }
            }
        },
    );
}

/// The gradient of what was resampled, `dx` (zeros at first).
pub fn gradient(sizes: Sizes, dy: &[f32], dx: &mut [f32]) {
    let Sizes { from: [h, w], to: [to_h, to_w] } = sizes;
    let (rows, columns) = (taps(h, to_h), taps(w, to_w));
    dx.par_chunks_mut(h * w).zip(dy.par_chunks(to_h * to_w)).for_each_init(
        || vec![0.0; w],
        |mixed, (dx, dy)| {
            for (tap, dy) in rows.iter().zip(dy.chunks(to_w)) {
                mixed.fill(0.0);
                for (dy, tap) in dy.iter().zip(&columns) {
                    mixed[tap.places[0]] += dy * (1.0 - tap.share);
                    mixed[tap.places[1]] += dy * tap.share;
                }
                for (row, share) in tap.places.into_iter().zip([1.0 - tap.share, tap.share]) {
                    add(&mut dx[row * w..][..w], mixed, share);
                }
            }
        },
    );
}
