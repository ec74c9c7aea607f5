//! Whole frames on both paths: what comes out must look the same, and be the same outside the face.

use std::sync::Arc;

use alphaswap::engine::gpu::Precision;
use alphaswap::error::Error;
use alphaswap::frame::{FrameInfo, PixelFormat};
use alphaswap::gpu::Context;
use alphaswap::models::Model;
use alphaswap::nets::GeneratorConfig;
use alphaswap::path::cpu::CpuPath;
use alphaswap::path::gpu::image::FrameBuffer;
use alphaswap::path::gpu::planes::Planes;
use alphaswap::path::gpu::{GpuPath, Options};
use alphaswap::path::{Done, FaceJob, FaceOutcome, FramePath, Painter, Smoothed, Stage, Work};
use alphaswap::region;
use alphaswap::settings::{Look, ModelChoice};
use alphaswap::tensor::largest_difference;
use glam::{Affine2, Vec3};

use crate::engine_gpu::{context, sample};
use crate::gpu_guide::farthest;
use crate::support::clip::for_each_frame;
use crate::support::{Picture, identity, photo};

/// The CPU's largest crop, and no rounding.
pub const OPTIONS: Options = Options { max_crop: 256, precision: Some(Precision::F32) };
/// Codes by which a byte may differ.
const NEAR: u8 = 2;
/// Share of the painted bytes that may differ by more: triangle edges fall on another side of a pixel.
const OUTLIERS: f32 = 0.001;

fn paths(ctx: &Arc<Context>, model: &ModelChoice) -> [Box<dyn FramePath>; 2] {
    let (painter, identity) = (Painter::load(model).unwrap(), identity());
    let cpu = CpuPath::new(Some((&painter, &identity))).unwrap();
    [Box::new(cpu), Box::new(GpuPath::new(ctx, &painter, &identity, OPTIONS).unwrap())]
}

/// A face followed since a frame ago.
pub struct Known {
    frame_from_region: Affine2,
    history: Option<Smoothed>,
}

impl Known {
    pub fn job(&self) -> FaceJob<'_> {
        let Self { frame_from_region, ref history } = *self;
        FaceJob { frame_from_region, history: history.as_ref(), elapsed_secs: 0.04, carried: None }
    }
}

/// Each face that `path` finds.
pub fn jobs(path: &mut dyn FramePath, picture: &Picture) -> Vec<Known> {
    let faces = path.detect(&picture.view(), 0.5).unwrap();
    let known = |face| {
        let reading = path.landmarks(&picture.view(), region::from_detection(face)).unwrap();
        let mut landmarks = reading.landmarks;
        let frame_from_region = region::from_landmarks(&landmarks);
        landmarks.0.iter_mut().for_each(|p| *p += Vec3::new(1.5, -0.5, 0.0));
        let speed = vec![Vec3::new(20.0, 5.0, 0.0); landmarks.0.len()];
        Known { frame_from_region, history: Some(Smoothed { landmarks, speed }) }
    };
    faces.iter().map(known).collect()
}

/// Swaps `faces` in `picture`.
pub fn swap(path: &mut dyn FramePath, picture: &mut Picture, faces: &[Known], look: &Look) -> Vec<FaceOutcome> {
    let (jobs, mut done): (Vec<_>, _) = (faces.iter().map(Known::job).collect(), Done::default());
    path.swap(&mut picture.view_mut(), &Work { detect: false, jobs: &jobs, look, mark: None }, &mut done).unwrap();
    assert!(done.detections.is_none());
    done.faces
}

fn same_outcomes(cpu: &[FaceOutcome], gpu: &[FaceOutcome], what: &str) {
    assert_eq!(cpu.len(), gpu.len());
    for (c, g) in cpu.iter().zip(gpu) {
        assert_eq!(c.swapped, g.swapped, "{what}");
        let raw = farthest(&c.reading.landmarks.0, &g.reading.landmarks.0);
        let smoothed = farthest(&c.smoothed.landmarks.0, &g.smoothed.landmarks.0);
        let speed = farthest(&c.smoothed.speed, &g.smoothed.speed);
        let (p, q) = (c.pose, g.pose);
        let pose = largest_difference(&[p.yaw, p.pitch, p.roll], &[q.yaw, q.pitch, q.roll]);
        let presence = (c.reading.presence - g.reading.presence).abs();
        // Pixels, pixels, pixels a second, degrees, probability.
        let off = [raw, smoothed, speed, pose, presence];
        let most = [0.05, 0.05, 2.0, 0.05, 1e-3];
        assert!(off.iter().zip(most).all(|(o, m)| *o <= m), "{what}: off by {off:?}, allowed {most:?}");
    }
}

