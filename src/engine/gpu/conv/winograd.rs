//! Winograd's F(2x2, 3x3) (shaders/shared/winograd.wgsl): a layer is made in bands of tiles, each in three steps.
//!
//! F(4x4, 3x3) would need another 1.8 times fewer products, but its error is six times as large (1024 channels, values
//! of unit size: 1.8e-3 with 16-bit factors against 2.9e-4), and with 32-bit factors the weights of the full AlphaFace
//! would take 2.2 GB, those of one layer more than the 128 MiB that every adapter binds.

use alphaswap_shaders as shaders;
use alphaswap_shaders::Shader;
use rayon::prelude::*;

use super::Layer;
use super::gemm::slice_rows;
use crate::engine::gpu::lower::{Lowering, Storage};
use crate::error::{Error, Result};
use crate::gpu::params::WinogradParams;
use crate::nets::{Edge, Shape};

/// Places of a tile: 4 x 4 inputs make 2 x 2 outputs.
const PLACES: usize = 16;

/// Bytes that a band's matrix may have: about the second-level cache of a large GPU, and tiles enough to fill it.
const BAND_BYTES: u64 = 64 << 20;

/// Matrix sizes of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bands {
    /// Input channels, padded.
    fan: usize,
    /// Output channels, padded.
    rows: usize,
    /// Tiles of a band, padded.
    columns: usize,
    /// Tiles of the layer.
    tiles: usize,
}

impl Bands {
    /// Bands of `layer` whose matrices have at most `max_binding` bytes; none where the weights do not fit.
    pub fn of(layer: &Layer<'_>, tile: usize, max_binding: u64) -> Option<Self> {
        let [slice, in_c, out_c] = [slice_rows(product(tile)[0]), layer.input.c, layer.output.c];
        let (fan, rows) = (in_c.next_multiple_of(slice), out_c.next_multiple_of(tile));
        let bytes = |rows: usize, columns: usize| (PLACES * rows * columns * size_of::<f32>()) as u64;
        let tiles = layer.output.h.div_ceil(2) * layer.output.w.div_ceil(2);
        let most = (BAND_BYTES.min(max_binding) / bytes(fan.max(rows), tile)) as usize * tile;
        let fits = bytes(fan, rows) <= max_binding && most > 0;
        fits.then(|| {
            let columns = tiles.div_ceil(tiles.div_ceil(most)).next_multiple_of(tile);
            Self { fan, rows, columns, tiles }
        })
    }

    /// Tiles of the band from `first` on.
    fn tiles_from(&self, first: usize) -> usize {
        self.columns.min(self.tiles - first)
    }

    /// Of the `bytes` of a map, those whose tiles are in other bands than the one from `first` on.
    fn elsewhere(&self, bytes: u64, first: usize) -> u64 {
        let before = |tile: usize| bytes * tile as u64 / self.tiles as u64;
        bytes - (before(first + self.tiles_from(first)) - before(first))
    }

    fn params(&self, layer: &Layer<'_>, first: usize) -> WinogradParams {
        let conv = layer.params();
        WinogradParams {
            in_c: conv.in_c,
            in_h: conv.in_h,
            in_w: conv.in_w,
            out_c: conv.out_c,
            out_h: conv.out_h,
            out_w: conv.out_w,
            pad_top: conv.pad_top,
            pad_left: conv.pad_left,
            fan: self.fan as u32,
            rows: self.rows as u32,
            columns: self.columns as u32,
            first: first as u32,
        }
    }
}

/// The products in tiles of `tile`: permutations for f32 and f16 maps.
fn product(tile: usize) -> [&'static Shader; 2] {
    match tile {
        128 => [&shaders::WINOGRAD_PRODUCT_128, &shaders::WINOGRAD_PRODUCT_128_F16],
        _ => [&shaders::WINOGRAD_PRODUCT_64, &shaders::WINOGRAD_PRODUCT_64_F16],
    }
}

