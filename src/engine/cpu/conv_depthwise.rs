//! Depthwise convolutions: one filter per channel, a block of channels per register. They read the input where it
//! lies; pixels whose window leaves the map are few and take a slower way.

#![allow(
    clippy::needless_range_loop,
    clippy::manual_memcpy,
    reason = "loops over constant ranges are unrolled whole, which keeps the arrays they index in registers"
)]

use pulp::{Arch, Simd, WithSimd};

use super::activation::Act;
use super::buffer::Buffer;
use super::elementwise::add;
use super::kernel::{Kernel, for_rows};
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
    /// Layout of the output.
    pub out: Layout,
    /// `[block][ky][kx][LANES]`.
    weights: Buffer,
    bias: Vec<f32>,
    act: Act,
}

impl ConvDepthwise {
    /// Packs the weights of `conv`; `act` is the epilogue (that of a fused addition, if there is one).
    pub fn new(conv: &Conv, act: &Activation, input: Layout, out: Layout, params: &Params<'_>) -> Result<Self> {
        let (k, channels) = (conv.kernel, conv.out);
        Ok(Self {
            arch: Arch::new(),
            window: Window { input, out: out.shape, kernel: k, stride: conv.stride, pad: conv.pad },
            out,
            weights: pack::depthwise(params.get(&conv.weight, &[channels, 1, k, k])?, channels, k),
            bias: params.bias(conv.bias.as_ref(), channels)?,
            act: Act::new(act, channels, params)?,
        })
    }

    /// Multiply-accumulates of one run.
    pub fn work(&self) -> usize {
        self.out.shape.len() * self.window.kernel * self.window.kernel
    }

    /// Computes the rows of `out`, the first of which is row `first` of the map.
    pub fn rows(&self, first: usize, input: &[f32], residual: &[f32], out: &mut [f32]) {
        let residual_len = residual.len() / self.out.shape.h;
        for (i, out) in out.chunks_mut(self.out.row_len()).enumerate() {
            let residual = &residual[(first + i) * residual_len..][..residual_len];
            self.arch.dispatch(RowOp { conv: self, y: first + i, input, residual, out });
        }
        self.act.finish(out);
    }
}

impl Kernel for ConvDepthwise {
    fn run(&self, inputs: &[&[f32]], out: &mut [f32], _scratch: &mut [f32]) {
        let residual = inputs.get(1).copied().unwrap_or_default();
        for_rows(self.out.shape.h, self.work(), out, self.out.row_len(), |first, out| {
            self.rows(first, inputs[0], residual, out);
        });
    }
}

/// One row of output.
struct RowOp<'a> {
    conv: &'a ConvDepthwise,
    y: usize,
    input: &'a [f32],
    residual: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for RowOp<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (window, block_len) = (&self.conv.window, self.conv.out.block_len());
        for (block, out) in self.out.chunks_mut(block_len).enumerate() {
            let row = BlockRow { conv: self.conv, block, y: self.y, input: self.input };
            match (window.stride, window.kernel) {
                (1, 3) => row.run::<S, 1, 3>(simd, out),
                (1, 5) => row.run::<S, 1, 5>(simd, out),
                (1, _) => row.run::<S, 1, 1>(simd, out),
                (_, 3) => row.run::<S, 2, 3>(simd, out),
                (_, 5) => row.run::<S, 2, 5>(simd, out),
                _ => row.run::<S, 2, 1>(simd, out),
            }
            if let Some(residual) = self.residual.get(block * block_len..(block + 1) * block_len) {
                add(simd, out, residual);
            }
            self.conv.act.pixels(simd, out, block);
        }
    }
}

/// Most [`Run`]s of a window: the elements of a 7 x 7 kernel.
const MAX_RUNS: usize = 49;

/// `K` neighbouring kernel elements, from `kx` on, over an input row.
#[derive(Clone, Copy)]
struct Run<'a, const K: usize> {
    row: &'a [[f32; LANES]],
    kx: usize,
    weights: &'a [[f32; LANES]; K],
}

/// One block of channels of one output row.
struct BlockRow<'a> {
    conv: &'a ConvDepthwise,
    block: usize,
    y: usize,
    input: &'a [f32],
}

