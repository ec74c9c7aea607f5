//! CLIP: how well a picture fits a sentence, or another picture (Radford et al. 2021).
//!
//! [`Clip`] judges, with weights that OpenAI or Hugging Face published or that [`fit`] made. A CLIP is a folder:
//!
//! ```text
//! DIR/model.safetensors   the weights, under OpenAI's names or Hugging Face's
//! DIR/tokenizer.json      the tokenizer, as Hugging Face's crate writes it
//! ```

pub mod config;
pub mod fit;
mod layers;
mod names;
pub mod parameters;
pub mod tokenizer;
pub mod towers;

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::error::{Error, Result};
use crate::models::{MAX_WEIGHTS, Weights, check_size, to_f32, views};
use config::{ClipConfig, Shapes};
use tokenizer::{Tokenizer, Tokens};
use towers::Towers;

/// Name of the weights in a CLIP's folder.
pub const WEIGHTS: &str = "model.safetensors";
/// Name of the tokenizer in a CLIP's folder.
pub const TOKENIZER: &str = "tokenizer.json";

/// A CLIP that judges: its parameters stay as they are, gradients flow through it to the pictures.
#[derive(Clone, Debug)]
pub struct Clip {
    towers: Towers,
    tokenizer: Tokenizer,
    config: ClipConfig,
}

impl Clip {
    /// Reads a folder; the sizes are read off the weights.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Training`] for missing or damaged files, weights that are not CLIP's (every difference
    /// is named), or a tokenizer for another vocabulary.
    pub fn open(folder: &Path, device: &Device) -> Result<Self> {
        let path = folder.join(WEIGHTS);
        let weights = read_weights(&path)?;
        let of_file = |reason| Error::training(path.display(), reason);
        let shapes: Shapes = weights.0.iter().map(|(name, t)| (name.clone(), t.shape.clone())).collect();
        let config = ClipConfig::of(&shapes).map_err(of_file)?;
        let tokenizer = Tokenizer::open(&folder.join(TOKENIZER))?;
        Self::new(config, weights, tokenizer, device).map_err(of_file)
    }

    /// A CLIP of these parts; `weights` has OpenAI's names.
    ///
    /// # Errors
    /// What does not go together, every difference by name.
    pub fn new(config: ClipConfig, weights: Weights, tokenizer: Tokenizer, device: &Device) -> Result<Self, String> {
        config.check()?;
        let (have, want) = (tokenizer.vocabulary(), config.text.vocabulary);
        if have > want {
            return Err(format!("its tokenizer has {have} tokens, its text tower {want}; they are of different CLIPs"));
        }
        let towers = parameters::load(Towers::blank(&config, device), weights, device)?.no_grad();
        Ok(Self { towers, tokenizer, config })
    }

    /// Its sizes.
    pub fn config(&self) -> &ClipConfig {
        &self.config
    }

    /// Texts as the text tower reads them; longer ones are cut off.
    ///
    /// # Errors
    /// [`Error::Training`] for a text that cannot be encoded.
    pub fn tokenize(&self, texts: &[String]) -> Result<Tokens> {
        let encode = |text: &String| self.tokenizer.encode(text, self.config.text.context);
        Ok(Tokens::new(texts.iter().map(encode).collect::<Result<_>>()?))
    }

    /// Features of pictures, see [`Towers::image_features`]: `[n, 3, h, w]` in [0, 1] to unit vectors `[n, embedding]`.
    pub fn image_features(&self, pictures: Tensor<4>) -> Tensor<2> {
        self.towers.image_features(pictures)
    }

    /// Features of texts: unit vectors `[n, embedding]`.
    pub fn text_features(&self, texts: &Tokens) -> Tensor<2> {
        self.towers.text_features(texts)
    }
}

/// Parameters of a weights file of either naming, under OpenAI's names.
///
/// # Errors
/// [`Error::Io`], or [`Error::Model`] for a damaged file.
pub fn read_weights(path: &Path) -> Result<Weights> {
    check_size(path, MAX_WEIGHTS).map_err(Error::io(path))?;
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let model = path.display().to_string();
    let read = |(name, view): (String, _)| {
        let tensor = to_f32(&view).map_err(|reason| Error::model(&model, format!("tensor {name}: {reason}")))?;
        Ok((name, tensor))
    };
    let parameters = views(&model, &bytes)?.into_iter().filter(|(name, _)| names::is_parameter(name));
    Ok(Weights(names::official(parameters.map(read).collect::<Result<_>>()?)))
}
