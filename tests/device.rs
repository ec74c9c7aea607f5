//! Which machine works, what is said about it, and what happens when the GPU is lost.

use std::sync::Arc;

use alphaswap::error::Error;
use alphaswap::frame::PixelFormat;
use alphaswap::gpu::{self, Choice, Context};
use alphaswap::path::gpu::{GpuPath, Options};
use alphaswap::path::{FramePath, Painter};
use alphaswap::settings::{DeviceChoice, Look, ModelChoice};
use alphaswap::{Pipeline, device};

use crate::engine_gpu::context;
use crate::support::{Picture, identity, photo};

/// Whether this machine has a GPU that is more than a program on its CPU.
fn hardware() -> bool {
    gpu::adapters().iter().any(|a| !a.software)
}

fn ada() -> Picture {
    photo("ada.jpg", PixelFormat::Rgbx)
}

fn open(choice: &DeviceChoice) -> Result<(Box<dyn FramePath>, Option<String>), Error> {
    device::open_path(choice, &Painter::Mesh, &identity())
}

#[test]
fn without_a_gpu_the_cpu_works_and_says_so() {
    let (path, warning) = open(&DeviceChoice::Auto).unwrap();
    if hardware() {
        assert!(warning.is_none() && !path.adapter().starts_with("CPU"));
        return;
    }
    let warning = warning.expect("a warning");
    assert!(path.adapter().starts_with("CPU, "), "{}", path.adapter());
    assert!(warning.starts_with("no ") && warning.contains("running on the CPU, "), "{warning}");
    for adapter in gpu::adapters() {
        assert!(warning.contains(&adapter.name), "{warning}");
    }
    assert!(open(&DeviceChoice::Cpu).unwrap().1.is_none(), "asked for: nothing to warn about");
}

#[test]
fn a_gpu_that_is_demanded_must_be_there() {
    match open(&DeviceChoice::Gpu) {
        Ok(_) => assert!(hardware()),
        Err(Error::Device(reason)) => {
            assert!(!hardware());
            assert!(gpu::adapters().iter().all(|a| reason.contains(&a.name)), "{reason}");
        }
        Err(other) => panic!("{other}"),
    }
    let named = open(&DeviceChoice::Adapter("no such thing".into())).err().expect("an error");
    assert!(named.to_string().contains("no such thing"), "{named}");
}

/// A device of its own that can be lost without harm to other tests, and its adapter's name.
fn own_device() -> Option<(Arc<Context>, String)> {
    context()?;
    let mut adapters = gpu::adapters();
    adapters.sort_by_key(|a| !a.software);
    let name = adapters.remove(0).name;
    match gpu::open(&DeviceChoice::Adapter(name.clone())).unwrap() {
        Choice::Gpu(context) => Some((context, name)),
        Choice::Cpu { .. } => unreachable!("an adapter was named"),
    }
}

/// A pipeline on a device of its own, and how to lose it.
fn pipeline(choice: impl Fn(String) -> DeviceChoice) -> Option<(Pipeline, Arc<Context>)> {
    let (ctx, name) = own_device()?;
    let identity = Arc::new(identity());
    let path = Box::new(GpuPath::new(&ctx, &Painter::Mesh, &identity, Options::default()).unwrap());
    let look = Look { badge: false, ..Look::default() };
    Some((Pipeline::with_path(choice(name), Painter::Mesh, identity, path, None, look), ctx))
}

fn swapped(pipeline: &mut Pipeline, picture: &Picture) -> (Picture, alphaswap::Report) {
    let mut out = picture.clone();
    let report = pipeline.process(&mut out.view_mut(), None).unwrap();
    assert_ne!(out, *picture, "the face was swapped");
    (out, report)
}

#[test]
fn a_lost_gpu_is_opened_again() {
    let Some((mut pipeline, ctx)) = pipeline(DeviceChoice::Adapter) else { return };
    let picture = ada();
    let (first, report) = swapped(&mut pipeline, &picture);
    assert_eq!(report.warning, None);
    ctx.device.destroy();
    pipeline.reset();
    let (second, report) = swapped(&mut pipeline, &picture);
    assert!(report.warning.as_ref().is_some_and(|w| w.contains("opened again")), "{:?}", report.warning);
    assert_eq!(first, second, "the same frame on the new device");
    assert_eq!(swapped(&mut pipeline, &picture).1.warning, None, "said once");
}

#[test]
fn under_auto_the_cpu_takes_over() {
    let Some((mut pipeline, ctx)) = pipeline(|_| DeviceChoice::Auto) else { return };
    ctx.device.destroy();
    let (_, report) = swapped(&mut pipeline, &ada());
    let warning = report.warning.expect("a warning");
    assert!(warning.contains("the GPU was lost"), "{warning}");
    assert_eq!(warning.contains("CPU"), !hardware(), "{warning}");
    assert_eq!(pipeline.adapter().starts_with("CPU"), !hardware());
}

#[test]
fn a_demanded_gpu_that_stays_lost_is_an_error() {
    let Some((mut pipeline, ctx)) = pipeline(|_| DeviceChoice::Adapter("gone".into())) else { return };
    ctx.device.destroy();
    let (mut picture, before) = (ada(), ada());
    for _ in 0..2 {
        let error = pipeline.process(&mut picture.view_mut(), None).unwrap_err();
        assert!(matches!(error, Error::DeviceLost(_)), "{error}");
        assert_eq!(picture, before, "the frame is unchanged");
    }
}

#[test]
fn every_call_on_a_lost_device_is_an_error() {
    let Some((ctx, _)) = own_device() else { return };
    let painter = Painter::load(&ModelChoice::Mesh).unwrap();
    let mut path = GpuPath::new(&ctx, &painter, &identity(), Options::default()).unwrap();
    let picture = ada();
    path.detect(&picture.view(), 0.5).unwrap();
    path.context().device.destroy();
    let lost = |error: Option<Error>| matches!(error, Some(Error::DeviceLost(_)));
    assert!(lost(path.detect(&picture.view(), 0.5).err()));
    assert!(lost(path.landmarks(&picture.view(), glam::Affine2::IDENTITY).err()));
    let mut out = picture.clone();
    let job = alphaswap::path::FaceJob { frame_from_region: glam::Affine2::IDENTITY, history: None, elapsed_secs: 0.0 };
    assert!(lost(path.swap(&mut out.view_mut(), &[job], &Look::default()).err()));
    assert_eq!(out, picture);
    assert!(lost(path.set_identity(&identity()).err()));
    assert!(lost(GpuPath::new(&ctx, &painter, &identity(), Options::default()).err()));
}
