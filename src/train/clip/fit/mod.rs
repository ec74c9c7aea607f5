//! Training a CLIP on a data set's photos and captions (`alphaswap-train train-clip`).

pub mod contrast;
pub mod pairs;
pub mod run;

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::config::ClipConfig;
use super::parameters;
use super::tokenizer::Tokenizer;
use super::towers::Towers;
use super::{TOKENIZER, WEIGHTS, read_weights};
use crate::error::{Error, Result};
use crate::files::replace;
use crate::train::checkpoint::write_tensors;
use crate::train::optim::{AdamwConfig, Optimizer, Schedule};
use contrast::{Retrieval, contrastive, retrieval};
use pairs::{Pairs, Split};

/// Name of the optimiser's moments in a checkpoint.
const MOMENTS: &str = "optimizer.safetensors";

/// How a CLIP is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitConfig {
    /// Sizes; the vocabulary is what the tokenizer found.
    pub clip: ClipConfig,
    /// Number of steps.
    pub steps: u64,
    /// Photos of a step.
    pub batch: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// How weights are changed.
    pub optimizer: AdamwConfig,
    /// How the learning rate changes.
    pub schedule: Schedule,
}

impl FitConfig {
    /// AdamW as CLIP was trained (Radford et al. 2021, tables 18 and 19: 0.9, 0.98 and 1e-6 for vision transformers,
    /// half a cosine after a warm-up), with less decay, as here it is applied to every parameter.
    pub fn new(clip: ClipConfig, steps: u64, batch: usize, lr: f64, seed: u64) -> Self {
        let optimizer = AdamwConfig { lr, beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weight_decay: 0.05, clip: Some(1.0) };
        let schedule = Schedule::Cosine { steps, to: lr / 100.0, warmup: steps / 20 };
        Self { clip, steps, batch, seed, optimizer, schedule }
    }
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Its number, from 1.
    pub step: u64,
    /// The loss before it, in nats.
    pub loss: f32,
    /// Learning rate.
    pub lr: f64,
    /// Norm of the gradients before clipping.
    pub gradient: f32,
    /// What similarities were multiplied by.
    pub scale: f32,
}

/// A CLIP in training.
#[derive(Debug)]
pub struct Fit {
    config: FitConfig,
    towers: Towers,
    optimizer: Optimizer<Towers>,
    step: u64,
    device: Device,
}

impl Fit {
    /// A CLIP that has learnt nothing, on a device without autodiff (it is added here).
    ///
    /// # Errors
    /// [`Error::Training`] for sizes that do not go together.
    pub fn new(config: FitConfig, device: &Device) -> Result<Self> {
        config.clip.check().map_err(|reason| Error::training("CLIP", reason))?;
        let device = device.clone().autodiff();
        let towers = parameters::start(Towers::blank(&config.clip, &device), &config.clip, config.seed, &device);
        Ok(Self { optimizer: Optimizer::new(&config.optimizer), towers, step: 0, device, config })
    }

    /// Goes on from the files that [`Self::save`] wrote into `folder` after `step` steps.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Model`] or [`Error::Training`] for missing or damaged files, or those of another CLIP.
    pub fn resume(config: FitConfig, step: u64, folder: &Path, device: &Device) -> Result<Self> {
        let fresh = Self::new(config, device)?;
        let path = folder.join(WEIGHTS);
        let weights = read_weights(&path)?;
        let towers =
            parameters::load(fresh.towers, weights, &fresh.device).map_err(|e| Error::training(path.display(), e))?;
        let optimizer = fresh.optimizer.load(&folder.join(MOMENTS), &towers)?;
        Ok(Self { towers, optimizer, step, ..fresh })
    }

    /// Weights and moments into an existing folder.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, folder: &Path) -> Result<()> {
        self.save_weights(folder)?;
        self.optimizer.save(&folder.join(MOMENTS))
    }

    /// The weights alone into an existing folder.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save_weights(&self, folder: &Path) -> Result<()> {
        write_tensors(&folder.join(WEIGHTS), &parameters::read(&self.towers))
    }

    /// Steps that are done.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// How it is trained.
    pub fn config(&self) -> &FitConfig {
        &self.config
    }

    /// One step on the photos of `pairs` whose turn it is.
    ///
    /// # Errors
    /// [`Error::Training`] when loss or gradients are no longer finite; the weights are those before the step.
    pub fn step(&mut self, pairs: &Pairs) -> Result<Step> {
        let Self { config, towers, optimizer, step, device } = self;
        let lr = config.schedule.lr(config.optimizer.lr, *step);
        let batch = pairs.batch(&pairs.picks(config.seed, *step, config.batch), device);
        let similarities = towers.image_features(batch.pictures).matmul(towers.text_features(&batch.texts).transpose());
        let scale = towers.scale();
        let loss = contrastive(similarities * scale.clone().unsqueeze(), &batch.texts);
        let (stepped, gradient) = optimizer.step(lr, towers.clone(), loss.backward());
        let [value, gradient] = [loss, gradient].map(Tensor::into_scalar::<f32>);
        if !value.is_finite() || !gradient.is_finite() {
            let reason = format!(
                "the loss is {value} and the gradients' norm {gradient} at step {}; go on from the last checkpoint with a \
                 smaller learning rate",
                *step + 1
            );
            return Err(Error::training("contrastive loss", reason));
        }
        *towers = stepped;
        *step += 1;
        Ok(Step { step: *step, loss: value, lr, gradient, scale: scale.into_scalar::<f32>() })
    }

    /// How well it finds captions and photos of `held_out`.
    pub fn judge(&self, held_out: &Pairs) -> Retrieval {
        retrieval(&self.towers.valid(), held_out, self.config.seed, &self.device.clone().inner())
    }
}

/// A tokenizer for the captions of `split`'s training photos and of their mirror images.
///
/// # Errors
/// As [`Tokenizer::train`].
pub fn train_tokenizer(split: &Split<'_>, vocabulary: usize) -> Result<Tokenizer> {
    let texts: Vec<String> = split.training.iter().flat_map(|photo| photo.texts.clone()).collect();
    Tokenizer::train(&texts, vocabulary)
}

/// Writes the tokenizer into an existing folder.
///
/// # Errors
/// [`Error::Io`].
pub fn save_tokenizer(tokenizer: &Tokenizer, folder: &Path) -> Result<()> {
    let path = folder.join(TOKENIZER);
    replace(&path, tokenizer.to_json()?.as_bytes())
}
