//! Depthwise convolutions: one filter per channel, a block of channels per register.

use pulp::{Arch, Simd, WithSimd};

use super::activation::Act;
use super::kernel::{Kernel, Strips, for_strips};
use super::layout::{LANES, Layout};
use super::pack::{self, Params};
use super::window::Window;
use crate::error::Result;
use crate::nets::{Activation, Conv};

/// A planned depthwise convolution; input 1, if any, is added before the activation.
#[derive(Debug)]
pub struct ConvDepthwise {
    arch: Arch,
    window: Window,
    out: Layout,
    /// `[block][ky][kx][LANES]`.
    weights: Vec<f32>,
    bias: Vec<f32>,
    act: Act,
    /// Place of each kernel element from the first pixel on.
    taps: Vec<usize>,
    strips: Strips,
}

impl ConvDepthwise {
    /// Packs the weights of `conv`; `act` is the epilogue (that of a fused addition, if there is one).
    pub fn new(conv: &Conv, act: &Activation, input: Layout, out: Layout, params: &Params<'_>) -> Result<Self> {
        let (k, channels) = (conv.kernel, conv.out);
        let window = Window { input, out: out.shape, kernel: k, stride: conv.stride, pad: conv.pad };
        Ok(Self {
            arch: Arch::new(),
            out,
            weights: pack::depthwise(params.get(&conv.weight, &[channels, 1, k, k])?, channels, k),
            bias: params.bias(conv.bias.as_ref(), channels)?,
            act: Act::new(act, channels, params)?,
            taps: (0..k * k).map(|t| window.tap(t / k, t % k)).collect(),
            strips: Strips::new(out.shape.h, out.shape.len() * k * k),
            window,
        })
    }
}

impl Kernel for ConvDepthwise {
    fn run(&self, inputs: &[&[f32]], out: &mut [f32], scratch: &mut [f32]) {
        let residual = inputs.get(1).copied().unwrap_or_default();
        let per_job = self.window.scratch_len(self.strips.rows);
        for_strips(self.strips, out, self.out.row_len(), scratch, per_job, |first, out, scratch| {
            let rows = out.len() / self.out.row_len();
            let strip = self.window.strip(inputs[0], first, rows, scratch);
            self.arch.dispatch(StripOp { conv: self, strip, residual, first, out: &mut *out });
            self.act.finish(out);
        });
    }

    fn scratch_len(&self) -> usize {
        self.strips.jobs * self.window.scratch_len(self.strips.rows)
    }
}

struct StripOp<'a> {
    conv: &'a ConvDepthwise,
    strip: &'a [f32],
    residual: &'a [f32],
    first: usize,
    out: &'a mut [f32],
}

impl WithSimd for StripOp<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let conv = self.conv;
        let residual_len = self.residual.len() / conv.out.shape.h;
        for (y, out) in self.out.chunks_mut(conv.out.row_len()).enumerate() {
            let input = &self.strip[y * conv.window.stride * conv.window.row_len()..];
            let residual = &self.residual[(self.first + y) * residual_len..][..residual_len];
            for (block, out) in out.chunks_mut(conv.out.block_len()).enumerate() {
                let residual = residual.get(block * out.len()..(block + 1) * out.len());
                let input = &input[block * conv.window.block_len()..];
                // Without AVX-512 a block is several registers wide.
                for lane in (0..LANES).step_by(S::F32_LANES) {
                    let row = BlockRow { conv, channel: block * LANES + lane, input, residual, out: &mut *out };
                    row.run(simd);
                }
            }
        }
    }
}

/// One vector of channels of one output row.
struct BlockRow<'a> {
    conv: &'a ConvDepthwise,
    channel: usize,
    input: &'a [f32],
    residual: Option<&'a [f32]>,
    out: &'a mut [f32],
}

impl BlockRow<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let width = self.out.len() / LANES;
        let mut x = 0;
        while x + 8 <= width {
            self.pixels::<S, 8>(simd, x);
            x += 8;
        }
        if x + 4 <= width {
            self.pixels::<S, 4>(simd, x);
            x += 4;
        }
        while x < width {
            self.pixels::<S, 1>(simd, x);
            x += 1;
        }
    }

    #[inline(always)]
    fn pixels<S: Simd, const P: usize>(&mut self, simd: S, x: usize) {
        let (conv, lane) = (self.conv, self.channel % LANES);
        let load = |values: &[f32], at: usize| S::as_simd_f32s(&values[at..at + S::F32_LANES]).0[0];
        let mut sums = [load(&conv.bias, self.channel); P];
        let weights = &conv.weights[self.channel / LANES * conv.taps.len() * LANES..][..conv.taps.len() * LANES];
        for (&tap, w) in conv.taps.iter().zip(weights.as_chunks::<LANES>().0) {
            let w = load(w, lane);
            let pixels = &self.input[tap + x * LANES..][..P * LANES];
            for (p, sum) in sums.iter_mut().enumerate() {
                *sum = simd.mul_add_e_f32s(load(pixels, p * LANES + lane), w, *sum);
            }
        }
        for (p, mut sum) in sums.into_iter().enumerate() {
            let at = (x + p) * LANES + lane;
            if let Some(residual) = self.residual {
                sum = simd.add_f32s(sum, load(residual, at));
            }
            let y = conv.act.apply(simd, sum, self.channel);
            S::as_mut_simd_f32s(&mut self.out[at..at + S::F32_LANES]).0[0] = y;
        }
    }
}
