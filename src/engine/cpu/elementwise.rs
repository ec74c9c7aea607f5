//! Sums and batch norms that no convolution could take over, and the normalisation of identity vectors.

use pulp::Simd;

use super::activation::Act;
use super::kernel::{Kernel, for_rows};
use super::layout::{LANES, Layout};
use super::pack::{Params, padded};
use crate::error::Result;
use crate::nets::Activation;

/// Adds `terms`, of the same length, to `values`; whole blocks.
#[inline(always)]
pub fn add<S: Simd>(simd: S, values: &mut [f32], terms: &[f32]) {
    for (value, &term) in S::as_mut_simd_f32s(values).0.iter_mut().zip(S::as_simd_f32s(terms).0) {
        *value = simd.add_f32s(*value, term);
    }
}

/// A planned addition.
#[derive(Debug)]
pub struct Add {
    layout: Layout,
    act: Act,
}

impl Add {
    /// Plans the sum of two values of layout `layout`.
    pub fn new(layout: Layout, act: &Activation, params: &Params<'_>) -> Result<Self> {
        Ok(Self { layout, act: Act::new(act, layout.shape.c, params)? })
    }
}

impl Kernel for Add {
    fn run(&self, inputs: &[&[f32]], out: &mut [f32], _scratch: &mut [f32]) {
        let (row_len, block_len, blocks) = (self.layout.row_len(), self.layout.block_len(), self.layout.blocks());
        for_rows(self.layout.shape.h, self.layout.len(), out, row_len, |first, out| {
            for (i, out) in out.chunks_mut(block_len).enumerate() {
                let at = first * row_len + i * block_len;
                let terms = inputs[0][at..at + block_len].iter().zip(&inputs[1][at..at + block_len]);
                out.iter_mut().zip(terms).for_each(|(sum, (a, b))| *sum = a + b);
                self.act.block(i % blocks, out);
            }
        });
    }
}

/// A planned [`Op::ScaleShift`](crate::nets::Op::ScaleShift).
#[derive(Debug)]
pub struct ScaleShift {
    layout: Layout,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl ScaleShift {
    /// Reads factor and term of each channel of a value of layout `layout`.
    pub fn new(layout: Layout, scale: &str, shift: &str, params: &Params<'_>) -> Result<Self> {
        let read = |name| params.get(name, &[layout.shape.c]).map(padded);
        Ok(Self { layout, scale: read(scale)?, shift: read(shift)? })
    }
}

impl Kernel for ScaleShift {
    fn run(&self, inputs: &[&[f32]], out: &mut [f32], _scratch: &mut [f32]) {
        let (row_len, block_len, blocks) = (self.layout.row_len(), self.layout.block_len(), self.layout.blocks());
        for_rows(self.layout.shape.h, self.layout.len(), out, row_len, |first, out| {
            for (i, out) in out.chunks_mut(block_len).enumerate() {
                let (at, lanes) = (first * row_len + i * block_len, i % blocks * LANES);
                let (scale, shift) = (&self.scale[lanes..][..LANES], &self.shift[lanes..][..LANES]);
                let pixels = inputs[0][at..at + block_len].chunks_exact(LANES);
                for (out, x) in out.chunks_exact_mut(LANES).zip(pixels) {
                    let terms = x.iter().zip(scale).zip(shift);
                    out.iter_mut().zip(terms).for_each(|(y, ((x, scale), shift))| *y = x * scale + shift);
                }
            }
        });
    }
}

/// A planned [`Op::Normalize`](crate::nets::Op::Normalize).
#[derive(Debug)]
pub struct Normalize {
    mean: Vec<f32>,
    scale: f32,
}

impl Normalize {
    /// Reads the mean of a vector of `channels` values.
    pub fn new(mean: Option<&String>, scale: f32, channels: usize, params: &Params<'_>) -> Result<Self> {
        let mean = match mean {
            Some(name) => padded(params.get(name, &[channels])?),
            None => padded(&vec![0.0; channels]),
        };
        Ok(Self { mean, scale })
    }
}

impl Kernel for Normalize {
    fn run(&self, inputs: &[&[f32]], out: &mut [f32], _scratch: &mut [f32]) {
        let mut squares = 0.0f64;
        for ((y, x), mean) in out.iter_mut().zip(inputs[0]).zip(&self.mean) {
            *y = x - mean;
            squares += f64::from(*y) * f64::from(*y);
        }
        // The floor is that of PyTorch's `normalize`: a zero vector stays zero.
        let factor = self.scale / (squares.sqrt() as f32).max(1e-12);
        out.iter_mut().for_each(|y| *y *= factor);
    }
}
