//! The two networks, which bring pictures and texts into one space (Radford et al. 2021, section 2.4).

use burn::module::{Module, Param};
use burn::tensor::module::embedding;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::config::{ClipConfig, ImageConfig, TextConfig};
use super::layers::{LayerNorm, Transformer, blank};
use super::tokenizer::Tokens;
use crate::nets::Padding;
use crate::train::ops::{ConvSetting, conv2d, resize};

/// Mean of CLIP's training pictures, for red, green and blue in [0, 1] (`clip/clip.py`, `_transform`).
pub const MEAN: [f32; 3] = [0.48145466, 0.4578275, 0.40821073];
/// Standard deviation beside [`MEAN`].
pub const DEVIATION: [f32; 3] = [0.26862954, 0.261_302_6, 0.275_777_1];
/// Most that similarities are multiplied by (section 2.5 of the paper).
const MAX_SCALE: f32 = 100.0;

/// Both towers.
#[derive(Module, Debug)]
pub struct Towers {
    visual: ImageTower,
    text: TextTower,
    /// Logarithm of what similarities are multiplied by, `[1]`
    logit_scale: Param<Tensor<1>>,
}

impl Towers {
    /// All parameters are zero; see [`super::parameters`].
    pub fn blank(config: &ClipConfig, device: &Device) -> Self {
        Self {
            visual: ImageTower::blank(&config.image, config.embedding, device),
            text: TextTower::blank(&config.text, config.embedding, device),
            logit_scale: blank([1], device),
        }
    }

    /// Features of pictures, unit vectors.
    ///
    /// They go through [`prepare`] first.
    ///
    /// # Shapes
    /// - pictures: `[n, 3, h, w]` of any size, RGB in [0, 1]
    /// - output: `[n, embedding]`
    pub fn image_features(&self, pictures: Tensor<4>) -> Tensor<2> {
        unit(self.visual.forward(prepare(pictures, self.visual.side)))
    }

    /// Features of texts, unit vectors `[n, embedding]`.
    pub fn text_features(&self, texts: &Tokens) -> Tensor<2> {
        unit(self.text.forward(texts))
    }

    /// What similarities are multiplied by before the softmax, `[1]`.
    pub fn scale(&self) -> Tensor<1> {
        self.logit_scale.val().clamp_max(MAX_SCALE.ln()).exp()
    }
}

/// A vision transformer.
#[derive(Module, Debug)]
struct ImageTower {
    conv1: Patches,
    /// `[width]`
    class_embedding: Param<Tensor<1>>,
    /// `[tokens, width]`
    positional_embedding: Param<Tensor<2>>,
    ln_pre: LayerNorm,
    transformer: Transformer,
    ln_post: LayerNorm,
    /// `[width, embedding]`
    proj: Param<Tensor<2>>,
    #[module(skip)]
    side: usize,
}

/// The layer that sees the patches.
#[derive(Module, Debug)]
struct Patches {
    /// `[width, 3, patch, patch]`
    weight: Param<Tensor<4>>,
}

impl ImageTower {
    fn blank(config: &ImageConfig, output: usize, device: &Device) -> Self {
        let ImageConfig { side, patch, width, layers, heads } = *config;
        Self {
            conv1: Patches { weight: blank([width, 3, patch, patch], device) },
            class_embedding: blank([width], device),
            positional_embedding: blank([config.tokens(), width], device),
            ln_pre: LayerNorm::new(width, device),
            transformer: Transformer::new(layers, width, heads, device),
            ln_post: LayerNorm::new(width, device),
            proj: blank([width, output], device),
            side,
        }
    }

    /// `[n, 3, side, side]` to `[n, embedding]`, of any length.
    fn forward(&self, pictures: Tensor<4>) -> Tensor<2> {
        let weight = self.conv1.weight.val();
        let [width, _, patch, _] = weight.dims();
        let n = pictures.dims()[0];
        let patches =
            conv2d(pictures, weight, None, ConvSetting { stride: patch, pad: Padding::none(), compute: None });
        let class = self.class_embedding.val().reshape([1, 1, width]).expand([n, 1, width]);
        let x = Tensor::cat(vec![class, patches.flatten::<3>(2, 3).swap_dims(1, 2)], 1);
        let x = self.ln_pre.forward(x + self.positional_embedding.val().unsqueeze::<3>());
        let x = self.transformer.forward(x, false);
        let class = x.slice_dim(1, 0..1).reshape([n, width]);
        self.ln_post.forward(class).matmul(self.proj.val())
    }
}

/// A transformer that reads from left to right.
#[derive(Module, Debug)]
struct TextTower {
    token_embedding: Embedding,
    /// `[context, width]`
    positional_embedding: Param<Tensor<2>>,
    transformer: Transformer,
    ln_final: LayerNorm,
    /// `[width, embedding]`
    text_projection: Param<Tensor<2>>,
}

/// A vector for each token.
#[derive(Module, Debug)]
struct Embedding {
    /// `[vocabulary, width]`
    weight: Param<Tensor<2>>,
}

impl TextTower {
    fn blank(config: &TextConfig, output: usize, device: &Device) -> Self {
        let TextConfig { context, vocabulary, width, layers, heads } = *config;
        Self {
            token_embedding: Embedding { weight: blank([vocabulary, width], device) },
            positional_embedding: blank([context, width], device),
            transformer: Transformer::new(layers, width, heads, device),
            ln_final: LayerNorm::new(width, device),
            text_projection: blank([width, output], device),
        }
    }

    /// Features `[n, embedding]` of any length: what the transformer says at each text's end.
    fn forward(&self, texts: &Tokens) -> Tensor<2> {
        let (positions, embeddings) = (self.positional_embedding.val(), self.token_embedding.weight.val());
        let (device, [n, t], width) = (positions.device(), texts.dims(), positions.dims()[1]);
        let ids = Tensor::<2, Int>::from_data(TensorData::new(texts.ids(), [n, t]), &device);
        let x = embedding(embeddings, ids) + positions.slice_dim(0, 0..t).unsqueeze::<3>();
        let x = self.ln_final.forward(self.transformer.forward(x, true));
        let ends = Tensor::<1, Int>::from_data(TensorData::new(texts.ends(), [n]), &device);
        x.reshape([n * t, width]).select(0, ends).matmul(self.text_projection.val())
    }
}

/// Pictures `[n, 3, h, w]` in [0, 1] as the image tower wants them, `[n, 3, side, side]`.
///
/// They are resized bilinearly without antialiasing, as AlphaFace's training does it, then brought to the mean and
/// deviation that CLIP was trained with. (AlphaFace's published code multiplies them by 255 in between, by mistake; this
/// is not repeated here.)
pub fn prepare(pictures: Tensor<4>, side: usize) -> Tensor<4> {
    let device = pictures.device();
    let channels = |values: [f32; 3]| Tensor::<1>::from_floats(values, &device).reshape([1, 3, 1, 1]);
    (resize(pictures, [side; 2]) - channels(MEAN)) / channels(DEVIATION)
}

/// Each row divided by its length.
fn unit(x: Tensor<2>) -> Tensor<2> {
    let length = x.clone().square().sum_dim(1).sqrt();
    x / length
}
