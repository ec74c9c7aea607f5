//! Which machine does the work: a hardware GPU, or the CPU with a word about why.

use crate::error::Result;
use crate::identity::Identity;
use crate::path::cpu::CpuPath;
use crate::path::{FramePath, Painter};
use crate::settings::DeviceChoice;

/// The path that `choice` names, and what the user should be told about it.
///
/// # Errors
/// [`Error::Device`](crate::Error::Device) when there is no such adapter.
pub fn open_path(
    choice: &DeviceChoice,
    painter: &Painter,
    identity: &Identity,
) -> Result<(Box<dyn FramePath>, Option<String>)> {
    let _ = choice;
    Ok((open_cpu(painter, identity)?, None))
}

/// The CPU path.
pub fn open_cpu(painter: &Painter, identity: &Identity) -> Result<Box<dyn FramePath>> {
    Ok(Box::new(CpuPath::new(Some((painter, identity)))?))
}