/// Compares a painted frame with the CPU's, byte by byte.
fn same_pictures(before: &Picture, cpu: &Picture, gpu: &Picture, what: &str) {
    let (mut painted, mut off, mut worst) = (0usize, 0usize, 0u8);
    for plane in 0..before.info.format.planes() {
        let stride = before.strides[plane];
        let (b, c, g) = (&before.planes[plane], &cpu.planes[plane], &gpu.planes[plane]);
        let near_paint = grown(b, c, stride);
        for (i, ((&b, &c), &g)) in b.iter().zip(c).zip(g).enumerate() {
            assert!(near_paint[i] || b == g, "{what}: byte {i} of plane {plane} lies outside the mask and changed");
            painted += usize::from(b != c);
            off += usize::from(c.abs_diff(g) > NEAR);
            worst = worst.max(c.abs_diff(g));
        }
    }
    eprintln!("{what}: {painted} bytes painted, {off} differ by more than {NEAR}, at most by {worst}");
    assert!(painted > 1000, "{what}: nothing was painted");
    assert!(off as f32 <= OUTLIERS * painted as f32, "{what}: {off} of {painted} bytes differ");
}

/// Where `b` and `c` differ, grown by two rows and eight bytes.
fn grown(b: &[u8], c: &[u8], stride: usize) -> Vec<bool> {
    let mut near = vec![false; b.len()];
    for (i, _) in b.iter().zip(c).enumerate().filter(|(_, (b, c))| b != c) {
        for row in -2..=2isize {
            let middle = i as isize + row * stride as isize;
            let (from, to) = ((middle - 8).max(0) as usize, (middle + 9).clamp(0, b.len() as isize) as usize);
            near[from.min(to)..to].fill(true);
        }
    }
    near
}

/// Runs one frame on both paths.
fn same_frame(paths: &mut [Box<dyn FramePath>; 2], picture: &Picture, what: &str) {
    let [cpu, gpu] = paths;
    let jobs = jobs(cpu.as_mut(), picture);
    assert!(!jobs.is_empty(), "{what}: no face");
    let look = Look { feather: 0.06, strength: 0.9, ..Look::default() };
    let (mut on_cpu, mut on_gpu) = (picture.clone(), picture.clone());
    let expected = swap(cpu.as_mut(), &mut on_cpu, &jobs, &look);
    let outcomes = swap(gpu.as_mut(), &mut on_gpu, &jobs, &look);
    if let Some(folder) = std::env::var_os("ALPHASWAP_PICTURES") {
        save(&on_gpu, &std::path::Path::new(&folder).join(format!("{what}-gpu.png")));
        save(&on_cpu, &std::path::Path::new(&folder).join(format!("{what}-cpu.png")));
    }
    same_outcomes(&expected, &outcomes, what);
    same_pictures(picture, &on_cpu, &on_gpu, what);
}

/// The first plane of a YUV frame or the whole of a four-byte one, to be looked at.
fn save(picture: &Picture, path: &std::path::Path) {
    let FrameInfo { format, width, height, .. } = picture.info;
    let channels = format.components();
    let (bytes, color): (Vec<u8>, _) = if !format.is_yuv() && channels[0].step == 4 {
        let pixels = picture.planes[0].chunks_exact(4);
        (pixels.flat_map(|p| channels.map(|c| p[c.offset])).collect(), image::ExtendedColorType::Rgb8)
    } else {
        let rows = picture.planes[0].chunks(picture.strides[0]).take(height);
        (rows.flat_map(|r| r[..width].to_vec()).collect(), image::ExtendedColorType::L8)
    };
    image::save_buffer(path, &bytes, width as u32, height as u32, color).unwrap();
}

fn every_kind_of_frame(model: &ModelChoice, name: &str, step: usize) {
    let Some(ctx) = context() else { return };
    let mut paths = paths(ctx, model);
    for format in [PixelFormat::Rgba, PixelFormat::Bgrx] {
        same_frame(&mut paths, &photo("ada.jpg", format, 0), &format!("{name}-{}", format.name()));
    }
    let mut faces = Vec::new();
    for_each_frame(step, |i, scene, picture| {
        let found = jobs(paths[0].as_mut(), &picture).len();
        if found > 0 {
            faces.push(found);
            same_frame(&mut paths, &picture, &format!("{name}-{i}-{}", scene.replace([' ', ','], "-")));
        }
    });
    assert!(faces.contains(&2), "frames with {faces:?} faces");
}

