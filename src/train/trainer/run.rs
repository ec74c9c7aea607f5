//! A run: step after step, with what is saved on the way.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::batch::Batch;
use super::config::Config;
use super::folder::RunFolder;
use super::loader::Loader;
use super::material::Material;
use super::metrics::{self, Row};
use super::networks::{Critic, Generator, Judges, first_weights};
use super::step::{Clock, Shown, Step};
use super::terms::finite;
use super::{check, grid, report};
use crate::error::{Error, Result};
use crate::files::replace;
use crate::models::Model;
use crate::train::checkpoint::{self, Checkpoint, State, read_weights, write_tensors};
use crate::train::data::write::png;
use crate::train::losses::adversarial;
use crate::train::optim::{Ema, Optimizer};
use crate::train::spec_module::SpecModule;

/// Files of a checkpoint.
const GENERATOR: &str = "generator.safetensors";
const EMA: &str = "ema.safetensors";
const MOMENTS: &str = "optimizer-g.safetensors";
const CRITIC: &str = "discriminator.safetensors";
const CRITIC_MOMENTS: &str = "optimizer-d.safetensors";

/// How a run begins.
#[derive(Clone, Debug)]
pub enum Start {
    /// With the weights of a model, or random ones.
    Fresh(Option<Box<Model>>),
    /// Where its newest checkpoint stands.
    Resume,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All steps are done.
    Done,
    /// The caller wanted it to.
    Stopped,
}

/// A generator in training.
#[derive(Debug)]
pub struct Trainer {
    config: Config,
    folder: RunFolder,
    material: Arc<Material>,
    /// With gradients.
    device: Device,
    generator: Generator,
    optimizer: Optimizer<SpecModule>,
    ema: Ema<SpecModule>,
    critic: Option<Critic>,
    judges: Judges,
    state: State,
    /// Step of the newest checkpoint.
    saved: Option<u64>,
}

impl Trainer {
    /// Opens the data, makes or reads the networks, and writes config and data note into the folder `run`.
    ///
    /// # Errors
    /// [`Error::Training`] for data, a checkpoint or a model that does not fit the config, a fresh run where another one
    /// is, or nothing to resume; [`Error::Io`].
    pub fn new(config: Config, run: &Path, device: &Device, start: Start) -> Result<Self> {
        let device = device.clone().autodiff();
        let checkpoint = checkpoint::load(run)?;
        let refuse = |reason: &str| Err(Error::training(run.display(), reason));
        let init = match (&start, &checkpoint) {
            (Start::Fresh(_), Some(_)) => {
                return refuse("holds a run already; go on with --resume, or name another folder");
            }
            (Start::Resume, None) => return refuse("has no checkpoint to resume; start without --resume"),
            (Start::Fresh(init), None) => init.as_deref(),
            (Start::Resume, Some(_)) => None,
        };
        let material = Arc::new(Material::open(&config)?);
        let params = config.generator.spec()?.params();
        let weights = match &checkpoint {
            Some(found) => read_weights(&found.file(GENERATOR), params)?,
            None => first_weights(&config, &material, init)?,
        };
        let generator = Generator::new(&config, &weights, &device)?;
        let judges = Judges::new(&config, &weights, &device)?;
        let mut trainer = Self {
            optimizer: Optimizer::new(&config.optimizer),
            ema: Ema::new(config.ema.decay, &generator.module),
            state: State { seed: config.seed, ..State::default() },
            folder: RunFolder(run.into()),
            critic: None,
            saved: None,
            config,
            material,
            device,
            generator,
            judges,
        };
        trainer.state.config_sha256 = trainer.config.sha256()?;
        trainer.folder.begin(&trainer.config, &trainer.material)?;
        if let Some(found) = checkpoint {
            trainer.restore(&found)?;
        }
        metrics::rewind(&trainer.folder, trainer.state.step)?;
        Ok(trainer)
    }

    /// Where the run stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What it was told.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The generator's weights as they are.
    pub fn generator(&self) -> &SpecModule {
        &self.generator.module
    }

    /// Steps until the config's last one; `seen` is told of each, and ends the run by returning false. A checkpoint is
    /// written at the end in either case.
    ///
    /// # Errors
    /// [`Error::Training`] naming the term that is no number any more: no checkpoint is written then, the last one is
    /// good. [`Error::Io`].
    pub fn run(&mut self, mut seen: impl FnMut(&Row) -> bool) -> Result<End> {
        let mut loader = Loader::start(self.material.clone(), self.state.step, self.config.data.ahead)?;
        let mut end = End::Done;
        while end == End::Done && self.state.step < self.config.steps {
            let mut clock = Clock::start();
            let batch = loader.take()?;
            clock.lap("data");
            let mut row = self.step(&batch, clock)?;
            let output = &self.config.output;
            if every(output.validate_every, row.step) {
                row.held_out = Some(self.check()?);
            }
            metrics::append(&self.folder, &row)?;
            if every(output.checkpoint_every, row.step) {
                self.save()?;
            }
            if every(self.config.output.grid_every, row.step) {
                self.show()?;
            }
            if !seen(&row) {
                end = End::Stopped;
            }
        }
        self.save()?;
        Ok(end)
    }

