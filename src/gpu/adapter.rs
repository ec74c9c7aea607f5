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
        /// Why, in a few words.
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
        return Ok(Choice::Cpu { why: "as asked for".into(), warn: false });
    }
    let adapters = enumerate();
    let infos: Vec<AdapterInfo> = adapters.iter().map(wgpu::Adapter::get_info).collect();
    let opened = pick(&infos, choice).and_then(|picked| first_open(&picked, |i, why| Context::new(&adapters[i], why)));
    match opened {
        Ok(context) => Ok(Choice::Gpu(Arc::new(context))),
        Err(Error::Device(why)) if *choice == DeviceChoice::Auto => Ok(Choice::Cpu { why, warn: true }),
        Err(e) => Err(e),
    }
}

/// What `open` makes of the first of `picked` that it can open.
///
/// # Errors
/// [`Error::Device`] with every adapter's reason.
fn first_open<T>(picked: &[(usize, String)], open: impl Fn(usize, &str) -> Result<T>) -> Result<T> {
    let mut reasons = Vec::new();
    for (i, why) in picked {
        match open(*i, why) {
            Err(Error::Device(reason)) => reasons.push(reason),
            done => return done,
        }
    }
    Err(Error::Device(reasons.join("; ")))
}

/// Indices of the adapters that fit `choice`, best first, and why each would be taken; at least one.
pub(crate) fn pick(infos: &[AdapterInfo], choice: &DeviceChoice) -> Result<Vec<(usize, String)>> {
    let list = || infos.iter().map(|i| format!("`{}`", i.name)).collect::<Vec<_>>().join(", ");
    if let DeviceChoice::Adapter(name) = choice {
        let wanted = name.to_lowercase();
        let found = infos.iter().position(|i| i.name.to_lowercase().contains(&wanted));
        let missing = || {
            let there = if infos.is_empty() { "there is none".to_string() } else { format!("there are: {}", list()) };
            Error::Device(format!("no adapter's name contains `{name}`; {there}; or say `auto`, `cpu` or `gpu`"))
        };
        return found.map(|i| vec![(i, format!("named by `{name}`"))]).ok_or_else(missing);
    }
    let mut hardware: Vec<_> = infos.iter().enumerate().filter(|(_, i)| !is_software(i)).collect();
    hardware.sort_by_key(|(_, i)| preference(i.device_type));
    let why = |(i, info): (usize, &AdapterInfo)| (i, format!("best hardware adapter ({:?})", info.device_type));
    if !hardware.is_empty() {
        return Ok(hardware.into_iter().map(why).collect());
    }
    let instead = match infos.is_empty() {
        true => "no driver offers an adapter".to_string(),
        false => format!("only {}; software adapters must be named", list()),
    };
    Err(Error::Device(format!("no hardware GPU was found ({instead})")))
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
        assert_eq!(pick(&soft, &DeviceChoice::Adapter("LLVMPipe".into())).unwrap()[0].0, 0);
    }

    #[test]
    fn discrete_before_integrated_before_software() {
        let (a, b, c) = (DeviceType::Cpu, DeviceType::IntegratedGpu, DeviceType::DiscreteGpu);
        let all = [info("soft", a), info("small", b), info("big", c)];
        let indices = |infos: &[AdapterInfo], choice| -> Vec<usize> {
            pick(infos, &choice).unwrap().iter().map(|(i, _)| *i).collect()
        };
        assert_eq!(indices(&all, DeviceChoice::Auto), [2, 1]);
        assert_eq!(indices(&all[..2], DeviceChoice::Gpu), [1]);
        assert_eq!(indices(&all, DeviceChoice::Adapter("small".into())), [1]);
    }

    #[test]
    fn the_next_adapter_is_tried_when_one_does_not_open() {
        let picked = [(3, "best".to_owned()), (1, "second".to_owned())];
        let refuse = |i: usize| -> Result<usize> { Err(Error::Device(format!("{i} is broken"))) };
        assert_eq!(first_open(&picked, |i, _| if i == 3 { refuse(i) } else { Ok(i) }).unwrap(), 1);
        let error = first_open(&picked, |i, _| refuse(i)).unwrap_err();
        assert!(error.to_string().contains("3 is broken; 1 is broken"), "{error}");
    }

    #[test]
    fn a_wrong_name_lists_what_there_is() {
        let error = pick(&[info("big", DeviceType::DiscreteGpu)], &DeviceChoice::Adapter("nope".into())).unwrap_err();
        assert!(error.to_string().contains("`nope`") && error.to_string().contains("`big`"));
        let error = pick(&[], &DeviceChoice::Adapter("cuda".into())).unwrap_err().to_string();
        assert!(error.contains("there is none") && error.contains("`auto`, `cpu` or `gpu`"), "{error}");
    }
}
