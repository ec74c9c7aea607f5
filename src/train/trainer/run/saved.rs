//! A run's checkpoints: what is in them, and going on from one.

use super::{Critic, Error, Generator, Result, Trainer};
use crate::train::checkpoint::{self, Checkpoint, read_weights, write_tensors};
use crate::train::optim::Ema;

/// Files of a checkpoint.
pub(super) const GENERATOR: &str = "generator.safetensors";
const EMA: &str = "ema.safetensors";
const MOMENTS: &str = "optimizer-g.safetensors";
const CRITIC: &str = "discriminator.safetensors";
const CRITIC_MOMENTS: &str = "optimizer-d.safetensors";

impl Trainer {
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

    /// Goes on where `found` stands; the generator has its weights already.
    pub(super) fn restore(&mut self, found: &Checkpoint) -> Result<()> {
        let params = self.config.generator.spec()?.params();
        let average = read_weights(&found.file(EMA), params)?;
        let average = Generator::new(&self.config, &average, &self.device)?;
        self.ema = Ema::new(self.config.ema.decay, &average.module);
        self.optimizer = self.optimizer.clone().load(&found.file(MOMENTS), &self.generator.module)?;
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