    /// One step: terms, gradients, weights, average, discriminator.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn step(&mut self, batch: &Batch, mut clock: Clock) -> Result<Row> {
        let step = self.state.step;
        if self.config.adversarial(step) && self.critic.is_none() {
            self.critic = Some(Critic::new(&self.config, &self.device)?);
        }
        let (terms, shown) = self.parts().terms(batch, &mut clock)?;
        let mut values = terms.values()?;
        let Some(total) = terms.total() else {
            return Err(Error::training("[losses]", "every term of this batch has weight 0; give one a weight"));
        };
        let gradients = total.backward();
        clock.lap("backward");
        let lr = self.config.schedule.lr(self.config.optimizer.lr, step);
        let (module, grad_norm) = self.optimizer.step(lr, self.generator.module.clone(), gradients);
        finite("gradient", grad_norm)?;
        self.generator.module = module;
        self.ema.update(&self.generator.module);
        clock.lap("optimizer");
        if let Some(value) = self.teach(shown)? {
            values.insert("discriminator".into(), value);
            clock.lap("discriminator");
        }
        self.state.step += 1;
        self.state.samples += batch.len() as u64;
        Ok(Row {
            step: self.state.step,
            samples: self.state.samples,
            samples_per_second: batch.len() as f64 / clock.laps.values().sum::<f64>(),
            lr,
            loss: total.into_scalar(),
            grad_norm,
            terms: values,
            seconds: clock.laps,
            held_out: None,
        })
    }

    /// Writes a checkpoint, unless this step has one.
    ///
    /// # Errors
    /// [`Error::Io`]; older checkpoints stay.
    pub fn save(&mut self) -> Result<()> {
        if self.saved == Some(self.state.step) {
            return Ok(());
        }
        checkpoint::save(&self.folder.0, &self.state, self.config.output.keep, |folder| {
            write_tensors(&folder.join(GENERATOR), &self.generator.module.weights())?;
            write_tensors(&folder.join(EMA), &self.ema.module().weights())?;
            self.optimizer.save(&folder.join(MOMENTS))?;
            let Some(critic) = &self.critic else { return Ok(()) };
            critic.net.save(&folder.join(CRITIC))?;
            critic.optimizer.save(&folder.join(CRITIC_MOMENTS))
        })?;
        self.saved = Some(self.state.step);
        Ok(())
    }

    /// The held-out check of the averaged weights.
    ///
    /// # Errors
    /// A file of the data or pseudo set that is missing or damaged.
    pub fn check(&self) -> Result<metrics::Check> {
        let (samples, device) = (self.config.output.validate_samples, self.device.clone().inner());
        check::check(self.ema.module(), &self.config.generator, &self.material, samples, &device)
    }

    /// Writes the grid of this step, and the report.
    ///
    /// # Errors
    /// As [`Self::check`], or [`Error::Io`].
    pub fn show(&self) -> Result<()> {
        let device = self.device.clone().inner();
        let grid = grid::grid(self.ema.module(), &self.config.generator, &self.material, &device)?;
        let path = self.folder.grid(self.state.step);
        replace(&path, &png(&path.display().to_string(), &grid)?)?;
        report::write(&self.folder)
    }

    fn parts(&self) -> Step<'_> {
        Step {
            config: &self.config,
            generator: &self.generator,
            judges: &self.judges,
            critic: self.critic.as_ref().filter(|_| self.config.adversarial(self.state.step)),
            device: &self.device,
        }
    }

    /// The discriminator's step on what was made and what is real; its loss.
    fn teach(&mut self, shown: Shown) -> Result<Option<f32>> {
        if !self.config.adversarial(self.state.step) {
            return Ok(None);
        }
        let Some(Critic { net, optimizer }) = &mut self.critic else { return Ok(None) };
        let [real, made] = [shown.real, shown.made].map(|pictures| Tensor::cat(pictures, 0).detach());
        let loss = adversarial::discriminator(net.forward(real), net.forward(made));
        let value: f32 = loss.clone().into_scalar();
        finite("discriminator", value)?;
        // Its schedule begins with it.
        let steps = self.state.step.saturating_sub(self.config.losses.adversarial_from);
        let lr = self.config.schedule.lr(self.config.optimizer.lr, steps);
        let (stepped, norm) = optimizer.step(lr, net.clone(), loss.backward());
        finite("discriminator's gradient", norm)?;
        *net = stepped;
        Ok(Some(value))
    }

    /// Goes on where `found` stands; the generator has its weights already.
    fn restore(&mut self, found: &Checkpoint) -> Result<()> {
        let params = self.config.generator.spec()?.params();
        let average = read_weights(&found.file(EMA), params)?;
        let average = Generator::new(&self.config, &average, &self.device)?;
        self.ema = Ema::new(self.config.ema.decay, &average.module);
        self.optimizer = Optimizer::new(&self.config.optimizer).load(&found.file(MOMENTS), &self.generator.module)?;
        if found.file(CRITIC).exists() {
            let (weights, moments) = (found.file(CRITIC), found.file(CRITIC_MOMENTS));
            self.critic = Some(Critic::load(&self.config, &weights, &moments, &self.device)?);
        }
        if found.state.seed != self.config.seed {
            let reason = format!("is {}, the run began with {}; keep it", self.config.seed, found.state.seed);
            return Err(Error::training("seed", reason));
        }
        if found.state.config_sha256 != self.state.config_sha256 {
            tracing::warn!("the config has changed since step {}", found.state.step);
        }
        (self.state.step, self.state.samples) = (found.state.step, found.state.samples);
        self.saved = Some(found.state.step);
        Ok(())
    }
}

/// Whether something that is done every `n` steps is due after `step` steps.
const fn every(n: u64, step: u64) -> bool {
    n > 0 && step.is_multiple_of(n)
}