impl BlockRow<'_> {
    /// `T` is the step; `K` kernel elements are taken at once.
    #[inline(always)]
    fn run<S: Simd, const T: usize, const K: usize>(&self, simd: S, out: &mut [f32]) {
        let Window { input, kernel, pad, .. } = self.conv.window;
        let out = out.as_chunks_mut::<LANES>().0;
        // Columns whose window lies inside the map.
        let start = pad.left.div_ceil(T).min(out.len());
        let end = (input.shape.w + pad.left + T).saturating_sub(kernel) / T;
        let end = end.clamp(start, out.len());
        for x in 0..start {
            self.edge(simd, x, &mut out[x]);
        }
        for x in end..out.len() {
            self.edge(simd, x, &mut out[x]);
        }
        let mut runs = [Run::<K> { row: &[], kx: 0, weights: &[[0.0; LANES]; K] }; MAX_RUNS];
        let mut count = 0;
        for ky in 0..kernel {
            let Some(row) = self.row(ky) else { continue };
            for (i, weights) in self.weights(ky).as_chunks::<K>().0.iter().enumerate() {
                runs[count] = Run { row, kx: i * K, weights };
                count += 1;
            }
        }
        let runs = &runs[..count];
        // Without AVX-512 a block is several registers wide.
        for lane in (0..LANES).step_by(S::F32_LANES) {
            let mut x = start;
            while x + 8 <= end {
                self.pixels::<S, 8, T, K>(simd, runs, (lane, x), out);
                x += 8;
            }
            while x + 2 <= end {
                self.pixels::<S, 2, T, K>(simd, runs, (lane, x), out);
                x += 2;
            }
            if x < end {
                self.pixels::<S, 1, T, K>(simd, runs, (lane, x), out);
            }
        }
    }

    /// The block's part of the input row under kernel row `ky`, if there is one.
    #[inline(always)]
    fn row(&self, ky: usize) -> Option<&[[f32; LANES]]> {
        let window = &self.conv.window;
        let y = window.pad.edge.source(self.y * window.stride + ky, window.pad.top, window.input.shape.h)?;
        let at = y * window.input.row_len() + self.block * window.input.block_len();
        Some(self.input[at..][..window.input.block_len()].as_chunks().0)
    }

    /// The block's weights of kernel row `ky`.
    #[inline(always)]
    fn weights(&self, ky: usize) -> &[[f32; LANES]] {
        let k = self.conv.window.kernel;
        self.conv.weights[(self.block * k + ky) * k * LANES..][..k * LANES].as_chunks().0
    }

    /// One pixel whose window leaves the map.
    #[inline(always)]
    fn edge<S: Simd>(&self, simd: S, x: usize, out: &mut [f32; LANES]) {
        let window = &self.conv.window;
        out.copy_from_slice(&self.conv.bias[self.block * LANES..][..LANES]);
        for ky in 0..window.kernel {
            let Some(row) = self.row(ky) else { continue };
            for (kx, w) in self.weights(ky).iter().enumerate() {
                let Some(x) = window.pad.edge.source(x * window.stride + kx, window.pad.left, window.input.shape.w)
                else {
                    continue;
                };
                let terms = S::as_simd_f32s(&row[x]).0.iter().zip(S::as_simd_f32s(w).0);
                for (sum, (&x, &w)) in S::as_mut_simd_f32s(out).0.iter_mut().zip(terms) {
                    *sum = simd.mul_add_e_f32s(x, w, *sum);
                }
            }
        }
    }

    /// `P` pixels from column `x` on, in the vector of channels at `lane`.
    #[inline(always)]
    fn pixels<S: Simd, const P: usize, const T: usize, const K: usize>(
        &self,
        simd: S,
        runs: &[Run<'_, K>],
        (lane, x): (usize, usize),
        out: &mut [[f32; LANES]],
    ) {
        let load = |pixel: &[f32; LANES]| S::as_simd_f32s(&pixel[lane..lane + S::F32_LANES]).0[0];
        let bias = &self.conv.bias[self.block * LANES + lane..][..S::F32_LANES];
        let mut sums = [S::as_simd_f32s(bias).0[0]; P];
        for run in runs {
            let pixels = &run.row[x * T + run.kx - self.conv.window.pad.left..][..(P - 1) * T + K];
            for kx in 0..K {
                let w = load(&run.weights[kx]);
                for p in 0..P {
                    sums[p] = simd.mul_add_e_f32s(load(&pixels[p * T + kx]), w, sums[p]);
                }
            }
        }
        let out = &mut out[x..x + P];
        for p in 0..P {
            S::as_mut_simd_f32s(&mut out[p][lane..lane + S::F32_LANES]).0[0] = sums[p];
        }
    }
}
