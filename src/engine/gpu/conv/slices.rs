//! Convolutions as f16 matrix products in slices (shaders/shared/slices.wgsl): in packed arithmetic, or on matrix
//! units.

use alphaswap_shaders as shaders;
use alphaswap_shaders::Shader;
use rayon::prelude::*;

use super::{Conditions, ConvKernel, Layer};
use crate::engine::gpu::lower::{Lowering, Operand, Storage};
use crate::error::Result;
use crate::gpu::MatrixUnits;
use crate::nets::{Edge, Shape};

/// How a kernel cuts its factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    /// Output channels and pixels of a workgroup.
    tile: usize,
    /// Input channels that it takes at a time.
    slice: usize,
}

impl Cut {
    fn of(shader: &Shader) -> Self {
        let [tile, slice] = ["TILE", "TILE_K"].map(|name| shader.constant(name) as usize);
        Self { tile, slice }
    }

    /// Slices of a kernel of side `k` over `in_c` channels.
    fn slices(&self, in_c: usize, k: usize) -> usize {
        k * k * in_c.div_ceil(self.slice)
    }
}

/// The permutation of `kernel`, one of this family, on an adapter with these matrix units.
pub(super) fn shader(kernel: ConvKernel, units: Option<MatrixUnits>) -> Option<&'static Shader> {
    match kernel {
        ConvKernel::Half => Some(&shaders::CONV_HALF),
        ConvKernel::Matrix => units?.product(),
        ConvKernel::MatrixEmulated => Some(&shaders::CONV_MATRIX_EMULATED),
        _ => None,
    }
}

/// Part of the work of `shader` on `layer` that is not spent on padding, 0 to 1.
pub(super) fn useful(shader: &Shader, layer: &Layer<'_>) -> f32 {
    let Cut { tile, slice } = Cut::of(shader);
    let part = |n: usize, step: usize| n as f32 / n.next_multiple_of(step) as f32;
    part(layer.input.c, slice) * part(layer.output.c, tile) * part(layer.pixels(), tile)
}

/// Whether the adapter can bind what `shader` needs for `layer`, and run its workgroups.
pub(super) fn fits(shader: &Shader, layer: &Layer<'_>, conditions: &Conditions) -> bool {
    let cut = Cut::of(shader);
    let weights = layer.conv.out.next_multiple_of(cut.tile) * cut.slices(layer.input.c, layer.conv.kernel) * cut.slice;
    let largest = 2 * weights.max(columns_shape(layer, cut).len()) as u64;
    let invocations: u32 = shader.workgroup_size.iter().product();
    largest <= conditions.max_binding
        && shader.workgroup_bytes <= conditions.workgroup_bytes
        && invocations <= conditions.invocations
}

/// The map as `conv_columns` lays it out: channels filled up, rows and columns as far as taps reach.
fn columns_shape(layer: &Layer<'_>, cut: Cut) -> Shape {
    let reach = |n: usize| (n - 1) * layer.conv.stride + layer.conv.kernel;
    Shape::new(layer.input.c.next_multiple_of(cut.slice), reach(layer.output.h), reach(layer.output.w))
}

impl Lowering<'_> {
    /// Lays the input out and multiplies.
    pub(super) fn sliced(&mut self, layer: &Layer<'_>, kernel: ConvKernel) -> Result<()> {
        let Some(shader) = shader(kernel, self.conditions.matrix) else { return self.gemm(layer, 32) };
        let (conv, cut) = (layer.conv, Cut::of(shader));
        let weight = pack_slices(self.conv_weight(layer)?, [conv.out, layer.input.c, conv.kernel], cut);
        let (channel, number) = self.epilogue(&layer.node.name, conv.out, conv.bias.as_deref(), &conv.act)?;
        let weight = self.constant(&conv.weight, &weight, Storage::F16);
        let columns = self.columns(layer, cut);
        let output = self.write(layer.node, Storage::F16);
        let groups = [layer.pixels().div_ceil(cut.tile) as u32, conv.out.div_ceil(cut.tile) as u32, 1];
        let constants = [("KERNEL", conv.kernel as f64), ("STRIDE", conv.stride as f64), ("ACTIVATION", number)];
        let operands = vec![columns, weight, channel, output];
        let step = self.push(shader, &constants, bytemuck::bytes_of(&layer.params()), operands, groups);
        step.macs = layer.macs();
        Ok(())
    }

    /// The laid out input.
    fn columns(&mut self, layer: &Layer<'_>, cut: Cut) -> Operand {
        let (conv, shape) = (layer.conv, columns_shape(layer, cut));
        let slow = self.values[layer.node.output.0].slow;
        let columns = self.scratch(shape, Storage::F16, slow);
        let shader = &shaders::CONV_COLUMNS;
        let [pixels, quads] = ["PIXELS", "QUADS"].map(|name| shader.constant(name));
        let groups = [((shape.h * shape.w) as u32).div_ceil(pixels), (shape.c as u32 / 4).div_ceil(quads), 1];
        let constants = [
            ("KERNEL", conv.kernel as f64),
            ("STRIDE", conv.stride as f64),
            ("REFLECT", f64::from(conv.pad.edge == Edge::Reflect)),
            ("UPSAMPLE", f64::from(layer.upsampled)),
            ("TILE_K", cut.slice as f64),
        ];
        let operands = vec![self.read(layer.source, Storage::F16), columns.clone()];
        self.push(shader, &constants, bytemuck::bytes_of(&layer.params()), operands, groups);
        columns
    }
}

/// `[out, in_c, k, k]` to `[out / tile rounded up, k, k, in_c / slice rounded up, tile, slice]`, zeros where padded.
fn pack_slices(weight: &[f32], [out, in_c, k]: [usize; 3], cut: Cut) -> Vec<f32> {
    let Cut { tile, slice } = cut;
    let (blocks, slices) = (in_c.div_ceil(slice), cut.slices(in_c, k));
    let mut packed = vec![0.0; out.next_multiple_of(tile) * slices * slice];
    let tiles = packed.par_chunks_mut(tile * slices * slice).zip(weight.par_chunks(tile * in_c * k * k));
    tiles.for_each(|(packed, weight)| {
        for (i, taps) in weight.chunks_exact(k * k).enumerate() {
            let (o, c) = (i / in_c, i % in_c);
            for (tap, &w) in taps.iter().enumerate() {
                packed[((tap * blocks + c / slice) * tile + o) * slice + c % slice] = w;
            }
        }
    });
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_lie_as_the_slices_take_them() {
        let weight: Vec<f32> = (0..3 * 3 * 4).map(|i| i as f32 + 1.0).collect();
        let packed = pack_slices(&weight, [3, 3, 2], Cut { tile: 2, slice: 2 });
        // Two tiles of channels, four taps of two slices each, two rows of two.
        assert_eq!(packed.len(), 2 * 8 * 2 * 2);
        let at = |tile: usize, tap: usize, block: usize, row: usize, c: usize| {
            packed[((((tile * 4 + tap) * 2 + block) * 2) + row) * 2 + c]
        };
        // Output channel 1, input channel 2, tap 3.
        assert_eq!(at(0, 3, 1, 1, 0), weight[(3 + 2) * 4 + 3]);
        assert_eq!((at(0, 3, 1, 1, 1), at(1, 0, 0, 1, 0)), (0.0, 0.0));
    }
}
