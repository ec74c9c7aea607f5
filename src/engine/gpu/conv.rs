//! Convolutions and fully connected layers: which kernel, and its weights as that kernel reads them.

use alphaswap_shaders as shaders;

use super::lower::{Lowering, Operand, Storage, map_params, pixel_groups};
use crate::error::Result;
use crate::gpu::params::ConvParams;
use crate::nets::{Activation, Conv, Edge, Node, Shape};

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvKernel {
    /// One filter per channel.
    Depthwise,
    /// The kernel covers the whole input once: a fully connected layer.
    Linear,
    /// Few output channels: four of them per invocation, no workgroup memory.
    Direct,
    /// Implicit matrix product in 32 x 32 tiles.
    Gemm32,
    /// Implicit matrix product in 64 x 64 tiles.
    Gemm64,
}

/// The kernel for `conv` from `input` to `output`.
pub fn choose(conv: &Conv, input: Shape, output: Shape) -> ConvKernel {
    let covers = input.h == conv.kernel && input.w == conv.kernel && output.h * output.w == 1;
    let pad = conv.pad;
    let padded = pad.top + pad.left + pad.bottom + pad.right > 0;
    // Enough workgroups of 256 invocations for the larger machines; smaller tiles where there would be fewer.
    let tiles_64 = output.c.div_ceil(64) * (output.h * output.w).div_ceil(64);
    match conv {
        c if c.depthwise => ConvKernel::Depthwise,
        _ if covers && !padded => ConvKernel::Linear,
        c if c.out <= 8 => ConvKernel::Direct,
        c if c.out > 32 && tiles_64 >= 96 => ConvKernel::Gemm64,
        _ => ConvKernel::Gemm32,
    }
}

/// Rows of the weight slices that a matrix-product workgroup takes at a time (shaders/nn/conv_gemm.wgsl).
const TILE_K: usize = 16;

impl Lowering<'_> {
    /// A convolution with epilogue.
    pub fn conv(&mut self, node: &Node, conv: &Conv) -> Result<()> {
        let (input, output) = (self.spec.shape(node.inputs[0]), self.spec.shape(node.output));
        let kernel = choose(conv, input, output);
        let k = conv.kernel;
        if kernel == ConvKernel::Linear {
            let weight = self.param(&conv.weight, &[conv.out, input.c, k, k])?;
            return self.matrix_vector(node, (&conv.weight, weight), conv.bias.as_deref(), &conv.act);
        }
        let fan_in = if conv.depthwise { 1 } else { input.c };
        let fan = fan_in * k * k;
        let weight = self.param(&conv.weight, &[conv.out, fan_in, k, k])?;
        let pixels = (output.h * output.w) as u32;
        let gemm = |tile: usize| {
            let groups = [pixels.div_ceil(tile as u32), conv.out.div_ceil(tile) as u32, 1];
            (pack_columns(weight, conv.out, fan, tile), groups)
        };
        let (pair, (packed, groups)) = match kernel {
            ConvKernel::Gemm64 => ([&shaders::CONV_GEMM_64, &shaders::CONV_GEMM_64_F16], gemm(64)),
            ConvKernel::Gemm32 => ([&shaders::CONV_GEMM_32, &shaders::CONV_GEMM_32_F16], gemm(32)),
            ConvKernel::Depthwise => {
                let groups = pixel_groups(&shaders::CONV_DEPTHWISE, output);
                ([&shaders::CONV_DEPTHWISE, &shaders::CONV_DEPTHWISE_F16], (weight.to_vec(), groups))
            }
            _ => {
                let [x, ..] = pixel_groups(&shaders::CONV_DIRECT, output);
                let groups = [x, conv.out.div_ceil(4) as u32, 1];
                ([&shaders::CONV_DIRECT, &shaders::CONV_DIRECT_F16], (pack_fours(weight, conv.out, fan), groups))
            }
        };
        let (channel, number) = self.epilogue(&node.name, conv.out, conv.bias.as_deref(), &conv.act)?;
        let weight = self.constant(&conv.weight, &packed, self.maps);
        let operands = vec![self.read(node.inputs[0], self.maps), weight, channel, self.write(node, self.maps)];
        let reflect = if conv.pad.edge == Edge::Reflect { 1.0 } else { 0.0 };
        let constants =
            [("KERNEL", k as f64), ("STRIDE", conv.stride as f64), ("REFLECT", reflect), ("ACTIVATION", number)];
        let params = conv_params(conv, input, output);
        self.push(pair[self.maps as usize], &constants, bytemuck::bytes_of(&params), operands, groups);
        Ok(())
    }

    /// A fully connected layer with epilogue.
    pub fn linear(&mut self, node: &Node, weight: &str, bias: Option<&str>, act: &Activation) -> Result<()> {
        let (n, out) = (self.spec.shape(node.inputs[0]).len(), self.spec.shape(node.output).c);
        let values = self.param(weight, &[out, n])?;
        self.matrix_vector(node, (weight, values), bias, act)
    }

    /// Weights are stored as the input is; the result is f32.
    fn matrix_vector(
        &mut self,
        node: &Node,
        weight: (&str, &[f32]),
        bias: Option<&str>,
        act: &Activation,
    ) -> Result<()> {
        let storage = self.values[node.inputs[0].0].storage;
        let params = map_params(self.spec.shape(node.inputs[0]), self.spec.shape(node.output));
        let (channel, number) = self.epilogue(&node.name, params.out_c as usize, bias, act)?;
        let weight = self.constant(weight.0, weight.1, storage);
        let operands = vec![Operand::Value(node.inputs[0].0), weight, channel, self.write(node, Storage::F32)];
        let shader = [&shaders::LINEAR, &shaders::LINEAR_F16][storage as usize];
        let constants = [("ACTIVATION", number)];
        self.push(shader, &constants, bytemuck::bytes_of(&params), operands, [params.out_c, 1, 1]);
        Ok(())
    }
}

