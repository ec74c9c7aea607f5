//! A run: step after step, with what is saved on the way.

mod saved;

use std::path::Path;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use self::saved::GENERATOR;
use super::batch::Batch;
use super::config::Config;
use super::folder::{DataNote, RunFolder};
use super::loader::Loader;
use super::material::Material;
use super::metrics::{self, Row};
use super::networks::{Critic, Generator, Judges, first_weights};
use super::step::{Clock, Shown, Step};
use super::terms::Scalars;
use super::{check, grid, report};
use crate::error::{Error, Result};
use crate::files::{FolderLock, replace};
use crate::models::Model;
use crate::train::checkpoint::{self, State, read_weights};
use crate::train::data::write::png;
use crate::train::losses::adversarial;
use crate::train::optim::{Ema, Optimizer};
use crate::train::spec_module::SpecModule;

/// Numbers of a step that are no terms.
const TOTAL: &str = "total";
const GRADIENT: &str = "gradient";
const CRITIC_GRADIENT: &str = "discriminator's gradient";

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
    /// Keeps other processes out of the folder.
    lock: Option<FolderLock>,
}

impl Trainer {
    /// Opens the data, makes or reads the networks, and then writes config and data note into the folder `run`: what is
    /// refused leaves a run as it was.
    ///
    /// # Errors
    /// [`Error::Training`] for data, a checkpoint or a model that does not fit the config, a fresh run where another one
    /// is, or nothing to resume; [`Error::Io`].
    pub fn new(config: Config, run: &Path, device: &Device, start: Start) -> Result<Self> {
        let (device, folder) = (device.clone().autodiff(), RunFolder(run.into()));
        // Before its checkpoints are looked at; a folder that is refused is not made.
        let lock = if matches!(start, Start::Resume) && run.is_dir() { Some(folder.lock()?) } else { None };
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
        if checkpoint.is_some() {
            folder.check_network(&config.generator)?;
        }
        let material = Arc::new(Material::open(&config)?);
        let params = config.generator.spec()?.params();
        let weights = match &checkpoint {
            Some(found) => read_weights(&found.file(GENERATOR), params)?,
            None => first_weights(&config, &material, init)?,
        };
        let generator = Generator::new(&config, &weights, &device)?;
        let judges = Judges::new(&config, &weights, &device)?;
        let mut trainer = Self {
            optimizer: Optimizer::new(&config.optimizer).with_loss_scale(config.precision.scale()),
            ema: Ema::new(config.ema.decay, &generator.module),
            state: State { seed: config.seed, ..State::default() },
            folder,
            critic: None,
            saved: None,
            lock,
            config,
            material,
            device,
            generator,
            judges,
        };
        trainer.state.config_sha256 = trainer.config.sha256()?;
        let mut note = DataNote::new(&trainer.config, &trainer.material, init);
        if let Some(found) = checkpoint {
            trainer.restore(&found)?;
            note = note.resumed(trainer.folder.note()?);
        }
        if trainer.lock.is_none() {
            trainer.lock = Some(trainer.folder.lock()?);
        }
        trainer.folder.begin(&trainer.config, &note)?;
        trainer.folder.rewind(trainer.state.step)?;
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

    /// [`Self::run_until`] the config's last step.
    ///
    /// # Errors
    /// As [`Self::run_until`].
    pub fn run(&mut self, seen: impl FnMut(&Row) -> bool) -> Result<End> {
        self.run_until(self.config.steps, seen)
    }

    /// Steps until `last` is done, which may be before the config's last one or behind it; `seen` is told of each, and
    /// ends the run by returning false. A checkpoint is written at the end in either case.
    ///
    /// # Errors
    /// [`Error::Training`] naming the term that is no number any more: no checkpoint is written then, the last one is
    /// good, and this trainer's weights are not. [`Error::Io`] or [`Error::Training`] for a file that is damaged or cannot
    /// be written; a checkpoint is tried then.
    pub fn run_until(&mut self, last: u64, mut seen: impl FnMut(&Row) -> bool) -> Result<End> {
        let mut loader = Loader::start(self.material.clone(), self.state.step, self.config.data.ahead)?;
        let mut end = End::Done;
        while end == End::Done && self.state.step < last {
            let mut clock = Clock::start();
            let batch = loader.take();
            let batch = self.or_save(batch)?;
            clock.lap("data");
            let mut row = self.step(&batch, clock)?;
            let noted = self.note(&mut row);
            self.or_save(noted)?;
            if !seen(&row) {
                end = End::Stopped;
            }
        }
        self.save()?;
        Ok(end)
    }

    /// What is due after a step: the check, a line of the metrics, a checkpoint, a grid.
    fn note(&mut self, row: &mut Row) -> Result<()> {
        let output = self.config.output.clone();
        if every(output.validate_every, row.step) {
            row.held_out = Some(self.check()?);
        }
        metrics::append(&self.folder, row)?;
        if every(output.checkpoint_every, row.step) {
            self.save()?;
        }
        if every(output.grid_every, row.step) {
            self.show()?;
        }
        Ok(())
    }

    /// A file that fails must not cost what the steps before it learnt.
    fn or_save<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() && self.state.step > 0 {
            // The first error is the one to tell.
            let _ = self.save();
        }
        result
    }

