//! The forward pass: each operation of a [`NetSpec`] as burn's tensor operations, which bring their own gradients.

use std::collections::HashMap;

use burn::tensor::Tensor;
use burn::tensor::activation::{prelu, tanh};
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions, PadMode};

use super::SpecModule;
use crate::nets::{Activation, Caii, Conv, Node, Op, Pooling, ValueId};
use crate::train::ops::{ConvSetting, conv2d, instance_norm, leaky_relu, mean, relu6, resize};

/// What a pass computed: the network's outputs and the cut points that were asked for, `[n, c, h, w]` each (vectors
/// are `[n, c, 1, 1]`).
#[derive(Clone, Debug)]
pub struct Values(HashMap<String, Tensor<4>>);

impl Values {
    /// The output or cut point of that name.
    ///
    /// # Panics
    /// When it was not asked for.
    pub fn take(&mut self, name: &str) -> Tensor<4> {
        self.0.remove(name).unwrap_or_else(|| panic!("{name} is no output and was not asked for"))
    }
}

impl SpecModule {
    /// Runs the network on a batch, `[n, c, h, w]` for each input by its name, and keeps the cut points (names of
    /// nodes) in `taps` beside the outputs.
    ///
    /// # Panics
    /// When an input is missing or has another shape.
    pub fn run(&self, inputs: &[(&str, Tensor<4>)], taps: &[&str]) -> Values {
        let spec = self.spec();
        let mut values: Vec<Option<Tensor<4>>> = vec![None; spec.values.len()];
        for (name, tensor) in inputs {
            let port = spec.input(name).unwrap_or_else(|| panic!("{} has no input {name}", spec.name));
            values[port.value.0] = Some(tensor.clone());
        }
        let mut uses = vec![0; spec.values.len()];
        spec.nodes.iter().flat_map(|n| &n.inputs).for_each(|v| uses[v.0] += 1);
        spec.outputs.iter().for_each(|p| uses[p.value.0] += 1);
        let mut kept = HashMap::new();
        for node in &spec.nodes {
            // The last reader takes the value, so that burn can work in place.
            let mut read = |id: &ValueId| {
                uses[id.0] -= 1;
                let value = if uses[id.0] == 0 { values[id.0].take() } else { values[id.0].clone() };
                value.unwrap_or_else(|| panic!("{} has no value for {} yet", spec.name, node.name))
            };
            let inputs = node.inputs.iter().map(&mut read).collect();
            let output = self.node(node, inputs);
            if taps.contains(&node.name.as_str()) {
                kept.insert(node.name.clone(), output.clone());
            }
            values[node.output.0] = Some(output);
        }
        for port in &spec.outputs {
            let value = values[port.value.0].clone().unwrap_or_else(|| panic!("{} was not computed", port.name));
            kept.insert(port.name.clone(), value);
        }
        Values(kept)
    }

    /// [`Self::run`] for a network with one output.
    pub fn forward(&self, inputs: &[(&str, Tensor<4>)]) -> Tensor<4> {
        self.run(inputs, &[]).take(&self.spec().outputs[0].name)
    }

