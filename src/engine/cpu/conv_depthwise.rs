//! Depthwise convolutions: one filter per channel, a block of channels per register. They read the input where it
//! lies; pixels whose window leaves the map are few and take a slower way.

use pulp::{Arch, Simd, WithSimd};

use super::activation::Act;
use super::buffer::Buffer;
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
            match window.stride {
                1 => row.run::<S, 1>(simd, out),
                _ => row.run::<S, 2>(simd, out),
            }
            if let Some(residual) = self.residual.get(block * block_len..(block + 1) * block_len) {
                out.iter_mut().zip(residual).for_each(|(y, r)| *y += r);
            }
            self.conv.act.pixels(simd, out, block);
        }
    }
}

/// One block of channels of one output row.
struct BlockRow<'a> {
    conv: &'a ConvDepthwise,
    block: usize,
    y: usize,
    input: &'a [f32],
}

impl BlockRow<'_> {
    /// `T` is the step.
    #[inline(always)]
    fn run<S: Simd, const T: usize>(&self, simd: S, out: &mut [f32]) {
        let Window { input, kernel, pad, .. } = self.conv.window;
        let out = out.as_chunks_mut::<LANES>().0;
        // Columns whose window lies inside the map.
        let start = pad.left.div_ceil(T).min(out.len());
        let end = (input.shape.w + pad.left + T).saturating_sub(kernel) / T;
        let end = end.clamp(start, out.len());
        (0..start).chain(end..out.len()).for_each(|x| self.edge(x, &mut out[x]));
        // Without AVX-512 a block is several registers wide.
        for lane in (0..LANES).step_by(S::F32_LANES) {
            let mut x = start;
            while x + 8 <= end {
                self.pixels::<S, 8, T>(simd, lane, x, out);
                x += 8;
            }
            while x + 2 <= end {
                self.pixels::<S, 2, T>(simd, lane, x, out);
                x += 2;
            }
            if x < end {
                self.pixels::<S, 1, T>(simd, lane, x, out);
            }
        }
    }

    /// The block's part of the input row under kernel row `ky`, if there is one.
    #[inline(always)]
    fn row(&self, ky: usize) -> Option<&[[f32; LANES]]> {
        let window = &self.conv.window;
        let y = window.resolve(self.y * window.stride + ky, window.pad.top, window.input.shape.h)?;
        let at = y * window.input.row_len() + self.block * window.input.block_len();
        Some(self.input[at..][..window.input.block_len()].as_chunks().0)
    }

    /// The block's weights of kernel row `ky`.
    #[inline(always)]
    fn weights(&self, ky: usize) -> &[[f32; LANES]] {
        let k = self.conv.window.kernel;
        self.conv.weights[(self.block * k + ky) * k * LANES..][..k * LANES].as_chunks().0
    }

    #[inline(always)]
    fn edge(&self, x: usize, out: &mut [f32; LANES]) {
        let window = &self.conv.window;
        out.copy_from_slice(&self.conv.bias[self.block * LANES..][..LANES]);
        for ky in 0..window.kernel {
            let Some(row) = self.row(ky) else { continue };
            for (kx, w) in self.weights(ky).iter().enumerate() {
                let Some(x) = window.resolve(x * window.stride + kx, window.pad.left, window.input.shape.w) else {
                    continue;
                };
                for l in 0..LANES {
                    out[l] += row[x][l] * w[l];
                }
            }
        }
    }

    /// `P` pixels from column `x` on, in one vector of channels.
    #[inline(always)]
    fn pixels<S: Simd, const P: usize, const T: usize>(
        &self,
        simd: S,
        lane: usize,
        x: usize,
        out: &mut [[f32; LANES]],
    ) {
        let (conv, window) = (self.conv, &self.conv.window);
        let load = |pixel: &[f32]| S::as_simd_f32s(&pixel[lane..lane + S::F32_LANES]).0[0];
        let mut sums = [load(&conv.bias[self.block * LANES..][..LANES]); P];
        for ky in 0..window.kernel {
            let Some(row) = self.row(ky) else { continue };
            for (kx, w) in self.weights(ky).iter().enumerate() {
                let (w, pixels) = (load(w), &row[x * T + kx - window.pad.left..][..(P - 1) * T + 1]);
                for p in 0..P {
                    sums[p] = simd.mul_add_e_f32s(load(&pixels[p * T]), w, sums[p]);
                }
            }
        }
        let out = &mut out[x..x + P];
        for p in 0..P {
            S::as_mut_simd_f32s(&mut out[p][lane..lane + S::F32_LANES]).0[0] = sums[p];
        }
    }
}
