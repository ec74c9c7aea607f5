//! Maximum and mean over windows.

use multiversion::multiversion;

use super::kernel::{Kernel, for_rows};
use super::layout::{LANES, Layout};
use crate::nets::Pooling;

/// The kernel for windows of `kernel` x `kernel` pixels, `stride` apart.
pub fn plan(kind: Pooling, kernel: usize, stride: usize, input: Layout, out: Layout) -> Box<dyn Kernel> {
    match (kind, kernel, stride) {
        (Pooling::Max, 2, 2) => Box::new(MaxPool2 { input, out }),
        _ => Box::new(Pool { kind, kernel, stride, input, out }),
    }
}

/// Keeps a NaN on either side, unlike `f32::max`.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

/// A planned 2x2 maximum, stride 2: the one that real-time networks have.
#[derive(Debug)]
struct MaxPool2 {
    input: Layout,
    out: Layout,
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
    let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
    for ((u, d), out) in pairs.zip(out) {
        for l in 0..LANES {
            out[l] = larger(larger(u[0][l], u[1][l]), larger(d[0][l], d[1][l]));
        }
    }
}

/// A planned pooling of any size.
#[derive(Debug)]
struct Pool {
    kind: Pooling,
    kernel: usize,
    stride: usize,
    input: Layout,
    out: Layout,
}

impl Kernel for Pool {
    fn run(&self, inputs: &[&[f32]], out: &mut [f32], _scratch: &mut [f32]) {
        let work = self.out.len() * self.kernel * self.kernel;
        for_rows(self.out.shape.h, work, out, self.out.row_len(), |first, out| {
            for (i, out) in out.chunks_mut(self.out.row_len()).enumerate() {
                for (block, out) in out.chunks_mut(self.out.block_len()).enumerate() {
                    for (x, pixel) in out.as_chunks_mut().0.iter_mut().enumerate() {
                        *pixel = self.window(inputs[0], block, (first + i) * self.stride, x * self.stride);
                    }
                }
            }
        });
    }
}

impl Pool {
    /// What is made of the window whose upper left corner is (`x`, `y`), for a block of channels.
    fn window(&self, input: &[f32], block: usize, y: usize, x: usize) -> [f32; LANES] {
        let start = if self.kind == Pooling::Max { f32::NEG_INFINITY } else { 0.0 };
        let mut result = [start; LANES];
        for row in y..y + self.kernel {
            let row = &input[self.input.index(block * LANES, row, x)..][..self.kernel * LANES];
            for pixel in row.as_chunks::<LANES>().0 {
                for (result, &value) in result.iter_mut().zip(pixel) {
                    *result = if self.kind == Pooling::Max { larger(*result, value) } else { *result + value };
                }
            }
        }
        if self.kind == Pooling::Mean {
            result.iter_mut().for_each(|sum| *sum /= (self.kernel * self.kernel) as f32);
        }
        result
    }
}
