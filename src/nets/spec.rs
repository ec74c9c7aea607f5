//! [`NetSpec`]: the one description of a network, read by every engine (and by the trainer).
//!
//! A network is a list of [`Node`]s in execution order. Every value is a single sample (batch 1) of shape
//! [`Shape`] = channels x height x width, f32; vectors are `c x 1 x 1`. Parameters are dotted names of the
//! model file; convolution weights are OIHW, linear weights `[out, in]`, both row-major.

use std::collections::HashSet;

pub use super::padding::{Edge, Padding};
pub use super::shape::Shape;

/// Index of a value in [`NetSpec::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub usize);

/// The function applied to each value after bias (and residual, for [`Op::Add`]).
#[derive(Clone, Debug, PartialEq)]
pub enum Activation {
    /// The value itself.
    None,
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// x where positive, else slope times x.
    LeakyRelu(f32),
    /// Like LeakyRelu with one learnt slope per channel; the parameter's name, shape `[c]`.
    PRelu(String),
    /// Hyperbolic tangent.
    Tanh,
    /// (tanh x + 1) / 2: AlphaFace's output range.
    TanhUnit,
}

/// How a unit's scale and shift follow from its style and the mean of its input. In AlphaFace's code both styles are an
/// AdaIN of a 1x1 map with the statistics of the input, averaged with the style; that AdaIN is the mean itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caii {
    /// They are the style.
    Off,
    /// (style + mean) / 2.
    Averaged,
    /// style + mean / 2: the style comes halved.
    Folded,
}

impl Caii {
    /// The factors of style and mean in scale and shift.
    pub const fn parts(self) -> [f32; 2] {
        match self {
            Self::Off => [1.0, 0.0],
            Self::Averaged => [0.5, 0.5],
            Self::Folded => [1.0, 0.5],
        }
    }
}

/// A square convolution.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// Weight name: `[out, in, k, k]`, or `[c, 1, k, k]` when `depthwise`.
    pub weight: String,
    /// Bias name, `[out]`.
    pub bias: Option<String>,
    /// Output channels.
    pub out: usize,
    /// Kernel size: 1, 2, 3, 5 or 7.
    pub kernel: usize,
    /// Step, 1 or 2.
    pub stride: usize,
    /// Edge handling.
    pub pad: Padding,
    /// One filter per channel instead of a full matrix.
    pub depthwise: bool,
    /// Epilogue.
    pub act: Activation,
}

impl Conv {
    /// Whether the one window of the kernel is the whole of `input`, with nothing around it.
    pub const fn covers(&self, input: Shape) -> bool {
        input.h == self.kernel && input.w == self.kernel && self.pad.is_none()
    }
}

/// What [`Op::Pool`] makes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The largest value.
    Max,
    /// The mean.
    Mean,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Convolution of input 0, bias, activation.
    Conv(Conv),
    /// Fully connected layer on the flattened (C, H, W) input 0; output is a vector.
    Linear {
        /// `[out, in]`.
        weight: String,
        /// `[out]`.
        bias: Option<String>,
        /// Outputs.
        out: usize,
        /// Epilogue.
        act: Activation,
    },
    /// Mean over rows and columns: a vector of channels.
    Mean,
    /// Instance norm of input 0 (biased variance, `eps` inside the root), then scale and shift per channel, then
    /// `act`, then plus input 3 if present. Input 1 is the style vector `[2c]` (first half scale, second shift), as
    /// it comes from the style's linear layer. Unless `caii` is off input 2 is the mean vector `[c]` of the unit's
    /// input, from which [`Caii`] makes scale and shift; else input 2 is absent and the residual, if any, is input 2.
    StyleNorm {
        /// Added to the variance.
        eps: f32,
        /// How the input's mean is averaged in.
        caii: Caii,
        /// Whether the last input is added after the activation (the block's residual).
        residual: bool,
        /// Epilogue.
        act: Activation,
    },
    /// Bilinear upsampling by 2, half-pixel centres, edge clamped.
    Upsample2,
    /// Maximum or mean of each channel over square windows that lie inside the map.
    Pool {
        /// What is made of a window.
        kind: Pooling,
        /// Side of the window.
        kernel: usize,
        /// Step.
        stride: usize,
    },
    /// Zeros appended up to the output's shape: channels, rows below, columns to the right.
    Pad,
    /// Input 0 plus input 1 (same shape), then activation.
    Add {
        /// Epilogue.
        act: Activation,
    },
    /// Channels of input 0 followed by those of input 1.
    Concat,
    /// Rearranges `r x r` pixels into channels (PyTorch `pixel_unshuffle`: channel index c*r*r + dy*r + dx).
    SpaceToDepth {
        /// Block size.
        r: usize,
    },
    /// The inverse of [`Op::SpaceToDepth`] (PyTorch `pixel_shuffle`).
    DepthToSpace {
        /// Block size.
        r: usize,
    },
    /// Input 0 times `scale` plus `shift`: a batch norm in front of a zero-padded convolution, which cannot take it
    /// over because the zeros stay zero.
    ScaleShift {
        /// Factor per channel, `[c]`.
        scale: String,
        /// Term per channel, `[c]`.
        shift: String,
    },
    /// (x - mean) / ||x - mean|| * scale for a vector; `mean` is a parameter `[c]` or absent.
    Normalize {
        /// Parameter subtracted first.
        mean: Option<String>,
        /// Length of the result.
        scale: f32,
    },
    /// Parts of the listed inputs in channel-last order, concatenated: each input `c x h x w` is read as `h*w*c/n`
    /// rows of `n` values (TensorFlow's reshape of an NHWC map to `[rows, n]`). The output is
    /// `1 x rows x n`. Used by detector and landmark heads.
    Rows {
        /// Values per row.
        n: usize,
    },
}

