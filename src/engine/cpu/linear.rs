//! Fully connected layers: dot products of packed rows with the flattened input.

use multiversion::multiversion;

use super::activation::Act;
use super::buffer::Buffer;
use super::kernel::{Kernel, for_rows};
use super::layout::{LANES, Layout};
use super::pack::{self, Params};
use crate::error::Result;
use crate::nets::Activation;

/// A planned fully connected layer (or a convolution whose one window is the whole input).
#[derive(Debug)]
pub struct Linear {
    /// One row per output, in the input's buffer order.
    weights: Buffer,
    bias: Vec<f32>,
    act: Act,
    input_len: usize,
}

impl Linear {
    /// Packs `weight`, whose rows are (C, H, W) order whatever its `shape` in the file.
    pub fn new(
        (weight, shape): (&str, &[usize]),
        bias: Option<&String>,
        act: &Activation,
        input: Layout,
        params: &Params<'_>,
    ) -> Result<Self> {
        let out = shape[0];
        Ok(Self {
            weights: pack::linear(params.get(weight, shape)?, out, &input),
            bias: params.bias(bias, out)?,
            act: Act::new(act, out, params)?,
            input_len: input.len(),
        })
    }
}

impl Kernel for Linear {
    fn run(&self, inputs: &[&[f32]], out: &mut [f32], _scratch: &mut [f32]) {
        let blocks = self.bias.len() / LANES;
        for_rows(blocks, self.weights.len(), out, LANES, |first, out| {
            for (i, out) in out.chunks_mut(LANES).enumerate() {
                let block = first + i;
                let rows = self.weights[block * LANES * self.input_len..].chunks(self.input_len);
                out.copy_from_slice(&self.bias[block * LANES..][..LANES]);
                for (value, row) in out.iter_mut().zip(rows) {
                    *value += dot(row, inputs[0]);
                }
                self.act.block(block, out);
            }
        });
    }
}

#[multiversion(targets = "simd")]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Buffers hold whole blocks, so nothing is left over; four sums hide the latency of the addition.
    let mut sums = [[0.0f32; LANES]; 4];
    let (a, b) = (a.as_chunks::<LANES>().0, b.as_chunks::<LANES>().0);
    for (a, b) in a.chunks(4).zip(b.chunks(4)) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            for l in 0..LANES {
                sum[l] += a[l] * b[l];
            }
        }
    }
    sums.as_flattened().iter().sum()
}