#[test]
fn mesh_is_the_same_on_both_paths() {
    every_kind_of_frame(&ModelChoice::Mesh, "mesh", 50);
}

#[test]
fn the_guided_generator_is_the_same_on_both_paths() {
    every_kind_of_frame(&ModelChoice::Guided, "guided", 150);
}

/// 192 divides none of the usual sizes: the generator then works at its own size only.
#[test]
fn a_guided_generator_of_an_odd_size_works_at_that_size() {
    let painter = |crop| {
        let Painter::Generator { model, config } = Painter::load(&ModelChoice::Guided).unwrap() else { unreachable!() };
        Painter::Generator { model, config: GeneratorConfig { crop, ..config } }
    };
    assert_eq!(
        [128, 192, 256, 1024].map(|crop| painter(crop).crops(512)),
        [(128, 512), (192, 192), (256, 512), (1024, 1024)]
    );
    let Some(ctx) = context() else { return };
    let (painter, identity) = (painter(192), identity());
    let cpu = CpuPath::new(Some((&painter, &identity))).unwrap();
    let gpu = GpuPath::new(ctx, &painter, &identity, OPTIONS).unwrap();
    same_frame(&mut [Box::new(cpu), Box::new(gpu)], &photo("ada.jpg", PixelFormat::Rgba, 0), "guided, 192");
}

/// A small generator of random weights that takes no guide and sees a part of its crop.
pub fn unguided() -> Painter {
    let mut model = Model::builtin("generator").unwrap();
    let mut config = model.card.generator.clone().unwrap();
    (config.guide, config.blocks.count) = (false, 1);
    let last = config.decoder.len() - 1;
    config.encoder.iter_mut().chain(&mut config.decoder[..last]).for_each(|layer| layer.out /= 4);
    model.weights = sample(&config.spec().unwrap(), 5).0;
    Painter::Generator { model: Box::new(model), config }
}

#[test]
fn a_generator_without_a_guide_is_the_same_on_both_paths() {
    let Some(ctx) = context() else { return };
    let (painter, identity) = (unguided(), identity());
    let cpu = CpuPath::new(Some((&painter, &identity))).unwrap();
    let gpu = GpuPath::new(ctx, &painter, &identity, OPTIONS).unwrap();
    same_frame(&mut [Box::new(cpu), Box::new(gpu)], &photo("ada.jpg", PixelFormat::Bgra, 0), "unguided");
}

/// At the network's own size, where detail layers see each pixel.
#[test]
fn a_generator_with_detail_layers_is_the_same_on_both_paths() {
    let Some(ctx) = context() else { return };
    let Painter::Generator { mut model, .. } = Painter::load(&ModelChoice::Guided).unwrap() else { unreachable!() };
    let config = GeneratorConfig::guided_256();
    let body = std::mem::replace(&mut model.weights, sample(&config.spec().unwrap(), 5).0);
    model.weights.0.extend(body.0);
    let (painter, identity) = (Painter::Generator { model, config }, identity());
    assert_eq!(painter.crops(512), (256, 512));
    let cpu = CpuPath::new(Some((&painter, &identity))).unwrap();
    let gpu = GpuPath::new(ctx, &painter, &identity, OPTIONS).unwrap();
    same_frame(&mut [Box::new(cpu), Box::new(gpu)], &photo("ada.jpg", PixelFormat::Rgba, 0), "guided, detail");
}

#[test]
fn a_frame_that_the_gpu_cannot_bind_is_refused() {
    let Some(ctx) = context() else { return };
    let info = FrameInfo { format: PixelFormat::Rgba, width: 8192, height: 8192, color: Default::default() };
    let most = ctx.device.limits().max_storage_buffer_binding_size;
    match FrameBuffer::new(ctx, info) {
        Ok(frame) => assert!(frame.planes.size() <= most),
        Err(error) => assert!(matches!(error, Error::Device(_)) && Planes::new(info).size() > most),
    }
}

/// So that under `auto` the CPU takes over.
#[test]
fn a_generator_whose_crop_is_too_large_is_the_devices_fault() {
    let Some(ctx) = context() else { return };
    let Painter::Generator { model, mut config } = unguided() else { unreachable!("it is a generator") };
    config.crop = 1024;
    let error = GpuPath::new(ctx, &Painter::Generator { model, config }, &identity(), OPTIONS).err().expect("refused");
    assert!(matches!(&error, Error::Device(m) if m.contains("1024 px")), "{error}");
}

