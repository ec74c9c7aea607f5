//! What both towers are built of, with PyTorch's shapes and OpenAI's names (`clip/model.py`).
//!
//! Field names are the names of the parameters in the weights' file; see [`super::parameters`].

use burn::module::{Module, Param, ParamId};
use burn::tensor::activation::sigmoid;
use burn::tensor::module::{attention, layer_norm, linear};
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Device, Tensor};

/// Guards the variance of layer norms (PyTorch's default, which OpenAI uses).
const EPSILON: f64 = 1e-5;

/// A parameter of that shape; zero until it is filled.
pub fn blank<const D: usize>(shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    let zeros = move |device: &Device, _| Tensor::zeros(shape, device);
    Param::uninitialized(ParamId::new(), zeros, device.clone(), true, shape.into())
}

/// `x W^T + b`.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[out, in]`
    weight: Param<Tensor<2>>,
    /// `[out]`
    bias: Param<Tensor<1>>,
}

impl Linear {
    fn new(input: usize, output: usize, device: &Device) -> Self {
        Self { weight: blank([output, input], device), bias: blank([output], device) }
    }

    /// `[n, t, in]` to `[n, t, out]`.
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        linear(x, self.weight.val().transpose(), Some(self.bias.val()))
    }
}

/// Normalises the channels of each token.
#[derive(Module, Debug)]
pub struct LayerNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
}

impl LayerNorm {
    /// For `width` channels.
    pub fn new(width: usize, device: &Device) -> Self {
        Self { weight: blank([width], device), bias: blank([width], device) }
    }

    /// The last dimension has `width` channels.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        layer_norm(x, self.weight.val(), Some(self.bias.val()), EPSILON)
    }
}

/// Attention of tokens to each other, several heads side by side.
#[derive(Module, Debug)]
struct Attention {
    /// Queries, keys and values below each other, `[3 width, width]`
    in_proj_weight: Param<Tensor<2>>,
    /// `[3 width]`
    in_proj_bias: Param<Tensor<1>>,
    out_proj: Linear,
    #[module(skip)]
    heads: usize,
}

impl Attention {
    fn new(width: usize, heads: usize, device: &Device) -> Self {
        Self {
            in_proj_weight: blank([3 * width, width], device),
            in_proj_bias: blank([3 * width], device),
            out_proj: Linear::new(width, width, device),
            heads,
        }
    }

    /// `[n, t, width]` to the same; with `causal` a token sees itself and those before it.
    fn forward(&self, x: Tensor<3>, causal: bool) -> Tensor<3> {
        let [n, t, width] = x.dims();
        let projected = linear(x, self.in_proj_weight.val().transpose(), Some(self.in_proj_bias.val()));
        let [query, key, value] = [0, 1, 2].map(|part| {
            let part = projected.clone().slice_dim(2, part * width..(part + 1) * width);
            part.reshape([n, t, self.heads, width / self.heads]).swap_dims(1, 2)
        });
        let options = AttentionModuleOptions { is_causal: causal, ..Default::default() };
        let seen = attention(query, key, value, None, None, options);
        self.out_proj.forward(seen.swap_dims(1, 2).reshape([n, t, width]))
    }
}

/// Two layers that see each token by itself.
#[derive(Module, Debug)]
struct Mlp {
    c_fc: Linear,
    c_proj: Linear,
}

impl Mlp {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.c_proj.forward(quick_gelu(self.c_fc.forward(x)))
    }
}

/// `x sigmoid(1.702 x)`, near to a GELU (Hendrycks and Gimpel 2016, section 2).
fn quick_gelu(x: Tensor<3>) -> Tensor<3> {
    x.clone() * sigmoid(x * 1.702)
}

/// A block with its norms before attention and MLP.
#[derive(Module, Debug)]
struct Block {
    ln_1: LayerNorm,
    attn: Attention,
    ln_2: LayerNorm,
    mlp: Mlp,
}

impl Block {
    fn new(width: usize, heads: usize, device: &Device) -> Self {
        let linear = |input, output| Linear::new(input, output, device);
        Self {
            ln_1: LayerNorm::new(width, device),
            attn: Attention::new(width, heads, device),
            ln_2: LayerNorm::new(width, device),
            mlp: Mlp { c_fc: linear(width, 4 * width), c_proj: linear(4 * width, width) },
        }
    }

    fn forward(&self, x: Tensor<3>, causal: bool) -> Tensor<3> {
        let x = x.clone() + self.attn.forward(self.ln_1.forward(x), causal);
        x.clone() + self.mlp.forward(self.ln_2.forward(x))
    }
}

/// Blocks one after the other.
#[derive(Module, Debug)]
pub struct Transformer {
    resblocks: Vec<Block>,
}

impl Transformer {
    /// `layers` blocks of `width` channels.
    pub fn new(layers: usize, width: usize, heads: usize, device: &Device) -> Self {
        Self { resblocks: (0..layers).map(|_| Block::new(width, heads, device)).collect() }
    }

    /// `[n, t, width]` to the same; with `causal` a token sees itself and those before it.
    pub fn forward(&self, x: Tensor<3>, causal: bool) -> Tensor<3> {
        self.resblocks.iter().fold(x, |x, block| block.forward(x, causal))
    }
}
