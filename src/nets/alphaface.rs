//! The generator family of AlphaFace: one builder, driven by a [`GeneratorConfig`] that is stored in the model's card.
//!
//! An encoder of convolutions, residual blocks whose instance norms are styled by the identity, and a decoder. The
//! official 256-px network (github.com/andrewyu90/Alphaface_Official), inswapper_128 and the compact guided generator
//! are configs of it. With CAII the mean of a unit's input is averaged into its scale and shift.

use serde::{Deserialize, Serialize};

use super::builder::{Builder, ConvArgs};
use super::spec::{Activation, Caii, Edge, NetSpec, Op, Padding, Pooling, Shape, ValueId};
use crate::align::EncoderCrop;
use crate::error::{Error, Result};

mod check;
mod presets;

/// Slope of every leaky ReLU of the family.
const SLOPE: f32 = 0.2;
/// Added to the variance of the instance norms.
const EPS: f32 = 1e-8;

/// What distinguishes one generator of the family from another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneratorConfig {
    /// How the parameters of the blocks are called.
    pub names: Names,
    /// Side of the aligned crop (template arcface_128_v2), in pixels.
    pub crop: usize,
    /// The part of the crop that the network sees; all of it if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Whether there is an input `guide`, concatenated to the crop; the network then predicts a residual on it.
    #[serde(default)]
    pub guide: bool,
    /// Pixels of this block size become channels before the encoder.
    #[serde(default = "one")]
    pub space_to_depth: usize,
    /// Convolutions before the blocks.
    pub encoder: Vec<Layer>,
    /// Convolutions after the blocks; the last one makes the picture.
    pub decoder: Vec<Layer>,
    /// If not empty, encoder, blocks and decoder see the window reduced to half, and these convolutions add to their
    /// residual, enlarged, what only the full size shows. They read the pixels (2x2 of them as channels) and the input
    /// of the decoder's last layer; their last layer makes a residual, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detail: Vec<Layer>,
    /// What the identity input is.
    pub identity: IdentityConfig,
    /// The styled blocks.
    pub blocks: BlocksConfig,
}

/// A rectangle of the crop, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Left column.
    pub x: usize,
    /// Top row.
    pub y: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// Parameter names of the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// As in AlphaFace's checkpoints: `E.fusion_module.fusion_layer_{i}.OP{1,2}.{Conv1,IFF.fc}`.
    Alphaface,
    /// `blk.{i}.{a,b}.{conv,fc}`.
    Compact,
}

/// A convolution of encoder, decoder or detail, followed by a leaky ReLU (the last one by tanh).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Prefix of `weight` and `bias`.
    pub name: String,
    /// Output channels.
    pub out: usize,
    /// Kernel size.
    pub kernel: usize,
    /// Step.
    #[serde(default = "one")]
    pub stride: usize,
    /// Pixels added on every side.
    #[serde(default)]
    pub pad: usize,
    /// What these pixels hold.
    #[serde(default)]
    pub edge: LayerEdge,
    /// Channels of the input become pixels of this block size first.
    #[serde(default = "one")]
    pub depth_to_space: usize,
    /// The input is upsampled by 2 first.
    #[serde(default)]
    pub upsample: bool,
    /// The output of this encoder layer is appended to the input (after upsampling).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concat: Option<String>,
}

/// Edge handling of a [`Layer`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerEdge {
    /// Zeros.
    #[default]
    Zero,
    /// The picture mirrored.
    Reflect,
}

/// What the identity input is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    /// The network that makes the embedding.
    pub encoder: String,
    /// What of the photo the encoder saw.
    #[serde(default, skip_serializing_if = "EncoderCrop::is_default")]
    pub encoder_crop: EncoderCrop,
    /// SHA-256 of the encoder's weights; if present, embeddings of other weights are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder_sha256: Option<String>,
    /// Length of the input, a raw embedding.
    pub width: usize,
    /// Whether the input is multiplied with the matrix `emap` `[width, width]` (row `o` makes value `o` of the product)
    /// and brought to length 1, as AlphaFace and inswapper do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emap: bool,
    /// If present, the input is centred (`identity_mean`), scaled to `scale` and mapped to this length by `map`.
    /// Without this and `emap` it goes to the blocks as it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<usize>,
    /// Length of the vector before `map`.
    #[serde(default = "unit")]
    pub scale: f32,
}

