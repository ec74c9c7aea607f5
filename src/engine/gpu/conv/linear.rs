//! Fully connected layers: a matrix times a vector.

use alphaswap_shaders as shaders;

use super::Layer;
use crate::engine::gpu::lower::{Lowering, Operand, Storage, map_params};
use crate::error::Result;
use crate::nets::{Activation, Node};

impl Lowering<'_> {
    /// A fully connected layer with epilogue.
    pub fn linear(&mut self, node: &Node, weight: &str, bias: Option<&str>, act: &Activation) -> Result<()> {
        let (n, out) = (self.spec.shape(node.inputs[0]).len(), self.spec.shape(node.output).c);
        let values = self.param(weight, &[out, n])?;
        self.matrix_vector(node, (weight, values), bias, act)
    }

    /// A convolution whose kernel covers its whole input once.
    pub(super) fn covering(&mut self, layer: &Layer<'_>) -> Result<()> {
        let (conv, weight) = (layer.conv, self.conv_weight(layer)?);
        self.matrix_vector(layer.node, (&conv.weight, weight), conv.bias.as_deref(), &conv.act)
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
        let macs = weight.1.len() as u64;
        let weight = self.constant(weight.0, weight.1, storage);
        let operands = vec![Operand::Value(node.inputs[0].0), weight, channel, self.write(node, Storage::F32)];
        let shader = [&shaders::LINEAR, &shaders::LINEAR_F16][storage as usize];
        let constants = [("ACTIVATION", number)];
        self.push(shader, &constants, bytemuck::bytes_of(&params), operands, [params.out_c, 1, 1]).macs = macs;
        Ok(())
    }
}
