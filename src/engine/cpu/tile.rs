//! The register-tiled micro-kernel of dense convolutions: `P` pixels times `B` blocks of output channels stay in
//! registers while all input channels of all kernel elements pass by (an implicit matrix product, nothing unrolled in
//! memory). With AVX-512, 14 x 2 accumulators leave four registers for weights and pixels, and 28 multiply-adds share
//! 16 loads.

#![allow(
    clippy::needless_range_loop,
    clippy::manual_memcpy,
    reason = "loops over constant ranges are unrolled whole, which keeps the arrays they index in registers"
)]

use pulp::{Arch, Simd, WithSimd};

use super::activation::Act;
use super::buffer::Buffer;
use super::elementwise::add;
use super::layout::LANES;

/// A run of input channels at one kernel element.
#[derive(Clone, Copy, Debug)]
pub struct Tap {
    /// Where it stands, from the first pixel of the strip.
    pub offset: usize,
    /// How many channels.
    pub channels: usize,
}

/// What the tiles of one convolution share.
#[derive(Clone, Debug)]
pub struct Dense {
    /// Kernel elements, block by block.
    pub taps: Vec<Tap>,
    /// `[out block][tap][channel][LANES]`.
    pub weights: Buffer,
    /// Bias by output channel, padded.
    pub bias: Vec<f32>,
    /// Epilogue.
    pub act: Act,
    /// Lanes of an input pixel: 4 or [`LANES`].
    pub lanes: usize,
}

/// One row of output, and what it is made from.
#[derive(Debug)]
pub struct Row<'a> {
    /// Input, from the pixel under the first output pixel on.
    pub input: &'a [f32],
    /// Added before the activation: `[blocks][w][LANES]`, perhaps fewer blocks than the output has.
    pub residual: &'a [f32],
    /// `[blocks][w][LANES]`.
    pub out: &'a mut [f32],
    /// Columns.
    pub width: usize,
}

/// Widths of tiles that are compiled.
const WIDTHS: [usize; 11] = [1, 2, 3, 4, 6, 7, 8, 10, 12, 13, 14];

/// The tile width that covers `width` columns with the least work on `arch` (tiles may overlap).
pub fn tile_width(arch: Arch, width: usize) -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    // Accumulators must fit the register file: 16 registers with AVX2, 32 elsewhere.
    let most = match arch.dispatch(Lanes) {
        16 => 14,
        8 | 4 => 6,
        _ => 1,
    };
    let cost = |p: usize| width.div_ceil(p) * (p + 2);
    let fitting = WIDTHS.iter().copied().filter(|&p| p <= most && p <= width);
    fitting.min_by_key(|&p| (cost(p), usize::MAX - p)).unwrap_or(1)
}

/// Computes blocks `block..block + B` (as many as the architecture takes at once; returned) of a row.
pub fn run_row(arch: Arch, dense: &Dense, tile: usize, block: usize, row: &mut Row<'_>) -> usize {
    arch.dispatch(RowOp { dense, tile, block, row })
}

struct RowOp<'a, 'b> {
    dense: &'a Dense,
    tile: usize,
    block: usize,
    row: &'a mut Row<'b>,
}

impl WithSimd for RowOp<'_, '_> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let left = self.dense.bias.len() / LANES - self.block;
        match (S::F32_LANES, left) {
            (16, 1) => self.tiles::<S, 1, 1>(simd),
            (16, _) => self.tiles::<S, 2, 1>(simd),
            (8, _) => self.tiles::<S, 1, 2>(simd),
            (4, _) => self.tiles::<S, 1, 4>(simd),
            _ => self.tiles::<S, 1, 16>(simd),
        }
    }
}

impl RowOp<'_, '_> {
    /// `B` blocks of `V` vectors.
    #[inline(always)]
    fn tiles<S: Simd, const B: usize, const V: usize>(self, simd: S) -> usize {
        let Self { dense, tile, block, row } = self;
        for start in (0..row.width).step_by(tile) {
            let x = start.min(row.width - tile);
            match tile {
                14 => lanes::<S, 14, B, V>(simd, dense, block, row, x),
                13 => lanes::<S, 13, B, V>(simd, dense, block, row, x),
                12 => lanes::<S, 12, B, V>(simd, dense, block, row, x),
                10 => lanes::<S, 10, B, V>(simd, dense, block, row, x),
                8 => lanes::<S, 8, B, V>(simd, dense, block, row, x),
                7 => lanes::<S, 7, B, V>(simd, dense, block, row, x),
                6 => lanes::<S, 6, B, V>(simd, dense, block, row, x),
                4 => lanes::<S, 4, B, V>(simd, dense, block, row, x),
                3 => lanes::<S, 3, B, V>(simd, dense, block, row, x),
                2 => lanes::<S, 2, B, V>(simd, dense, block, row, x),
                1 => lanes::<S, 1, B, V>(simd, dense, block, row, x),
                other => unreachable!("no kernel for {other} columns, see WIDTHS"),
            }
        }
        B
    }
}

