//! Convolutions without workgroup memory: one filter per channel, and few output channels.

use alphaswap_shaders as shaders;

use super::Layer;
use crate::engine::gpu::lower::{Lowering, pixel_groups};
use crate::error::Result;

impl Lowering<'_> {
    /// One filter per channel.
    pub(super) fn depthwise(&mut self, layer: &Layer<'_>) -> Result<()> {
        let weight = self.conv_weight(layer)?;
        let groups = pixel_groups(&shaders::CONV_DEPTHWISE, layer.output);
        self.conv_step(layer, [&shaders::CONV_DEPTHWISE, &shaders::CONV_DEPTHWISE_F16], weight, groups)
    }

    /// Few output channels.
    pub(super) fn direct(&mut self, layer: &Layer<'_>) -> Result<()> {
        let out = layer.conv.out;
        let packed = pack_fours(self.conv_weight(layer)?, out, layer.fan());
        let [x, ..] = pixel_groups(&shaders::CONV_DIRECT, layer.output);
        let groups = [x, out.div_ceil(4) as u32, 1];
        self.conv_step(layer, [&shaders::CONV_DIRECT, &shaders::CONV_DIRECT_F16], &packed, groups)
    }
}

/// `[out, fan]` to `[out / 4 rounded up, fan, 4]`, zeros where padded.
fn pack_fours(weight: &[f32], out: usize, fan: usize) -> Vec<f32> {
    let mut packed = vec![0.0; out.div_ceil(4) * fan * 4];
    for (o, row) in weight.chunks_exact(fan).enumerate() {
        row.iter().enumerate().for_each(|(k, &w)| packed[(o / 4 * fan + k) * 4 + o % 4] = w);
    }
    packed
}
