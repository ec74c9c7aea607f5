//! Parameters: looked up, checked, and packed once into the order in which kernels read them.

use super::buffer::Buffer;
use super::layout::{LANES, Layout};
use crate::error::Result;
use crate::nets::Simplified;

/// The parameters of one network.
#[derive(Clone, Copy, Debug)]
pub struct Params<'a>(pub &'a Simplified<'a>);

impl<'a> Params<'a> {
    /// The values of parameter `name`.
    ///
    /// # Errors
    /// [`Error::Model`](crate::Error::Model) when it is missing or has another shape.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<&'a [f32]> {
        self.0.param(name, shape)
    }

    /// A bias of `channels` values padded to whole blocks; zeros without a name.
    pub fn bias(&self, name: Option<&String>, channels: usize) -> Result<Vec<f32>> {
        match name {
            Some(name) => Ok(padded(self.get(name, &[channels])?)),
            None => Ok(vec![0.0; channels.next_multiple_of(LANES)]),
        }
    }
}

/// `values` with zeros up to a whole number of blocks.
pub fn padded(values: &[f32]) -> Vec<f32> {
    let mut padded = values.to_vec();
    padded.resize(values.len().next_multiple_of(LANES), 0.0);
    padded
}

/// Dense weights `[out, in, k, k]` in the micro-kernel's order `[out block][in block][ky][kx][in lane][out lane]`.
pub fn dense(oihw: &[f32], out: usize, kernel: usize, input: &Layout) -> Buffer {
    let (c, taps) = (input.shape.c, kernel * kernel);
    let mut packed = Buffer::zeros(out.next_multiple_of(LANES) * c * taps);
    for o in 0..out {
        let block = &mut packed[o / LANES * c * taps * LANES..];
        for i in 0..c {
            let first = i / input.lanes * input.lanes;
            let lanes = input.lanes.min(c - first);
            for t in 0..taps {
                block[(first * taps + t * lanes + i - first) * LANES + o % LANES] = oihw[(o * c + i) * taps + t];
            }
        }
    }
    packed
}

/// Depthwise weights `[c, 1, k, k]` as `[block][ky][kx][lane]`.
pub fn depthwise(weights: &[f32], channels: usize, kernel: usize) -> Buffer {
    let taps = kernel * kernel;
    let mut packed = Buffer::zeros(channels.next_multiple_of(LANES) * taps);
    for c in 0..channels {
        for t in 0..taps {
            packed[(c / LANES * taps + t) * LANES + c % LANES] = weights[c * taps + t];
        }
    }
    packed
}

/// Linear weights `[out, in]` with each row rearranged from (C, H, W) order to the buffer order of `input`.
pub fn linear(weights: &[f32], out: usize, input: &Layout) -> Buffer {
    let (shape, row) = (input.shape, input.len());
    let mut packed = Buffer::zeros(out * row);
    for (source, target) in weights.chunks(shape.len()).zip(packed.chunks_mut(row)) {
        input.import(source, target);
    }
    packed
}