impl Lowering<'_> {
    /// A 3 x 3 convolution of stride 1 (upsampled: with one zero around), in tiles of `tile` channels and columns: 64
    /// or 128. The products stay f32 whatever the maps are: outputs are small differences of them.
    pub(super) fn winograd(&mut self, layer: &Layer<'_>, tile: usize) -> Result<()> {
        let too_large = || Error::Device(format!("the weights of {} are too large to be bound", layer.node.name));
        let bands = Bands::of(layer, tile, self.conditions.max_binding).ok_or_else(too_large)?;
        let conv = layer.conv;
        let packed = pack(self.conv_weight(layer)?, layer.input.c, &bands);
        let weight = self.constant(&conv.weight, &packed, self.maps);
        let (channel, number) = self.epilogue(&layer.node.name, conv.out, conv.bias.as_deref(), &conv.act)?;
        let input = self.read(layer.source, self.maps);
        let output = self.write(layer.node, self.maps);
        let [read, written] = [&input, &output].map(|map| self.bytes(map));
        let slow = self.values[layer.node.output.0].slow;
        let spread = self.scratch(Shape::new(PLACES, bands.fan, bands.columns), self.maps, slow);
        let sum = self.scratch(Shape::new(PLACES, bands.rows, bands.columns), Storage::F32, slow);
        let reflect = f64::from(conv.pad.edge == Edge::Reflect);
        let reading = [("REFLECT", reflect), ("UPSAMPLE", f64::from(layer.upsampled))];
        let half = self.maps as usize;
        let waves = bands.columns.div_ceil(shaders::WINOGRAD_INPUT.workgroup_size[0] as usize) as u32;
        let tiles = [bands.columns / tile, bands.rows / tile, PLACES].map(|n| n as u32);
        for first in (0..bands.tiles).step_by(bands.columns) {
            let params = bands.params(layer, first);
            let params = bytemuck::bytes_of(&params);
            let shader = [&shaders::WINOGRAD_INPUT, &shaders::WINOGRAD_INPUT_F16][half];
            let operands = vec![input.clone(), spread.clone()];
            self.push(shader, &reading, params, operands, [waves, bands.fan as u32, 1]).untouched =
                bands.elsewhere(read, first);
            let operands = vec![spread.clone(), weight.clone(), sum.clone()];
            self.push(product(tile)[half], &[], params, operands, tiles).macs =
                (PLACES * bands.tiles_from(first) * layer.input.c * conv.out) as u64;
            let shader = [&shaders::WINOGRAD_OUTPUT, &shaders::WINOGRAD_OUTPUT_F16][half];
            let operands = vec![sum.clone(), channel.clone(), output.clone()];
            self.push(shader, &[("ACTIVATION", number)], params, operands, [waves, conv.out as u32, 1]).untouched =
                bands.elsewhere(written, first);
        }
        Ok(())
    }
}

/// `[out, in, 3, 3]` to `[fan, 16, rows]`: each filter g as G g G^T (Lavin and Gray 2015), zeros where padded.
fn pack(weight: &[f32], in_c: usize, bands: &Bands) -> Vec<f32> {
    let mut packed = vec![0.0; bands.fan * PLACES * bands.rows];
    let channels = packed.par_chunks_mut(PLACES * bands.rows).take(in_c).enumerate();
    channels.for_each(|(c, channel)| {
        for (o, g) in weight.as_chunks::<9>().0.iter().skip(c).step_by(in_c).enumerate() {
            for (place, value) in transformed(g).into_iter().enumerate() {
                channel[place * bands.rows + o] = value;
            }
        }
    });
    packed
}

fn transformed(g: &[f32; 9]) -> [f32; PLACES] {
    let spread = |[a, b, c]: [f32; 3]| [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c];
    let columns = [0, 1, 2].map(|x| spread([g[x], g[x + 3], g[x + 6]]));
    let mut all = [0.0; PLACES];
    for (y, row) in all.chunks_exact_mut(4).enumerate() {
        row.copy_from_slice(&spread(columns.map(|column| column[y])));
    }
    all
}