/// One step: an operation, what it reads, and the one value it writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Name of the cut point, unique in the network.
    pub name: String,
    /// What to do.
    pub op: Op,
    /// What it reads.
    pub inputs: Vec<ValueId>,
    /// What it writes.
    pub output: ValueId,
}

/// A named input or output of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Name that callers use.
    pub name: String,
    /// The value.
    pub value: ValueId,
    /// Outer shape for callers and files (batch included), e.g. `[1, 896, 16]`.
    pub shape: Vec<usize>,
    /// An input that changes seldom (the identity): engines keep what depends on such inputs alone between runs.
    pub slow: bool,
}

/// A parameter that the network needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Dotted name in the model file.
    pub name: String,
    /// Shape in the model file.
    pub shape: Vec<usize>,
}

/// The description of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct NetSpec {
    /// Name for messages.
    pub name: String,
    /// Inputs in order.
    pub inputs: Vec<Port>,
    /// Outputs in order.
    pub outputs: Vec<Port>,
    /// Steps in execution order.
    pub nodes: Vec<Node>,
    /// Shape of each value.
    pub values: Vec<Shape>,
}

impl NetSpec {
    /// The shape of a value.
    pub fn shape(&self, id: ValueId) -> Shape {
        self.values[id.0]
    }

    /// The input port called `name`.
    pub fn input(&self, name: &str) -> Option<&Port> {
        self.inputs.iter().find(|p| p.name == name)
    }

    /// The output port called `name`.
    pub fn output(&self, name: &str) -> Option<&Port> {
        self.outputs.iter().find(|p| p.name == name)
    }

    /// Index of the node that makes `value`; none for an input.
    pub fn maker(&self, value: ValueId) -> Option<usize> {
        self.nodes.iter().position(|n| n.output == value)
    }

    /// Every parameter with its shape, in first-use order, without repeats.
    pub fn params(&self) -> Vec<Param> {
        let mut params: Vec<Param> = Vec::new();
        let mut push = |name: &str, shape: Vec<usize>| {
            if !params.iter().any(|p| p.name == name) {
                params.push(Param { name: name.into(), shape });
            }
        };
        for node in &self.nodes {
            let (input, out_c) = (self.shape(node.inputs[0]), self.shape(node.output).c);
            match &node.op {
                Op::Conv(conv) => {
                    let fan_in = if conv.depthwise { 1 } else { input.c };
                    push(&conv.weight, vec![conv.out, fan_in, conv.kernel, conv.kernel]);
                    conv.bias.iter().for_each(|b| push(b, vec![conv.out]));
                }
                Op::Linear { weight, bias, out, .. } => {
                    push(weight, vec![*out, input.len()]);
                    bias.iter().for_each(|b| push(b, vec![*out]));
                }
                Op::ScaleShift { scale, shift } => [scale, shift].iter().for_each(|p| push(p, vec![input.c])),
                Op::Normalize { mean: Some(mean), .. } => push(mean, vec![input.c]),
                _ => {}
            }
            if let Some(Activation::PRelu(slope)) = node.op.activation() {
                push(slope, vec![out_c]);
            }
        }
        params
    }

    /// A node name that occurs twice, if there is one: such a description is broken.
    pub fn repeated_name(&self) -> Option<&str> {
        let mut seen = HashSet::new();
        self.nodes.iter().map(|n| n.name.as_str()).find(|name| !seen.insert(*name))
    }

    /// Number of values of all parameters.
    pub fn param_count(&self) -> usize {
        self.params().iter().map(|p| p.shape.iter().product::<usize>()).sum()
    }

    /// Multiply-accumulates of convolutions and linear layers for one sample.
    pub fn macs(&self) -> u64 {
        let mac = |node: &Node| {
            let (input, out) = (self.shape(node.inputs[0]), self.shape(node.output));
            match &node.op {
                Op::Conv(c) => out.len() * c.kernel * c.kernel * if c.depthwise { 1 } else { input.c },
                Op::Linear { .. } => out.len() * input.len(),
                _ => 0,
            }
        };
        self.nodes.iter().map(|n| mac(n) as u64).sum()
    }
}

impl Op {
    /// The epilogue of this operation, if it has one.
    pub fn activation(&self) -> Option<&Activation> {
        match self {
            Op::Conv(Conv { act, .. }) | Op::Linear { act, .. } | Op::StyleNorm { act, .. } | Op::Add { act } => {
                Some(act)
            }
            _ => None,
        }
    }
}
