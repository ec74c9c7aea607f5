//! The sizes of a CLIP, chosen by name or read off its weights.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Shapes of parameters by OpenAI's names.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// Channels of an attention head in every CLIP that OpenAI published (`clip/model.py`, `build_model`).
const HEAD_WIDTH: usize = 64;

/// Sizes of both towers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipConfig {
    /// Length of the features, the same for pictures and texts.
    pub embedding: usize,
    /// The image tower.
    pub image: ImageConfig,
    /// The text tower.
    pub text: TextConfig,
}

/// Sizes of the image tower, a vision transformer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageConfig {
    /// Side of the picture in pixels.
    pub side: usize,
    /// Side of a patch in pixels; divides `side`.
    pub patch: usize,
    /// Channels of the transformer.
    pub width: usize,
    /// Number of its blocks.
    pub layers: usize,
    /// Attention heads of a block; divides `width`.
    pub heads: usize,
}

/// Sizes of the text tower.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextConfig {
    /// Most tokens of a text, with its start and its end.
    pub context: usize,
    /// Number of different tokens.
    pub vocabulary: usize,
    /// Channels of the transformer.
    pub width: usize,
    /// Number of its blocks.
    pub layers: usize,
    /// Attention heads of a block; divides `width`.
    pub heads: usize,
}

impl ImageConfig {
    /// Tokens of a picture: its patches and the class token.
    pub fn tokens(&self) -> usize {
        (self.side / self.patch).pow(2) + 1
    }
}

impl ClipConfig {
    /// Names that [`Self::preset`] takes.
    pub const PRESETS: [&str; 2] = ["vit-b-32", "small"];

    /// Sizes by name: `vit-b-32` is OpenAI's ViT-B/32 (Radford et al. 2021, tables 19 and 20), `small` one that trains on
    /// a CPU within minutes; its vocabulary is an upper limit.
    ///
    /// # Errors
    /// [`Error::Training`] for another name.
    pub fn preset(name: &str) -> Result<Self> {
        let image = |side, patch, width, layers| ImageConfig { side, patch, width, layers, heads: width / HEAD_WIDTH };
        let text = |vocabulary, width, layers| TextConfig {
            context: 77,
            vocabulary,
            width,
            layers,
            heads: width / HEAD_WIDTH,
        };
        match name {
            "vit-b-32" => Ok(Self { embedding: 512, image: image(224, 32, 768, 12), text: text(49408, 512, 12) }),
            "small" => Ok(Self { embedding: 128, image: image(96, 12, 192, 4), text: text(1024, 128, 3) }),
            _ => Err(Error::training(name, format!("no such size of CLIP; there are {}", Self::PRESETS.join(", ")))),
        }
    }

    /// Sizes read off the shapes of the weights, as `clip/model.py` of OpenAI does it.
    ///
    /// # Errors
    /// What is missing or odd about the weights.
    pub fn of(shapes: &Shapes) -> Result<Self, String> {
        let shape = |name: &str, rank: usize| {
            let found = shapes.get(name).ok_or_else(|| format!("there is no tensor {name}"))?;
            match found.len() == rank && !found.contains(&0) {
                true => Ok(found.as_slice()),
                false => Err(format!("tensor {name} has the shape {found:?}")),
            }
        };
        let layers = |prefix: &str| {
            let is_there = |i: &usize| shapes.contains_key(&format!("{prefix}transformer.resblocks.{i}.ln_1.weight"));
            (0..shapes.len()).take_while(is_there).count()
        };
        let conv = shape("visual.conv1.weight", 4)?;
        let positions = shape("visual.positional_embedding", 2)?[0];
        let grid = (positions - 1).isqrt();
        let image = ImageConfig {
            side: grid * conv[2],
            patch: conv[2],
            width: conv[0],
            layers: layers("visual."),
            heads: conv[0] / HEAD_WIDTH,
        };
        let [vocabulary, width] = shape("token_embedding.weight", 2)?[..] else { unreachable!("its rank was checked") };
        let text = TextConfig {
            context: shape("positional_embedding", 2)?[0],
            vocabulary,
            width,
            layers: layers(""),
            heads: width / HEAD_WIDTH,
        };
        let config = Self { embedding: shape("text_projection", 2)?[1], image, text };
        config.check()?;
        Ok(config)
    }

    /// Whether the sizes go together.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        let Self { embedding, image, text } = self;
        let splits = |whole: usize, part: usize| part > 0 && whole >= part && whole.is_multiple_of(part);
        for (tower, width, heads) in [("image", image.width, image.heads), ("text", text.width, text.heads)] {
            if !splits(width, heads) {
                return Err(format!("{width} channels of the {tower} tower do not split into {heads} heads"));
            }
        }
        if !splits(image.side, image.patch) {
            return Err(format!("pictures of {} px do not split into patches of {} px", image.side, image.patch));
        }
        match *embedding > 0 && text.vocabulary > 2 && text.context > 2 && image.layers > 0 && text.layers > 0 {
            true => Ok(()),
            false => Err("a size is zero, or too small for a start, an end and a token between them".into()),
        }
    }
}
