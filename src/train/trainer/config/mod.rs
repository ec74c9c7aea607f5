//! What a training run does: one TOML file.
//!
//! A table may start from a known one: `preset` in `[generator]` names a member of the family, and further keys of the
//! table replace its. The file that is saved in the run spells everything out.

mod check;
mod merge;
mod tables;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use tables::{
    Augment, Clip, Compute, Data, DiscriminatorTable, EmaTable, Identity, Losses, Output, Perceptual, Precision,
};

use crate::digest;
use crate::error::{Error, Result};
use crate::nets::GeneratorConfig;
use crate::train::optim::{AdamwConfig, Schedule};

/// Everything that a run is told. What is left out of a file has the value of AlphaFace's release (design of its
/// `train_clip.py` and `alphaface_train_demo`), unless its table says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Start of every random choice: data order, augmentation, first weights.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Steps after which the run is over.
    #[serde(default = "default_steps")]
    pub steps: u64,
    /// The network that is trained.
    pub generator: GeneratorConfig,
    /// What it is trained on.
    pub data: Data,
    /// The network that judges identities.
    #[serde(default)]
    pub identity: Identity,
    /// Weights of the terms; a term of weight 0 is not computed.
    #[serde(default)]
    pub losses: Losses,
    /// The network whose maps the perceptual terms compare.
    #[serde(default)]
    pub perceptual: Perceptual,
    /// CLIP, for the two terms that need it.
    #[serde(default)]
    pub clip: Clip,
    /// The discriminator's size.
    #[serde(default)]
    pub discriminator: DiscriminatorTable,
    /// AdamW, the same for generator and discriminator.
    #[serde(default)]
    pub optimizer: AdamwConfig,
    /// The learning rate's way.
    #[serde(default = "default_schedule")]
    pub schedule: Schedule,
    /// The averaged weights that are shipped.
    #[serde(default)]
    pub ema: EmaTable,
    /// How samples are varied.
    #[serde(default)]
    pub augment: Augment,
    /// Number formats.
    #[serde(default)]
    pub precision: Precision,
    /// What is written, and when.
    #[serde(default)]
    pub output: Output,
}

const fn default_seed() -> u64 {
    2048
}

const fn default_steps() -> u64 {
    300_000
}

/// AlphaFace's: 0.97 every 20,000 steps.
const fn default_schedule() -> Schedule {
    Schedule::Step { every: 20_000, factor: 0.97 }
}

impl Config {
    /// Reads a file and applies `overrides` (`table.key=value`, values as in TOML; a bare word is a text).
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Training`] naming the key that is unknown or has a value that makes no sense.
    pub fn open(path: &Path, overrides: &[String]) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        Self::parse(&path.display().to_string(), &text, overrides)
    }

    /// The config in `text`; `name` is for messages. See [`Self::open`].
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn parse(name: &str, text: &str, overrides: &[String]) -> Result<Self> {
        let error = |reason: String| Error::training(name, reason);
        let mut table: toml::Table = toml::from_str(text).map_err(|e| error(e.to_string()))?;
        for text in overrides {
            merge::set(&mut table, text).map_err(|reason| error(format!("--set {text}: {reason}")))?;
        }
        merge::expand_preset(&mut table).map_err(error)?;
        let config: Self = table.try_into().map_err(|e: toml::de::Error| error(e.to_string().trim_end().into()))?;
        config.check().map_err(error)?;
        Ok(config)
    }

    /// The file's text with every default spelled out.
    ///
    /// # Errors
    /// [`Error::Training`] when a value cannot be written in TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::training("config", e.to_string()))
    }

    /// SHA-256 of [`Self::to_toml`] in hexadecimal digits.
    ///
    /// # Errors
    /// As [`Self::to_toml`].
    pub fn sha256(&self) -> Result<String> {
        Ok(digest::sha256(self.to_toml()?))
    }
}