/// The styled residual blocks, of as many channels as the encoder ends with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlocksConfig {
    /// How many, of two units each.
    pub count: usize,
    /// Whether the mean of a unit's input is averaged into scale and shift.
    pub caii: bool,
    /// Whether the convolutions have a bias in the file (the norm removes it).
    pub bias: bool,
}

const fn one() -> usize {
    1
}

const fn unit() -> f32 {
    1.0
}

impl GeneratorConfig {
    /// The part of the crop that the network sees.
    pub fn window(&self) -> Window {
        self.window.unwrap_or(Window { x: 0, y: 0, width: self.crop, height: self.crop })
    }

    /// The network without its detail layers, on crops of half the size: the same parameters but for those.
    pub fn body(&self) -> Self {
        let Window { x, y, width, height } = self.window();
        let window = Window { x: x / 2, y: y / 2, width: width / 2, height: height / 2 };
        Self { crop: self.crop / 2, window: Some(window), detail: Vec::new(), ..self.clone() }
    }

    /// The network: `crop` `[1, 3, h, w]` RGB in [0, 1] (the window), `identity` `[1, width]`, and `guide` like
    /// `crop` where the config has one -> `crop` like the input.
    ///
    /// # Errors
    /// [`Error::Model`] naming the first field that makes no sense.
    pub fn spec(&self) -> Result<NetSpec> {
        let error = |reason| Error::model("generator", format!("its card's [generator]: {reason}"));
        self.check().map_err(error)?;
        let mut b = Builder::new("alphaface");
        let window = self.window();
        let picture = Shape::new(3, window.height, window.width);
        let crop = b.input("crop", picture);
        let identity = b.input_vector("identity", self.identity.width);
        let guide = self.guide.then(|| b.input("guide", picture));
        let style = self.style(&mut b, identity);

        let pictures = guide.map_or(crop, |guide| b.concat("pictures", crop, guide));
        let mut x = match self.detail.is_empty() {
            true => pictures,
            false => b.pool("half", pictures, Pooling::Mean, 2, 2),
        };
        if self.space_to_depth > 1 {
            x = b.space_to_depth("pixels", x, self.space_to_depth);
        }
        let mut maps = Vec::new();
        for layer in &self.encoder {
            [_, x] = self.layer(&mut b, layer, x, Activation::LeakyRelu(SLOPE), &maps);
            maps.push((layer.name.as_str(), x));
        }
        for index in 0..self.blocks.count {
            x = self.block(&mut b, index, x, style);
        }
        let [read, x] = self.layers(&mut b, &self.decoder, x, &maps);
        let residual = if self.detail.is_empty() { x } else { self.refine(&mut b, pictures, read, x) };
        let out = guide.map_or(residual, |guide| b.add("swapped", guide, residual, Activation::None));
        b.output("crop", out, &[1, 3, window.height, window.width]);
        let spec = b.finish();
        match spec.repeated_name() {
            Some(name) => Err(error(format!("two layers are called {name}"))),
            None => Ok(spec),
        }
    }

    /// The vector that every unit's linear layer reads.
    fn style(&self, b: &mut Builder, identity: ValueId) -> ValueId {
        let shape = b.shape(identity);
        if self.identity.emap {
            let op = Op::Linear { weight: "emap".into(), bias: None, out: shape.c, act: Activation::None };
            let mapped = b.push("emap", op, &[identity], shape);
            return b.push("identity.unit", Op::Normalize { mean: None, scale: 1.0 }, &[mapped], shape);
        }
        let Some(width) = self.identity.map else { return identity };
        let op = Op::Normalize { mean: Some("identity_mean".into()), scale: self.identity.scale };
        let unit = b.push("identity.unit", op, &[identity], shape);
        b.linear("map", unit, width, Activation::LeakyRelu(SLOPE))
    }