    /// One step: terms, gradients, weights, average, discriminator. A GPU is asked for numbers once, at the end, so that it
    /// never stands still. Should one of them be none, the weights are spoilt by then, and the step does not count.
    ///
    /// # Errors
    /// As [`Self::run_until`].
    pub fn step(&mut self, batch: &Batch, mut clock: Clock) -> Result<Row> {
        let step = self.state.step;
        if self.config.adversarial(step) && self.critic.is_none() {
            self.critic = Some(Critic::new(&self.config, &self.device)?);
        }
        let (terms, shown) = self.parts().terms(batch, &mut clock)?;
        let Some(total) = terms.total() else {
            return Err(Error::training("[losses]", "every term of this batch has weight 0; give one a weight"));
        };
        let mut scalars = terms.scalars();
        let gradients = self.scaled(total.clone()).backward();
        clock.lap("backward");
        let lr = self.config.schedule.lr(self.config.optimizer.lr, step);
        let (module, grad_norm) = self.optimizer.step(lr, self.generator.module.clone(), gradients);
        scalars.add(TOTAL, total);
        scalars.add(GRADIENT, grad_norm);
        self.generator.module = module;
        self.ema.update(&self.generator.module);
        clock.lap("optimizer");
        if self.teach(shown, &mut scalars) {
            clock.lap("discriminator");
        }
        let mut values = scalars.read()?;
        clock.lap("reading");
        let mut take = |name| values.remove(name).unwrap_or_default();
        let (loss, grad_norm) = (take(TOTAL), take(GRADIENT));
        take(CRITIC_GRADIENT);
        self.state.step += 1;
        self.state.samples += batch.len() as u64;
        Ok(Row {
            step: self.state.step,
            samples: self.state.samples,
            samples_per_second: batch.len() as f64 / clock.laps.values().sum::<f64>(),
            lr,
            loss,
            grad_norm,
            terms: values,
            seconds: clock.laps,
            held_out: None,
        })
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

    /// The discriminator's step, if it has one, on what was made and what is real.
    fn teach(&mut self, shown: Shown, scalars: &mut Scalars) -> bool {
        let Some(mut critic) = self.critic.take_if(|_| self.config.adversarial(self.state.step)) else { return false };
        let [real, made] = [shown.real, shown.made].map(|pictures| Tensor::cat(pictures, 0).detach());
        let loss = adversarial::discriminator(critic.net.forward(real), critic.net.forward(made));
        scalars.add("discriminator", loss.clone());
        // Its schedule begins with it.
        let steps = self.state.step.saturating_sub(self.config.losses.adversarial_from);
        let lr = self.config.schedule.lr(self.config.optimizer.lr, steps);
        // As the generator's terms, it is the sum over both directions of a pair: clipping sees the difference.
        let gradients = self.scaled(loss * self.parts().directions()).backward();
        let norm;
        (critic.net, norm) = critic.optimizer.step(lr, critic.net, gradients);
        scalars.add(CRITIC_GRADIENT, norm);
        self.critic = Some(critic);
        true
    }

    /// A loss as it is derived: in half precision small gradients would become 0 without a factor.
    fn scaled(&self, loss: Tensor<1>) -> Tensor<1> {
        match self.config.precision.scale() {
            1.0 => loss,
            scale => loss * scale,
        }
    }
}

/// Whether something that is done every `n` steps is due after `step` steps.
const fn every(n: u64, step: u64) -> bool {
    n > 0 && step.is_multiple_of(n)
}
