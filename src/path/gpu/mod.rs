//! The frame path on a GPU: one submission and one readback for each frame. Nothing between the upload of the planes
//! and their download is decided on the CPU.
//!
//! [`GpuPath::swap`](FramePath::swap) reads top-down: upload, landmarks and geometry of every face, then face by face,
//! far to near, canvas, guide, generator, mask, blend, then everything back in one buffer. [`image`] holds the kernels
//! between frames and canvases, [`face`] those of the face, `slot` binds both to a face's buffers, `bound` to a
//! frame's size and format.

mod bound;
mod crop;
pub mod face;
mod generator;
pub mod image;
mod painter;
pub mod planes;
mod slot;
mod timer;

use std::sync::Arc;
use std::time::Instant;

use glam::{Affine2, Vec2};

use self::bound::{Bound, Staging};
use self::face::{FaceHead, Placement};
use self::painter::DevicePainter;
use self::timer::Timer;
use super::cpu::sample::letterbox_map;
use super::{FaceJob, FaceOutcome, FramePath, MeshReading, Painter, Stage, StageTimes};
use crate::align::canvas_side;
use crate::detect;
use crate::engine::gpu::{Net, Precision};
use crate::error::Result;
use crate::face::Detection;
use crate::frame::{ColorSpace, FrameInfo, FrameView, FrameViewMut, PixelFormat};
use crate::gpu::Context;
use crate::identity::Identity;
use crate::models::Model;
use crate::settings::Look;

/// Choices that are made when the path is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Largest crop that is worked on, in pixels.
    pub max_crop: usize,
    /// How the generator's feature maps are stored; by default with 16 bits where that passes a trial. Landmarks and
    /// detections are places in pixels, so their networks always store 32 bits.
    pub precision: Option<Precision>,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_crop: 512, precision: None }
    }
}

/// All networks and buffers of the GPU path.
pub struct GpuPath {
    ctx: Arc<Context>,
    adapter: String,
    detector: Net,
    landmarks: Net,
    painter: DevicePainter,
    bound: Option<Bound>,
    staging: Staging,
    timer: Timer,
    times: StageTimes,
}

impl GpuPath {
    /// Plans the networks.
    ///
    /// # Errors
    /// [`Error::Model`](crate::Error::Model) for a generator that does not fit,
    /// [`Error::Device`](crate::Error::Device) for one that is too large for this path,
    /// [`Error::DeviceLost`](crate::Error::DeviceLost) when a kernel or the device fails.
    pub fn new(ctx: &Arc<Context>, painter: &Painter, identity: &Identity, options: Options) -> Result<Self> {
        let net = |name: &str| {
            let model = Model::builtin(name)?;
            Net::new(ctx, Arc::new(model.spec()?), &model.weights, Precision::F32)
        };
        let painter = DevicePainter::new(ctx, painter, identity, options)?;
        let (detector, landmarks) = (net("detector")?, net("landmarks")?);
        tracing::debug!(
            detector = detector.dispatches(),
            landmarks = landmarks.dispatches(),
            painter = painter.dispatches(),
            "dispatches of a face"
        );
        let storage = match painter.precision() {
            Some(Precision::F16Storage) => ", 16-bit storage",
            _ => "",
        };
        let mut path = Self {
            adapter: format!("{}{storage}", ctx.line()),
            detector,
            landmarks,
            painter,
            bound: None,
            staging: Staging::default(),
            timer: Timer::new(ctx),
            times: StageTimes::default(),
            ctx: ctx.clone(),
        };
        // Compiles every kernel now and not in the first frame: the detector sees small and large frames by different
        // kernels.
        for width in [16, detect::SIDE + 1] {
            let info = FrameInfo { format: PixelFormat::Rgba, width, height: 16, color: ColorSpace::default() };
            path.take_bound(info, 1)?;
        }
        Ok(path)
    }

    /// The device.
    pub const fn context(&self) -> &Arc<Context> {
        &self.ctx
    }

