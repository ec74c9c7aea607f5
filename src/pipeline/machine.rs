//! The path at work, and what takes its place when the GPU is lost.

use std::sync::Arc;

use crate::device;
use crate::error::{Error, Result};
use crate::identity::Identity;
use crate::path::{FramePath, Painter};
use crate::settings::DeviceChoice;

/// The path at work, and how to open another.
pub struct Machine {
    /// What works now.
    pub path: Box<dyn FramePath>,
    /// How many paths have been lost: tickets of an earlier one are worth nothing.
    pub generation: u32,
    /// What the next report warns of.
    pub news: Option<String>,
    device: DeviceChoice,
    painter: Painter,
    identity: Arc<Identity>,
}

impl Machine {
    /// Works on `path`; `device` says what is opened when that is lost.
    pub fn new(device: DeviceChoice, painter: Painter, identity: Arc<Identity>, path: Box<dyn FramePath>) -> Self {
        Self { path, generation: 0, news: None, device, painter, identity }
    }

    /// Another person from the next frame on.
    pub fn set_identity(&mut self, identity: Arc<Identity>) -> Result<()> {
        self.painter.check(&identity)?;
        match self.path.set_identity(&identity) {
            // The next frame finds the device lost, and opens another with this identity.
            Ok(()) | Err(Error::DeviceLost(_)) => self.identity = identity,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Does `work` on the path. When the GPU is lost, the work is done again, on a GPU if one opens, and if that is
    /// lost as well, or cannot do it, on the CPU; a path that failed has left the frame as it was.
    pub fn run<T>(&mut self, mut work: impl FnMut(&mut dyn FramePath) -> Result<T>) -> Result<T> {
        match work(self.path.as_mut()) {
            Err(Error::DeviceLost(reason)) => self.recover(&reason)?,
            // The adapter cannot do it at all, say a frame that is larger than its buffers.
            Err(Error::Device(reason)) if self.device == DeviceChoice::Auto => self.fall_back(&reason)?,
            result => return result,
        }
        match work(self.path.as_mut()) {
            Err(Error::DeviceLost(reason) | Error::Device(reason)) if self.device == DeviceChoice::Auto => {
                self.fall_back(&reason)?;
            }
            result => return result,
        }
        work(self.path.as_mut())
    }

    /// Opens the device again.
    fn recover(&mut self, reason: &str) -> Result<()> {
        match device::open_path(&self.device, &self.painter, &self.identity) {
            Ok((path, fallback)) => {
                let then = fallback.map_or(" and opened again".into(), |why| format!("; {why}"));
                self.replace(path, format!("the GPU was lost ({reason}){then}"));
                Ok(())
            }
            Err(_) if self.device == DeviceChoice::Auto => self.fall_back(reason),
            Err(_) => Err(Error::DeviceLost(reason.into())),
        }
    }

    fn fall_back(&mut self, reason: &str) -> Result<()> {
        let path = device::open_cpu(&self.painter, &self.identity)?;
        self.replace(path, format!("the GPU cannot go on ({reason}): going on on the CPU, which is slower"));
        Ok(())
    }

    fn replace(&mut self, path: Box<dyn FramePath>, news: String) {
        self.path = path;
        self.generation += 1;
        self.news = Some(news);
    }
}
