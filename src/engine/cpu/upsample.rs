//! Bilinear x2, half-pixel centres, edge clamped: each output is 3/4 of the near and 1/4 of the far pixel per axis.

use multiversion::multiversion;

use super::kernel::{Kernel, for_rows};
use super::layout::{LANES, Layout};

/// A planned upsampling.
#[derive(Debug)]
pub struct Upsample2 {
    input: Layout,
}

impl Upsample2 {
    /// Plans the upsampling of a value.
    pub fn new(input: Layout) -> Self {
        Self { input }
    }
}

impl Kernel for Upsample2 {
    fn run(&self, inputs: &[&[f32]], out: &mut [f32], _scratch: &mut [f32]) {
        let (row_len, block_len, h) = (self.input.row_len(), self.input.block_len(), self.input.shape.h);
        for_rows(2 * h, self.input.len() * 16, out, 2 * row_len, |first, out| {
            for (i, out) in out.chunks_mut(2 * row_len).enumerate() {
                let (y, near) = (first + i, (first + i) / 2);
                let far = if y % 2 == 0 { near.saturating_sub(1) } else { (near + 1).min(h - 1) };
                let row = |y: usize| inputs[0][y * row_len..][..row_len].chunks(block_len);
                for ((near, far), out) in row(near).zip(row(far)).zip(out.chunks_mut(2 * block_len)) {
                    double(near.as_chunks().0, far.as_chunks().0, out.as_chunks_mut().0);
                }
            }
        });
    }
}

#[multiversion(targets = "simd")]
fn double(near: &[[f32; LANES]], far: &[[f32; LANES]], out: &mut [[f32; LANES]]) {
    let blend = |x: usize, l: usize| near[x][l] * 0.75 + far[x][l] * 0.25;
    let last = near.len() - 1;
    for (x, [even, odd]) in out.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        let (left, right) = (x.saturating_sub(1), (x + 1).min(last));
        for (l, (even, odd)) in even.iter_mut().zip(odd).enumerate() {
            let middle = blend(x, l) * 0.75;
            *even = middle + blend(left, l) * 0.25;
            *odd = middle + blend(right, l) * 0.25;
        }
    }
}