    /// Takes out what is bound, for frames like `info` with `faces` faces; the caller puts it back after the frame.
    fn take_bound(&mut self, info: FrameInfo, faces: usize) -> Result<Bound> {
        self.ctx.check()?;
        let mut bound = match self.bound.take().filter(|b| b.frame.planes.info() == info) {
            Some(bound) => bound,
            None => Bound::new(&self.ctx, info, &self.detector, &self.landmarks)?,
        };
        for index in bound.slots.len()..faces {
            bound.slots.push(self.painter.slot(&self.ctx, &self.landmarks, &bound.frame, index)?);
        }
        self.ctx.check()?;
        Ok(bound)
    }

    /// Uploads `frame`, runs a network on it and reads two of its outputs.
    fn analyse(&mut self, bound: &Bound, frame: &FrameView<'_>, work: Analysis) -> Result<[Vec<f32>; 2]> {
        let start = Instant::now();
        let Self { ctx, staging, timer, times, .. } = self;
        let (net, input, stage, names) = match work {
            Analysis::Detect => (&self.detector, &bound.letterbox, Stage::Detect, ["boxes", "scores"]),
            Analysis::Landmarks => (&self.landmarks, &bound.region, Stage::Landmarks, ["landmarks", "presence"]),
        };
        bound.frame.upload(ctx, frame, 0.0)?;
        let mut encoder = ctx.encoder(stage.name());
        timer.restart();
        input.record(&mut timer.pass(&mut encoder, Stage::Colour));
        net.record(&mut timer.pass(&mut encoder, stage));
        let outputs: Vec<_> = names.iter().filter_map(|name| net.output_buffer(name)).collect();
        let total: u64 = outputs.iter().map(|range| range.size).sum();
        let staging = staging.of(ctx, total + timer.size());
        let mut at = 0;
        for range in &outputs {
            encoder.copy_buffer_to_buffer(&range.buffer, range.offset, &staging.buffer, at, range.size);
            at += range.size;
        }
        timer.finish(&mut encoder, staging, total);
        ctx.submit(encoder)?;
        ctx.map(staging, total + timer.size(), |bytes| {
            let (values, ticks) = bytes.split_at(total as usize);
            timer.read(ticks, start.elapsed(), times);
            let (first, second) = values.split_at(outputs[0].size as usize);
            [first, second].map(bytemuck::pod_collect_to_vec)
        })
    }

    /// Writes what the submission of a frame must know of its faces.
    fn write(
        &self,
        bound: &Bound,
        frame: &FrameView<'_>,
        (jobs, crops): (&[FaceJob], &[usize]),
        look: &Look,
    ) -> Result<()> {
        bound.frame.upload(&self.ctx, frame, look.strength)?;
        for ((slot, job), &crop) in bound.slots.iter().zip(jobs).zip(crops) {
            let options = crate::guide::Options::default();
            let placement = Placement { crop, smoothing: look.smoothing, feather: look.feather, options };
            slot.write(&self.ctx, job, &placement);
        }
        Ok(())
    }

    /// Records and submits a whole frame; returns where everything stands in the staging buffer.
    fn submit(&mut self, bound: &Bound, jobs: &[FaceJob], crops: &[usize]) -> Result<Layout> {
        let Self { ctx, staging, timer, painter, landmarks, .. } = self;
        let (frame, slots) = (&bound.frame, &bound.slots);
        let mut encoder = ctx.encoder("swap");
        timer.restart();
        if let Some(generator) = &mut painter.generator
            && generator.take_stale()
        {
            generator.record_identity(&mut timer.pass(&mut encoder, Stage::Swap));
        }
        slots.iter().take(jobs.len()).for_each(|slot| slot.record_geometry(&mut encoder, timer, landmarks));
        for face in crop::paint_order(jobs) {
            slots[face].record_paint(&mut encoder, timer, painter.generator.as_ref(), crops[face]);
        }
        let faces = frame.codes.size;
        let ticks = faces + (jobs.len() * FaceHead::READBACK) as u64;
        let layout = Layout { faces, ticks, total: ticks + timer.size() };
        let staging = staging.of(ctx, layout.total);
        encoder.copy_buffer_to_buffer(&frame.codes.buffer, frame.codes.offset, &staging.buffer, 0, faces);
        for (i, slot) in slots.iter().take(jobs.len()).enumerate() {
            let (face, at) = (&slot.buffers.face, faces + (i * FaceHead::READBACK) as u64);
            encoder.copy_buffer_to_buffer(&face.buffer, face.offset, &staging.buffer, at, FaceHead::READBACK as u64);
        }
        timer.finish(&mut encoder, staging, ticks);
        ctx.submit(encoder)?;
        Ok(layout)
    }
}

