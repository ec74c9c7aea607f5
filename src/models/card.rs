//! The card: what a model file is, in TOML beside it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::nets::{ArcfaceConfig, GeneratorConfig};

/// What a model file is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Short name. For `arcface` it is what identities and generators call the encoder.
    pub name: String,
    /// Which of the networks in `nets` it is for: `blazeface_back_256`, `facemesh_468_192`, `faceres_224`,
    /// `dlib_resnet_150`, `arcface`, `alphaface`.
    pub network: String,
    /// What it is, for people.
    pub about: String,
    /// Licence of the weights.
    pub licence: String,
    /// SHA-256 of the weights file; checked if present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Where the weights come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Inputs.
    #[serde(default)]
    pub input: Vec<CardPort>,
    /// Outputs.
    #[serde(default)]
    pub output: Vec<CardPort>,
    /// For `alphaface`: which member of the family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<GeneratorConfig>,
    /// For `arcface`: which member of the family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arcface: Option<ArcfaceConfig>,
    /// How the weights came about, where `alphaswap-train` trained them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<Training>,
}

/// How weights came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Day of the export, `YYYY-MM-DD`.
    pub date: String,
    /// What it was trained on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Samples that were seen.
    pub samples: u64,
    /// Seed of the run.
    pub seed: u64,
    /// Which weights of the run: `ema` (their moving average) or `raw`.
    pub weights: String,
    /// SHA-256 of the run's configuration.
    pub config_sha256: String,
    /// Photos that it was trained on.
    #[serde(default)]
    pub data: Vec<TrainingSet>,
    /// What it was judged to be, beside others on the same pictures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evaluation: Vec<Evaluated>,
    /// The run's configuration without the network, which is [`Card::generator`]; of files the names alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<toml::Table>,
}

/// A set of photos that a model was trained on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingSet {
    /// Its name.
    pub name: String,
    /// Licence of the photos, in the words of who prepared them.
    pub licence: String,
}

/// A row of an evaluation's table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluated {
    /// Name of the model.
    pub model: String,
    /// Pairs of pictures that count.
    pub pairs: usize,
    /// Means by the name of what was measured (`alphaswap-train eval`).
    pub means: BTreeMap<String, f64>,
}

/// Where weights come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Package and version.
    pub package: String,
    /// Files of the package.
    pub files: Vec<String>,
    /// SHA-256 of each file.
    pub sha256: Vec<String>,
}

/// An input or output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardPort {
    /// Its name.
    pub name: String,
    /// Its shape, batch included.
    pub shape: Vec<usize>,
    /// Meaning and range of the values.
    pub values: String,
}

impl Card {
    /// Reads a card; `model` names it in errors.
    ///
    /// # Errors
    /// [`Error::Model`] saying which line is wrong.
    pub fn parse(model: &str, text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|e| Error::model(model, format!("its card is broken: {e}")))
    }
}
