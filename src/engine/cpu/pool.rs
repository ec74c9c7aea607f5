//! Maximum over 2x2 windows.

use multiversion::multiversion;

use super::kernel::{Kernel, for_rows};
use super::layout::{LANES, Layout};

/// A planned 2x2 maximum.
#[derive(Debug)]
pub struct MaxPool2 {
    input: Layout,
    out: Layout,
}

impl MaxPool2 {
    /// Plans the pooling of a value.
    pub fn new(input: Layout, out: Layout) -> Self {
        Self { input, out }
    }
}

impl Kernel for MaxPool2 {
    fn run(&self, inputs: &[&[f32]], out: &mut [f32], _scratch: &mut [f32]) {
        let (row_len, block_len) = (self.input.row_len(), self.input.block_len());
        for_rows(self.out.shape.h, self.input.len(), out, self.out.row_len(), |first, out| {
            for (i, out) in out.chunks_mut(self.out.row_len()).enumerate() {
                let row = |y: usize| inputs[0][y * row_len..][..row_len].chunks(block_len);
                let rows = row((first + i) * 2).zip(row((first + i) * 2 + 1));
                for ((upper, lower), out) in rows.zip(out.chunks_mut(self.out.block_len())) {
                    halve(upper.as_chunks().0, lower.as_chunks().0, out.as_chunks_mut().0);
                }
            }
        });
    }
}

#[multiversion(targets = "simd")]
fn halve(upper: &[[f32; LANES]], lower: &[[f32; LANES]], out: &mut [[f32; LANES]]) {
    // Keeps a NaN on either side, unlike `f32::max`.
    let larger = |a: f32, b: f32| if a > b || a.is_nan() { a } else { b };
    let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
    for ((u, d), out) in pairs.zip(out) {
        for l in 0..LANES {
            out[l] = larger(larger(u[0][l], u[1][l]), larger(d[0][l], d[1][l]));
        }
    }
}
