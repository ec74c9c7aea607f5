//! Which machine does the work: a hardware GPU, or the CPU with a word about why.

use crate::error::{Error, Result};
use crate::gpu::{self, Choice};
use crate::identity::Identity;
use crate::path::cpu::CpuPath;
use crate::path::gpu::{GpuPath, Options};
use crate::path::{FramePath, Painter};
use crate::settings::DeviceChoice;

/// A path, and what the user should be told about it.
type Opened = (Box<dyn FramePath>, Option<String>);

/// The path that `choice` names, and what the user should be told about it: under [`DeviceChoice::Auto`] that there is
/// no usable GPU and the CPU works instead; that kernels failed their self-test and slower ones work.
///
/// # Errors
/// [`Error::Device`] when a GPU is demanded and there is none, or none of that name; [`Error::DeviceLost`] when it
/// fails at once; [`Error::Model`] for a generator that does not fit.
pub fn open_path(choice: &DeviceChoice, painter: &Painter, identity: &Identity) -> Result<Opened> {
    match open_gpu(choice, painter, identity) {
        Ok(Some(opened)) => Ok(opened),
        Ok(None) => Ok((open_cpu(painter, identity)?, None)),
        Err(Error::Device(reason) | Error::DeviceLost(reason)) if *choice == DeviceChoice::Auto => {
            let path = open_cpu(painter, identity)?;
            let warning = format!("{reason}: running on the {}", path.adapter());
            Ok((path, Some(warning)))
        }
        Err(error) => Err(error),
    }
}

/// The CPU path.
pub fn open_cpu(painter: &Painter, identity: &Identity) -> Result<Box<dyn FramePath>> {
    Ok(Box::new(CpuPath::new(Some((painter, identity)))?))
}

/// The GPU path with what there is to say about it, or none when the CPU was asked for.
fn open_gpu(choice: &DeviceChoice, painter: &Painter, identity: &Identity) -> Result<Option<Opened>> {
    match gpu::open(choice)? {
        Choice::Gpu(context) => {
            let path = GpuPath::new(&context, painter, identity, Options::default())?;
            context.store_kernels();
            Ok(Some((Box::new(path), context.distrusted())))
        }
        Choice::Cpu { warn: false, .. } => Ok(None),
        Choice::Cpu { why, .. } => Err(Error::Device(why)),
    }
}
