//! What training runs on, chosen by name when the program runs.

use burn::tensor::{Device, DeviceKind};

use crate::error::{Error, Result};

/// Names that [`open`] takes.
pub const NAMES: &[&str] = &[
    "flex",
    "wgpu",
    "vulkan",
    #[cfg(feature = "cuda")]
    "cuda",
];

/// The device of that name: `flex` (the CPU), `wgpu` (whichever graphics interface there is), `vulkan` (SPIR-V, for
/// hardware GPUs) and, where it was built in, `cuda`. `:N` behind the last three picks a GPU, counted from 0.
///
/// # Errors
/// [`Error::Device`] for another name.
pub fn open(name: &str) -> Result<Device> {
    let (kind, index) = match name.split_once(':') {
        Some((kind, index)) => (kind, Some(index.parse().map_err(|_| unknown(name))?)),
        None => (name, None),
    };
    let gpu = || index.map_or(DeviceKind::DefaultDevice, DeviceKind::DiscreteGpu);
    match kind {
        "flex" if index.is_none() => Ok(Device::flex()),
        "wgpu" => Ok(Device::wgpu(gpu())),
        "vulkan" => Ok(Device::vulkan(gpu())),
        #[cfg(feature = "cuda")]
        "cuda" => Ok(Device::cuda(index.unwrap_or(0))),
        _ => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> Error {
    Error::Device(format!("there is no training device {name:?}; choose one of {}", NAMES.join(", ")))
}