    /// One layer; `maps` are the encoder's outputs by name. Returns what its convolution reads, and what it makes.
    fn layer(
        &self,
        b: &mut Builder,
        layer: &Layer,
        mut x: ValueId,
        act: Activation,
        maps: &[(&str, ValueId)],
    ) -> [ValueId; 2] {
        if layer.depth_to_space > 1 {
            x = b.depth_to_space(&format!("{}.pixels", layer.name), x, layer.depth_to_space);
        }
        if layer.upsample {
            x = b.upsample2(&format!("{}.up", layer.name), x);
        }
        if let Some((_, map)) = maps.iter().find(|(name, _)| layer.concat.as_deref() == Some(name)) {
            x = b.concat(&format!("{}.concat", layer.name), x, *map);
        }
        let edge = match layer.edge {
            LayerEdge::Zero => Edge::Zero,
            LayerEdge::Reflect => Edge::Reflect,
        };
        let args = ConvArgs::new(layer.out, layer.kernel).stride(layer.stride);
        [x, b.conv(&layer.name, x, args.pad(Padding::all(edge, layer.pad)).act(act))]
    }

    /// Layers of which the last makes a picture, or a residual on the guide. Returns what its convolution reads, too.
    fn layers(&self, b: &mut Builder, layers: &[Layer], x: ValueId, maps: &[(&str, ValueId)]) -> [ValueId; 2] {
        let last = layers.len() - 1;
        layers.iter().enumerate().fold([x, x], |[_, x], (i, layer)| {
            let act = match (i == last, self.guide) {
                (false, _) => Activation::LeakyRelu(SLOPE),
                (true, false) => Activation::TanhUnit,
                (true, true) => Activation::Tanh,
            };
            self.layer(b, layer, x, act, maps)
        })
    }

    /// The residual at full size, see [`Self::detail`]; `read` is what the decoder's last layer reads.
    fn refine(&self, b: &mut Builder, pictures: ValueId, read: ValueId, residual: ValueId) -> ValueId {
        let pixels = b.space_to_depth("detail.pixels", pictures, 2);
        let x = b.concat("detail", pixels, read);
        let [_, fine] = self.layers(b, &self.detail, x, &[]);
        let coarse = b.upsample2("residual.up", residual);
        b.add("residual", coarse, fine, Activation::None)
    }

    /// Two styled units and the residual.
    fn block(&self, b: &mut Builder, index: usize, x: ValueId, style: ValueId) -> ValueId {
        let y = self.unit(b, index, 0, x, style, None);
        self.unit(b, index, 1, y, style, Some(x))
    }

    /// Reflect-padded 3x3 convolution, instance norm, scale and shift from the identity (and from the input's mean
    /// with CAII); ReLU in the first unit, `residual` added in the second.
    fn unit(
        &self,
        b: &mut Builder,
        index: usize,
        unit: usize,
        x: ValueId,
        style: ValueId,
        residual: Option<ValueId>,
    ) -> ValueId {
        let (prefix, conv, fc) = self.names.unit(index, unit);
        let shape = b.shape(x);
        let mut args = ConvArgs::new(shape.c, 3).pad(Padding::all(Edge::Reflect, 1));
        args.bias = self.blocks.bias;
        let u = b.conv(&conv, x, args);
        let style = b.linear(&fc, style, 2 * shape.c, Activation::None);
        let mut inputs = vec![u, style];
        if self.blocks.caii {
            inputs.push(b.mean(&format!("{prefix}.mean"), x));
        }
        inputs.extend(residual);
        let act = if residual.is_some() { Activation::None } else { Activation::Relu };
        let caii = if self.blocks.caii { Caii::Averaged } else { Caii::Off };
        let op = Op::StyleNorm { eps: EPS, caii, residual: residual.is_some(), act };
        b.push(&prefix, op, &inputs, shape)
    }
}

impl Names {
    /// Names of a unit: the cut point after it, its convolution, its style layer.
    fn unit(self, block: usize, unit: usize) -> (String, String, String) {
        let (prefix, conv, fc) = match self {
            Self::Alphaface => (format!("E.fusion_module.fusion_layer_{block}.OP{}", unit + 1), "Conv1", "IFF.fc"),
            Self::Compact => (format!("blk.{block}.{}", ["a", "b"][unit]), "conv", "fc"),
        };
        let (conv, fc) = (format!("{prefix}.{conv}"), format!("{prefix}.{fc}"));
        (prefix, conv, fc)
    }
}
