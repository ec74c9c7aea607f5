//! Convolutions as matrix products whose right factor, the unfolded input, is never written.

use alphaswap_shaders as shaders;
use alphaswap_shaders::Shader;
use rayon::prelude::*;

use super::Layer;
use crate::engine::gpu::lower::Lowering;
use crate::error::Result;

impl Lowering<'_> {
    /// Any convolution, in tiles of `tile` channels and pixels: 32 or 64.
    pub(super) fn gemm(&mut self, layer: &Layer<'_>, tile: usize) -> Result<()> {
        let groups = [layer.pixels().div_ceil(tile) as u32, layer.conv.out.div_ceil(tile) as u32, 1];
        let pair = match tile {
            64 => [&shaders::CONV_GEMM_64, &shaders::CONV_GEMM_64_F16],
            _ => [&shaders::CONV_GEMM_32, &shaders::CONV_GEMM_32_F16],
        };
        let packed = pack_columns(self.conv_weight(layer)?, layer, [slice_rows(pair[0]), tile]);
        self.conv_step(layer, pair, &packed, groups)
    }

    /// Many input channels, in tiles of `tile` channels and pixels: 64 or 128.
    pub(super) fn taps(&mut self, layer: &Layer<'_>, tile: usize) -> Result<()> {
        let groups = [layer.pixels().div_ceil(tile) as u32, layer.conv.out.div_ceil(tile) as u32, 1];
        let pair = match tile {
            128 => [&shaders::CONV_TAPS_128, &shaders::CONV_TAPS_128_F16],
            _ => [&shaders::CONV_TAPS_64, &shaders::CONV_TAPS_64_F16],
        };
        let packed = pack_taps(self.conv_weight(layer)?, layer, [slice_rows(pair[0]), tile]);
        self.conv_step(layer, pair, &packed, groups)
    }
}

/// Rows of the slices of the factors that a workgroup of `shader` takes at a time.
pub(super) fn slice_rows(shader: &Shader) -> usize {
    shader.constant("TILE_K") as usize
}

/// `[out, in, taps]` to `[taps, in padded to slice, out padded to tile]`, zeros where padded.
fn pack_taps(weight: &[f32], layer: &Layer<'_>, [slice, tile]: [usize; 2]) -> Vec<f32> {
    let (in_c, taps) = (layer.input.c, layer.conv.kernel * layer.conv.kernel);
    let (rows, width) = (in_c.next_multiple_of(slice), layer.conv.out.next_multiple_of(tile));
    let source = |row: usize| (row % rows < in_c).then(|| row % rows * taps + row / rows);
    transposed(weight, layer.fan(), [taps * rows, width], source)
}

/// `[out, fan]` to `[fan padded to slice, out padded to tile]`, zeros where padded.
fn pack_columns(weight: &[f32], layer: &Layer<'_>, [slice, tile]: [usize; 2]) -> Vec<f32> {
    let fan = layer.fan();
    let shape = [fan.next_multiple_of(slice), layer.conv.out.next_multiple_of(tile)];
    transposed(weight, fan, shape, |row| (row < fan).then_some(row))
}

/// `[out, fan]` to `[rows, width]`: row r holds column `source(r)`, or zeros. On all cores, in blocks of as many rows as
/// there are values in a line of the cache.
fn transposed(
    weight: &[f32],
    fan: usize,
    [rows, width]: [usize; 2],
    source: impl Fn(usize) -> Option<usize> + Sync,
) -> Vec<f32> {
    let mut packed = vec![0.0; rows * width];
    packed.par_chunks_mut(16 * width).enumerate().for_each(|(block, chunk)| {
        let columns: Vec<Option<usize>> = (0..chunk.len() / width).map(|i| source(16 * block + i)).collect();
        for (o, filter) in weight.chunks_exact(fan).enumerate() {
            for (i, column) in columns.iter().enumerate() {
                chunk[i * width + o] = column.map_or(0.0, |k| filter[k]);
            }
        }
    });
    packed
}
