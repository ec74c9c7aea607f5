//! Convolutions and fully connected layers: [`choose`] names the kernel, a file for each family of kernels packs the
//! weights as that family reads them and appends its steps.

mod choose;
mod direct;
mod gemm;
mod linear;
mod slices;
mod winograd;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use alphaswap_shaders as shaders;
use alphaswap_shaders::Shader;

use super::lower::{Lowering, Operand};
use super::{Precision, trial};
use crate::error::Result;
use crate::gpu::Context;
use crate::gpu::params::ConvParams;
use crate::nets::{Conv, Edge, Node, Op, Shape, ValueId};
pub use choose::{Conditions, choose};

/// Declares the kernels with their names.
macro_rules! kernels {
    ($($(#[$doc:meta])* $kernel:ident = $name:literal,)*) => {
        /// How a convolution is computed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ConvKernel { $($(#[$doc])* $kernel,)* }

        impl ConvKernel {
            /// Every kernel.
            pub const ALL: &[Self] = &[$(Self::$kernel),*];

            /// The name by which it is forced and shown.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kernel => $name),* }
            }
        }
    };
}

kernels! {
    /// One filter per channel.
    Depthwise = "depthwise",
    /// The kernel covers the whole input once: a fully connected layer.
    Linear = "linear",
    /// Few output channels: four of them per invocation, no workgroup memory.
    Direct = "direct",
    /// Implicit matrix product in 32 x 32 tiles: the kernel that the fast ones are compared with.
    Gemm32 = "gemm_32",
    /// Implicit matrix product in 64 x 64 tiles.
    Gemm64 = "gemm_64",
    /// Implicit matrix product over many input channels, tap by tap, in 64 x 64 tiles.
    Taps64 = "taps_64",
    /// The same in 128 x 128 tiles.
    Taps128 = "taps_128",
    /// Winograd's F(2x2, 3x3): transforms around 16 matrix products in 64 x 64 tiles.
    Winograd64 = "winograd_64",
    /// The same in 128 x 128 tiles.
    Winograd128 = "winograd_128",
    /// 16-bit matrix product in packed arithmetic.
    Half = "half",
    /// 16-bit matrix product on matrix units, sums of 32 bits.
    Matrix = "matrix",
    /// The same with the units emulated: slow, for tests of what surrounds them.
    MatrixEmulated = "matrix_emulated",
}

impl ConvKernel {
    /// Whether it can read a map as if that had been upsampled by 2: those that transform it or lay it out first. A
    /// matrix product over all taps would make every upsampled value nine times.
    const fn upsamples(self) -> bool {
        matches!(self, Self::Winograd64 | Self::Winograd128) || self.is_sliced()
    }

    /// Whether it is one of shaders/shared/slices.wgsl.
    const fn is_sliced(self) -> bool {
        matches!(self, Self::Half | Self::Matrix | Self::MatrixEmulated)
    }

    /// Whether it is tried on every adapter before it is used there; the others are plain.
    pub const fn is_fast(self) -> bool {
        !matches!(self, Self::Depthwise | Self::Linear | Self::Direct | Self::Gemm32 | Self::Gemm64)
    }

    /// Whether it may be used on the adapter with maps stored as `precision`: for tests.
    #[doc(hidden)]
    pub fn is_trusted(self, ctx: &Arc<Context>, precision: Precision) -> bool {
        trial::trusted(ctx, self, precision)
    }
}

impl fmt::Display for ConvKernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ConvKernel {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || Self::ALL.iter().map(|k| k.name()).collect::<Vec<_>>().join(", ");
        let found = Self::ALL.iter().find(|k| k.name() == name);
        found.copied().ok_or_else(|| format!("`{name}` is no convolution kernel; there are {}", names()))
    }
}

/// A convolution in its place in a network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer<'a> {
    pub node: &'a Node,
    pub conv: &'a Conv,
    /// The map that is read.
    pub source: ValueId,
    /// Whether it is upsampled by 2 on the way.
    pub upsampled: bool,
    /// What the convolution sees.
    pub input: Shape,
    pub output: Shape,
}

