//! Which machine works, what is said about it, and what happens when the GPU is lost.

use std::sync::Arc;

use alphaswap::error::Error;
use alphaswap::face::Detection;
use alphaswap::frame::{FrameView, FrameViewMut, PixelFormat};
use alphaswap::gpu::{self, Context};
use alphaswap::identity::Identity;
use alphaswap::path::gpu::{GpuPath, Options};
use alphaswap::path::{Done, FaceJob, FramePath, MeshReading, Painter, StageTimes, Ticket, Work};
use alphaswap::settings::{DeviceChoice, Look, ModelChoice};
use alphaswap::{Pipeline, device};
use glam::Affine2;

use crate::engine_gpu::own_context;
use crate::support::{Picture, identity, photo};

/// Whether this machine has a GPU that is more than a program on its CPU.
fn hardware() -> bool {
    gpu::adapters().iter().any(|a| !a.software)
}

fn ada() -> Picture {
    photo("ada.jpg", PixelFormat::Rgbx, 0)
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

/// A pipeline on a device of its own, and how to lose it.
fn pipeline(choice: impl Fn(String) -> DeviceChoice) -> Option<(Pipeline, Arc<Context>)> {
    let (ctx, name) = own_context()?;
    let identity = Arc::new(identity());
    let path = Box::new(GpuPath::new(&ctx, &Painter::Mesh, &identity, Options::default()).unwrap());
    let look = Look { badge: false, ..Look::default() };
    let mut pipeline = Pipeline::with_path(choice(name), Painter::Mesh, identity, path, None, look);
    pipeline.set_session(1);
    Some((pipeline, ctx))
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
    let Some((ctx, _)) = own_context() else { return };
    let painter = Painter::load(&ModelChoice::Mesh).unwrap();
    let mut path = GpuPath::new(&ctx, &painter, &identity(), Options::default()).unwrap();
    let picture = ada();
    path.detect(&picture.view(), 0.5).unwrap();
    path.context().device.destroy();
    let lost = |error: Option<Error>| matches!(error, Some(Error::DeviceLost(_)));
    assert!(lost(path.detect(&picture.view(), 0.5).err()));
    assert!(lost(path.landmarks(&picture.view(), Affine2::IDENTITY).err()));
    let mut out = picture.clone();
    let jobs = [FaceJob { frame_from_region: Affine2::IDENTITY, history: None, elapsed_secs: 0.0, carried: None }];
    let work = Work { detect: false, jobs: &jobs, look: &Look::default(), mark: None };
    assert!(lost(path.swap(&mut out.view_mut(), &work, &mut Done::default()).err()));
    assert_eq!(out, picture);
    assert!(lost(path.set_identity(&identity()).err()));
    assert!(lost(GpuPath::new(&ctx, &painter, &identity(), Options::default()).err()));
}

/// A path that is lost for good after `left` calls.
struct Fragile {
    path: Box<dyn FramePath>,
    left: usize,
}

impl Fragile {
    fn call(&mut self) -> Result<&mut dyn FramePath, Error> {
        self.left = self.left.checked_sub(1).ok_or_else(|| Error::DeviceLost("by the test".into()))?;
        Ok(self.path.as_mut())
    }
}

impl FramePath for Fragile {
    fn adapter(&self) -> &str {
        self.path.adapter()
    }

    fn detect(&mut self, frame: &FrameView<'_>, threshold: f32) -> Result<Vec<Detection>, Error> {
        self.call()?.detect(frame, threshold)
    }

    fn landmarks(&mut self, frame: &FrameView<'_>, frame_from_region: Affine2) -> Result<MeshReading, Error> {
        self.call()?.landmarks(frame, frame_from_region)
    }

    fn submit(&mut self, frame: &FrameView<'_>, work: &Work<'_>) -> Result<Ticket, Error> {
        self.call()?.submit(frame, work)
    }

    fn collect(&mut self, ticket: Ticket, frame: &mut FrameViewMut<'_>, done: &mut Done) -> Result<(), Error> {
        self.call()?.collect(ticket, frame, done)
    }

    fn discard(&mut self) {
        self.path.discard();
    }

    fn set_identity(&mut self, identity: &Identity) -> Result<(), Error> {
        self.call()?.set_identity(identity)
    }

    fn take_times(&mut self) -> StageTimes {
        self.path.take_times()
    }
}

#[test]
fn a_loss_at_any_point_of_a_frame_changes_nothing_but_the_warning() {
    let picture = ada();
    let run = |left: usize| {
        let identity = Arc::new(identity());
        let path = Box::new(Fragile { path: device::open_cpu(&Painter::Mesh, &identity).unwrap(), left });
        let look = Look { detect_interval: 2, ..Look::default() };
        let mut pipeline = Pipeline::with_path(DeviceChoice::Cpu, Painter::Mesh, identity, path, None, look);
        pipeline.set_session(1);
        let mut warnings = 0;
        let frames = [(); 3].map(|()| {
            let mut out = picture.clone();
            warnings += usize::from(pipeline.process(&mut out.view_mut(), None).unwrap().warning.is_some());
            out
        });
        (frames, warnings)
    };
    let (undisturbed, none) = run(usize::MAX);
    assert_eq!(none, 0);
    let disturbed: Vec<_> = (0..30).map(run).take_while(|(_, warnings)| *warnings > 0).collect();
    // Detection, tracked faces, landmarks and swap of the newcomer; then two and one calls.
    assert!(disturbed.len() >= 6, "only {} calls in three frames", disturbed.len());
    assert!(disturbed.iter().all(|(frames, warnings)| *frames == undisturbed && *warnings == 1));
}

#[test]
fn an_identity_that_comes_while_the_gpu_is_lost_is_shown() {
    let (first, mut other) = (Arc::new(identity()), identity());
    other.textures[0].rgb.iter_mut().for_each(|v| *v = 255 - *v);
    let other = Arc::new(other);
    let shown = |before: &Arc<Identity>, then: Option<&Arc<Identity>>| {
        let path = Box::new(Fragile { path: device::open_cpu(&Painter::Mesh, before).unwrap(), left: 0 });
        let look = Look { badge: false, ..Look::default() };
        let mut pipeline = Pipeline::with_path(DeviceChoice::Cpu, Painter::Mesh, before.clone(), path, None, look);
        pipeline.set_session(1);
        if let Some(identity) = then {
            pipeline.set_identity(identity.clone()).unwrap();
        }
        swapped(&mut pipeline, &ada()).0
    };
    assert_ne!(shown(&first, None), shown(&other, None));
    assert_eq!(shown(&first, Some(&other)), shown(&other, None));
}
