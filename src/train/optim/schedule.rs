//! Learning rates over the steps of a run.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// How the learning rate changes. It follows from the step alone, so a resumed run needs no state for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Always the same.
    #[default]
    Constant,
    /// Times `factor` after each `every` steps. AlphaFace: 0.97 every 20,000.
    Step {
        /// Steps between two changes.
        every: u64,
        /// What the rate is multiplied with.
        factor: f64,
    },
    /// Half a cosine from the start to `to` over `steps` steps, then constant (Loshchilov and Hutter, "SGDR", 2017,
    /// eq. 5, without restarts).
    Cosine {
        /// Steps until the end is reached.
        steps: u64,
        /// The rate at the end.
        to: f64,
        /// Steps at the start in which the rate grows in a straight line from nothing.
        #[serde(default)]
        warmup: u64,
    },
}

impl Schedule {
    /// The learning rate of `step` (from 0) for a run that starts at `lr`.
    pub fn lr(&self, lr: f64, step: u64) -> f64 {
        match *self {
            Self::Constant => lr,
            Self::Step { every, factor } => lr * factor.powf((step / every.max(1)) as f64),
            Self::Cosine { warmup, .. } if step < warmup => lr * (step + 1) as f64 / warmup as f64,
            Self::Cosine { steps, to, warmup } => {
                let rest = steps.saturating_sub(warmup).max(1);
                let done = ((step - warmup) as f64 / rest as f64).min(1.0);
                to + (lr - to) * (1.0 + (PI * done).cos()) / 2.0
            }
        }
    }
}