#[inline(always)]
fn lanes<S: Simd, const P: usize, const B: usize, const V: usize>(
    simd: S,
    dense: &Dense,
    block: usize,
    row: &mut Row<'_>,
    x: usize,
) {
    // `vectorize` makes each tile a function of its own with the architecture's features on.
    if dense.lanes == 4 {
        simd.vectorize(Tile::<P, B, V, 4> { dense, block, row, x });
    } else {
        simd.vectorize(Tile::<P, B, V, LANES> { dense, block, row, x });
    }
}

/// `P` pixels from column `x` on, `B` blocks of `V` vectors, input pixels of `L` lanes.
struct Tile<'a, 'b, const P: usize, const B: usize, const V: usize, const L: usize> {
    dense: &'a Dense,
    block: usize,
    row: &'a mut Row<'b>,
    x: usize,
}

impl<const P: usize, const B: usize, const V: usize, const L: usize> WithSimd for Tile<'_, '_, P, B, V, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let sums = self.sums(simd);
        self.store(simd, sums);
    }
}

impl<const P: usize, const B: usize, const V: usize, const L: usize> Tile<'_, '_, P, B, V, L> {
    #[inline(always)]
    fn sums<S: Simd>(&self, simd: S) -> [[[S::f32s; V]; B]; P] {
        let per_block = self.dense.weights.len() / (self.dense.bias.len() / LANES);
        let mut weights: [&[[f32; LANES]]; B] = [&[]; B];
        let mut bias = [[simd.splat_f32s(0.0); V]; B];
        for b in 0..B {
            let block = self.block + b;
            weights[b] = self.dense.weights[block * per_block..][..per_block].as_chunks().0;
            for v in 0..V {
                bias[b][v] = S::as_simd_f32s(&self.dense.bias[block * LANES..][..LANES]).0[v];
            }
        }
        let mut sums = [bias; P];
        let input = &self.row.input[self.x * L..];
        for tap in &self.dense.taps {
            let pixels: &[[f32; L]; P] = &input[tap.offset..][..P * L].as_chunks::<L>().0.as_chunks::<P>().0[0];
            let channels = tap.channels.min(L);
            let mut taken: [&[[f32; LANES]]; B] = [&[]; B];
            for b in 0..B {
                (taken[b], weights[b]) = weights[b].split_at(channels);
            }
            for c in 0..channels {
                let mut w = [[simd.splat_f32s(0.0); V]; B];
                for b in 0..B {
                    // Element by element: a slice copy would go through memory.
                    for v in 0..V {
                        w[b][v] = S::as_simd_f32s(&taken[b][c]).0[v];
                    }
                }
                for p in 0..P {
                    let pixel = simd.splat_f32s(pixels[p][c]);
                    for b in 0..B {
                        for v in 0..V {
                            sums[p][b][v] = simd.mul_add_e_f32s(pixel, w[b][v], sums[p][b][v]);
                        }
                    }
                }
            }
        }
        sums
    }

    /// Stores the sums as they are, then goes over them once more while they are in the first cache: were the epilogue
    /// a part of the loop over `sums`, the compiler would keep them in memory all along.
    #[inline(always)]
    fn store<S: Simd>(self, simd: S, sums: [[[S::f32s; V]; B]; P]) {
        let block_len = self.row.width * LANES;
        for b in 0..B {
            let at = (self.block + b) * block_len + self.x * LANES;
            let pixels = &mut self.row.out[at..][..P * LANES].as_chunks_mut::<LANES>().0.as_chunks_mut::<P>().0[0];
            for p in 0..P {
                let pixel = S::as_mut_simd_f32s(&mut pixels[p]).0;
                for v in 0..V {
                    pixel[v] = sums[p][b][v];
                }
            }
        }
        for b in 0..B {
            let block = self.block + b;
            let at = block * block_len + self.x * LANES;
            let out = &mut self.row.out[at..][..P * LANES];
            if let Some(residual) = self.row.residual.get(at..at + P * LANES) {
                add(simd, out, residual);
            }
            self.dense.act.pixels(simd, out, block);
        }
    }
}