    fn node(&self, node: &Node, inputs: Vec<Tensor<4>>) -> Tensor<4> {
        let mut inputs = inputs.into_iter();
        let mut next = || inputs.next().unwrap_or_else(|| panic!("{} lacks an input", node.name));
        match &node.op {
            Op::Conv(conv) => self.conv(conv, next()),
            Op::Linear { weight, bias, act, .. } => {
                let y = next().flatten::<2>(1, 3).matmul(self.matrix(weight).transpose());
                let y = y.unsqueeze_dims(&[2, 3]);
                let y = bias.iter().fold(y, |y, b| y + channels(self.vector(b)));
                self.activate(act, y)
            }
            Op::Mean => mean(next()),
            Op::StyleNorm { eps, caii, residual, act } => {
                let (x, style) = (next(), next());
                let mean = (*caii != Caii::Off).then(&mut next);
                let y = self.activate(act, style_norm(x, style, mean, *eps, caii.parts()));
                if *residual { y + next() } else { y }
            }
            Op::Upsample2 => {
                let x = next();
                let [_, _, h, w] = x.dims();
                resize(x, [2 * h, 2 * w])
            }
            &Op::Pool { kind, kernel, stride } => pool(next(), kind, kernel, stride),
            Op::Pad => {
                let (x, to) = (next(), self.spec().shape(node.output));
                let [_, c, h, w] = x.dims();
                x.pad([(0, to.c - c), (0, to.h - h), (0, to.w - w)], PadMode::Constant(0.0))
            }
            Op::Add { act } => self.activate(act, next() + next()),
            Op::Concat => Tensor::cat(vec![next(), next()], 1),
            Op::SpaceToDepth { r } => {
                let x = next();
                let [n, c, h, w] = x.dims();
                let (h, w) = (h / r, w / r);
                x.reshape([n, c, h, *r, w, *r]).permute([0, 1, 3, 5, 2, 4]).reshape([n, c * r * r, h, w])
            }
            Op::DepthToSpace { r } => {
                let x = next();
                let [n, c, h, w] = x.dims();
                let c = c / (r * r);
                x.reshape([n, c, *r, *r, h, w]).permute([0, 1, 4, 2, 5, 3]).reshape([n, c, h * r, w * r])
            }
            Op::ScaleShift { scale, shift } => next() * channels(self.vector(scale)) + channels(self.vector(shift)),
            Op::Normalize { mean, scale } => {
                let x = mean.iter().fold(next(), |x, m| x - channels(self.vector(m)));
                let length = x.clone().square().sum_dim(1).sqrt();
                x / length * *scale
            }
            Op::Rows { n } => Tensor::cat(inputs.map(|x| rows(x, *n)).collect(), 2),
        }
    }

    fn conv(&self, conv: &Conv, x: Tensor<4>) -> Tensor<4> {
        let bias = conv.bias.as_ref().map(|b| self.vector(b));
        let setting = ConvSetting { stride: conv.stride, pad: conv.pad, compute: self.compute };
        self.activate(&conv.act, conv2d(x, self.map(&conv.weight), bias, setting))
    }

    fn activate(&self, act: &Activation, x: Tensor<4>) -> Tensor<4> {
        match act {
            Activation::None => x,
            Activation::Relu => leaky_relu(x, 0.0),
            Activation::Relu6 => relu6(x),
            Activation::LeakyRelu(slope) => leaky_relu(x, *slope),
            Activation::PRelu(slope) => prelu(x, self.vector(slope)),
            Activation::Tanh => tanh(x),
            Activation::TanhUnit => (tanh(x) + 1.0) / 2.0,
        }
    }
}

/// See [`Op::Pool`].
fn pool(x: Tensor<4>, kind: Pooling, kernel: usize, stride: usize) -> Tensor<4> {
    let (kernel, stride) = ([kernel; 2], [stride; 2]);
    match kind {
        Pooling::Max => max_pool2d(x, MaxPoolOptions::new(kernel).with_stride(stride)),
        Pooling::Mean => avg_pool2d(x, AvgPoolOptions::new(kernel).with_stride(stride)),
    }
}

/// A vector as `[1, c, 1, 1]`.
fn channels(vector: Tensor<1>) -> Tensor<4> {
    let c = vector.dims()[0];
    vector.reshape([1, c, 1, 1])
}

/// See [`Op::StyleNorm`].
fn style_norm(x: Tensor<4>, style: Tensor<4>, means: Option<Tensor<4>>, eps: f32, parts: [f32; 2]) -> Tensor<4> {
    let c = x.dims()[1];
    let [scale, shift] = [0..c, c..2 * c].map(|half| {
        let own = style.clone().slice_dim(1, half) * parts[0];
        means.iter().fold(own, |own, mean| own + mean.clone() * parts[1])
    });
    instance_norm(x, scale, shift, eps)
}

/// See [`Op::Rows`].
fn rows(x: Tensor<4>, values: usize) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    x.permute([0, 2, 3, 1]).reshape([n, 1, h * w * c / values, values])
}