#[test]
fn detections_and_landmarks_are_the_same_on_both_paths() {
    let Some(ctx) = context() else { return };
    let [mut cpu, mut gpu] = paths(ctx, &ModelChoice::Mesh);
    let photo = photo("ada.jpg", PixelFormat::Rgba, 0);
    // Larger and smaller than the detector's input.
    for picture in [every_third(&photo), photo] {
        let (a, b) = (cpu.detect(&picture.view(), 0.5).unwrap(), gpu.detect(&picture.view(), 0.5).unwrap());
        assert_eq!((a.len(), b.len()), (1, 1), "one face in a width of {}", picture.info.width);
        let (a, b) = (a[0], b[0]);
        assert!((a.score - b.score).abs() < 1e-3 && a.min.distance(b.min) < 0.1 && a.max.distance(b.max) < 0.1);
        let region = region::from_detection(&a);
        let (a, b) = (cpu.landmarks(&picture.view(), region).unwrap(), gpu.landmarks(&picture.view(), region).unwrap());
        assert!((a.presence - b.presence).abs() < 1e-3);
        assert!(farthest(&a.landmarks.0, &b.landmarks.0) < 0.05);
    }
}

/// A four-byte picture with every third column and row of `picture`.
fn every_third(picture: &Picture) -> Picture {
    let (info, stride) = (picture.info, picture.strides[0]);
    let pixels = |row: &[u8]| row.chunks_exact(4).step_by(3).flatten().copied().collect::<Vec<u8>>();
    let bytes = picture.planes[0].chunks_exact(stride).step_by(3).flat_map(pixels).collect();
    let (width, height) = (info.width.div_ceil(3), info.height.div_ceil(3));
    let info = FrameInfo { width, height, ..info };
    Picture { info, strides: [width * 4, 0, 0], planes: [bytes, Vec::new(), Vec::new()] }
}

#[test]
fn a_region_without_a_face_is_not_painted() {
    let Some(ctx) = context() else { return };
    let [_, mut gpu] = paths(ctx, &ModelChoice::Mesh);
    let mut picture = photo("ada.jpg", PixelFormat::Rgba, 0);
    picture.planes[0].fill(90);
    let before = picture.clone();
    let frame_from_region = Affine2::from_scale(glam::Vec2::splat(1.0));
    let faces = [Known { frame_from_region, history: None }];
    let outcomes = swap(gpu.as_mut(), &mut picture, &faces, &Look::default());
    assert!(!outcomes[0].swapped && outcomes[0].reading.presence < 0.5);
    assert_eq!(picture, before);
}

#[test]
fn every_stage_is_timed_once() {
    let Some(ctx) = context() else { return };
    let [_, mut gpu] = paths(ctx, &ModelChoice::Mesh);
    let mut picture = photo("ada.jpg", PixelFormat::Rgba, 0);
    let jobs = jobs(gpu.as_mut(), &picture);
    gpu.take_times();
    swap(gpu.as_mut(), &mut picture, &jobs, &Look::default());
    let times = gpu.take_times();
    // What ran may be shorter than a tick of the GPU's clock; without a clock all of it counts as the swap.
    let clock = ctx.device.features().contains(wgpu::Features::TIMESTAMP_QUERY);
    let idle =
        if clock { [Stage::Detect, Stage::Swap, Stage::Mark] } else { [Stage::Detect, Stage::Blend, Stage::Mark] };
    assert!(idle.iter().all(|s| times.0[*s as usize] == 0.0), "these did not run: {times:?}");
    assert_ne!(times, Default::default(), "something ran");
    assert_eq!(gpu.take_times(), Default::default(), "taken once");
}

#[test]
fn another_identity_shows_at_once() {
    let Some(ctx) = context() else { return };
    let [mut cpu, mut gpu] = paths(ctx, &ModelChoice::Mesh);
    let picture = photo("ada.jpg", PixelFormat::Rgba, 0);
    let jobs = jobs(cpu.as_mut(), &picture);
    let swapped = |gpu: &mut dyn FramePath| {
        let mut out = picture.clone();
        swap(gpu, &mut out, &jobs, &Look::default());
        out
    };
    let first = swapped(gpu.as_mut());
    assert_eq!(first, swapped(gpu.as_mut()), "the same frame twice");
    let mut other = identity();
    other.textures[0].rgb.iter_mut().for_each(|v| *v = 255 - *v);
    gpu.set_identity(&other).unwrap();
    assert_ne!(first, swapped(gpu.as_mut()));
    gpu.set_identity(&identity()).unwrap();
    assert_eq!(first, swapped(gpu.as_mut()));
}