/// What [`GpuPath::analyse`] runs.
#[derive(Clone, Copy)]
enum Analysis {
    Detect,
    Landmarks,
}

/// First bytes of the parts of a frame's readback, after the planes.
#[derive(Clone, Copy, Debug)]
struct Layout {
    faces: u64,
    ticks: u64,
    total: u64,
}

impl FramePath for GpuPath {
    fn adapter(&self) -> &str {
        &self.adapter
    }

    fn detect(&mut self, frame: &FrameView<'_>, threshold: f32) -> Result<Vec<Detection>> {
        let bound = self.take_bound(frame.info, 0)?;
        let [boxes, scores] = self.analyse(&bound, frame, Analysis::Detect)?;
        self.bound = Some(bound);
        Ok(detect::decode(&boxes, &scores, threshold, letterbox_map(&frame.info, detect::SIDE)))
    }

    fn landmarks(&mut self, frame: &FrameView<'_>, frame_from_region: Affine2) -> Result<MeshReading> {
        let bound = self.take_bound(frame.info, 0)?;
        self.ctx.write(&bound.region_map, &frame_from_region.to_cols_array());
        let [points, presence] = self.analyse(&bound, frame, Analysis::Landmarks)?;
        self.bound = Some(bound);
        Ok(MeshReading::from_network(&points, presence[0], frame_from_region))
    }

    fn swap(&mut self, frame: &mut FrameViewMut<'_>, jobs: &[FaceJob], look: &Look) -> Result<Vec<FaceOutcome>> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let start = Instant::now();
        let bound = self.take_bound(frame.info, jobs.len())?;
        let crops: Vec<usize> = jobs.iter().map(|job| self.painter.crop(job)).collect();
        self.write(&bound, &frame.view(), (jobs, &crops), look)?;
        let layout = self.submit(&bound, jobs, &crops)?;
        let Self { ctx, staging, timer, times, .. } = self;
        let outcomes = ctx.map(staging.of(ctx, layout.total), layout.total, |bytes| {
            let faces = bytes[layout.faces as usize..layout.ticks as usize].chunks_exact(FaceHead::READBACK);
            let rows = painted_rows(faces.clone().zip(&crops), frame.info.height);
            bound.frame.planes.unpack(bytes, frame, rows);
            timer.read(&bytes[layout.ticks as usize..], start.elapsed(), times);
            faces.map(FaceHead::outcome).collect()
        })?;
        self.bound = Some(bound);
        Ok(outcomes)
    }

    fn set_identity(&mut self, identity: &Identity) -> Result<()> {
        self.painter.set_identity(&self.ctx, identity)?;
        if let Some(bound) = &mut self.bound {
            bound.slots.clear();
        }
        self.ctx.check()
    }

    fn take_times(&mut self) -> StageTimes {
        std::mem::take(&mut self.times)
    }
}

/// Frame rows that the painted faces can have changed.
fn painted_rows<'a>(faces: impl Iterator<Item = (&'a [u8], &'a usize)>, height: usize) -> std::ops::Range<usize> {
    let mut rows = height..0;
    for (bytes, &crop) in faces {
        let head = FaceHead::read(bytes);
        if head.gate < 0.5 {
            continue;
        }
        let (frame_from_canvas, side) = (head.canvas_from_frame().inverse(), canvas_side(crop) as f32);
        let corners = [Vec2::ZERO, Vec2::new(side, 0.0), Vec2::new(0.0, side), Vec2::splat(side)];
        let ys = corners.map(|c| frame_from_canvas.transform_point2(c).y);
        // Two rows to spare: chroma samples stand between rows. `as` saturates.
        let (lo, hi) = ys.iter().fold((f32::MAX, f32::MIN), |(lo, hi), y| (lo.min(*y), hi.max(*y)));
        rows.start = rows.start.min((lo - 2.0) as usize);
        rows.end = rows.end.max((hi + 3.0) as usize).min(height);
    }
    if rows.start < rows.end { rows } else { 0..0 }
}
