//! Instance norm with the style's scale and shift, and the plain mean it shares its reduction with.

use multiversion::multiversion;

use super::activation::Act;
use super::kernel::{Kernel, for_rows};
use super::layout::{LANES, Layout};
use super::pack::Params;
use crate::error::Result;
use crate::nets::{Activation, Caii};

/// Mean over rows and columns.
#[derive(Debug)]
pub struct Mean {
    input: Layout,
}

impl Mean {
    /// Plans the mean of a value.
    pub fn new(input: Layout) -> Self {
        Self { input }
    }
}

impl Kernel for Mean {
    fn run(&self, inputs: &[&[f32]], out: &mut [f32], _scratch: &mut [f32]) {
        for_rows(self.input.blocks(), self.input.len(), out, LANES, |first, out| {
            for (i, out) in out.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                *out = mean(inputs[0], &self.input, first + i, |_, v| v);
            }
        });
    }
}

/// The mean of a styled unit's output: that of its residual plus the shift, since what is shifted has zero mean.
/// Reads that mean, the style, and the mean of the unit's input with CAII.
#[derive(Debug)]
pub struct RunningMean {
    channels: usize,
    caii: Caii,
}

impl RunningMean {
    /// Plans the mean of a map of `channels` channels.
    pub fn new(channels: usize, caii: Caii) -> Self {
        Self { channels, caii }
    }
}

impl Kernel for RunningMean {
    fn run(&self, inputs: &[&[f32]], out: &mut [f32], _scratch: &mut [f32]) {
        for (c, (out, before)) in out.iter_mut().zip(inputs[0]).enumerate().take(self.channels) {
            *out = before + styled(self.caii, &inputs[1..], self.channels, c)[1];
        }
    }
}

/// Scale and shift of channel `c` of `channels`, from the style and, with CAII, the mean of the unit's input.
fn styled(caii: Caii, inputs: &[&[f32]], channels: usize, c: usize) -> [f32; 2] {
    let [of_style, of_mean] = caii.parts();
    let mean = if caii == Caii::Off { 0.0 } else { inputs[1][c] * of_mean };
    [c, channels + c].map(|i| inputs[0][i] * of_style + mean)
}

/// A planned [`Op::StyleNorm`](crate::nets::Op::StyleNorm).
#[derive(Debug)]
pub struct StyleNorm {
    input: Layout,
    eps: f32,
    caii: Caii,
    act: Act,
}

impl StyleNorm {
    /// Plans the norm of a value of layout `input`.
    pub fn new(input: Layout, eps: f32, caii: Caii, act: &Activation, params: &Params<'_>) -> Result<Self> {
        Ok(Self { input, eps, caii, act: Act::new(act, input.shape.c, params)? })
    }

    /// Mean, scale over standard deviation, and shift of the channels of a block.
    fn statistics(&self, inputs: &[&[f32]], block: usize) -> [[f32; LANES]; 3] {
        let channels = self.input.shape.c;
        let mean_of_x = mean(inputs[0], &self.input, block, |_, v| v);
        let variance = mean(inputs[0], &self.input, block, |l, v| (v - mean_of_x[l]) * (v - mean_of_x[l]));
        let mut statistics = [mean_of_x, [0.0; LANES], [0.0; LANES]];
        for lane in 0..LANES.min(channels - block * LANES) {
            let [scale, shift] = styled(self.caii, &inputs[1..], channels, block * LANES + lane);
            statistics[1][lane] = scale / (variance[lane] + self.eps).sqrt();
            statistics[2][lane] = shift;
        }
        statistics
    }
}

impl Kernel for StyleNorm {
    fn run(&self, inputs: &[&[f32]], out: &mut [f32], scratch: &mut [f32]) {
        let (blocks, block_len, row_len) = (self.input.blocks(), self.input.block_len(), self.input.row_len());
        let residual = inputs.get(if self.caii == Caii::Off { 2 } else { 3 }).copied();
        let statistics = &mut scratch[..blocks * 3 * LANES];
        for_rows(blocks, self.input.len() * 2, statistics, 3 * LANES, |first, statistics| {
            for (i, target) in statistics.chunks_mut(3 * LANES).enumerate() {
                target.copy_from_slice(self.statistics(inputs, first + i).as_flattened());
            }
        });
        for_rows(self.input.shape.h, self.input.len() * 2, out, row_len, |first, out| {
            for (i, out) in out.chunks_mut(block_len).enumerate() {
                let (block, at) = (i % blocks, first * row_len + i * block_len);
                let statistics = &statistics[block * 3 * LANES..][..3 * LANES];
                normalize(&inputs[0][at..at + block_len], statistics.as_chunks().0, out);
                self.act.block(block, out);
                if let Some(residual) = residual {
                    out.iter_mut().zip(&residual[at..at + block_len]).for_each(|(v, r)| *v += r);
                }
            }
        });
    }

    fn scratch_len(&self) -> usize {
        self.input.blocks() * 3 * LANES
    }
}

/// Mean of `of(lane, value)` over a block of channels. Rows are summed apart, which keeps the rounding small.
#[inline(always)]
fn mean(values: &[f32], layout: &Layout, block: usize, of: impl Fn(usize, f32) -> f32) -> [f32; LANES] {
    let mut total = [0.0; LANES];
    for row in values.chunks(layout.row_len()).take(layout.shape.h) {
        let mut sum = [0.0; LANES];
        for pixel in row[block * layout.block_len()..][..layout.block_len()].as_chunks::<LANES>().0 {
            for l in 0..LANES {
                sum[l] += of(l, pixel[l]);
            }
        }
        total.iter_mut().zip(sum).for_each(|(t, s)| *t += s);
    }
    total.map(|t| t / (layout.shape.h * layout.shape.w) as f32)
}

#[multiversion(targets = "simd")]
fn normalize(input: &[f32], statistics: &[[f32; LANES]], out: &mut [f32]) {
    let [mean, scale, shift] = [statistics[0], statistics[1], statistics[2]];
    for (x, y) in input.as_chunks::<LANES>().0.iter().zip(out.as_chunks_mut::<LANES>().0) {
        for l in 0..LANES {
            y[l] = (x[l] - mean[l]) * scale[l] + shift[l];
        }
    }
}
