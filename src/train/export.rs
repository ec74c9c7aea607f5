//! From a checkpoint of a training run to a model file with its card, which the filter loads as it is.
//!
//! ```text
//! RUN/config.toml                             what was trained; `[generator]` is the network
//! RUN/data.toml                               `[[sets]]`: the photos, with their licences; `init` and its own, `held_out`
//! RUN/checkpoints/latest                      name of the newest checkpoint
//! RUN/checkpoints/step-00001000/state.toml    `[state]`: step, samples, seed
//! RUN/checkpoints/step-00001000/ema.safetensors, generator.safetensors
//! ```

use std::path::{Path, PathBuf};

use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::models::{Card, CardPort, Evaluated, Model, Source, Training, TrainingSet, Weights};
use crate::nets::{GeneratorConfig, NetSpec, Port};
use crate::train::checkpoint::{self, State};
use crate::train::data::PhotoSet;
use crate::train::eval::Report;

/// What only the user knows.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Short name of the model.
    pub name: String,
    /// What it is, for people; made up from the run if absent.
    pub about: Option<String>,
    /// Licence of the weights; if absent the card says that it is not stated, and the photos' licences.
    pub licence: Option<String>,
    /// What it was trained on, for the card.
    pub device: Option<String>,
    /// Whether matrices are stored in half precision (vectors never are).
    pub half: bool,
    /// Whether the weights are taken as they were trained, not their moving average.
    pub raw: bool,
    /// An evaluation whose numbers go into the card.
    pub evaluation: Option<Report>,
}

/// A model file's two parts.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The safetensors file.
    pub weights: Vec<u8>,
    /// Its card.
    pub card: Card,
}

/// What `config.toml` tells: the network, and how it was trained.
#[derive(Deserialize)]
struct Config {
    generator: GeneratorConfig,
    #[serde(flatten)]
    settings: toml::Table,
}

/// What of `data.toml` goes into the card; runs of older programs do not tell all of it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Photos {
    /// The model that the run began with.
    init: Option<String>,
    init_licence: Option<String>,
    init_sets: Vec<TrainingSet>,
    /// Patterns of people that were not trained on.
    held_out: Vec<String>,
    sets: Vec<PhotoSet>,
}

/// Makes a model of `checkpoint`, a run's folder (then its newest checkpoint) or that of one checkpoint.
///
/// # Errors
/// [`Error::Io`] for a missing file, [`Error::Training`] for a damaged one, [`Error::Model`] when weights and network do
/// not fit each other (every difference is listed), or a weight is not finite.
pub fn export(checkpoint: &Path, told: &Told) -> Result<Exported> {
    let (run, checkpoint) = locate(checkpoint)?;
    let (Config { generator, settings }, config) = read_toml(&run.join("config.toml"))?;
    let state = checkpoint::open(&checkpoint)?.state;
    let (photos, _): (Photos, _) = read_toml(&run.join("data.toml"))?;
    let path = checkpoint.join(if told.raw { "generator.safetensors" } else { "ema.safetensors" });
    let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
    let shown = path.display().to_string();
    let weights = Weights::from_bytes(&shown, &bytes)?;
    let spec = generator.spec()?;
    let source = Source {
        package: "trained by alphaswap-train".into(),
        files: vec![path.file_name().unwrap_or_default().to_string_lossy().into_owned()],
        sha256: vec![sha256(&bytes)],
    };
    let training = training(told, &state, sha256(config), settings, &photos);
    let card = card(told, generator, &spec, source, training, &photos);
    let model = Model { name: shown, card, weights, sha256: String::new() };
    model.check(&spec)?;
    let weights = serialize(&model, told.half)?;
    let card = Card { sha256: Some(sha256(&weights)), ..model.card };
    Ok(Exported { weights, card })
}

/// The folders of the run and of the checkpoint.
fn locate(given: &Path) -> Result<(PathBuf, PathBuf)> {
    let latest = given.join("checkpoints").join("latest");
    if latest.is_file() {
        let name = std::fs::read_to_string(&latest).map_err(Error::io(&latest))?;
        return Ok((given.into(), given.join("checkpoints").join(name.trim())));
    }
    let checkpoint = given.canonicalize().map_err(Error::io(given))?;
    let run = checkpoint.parent().and_then(Path::parent).filter(|run| run.join("config.toml").is_file());
    let Some(run) = run.filter(|_| checkpoint.join("state.toml").is_file()) else {
        let reason = "is no training run (RUN/checkpoints/latest) and no checkpoint of one (RUN/checkpoints/step-...)";
        return Err(Error::training(given.display(), reason));
    };
    Ok((run.into(), checkpoint.clone()))
}

