//! Batches are made ahead on a thread, while the networks work.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::batch::Batch;
use super::material::Material;
use crate::error::{Error, Result};

/// Gives the batches of one step after the other. Its thread ends with it.
#[derive(Debug)]
pub struct Loader {
    batches: Receiver<Result<Batch>>,
}

impl Loader {
    /// Starts with the batch of `step`; up to `ahead` more are ready before they are asked for.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no thread left.
    pub fn start(material: Arc<Material>, step: u64, ahead: usize) -> Result<Self> {
        let (give, batches) = sync_channel(ahead);
        let load = move || {
            let _ = (step..).map(|step| material.batch(step)).try_for_each(|batch| give.send(batch));
        };
        thread::Builder::new().name("loader".into()).spawn(load).map_err(Error::io("the loader's thread"))?;
        Ok(Self { batches })
    }

    /// The next step's batch.
    ///
    /// # Errors
    /// A file of the data or pseudo set that is missing or damaged.
    pub fn take(&mut self) -> Result<Batch> {
        let gone = |_| Error::training("the loader", "its thread is gone; see the message above");
        self.batches.recv().map_err(gone)?
    }
}
