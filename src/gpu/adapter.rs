//! Which adapter does the work, and why.

use std::sync::Arc;

use wgpu::{AdapterInfo, DeviceType};

use super::Context;
use crate::error::{Error, Result};
use crate::settings::DeviceChoice;

/// One adapter of this machine, for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterLine {
    /// Name, as the driver says it.
    pub name: String,
    /// Graphics interface, e.g. `vulkan`.
    pub backend: String,
    /// Driver and its version.
    pub driver: String,
    /// Whether it computes on the CPU (lavapipe, WARP).
    pub software: bool,
    /// Whether it stores and computes 16-bit floats.
    pub f16: bool,
}

/// What [`open`] decided.
#[derive(Debug)]
pub enum Choice {
    /// This GPU works.
    Gpu(Arc<Context>),
    /// The CPU engine works.
    Cpu {
        /// One line: why.
        why: String,
        /// Whether the user should be told, because a GPU would have been preferred.
        warn: bool,
    },
}

/// Every adapter of this machine.
pub fn adapters() -> Vec<AdapterLine> {
    let line = |adapter: &wgpu::Adapter| {
        let info = adapter.get_info();
        AdapterLine {
            backend: info.backend.to_string(),
            driver: format!("{} {}", info.driver, info.driver_info),
            software: is_software(&info),
            f16: adapter.features().contains(wgpu::Features::SHADER_F16),
            name: info.name,
        }
    };
    enumerate().iter().map(line).collect()
}

/// Opens the adapter that `choice` asks for.
///
/// # Errors
/// [`Error::Device`] when a GPU is demanded and there is none, or it cannot be opened.
pub fn open(choice: &DeviceChoice) -> Result<Choice> {
    if *choice == DeviceChoice::Cpu {
        return Ok(Choice::Cpu { why: "CPU engine, as asked for".into(), warn: false });
    }
    let adapters = enumerate();
    let infos: Vec<AdapterInfo> = adapters.iter().map(wgpu::Adapter::get_info).collect();
    let opened = pick(&infos, choice).and_then(|(i, why)| Context::new(&adapters[i], &why));
    match opened {
        Ok(context) => Ok(Choice::Gpu(Arc::new(context))),
        Err(Error::Device(reason)) if *choice == DeviceChoice::Auto => {
            Ok(Choice::Cpu { why: format!("CPU engine: {reason}"), warn: true })
        }
        Err(e) => Err(e),
    }
}

/// The index of the adapter that fits `choice`, and why it was taken.
pub(crate) fn pick(infos: &[AdapterInfo], choice: &DeviceChoice) -> Result<(usize, String)> {
    let list = || infos.iter().map(|i| format!("`{}`", i.name)).collect::<Vec<_>>().join(", ");
    if let DeviceChoice::Adapter(name) = choice {
        let wanted = name.to_lowercase();
        let found = infos.iter().position(|i| i.name.to_lowercase().contains(&wanted));
        let missing = || Error::Device(format!("no adapter's name contains `{name}`; there are: {}", list()));
        return found.map(|i| (i, format!("named by `{name}`"))).ok_or_else(missing);
    }
    let hardware = infos.iter().enumerate().filter(|(_, i)| !is_software(i));
    match hardware.min_by_key(|(_, i)| preference(i.device_type)) {
        Some((i, info)) => Ok((i, format!("best hardware adapter ({:?})", info.device_type))),
        None if infos.is_empty() => Err(Error::Device("no hardware GPU: no driver offers any adapter".into())),
        None => Err(Error::Device(format!("no hardware GPU; software adapters are used only when named: {}", list()))),
    }
}

fn preference(kind: DeviceType) -> u8 {
    match kind {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    }
}

fn is_software(info: &AdapterInfo) -> bool {
    info.device_type == DeviceType::Cpu
}

fn enumerate() -> Vec<wgpu::Adapter> {
    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    pollster::block_on(wgpu::Instance::new(descriptor).enumerate_adapters(backends))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(name: &str, device_type: DeviceType) -> AdapterInfo {
        let mut info = AdapterInfo::new(device_type, wgpu::Backend::Vulkan);
        info.name = name.into();
        info
    }

    #[test]
    fn software_is_never_silently_chosen() {
        let soft = [info("llvmpipe (LLVM 15)", DeviceType::Cpu)];
        for choice in [DeviceChoice::Auto, DeviceChoice::Gpu] {
            assert!(matches!(pick(&soft, &choice), Err(Error::Device(m)) if m.contains("no hardware GPU")));
        }
        assert_eq!(pick(&soft, &DeviceChoice::Adapter("LLVMPipe".into())).unwrap().0, 0);
    }

    #[test]
    fn discrete_before_integrated_before_software() {
        let (a, b, c) = (DeviceType::Cpu, DeviceType::IntegratedGpu, DeviceType::DiscreteGpu);
        let all = [info("soft", a), info("small", b), info("big", c)];
        assert_eq!(pick(&all, &DeviceChoice::Auto).unwrap().0, 2);
        assert_eq!(pick(&all[..2], &DeviceChoice::Gpu).unwrap().0, 1);
        assert_eq!(pick(&all, &DeviceChoice::Adapter("small".into())).unwrap().0, 1);
    }

    #[test]
    fn a_wrong_name_lists_what_there_is() {
        let error = pick(&[info("big", DeviceType::DiscreteGpu)], &DeviceChoice::Adapter("nope".into())).unwrap_err();
        assert!(error.to_string().contains("`nope`") && error.to_string().contains("`big`"));
    }
}
