//! Which kernels compute right on this adapter: each fast one is tried once before it is used.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::Context;
use crate::error::Result;

/// Kernels tried so far, by name, and whether they passed.
#[derive(Debug, Default)]
pub(crate) struct Trials(Mutex<BTreeMap<String, bool>>);

impl Context {
    /// Whether `kernel` passes `trial` on this adapter; the trial is made once. What the driver refuses during it is a
    /// failure of the kernel and does no harm to the device.
    pub fn trusted(&self, kernel: &str, trial: impl FnOnce() -> Result<(), String>) -> bool {
        let mut trials = self.trials.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&passed) = trials.get(kernel) {
            return passed;
        }
        let outcome = self.guarded(trial);
        if let Err(reason) = &outcome {
            tracing::warn!("{}: kernel {kernel} is not used: {reason}", self.line());
        }
        trials.insert(kernel.to_owned(), outcome.is_ok());
        outcome.is_ok()
    }

    /// Does `work`; what the driver refuses during it is its error and does no harm to the device.
    pub(crate) fn guarded<T>(&self, work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
        let scopes = [wgpu::ErrorFilter::Internal, wgpu::ErrorFilter::OutOfMemory, wgpu::ErrorFilter::Validation]
            .map(|filter| self.device.push_error_scope(filter));
        let mut outcome = work();
        for scope in scopes.into_iter().rev() {
            if let Some(refusal) = pollster::block_on(scope.pop()) {
                outcome = Err(refusal.to_string());
            }
        }
        outcome
    }

    /// The kernels that gave wrong results or were refused so far, for people to read; none when all is well.
    pub fn distrusted(&self) -> Option<String> {
        let trials = self.trials.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failed: Vec<&str> = trials.iter().filter(|(_, passed)| !**passed).map(|(name, _)| name.as_str()).collect();
        (!failed.is_empty())
            .then(|| format!("not used on {}, its self-test failed: {}", self.line(), failed.join(", ")))
    }
}
