//! Full convolutions, strip by strip over [`tile`](super::tile)'s micro-kernel.

use pulp::Arch;

use super::activation::Act;
use super::kernel::{Kernel, Strips, for_strips};
use super::layout::{LANES, Layout};
use super::pack::{self, Params};
use super::tile::{Dense, Row, Tap, run_row, tile_width};
use super::window::Window;
use crate::error::Result;
use crate::nets::{Activation, Conv};

/// A planned full convolution; input 1, if any, is added before the activation.
#[derive(Debug)]
pub struct ConvDense {
    arch: Arch,
    window: Window,
    /// Layout of the output.
    pub out: Layout,
    dense: Dense,
    strips: Strips,
    tile: usize,
}

impl ConvDense {
    /// Packs the weights of `conv`; `act` is the epilogue (that of a fused addition, if there is one).
    pub fn new(conv: &Conv, act: &Activation, input: Layout, out: Layout, params: &Params<'_>) -> Result<Self> {
        let shape = [conv.out, input.shape.c, conv.kernel, conv.kernel];
        let window = Window { input, out: out.shape, kernel: conv.kernel, stride: conv.stride, pad: conv.pad };
        let dense = Dense {
            taps: taps(&window),
            weights: pack::dense(params.get(&conv.weight, &shape)?, conv.out, conv.kernel, &input),
            bias: params.bias(conv.bias.as_ref(), conv.out)?,
            act: Act::new(act, conv.out, params)?,
            lanes: input.lanes,
        };
        let (arch, strips) = (Arch::new(), Strips::new(out.shape.h, work(&window)));
        Ok(Self { tile: tile_width(arch, out.shape.w), arch, window, out, dense, strips })
    }

    /// Multiply-accumulates of one run.
    pub fn work(&self) -> usize {
        work(&self.window)
    }

    /// Computes the rows of `out`, the first of which is row `first` of the map, from the window's `strip` below them.
    pub fn rows(&self, strip: &[f32], first: usize, residual: &[f32], out: &mut [f32]) {
        let (row_len, width) = (self.out.row_len(), self.out.shape.w);
        let step = self.window.stride * self.window.row_len();
        let residual_len = residual.len() / self.out.shape.h;
        let mut block = 0;
        // Weights of a block of channels stay in the cache over all rows of the strip.
        while block < self.out.blocks() {
            let mut taken = 1;
            for (y, out) in out.chunks_mut(row_len).enumerate() {
                let residual = &residual[(first + y) * residual_len..][..residual_len];
                let mut row = Row { input: &strip[y * step..], residual, out, width };
                taken = run_row(self.arch, &self.dense, self.tile, block, &mut row);
            }
            block += taken;
        }
        self.dense.act.finish(out);
    }
}

impl Kernel for ConvDense {
    fn run(&self, inputs: &[&[f32]], out: &mut [f32], scratch: &mut [f32]) {
        let residual = inputs.get(1).copied().unwrap_or_default();
        let per_job = self.window.scratch_len(self.strips.rows);
        for_strips(self.strips, out, self.out.row_len(), scratch, per_job, |first, out, scratch| {
            let strip = self.window.strip(inputs[0], first, out.len() / self.out.row_len(), scratch);
            self.rows(strip, first, residual, out);
        });
    }

    fn scratch_len(&self) -> usize {
        self.strips.jobs * self.window.scratch_len(self.strips.rows)
    }
}

fn work(window: &Window) -> usize {
    window.out.len() * window.input.shape.c * window.kernel * window.kernel
}

fn taps(window: &Window) -> Vec<Tap> {
    let (mut taps, input) = (Vec::new(), window.input);
    for block in 0..input.blocks() {
        let channels = input.lanes.min(input.shape.c - block * input.lanes);
        for ky in 0..window.kernel {
            for kx in 0..window.kernel {
                taps.push(Tap { offset: block * window.block_len() + window.tap(ky, kx), channels });
            }
        }
    }
    taps
}

// The tile kernel writes whole blocks.
const _: () = assert!(LANES == 16);