/// A TOML file and its text.
fn read_toml<T: DeserializeOwned>(path: &Path) -> Result<(T, String)> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    let value = toml::from_str(&text).map_err(|e| Error::training(path.display(), e.to_string()))?;
    Ok((value, text))
}

fn training(told: &Told, state: &State, config_sha256: String, settings: toml::Table, photos: &Photos) -> Training {
    let models = told.evaluation.iter().flat_map(|report| &report.models);
    let evaluated = models.map(|m| &m.summary).map(|summary| Evaluated {
        model: summary.model.clone(),
        pairs: summary.all.pairs,
        means: summary.means(),
    });
    let own = photos.sets.iter().map(|s| TrainingSet { name: s.name.clone(), licence: s.licence.clone() });
    let mut data: Vec<_> = own.collect();
    data.extend(photos.init_sets.iter().filter(|set| !data.contains(set)).cloned().collect::<Vec<_>>());
    Training {
        date: jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string(),
        device: told.device.clone(),
        steps: state.step,
        samples: state.samples,
        seed: state.seed,
        weights: if told.raw { "raw" } else { "ema" }.into(),
        config_sha256,
        data,
        config: Some(for_card(settings)),
        evaluation: evaluated.collect(),
    }
}

/// A run's configuration for its card.
fn for_card(mut config: toml::Table) -> toml::Table {
    config.remove("output");
    config.iter_mut().for_each(|(_, value)| without_folders(value));
    config
}

/// Where files lie is nobody else's business.
fn without_folders(value: &mut toml::Value) {
    match value {
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, value)| without_folders(value)),
        toml::Value::String(path) => {
            let name = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
            *path = name.unwrap_or_default();
        }
        _ => {}
    }
}

fn card(
    told: &Told,
    generator: GeneratorConfig,
    spec: &NetSpec,
    source: Source,
    training: Training,
    photos: &Photos,
) -> Card {
    let guided = if generator.guide { "guided generator" } else { "generator" };
    let about = || {
        let (crop, steps, samples) = (generator.crop, training.steps, training.samples);
        let mut text = format!(
            "A {guided} of the AlphaFace family for crops of {crop} px, after {steps} steps ({samples} samples)."
        );
        text.extend(photos.init.iter().map(|model| format!(" The run began with the weights of {model}.")));
        if !photos.held_out.is_empty() {
            text += &format!(" It was not trained on the people {}.", photos.held_out.join(", "));
        }
        text
    };
    let unstated = || {
        let sets: Vec<_> = training.data.iter().map(|set| format!("{}: {}", set.name, set.licence)).collect();
        let mut text = format!("not stated; trained on photos under these licences: {}", sets.join("; "));
        text.extend(photos.init_licence.iter().map(|licence| format!("; begun with weights under {licence}")));
        text
    };
    let port = |port: &Port| CardPort {
        name: port.name.clone(),
        shape: port.shape.clone(),
        values: match port.name.as_str() {
            "identity" => "embedding of the identity encoder, as it comes".into(),
            _ => "RGB in [0, 1]".into(),
        },
    };
    Card {
        name: told.name.clone(),
        network: "alphaface".into(),
        about: told.about.clone().unwrap_or_else(about),
        licence: told.licence.clone().unwrap_or_else(unstated),
        sha256: None,
        source: Some(source),
        input: spec.inputs.iter().map(port).collect(),
        output: spec.outputs.iter().map(port).collect(),
        generator: Some(generator),
        arcface: None,
        training: Some(training),
    }
}

/// The file: all in single precision, or matrices in half precision.
fn serialize(model: &Model, half: bool) -> Result<Vec<u8>> {
    let mut stored = Vec::new();
    for (name, tensor) in &model.weights.0 {
        let halved = half && tensor.shape.len() > 1;
        if halved && let Some(v) = tensor.data.iter().find(|v| !f16::from_f32(**v).is_finite()) {
            let reason = format!("tensor {name} holds {v}, too large for half precision; export without --f16");
            return Err(Error::model(&model.name, reason));
        }
        let bytes: Vec<u8> = match halved {
            true => tensor.data.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
            false => tensor.data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        };
        stored.push((name, if halved { Dtype::F16 } else { Dtype::F32 }, &tensor.shape, bytes));
    }
    let cannot = |e: safetensors::SafeTensorError| Error::model(&model.name, format!("cannot be stored: {e}"));
    let mut views = Vec::new();
    for (name, dtype, shape, bytes) in &stored {
        views.push((name, TensorView::new(*dtype, shape.to_vec(), bytes).map_err(cannot)?));
    }
    safetensors::serialize(views, None).map_err(cannot)
}