fn conv_params(conv: &Conv, input: Shape, output: Shape) -> ConvParams {
    let [in_c, in_h, in_w] = [input.c, input.h, input.w].map(|n| n as u32);
    let [out_c, out_h, out_w] = [output.c, output.h, output.w].map(|n| n as u32);
    ConvParams { in_c, in_h, in_w, out_c, out_h, out_w, pad_top: conv.pad.top as u32, pad_left: conv.pad.left as u32 }
}

/// `[out, fan]` to `[fan padded to TILE_K, out padded to tile]`, zeros where padded.
fn pack_columns(weight: &[f32], out: usize, fan: usize, tile: usize) -> Vec<f32> {
    let width = out.next_multiple_of(tile);
    let mut packed = vec![0.0; fan.next_multiple_of(TILE_K) * width];
    for (o, row) in weight.chunks_exact(fan).enumerate() {
        row.iter().enumerate().for_each(|(k, &w)| packed[k * width + o] = w);
    }
    packed
}

/// `[out, fan]` to `[out / 4 rounded up, fan, 4]`, zeros where padded.
fn pack_fours(weight: &[f32], out: usize, fan: usize) -> Vec<f32> {
    let mut packed = vec![0.0; out.div_ceil(4) * fan * 4];
    for (o, row) in weight.chunks_exact(fan).enumerate() {
        row.iter().enumerate().for_each(|(k, &w)| packed[(o / 4 * fan + k) * 4 + o % 4] = w);
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::{Builder, ConvArgs, Op, Padding};

    #[test]
    fn the_shape_decides() {
        let kernel = |(c, h, w), out, k, pad, depthwise| {
            let mut b = Builder::new("t");
            let x = b.input("x", Shape::new(c, h, w));
            let args = ConvArgs { out, kernel: k, stride: 1, pad, depthwise, bias: false, act: Activation::None };
            let y = b.conv("c", x, args);
            let net = b.finish();
            let Op::Conv(conv) = &net.nodes[0].op else { unreachable!() };
            choose(conv, net.shape(x), net.shape(y))
        };
        let one = Padding::all(Edge::Zero, 1);
        assert_eq!(kernel((32, 3, 3), 1404, 3, Padding::none(), false), ConvKernel::Linear);
        assert_eq!(kernel((32, 3, 3), 32, 3, one, true), ConvKernel::Depthwise);
        assert_eq!(kernel((16, 112, 104), 3, 5, Padding::all(Edge::Reflect, 2), false), ConvKernel::Direct);
        assert_eq!(kernel((112, 28, 26), 112, 3, one, false), ConvKernel::Gemm32);
        assert_eq!(kernel((48, 112, 104), 64, 3, one, false), ConvKernel::Gemm64);
    }
}