impl Layer<'_> {
    /// Input channels that one output channel depends on.
    pub fn fan_in(&self) -> usize {
        if self.conv.depthwise { 1 } else { self.input.c }
    }

    /// Inputs that one output depends on.
    pub fn fan(&self) -> usize {
        self.fan_in() * self.conv.kernel * self.conv.kernel
    }

    /// Columns of the matrix product: output pixels.
    pub fn pixels(&self) -> usize {
        self.output.h * self.output.w
    }

    /// Multiply-accumulates, padding included.
    pub fn macs(&self) -> u64 {
        (self.output.len() * self.fan()) as u64
    }

    /// The uniform of shaders/shared/geometry.wgsl.
    pub fn params(&self) -> ConvParams {
        let [in_c, in_h, in_w] = [self.input.c, self.input.h, self.input.w].map(|n| n as u32);
        let [out_c, out_h, out_w] = [self.output.c, self.output.h, self.output.w].map(|n| n as u32);
        let [pad_top, pad_left] = [self.conv.pad.top, self.conv.pad.left].map(|n| n as u32);
        ConvParams { in_c, in_h, in_w, out_c, out_h, out_w, pad_top, pad_left }
    }
}

impl<'a> Lowering<'a> {
    /// A convolution with epilogue.
    pub fn conv(&mut self, node: &Node, conv: &Conv) -> Result<()> {
        let layer = self.layer(node, conv, self.upsampled.get(&node.inputs[0]).copied());
        match self.choose(&layer) {
            ConvKernel::Linear => self.covering(&layer),
            ConvKernel::Depthwise => self.depthwise(&layer),
            ConvKernel::Direct => self.direct(&layer),
            ConvKernel::Gemm32 => self.gemm(&layer, 32),
            ConvKernel::Gemm64 => self.gemm(&layer, 64),
            ConvKernel::Taps64 => self.taps(&layer, 64),
            ConvKernel::Taps128 => self.taps(&layer, 128),
            ConvKernel::Winograd64 => self.winograd(&layer, 64),
            ConvKernel::Winograd128 => self.winograd(&layer, 128),
            kernel @ (ConvKernel::Half | ConvKernel::Matrix | ConvKernel::MatrixEmulated) => {
                self.sliced(&layer, kernel)
            }
        }
    }

    /// Bilinear upsampling by 2; left to the only convolution that reads it, where that one's kernel can do it.
    pub fn upsample2(&mut self, node: &Node) -> Result<()> {
        let mut readers = self.spec.nodes.iter().filter(|n| n.inputs.contains(&node.output));
        let kept = self.values[node.output.0].pinned;
        if let (Some(reader), None, false) = (readers.next(), readers.next(), kept)
            && let Op::Conv(conv) = &reader.op
            && self.choose(&self.layer(reader, conv, Some(node.inputs[0]))).upsamples()
        {
            self.upsampled.insert(node.output, node.inputs[0]);
            return Ok(());
        }
        self.gather(node, [&shaders::UPSAMPLE2, &shaders::UPSAMPLE2_F16], 0)
    }

    fn layer<'l>(&self, node: &'l Node, conv: &'l Conv, upsampled: Option<ValueId>) -> Layer<'l> {
        let (input, output) = (self.spec.shape(node.inputs[0]), self.spec.shape(node.output));
        let source = upsampled.unwrap_or(node.inputs[0]);
        Layer { node, conv, source, upsampled: upsampled.is_some(), input, output }
    }

    fn choose(&self, layer: &Layer<'_>) -> ConvKernel {
        choose(layer, &self.conditions, |kernel| trial::trusted(self.ctx, kernel, self.conditions.precision))
    }

    /// `[out, fan_in, k, k]` as the model file has them.
    fn conv_weight(&self, layer: &Layer<'_>) -> Result<&'a [f32]> {
        let k = layer.conv.kernel;
        self.param(&layer.conv.weight, &[layer.conv.out, layer.fan_in(), k, k])
    }

    /// The step of a kernel that makes the whole layer at once (bindings of shaders/shared/conv.wgsl): `pair` are its
    /// permutations for f32 and f16 maps, `packed` the weights as it reads them.
    fn conv_step(
        &mut self,
        layer: &Layer<'_>,
        pair: [&'static Shader; 2],
        packed: &[f32],
        groups: [u32; 3],
    ) -> Result<()> {
        let conv = layer.conv;
        let (channel, number) = self.epilogue(&layer.node.name, conv.out, conv.bias.as_deref(), &conv.act)?;
        let weight = self.constant(&conv.weight, packed, self.maps);
        let (input, output) = (self.read(layer.source, self.maps), self.write(layer.node, self.maps));
        let reflect = if conv.pad.edge == Edge::Reflect { 1.0 } else { 0.0 };
        let constants = [
            ("KERNEL", conv.kernel as f64),
            ("STRIDE", conv.stride as f64),
            ("REFLECT", reflect),
            ("ACTIVATION", number),
        ];
        let operands: Vec<Operand> = vec![input, weight, channel, output];
        let step =
            self.push(pair[self.maps as usize], &constants, bytemuck::bytes_of(&layer.params()), operands, groups);
        step.macs = layer.macs();
        Ok(())
    }
}
