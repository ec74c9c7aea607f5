//! A depthwise convolution and the 1x1 convolution behind it, a few rows at a time: what passes between them never
//! leaves the cache.

use super::conv_dense::ConvDense;
use super::conv_depthwise::ConvDepthwise;
use super::kernel::{Kernel, Strips, for_strips};

/// Size that the rows between the two should have, in values: half of a 2 MiB second-level cache at most, since the
/// weights of the 1x1 convolution pass through it too (measured on networks of 16 to 1024 channels).
const BETWEEN: usize = 1 << 15;

/// A planned pair; input 1, if any, is added before the second one's activation.
#[derive(Debug)]
pub struct Separable {
    depthwise: ConvDepthwise,
    pointwise: ConvDense,
    strips: Strips,
    /// Rows that pass between the two at a time.
    rows: usize,
}

impl Separable {
    /// Joins two planned convolutions.
    pub fn new(depthwise: ConvDepthwise, pointwise: ConvDense) -> Self {
        let between = depthwise.out;
        let strips = Strips::new(between.shape.h, depthwise.work() + pointwise.work());
        let rows = (BETWEEN / between.row_len()).clamp(1, strips.rows);
        Self { depthwise, pointwise, strips, rows }
    }

    fn between_len(&self) -> usize {
        self.rows * self.depthwise.out.row_len()
    }
}

impl Kernel for Separable {
    fn run(&self, inputs: &[&[f32]], out: &mut [f32], scratch: &mut [f32]) {
        let residual = inputs.get(1).copied().unwrap_or_default();
        let (row_len, between_len) = (self.pointwise.out.row_len(), self.depthwise.out.row_len());
        for_strips(self.strips, out, row_len, scratch, self.between_len(), |first, out, scratch| {
            for (i, out) in out.chunks_mut(self.rows * row_len).enumerate() {
                let first = first + i * self.rows;
                let between = &mut scratch[..out.len() / row_len * between_len];
                self.depthwise.rows(first, inputs[0], &[], between);
                self.pointwise.rows(between, first, residual, out);
            }
        });
    }

    fn scratch_len(&self) -> usize {
        self.strips.jobs * self.between_len()
    }
}
