//! The frame path on a GPU: one submission and one readback for each frame. Nothing between the upload of the planes
//! and their download is decided on the CPU.
//!
//! [`GpuPath::submit`](FramePath::submit) reads top-down: upload, the detector if it is time, landmarks and geometry of
//! every face, then face by face, far to near, canvas, guide, generator, mask, blend, then the watermark, and everything
//! back in one buffer. [`image`] holds the kernels between frames and canvases, [`face`] those of the face, [`mark`] those
//! of the watermark; `slot` binds the first two to a face's buffers, `bound` all to a frame's size and format.
//!
//! Several frames may be in flight. The device works on them one after the other, so they share all buffers but those
//! that the host reads (`trip`). A face stays in its slot, where the next frame finds what the last one left.

mod bound;
mod crop;
pub mod face;
mod flight;
mod generator;
pub mod image;
pub mod mark;
mod painter;
pub mod planes;
mod slot;
mod timer;
mod trip;

use std::sync::Arc;
use std::time::Instant;

use glam::Affine2;

use self::bound::Bound;
use self::face::Placement;
use self::flight::{DETECTOR_OUTPUTS, Flight, Place, two};
use self::mark::MarkBuffers;
use self::painter::DevicePainter;
use super::flights::Flights;
use super::letterbox::letterbox_map;
use super::{Done, FaceJob, FramePath, MeshReading, Painter, Stage, StageTimes, Ticket, Work};
use crate::detect;
use crate::engine::gpu::{Net, Precision};
use crate::error::{Error, Result};
use crate::face::Detection;
use crate::frame::{ColorSpace, FrameInfo, FrameView, FrameViewMut, PixelFormat};
use crate::gpu::Context;
use crate::identity::Identity;
use crate::models::Model;

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
    marks: MarkBuffers,
    bound: Option<Bound>,
    flights: Flights<Flight>,
    times: StageTimes,
}

impl GpuPath {
    /// Plans the networks.
    ///
    /// # Errors
    /// [`Error::Model`] for a generator that does not fit,
    /// [`Error::Device`] for one that is too large for this path,
    /// [`Error::DeviceLost`] when a kernel or the device fails.
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
            marks: MarkBuffers::new(ctx),
            bound: None,
            flights: Flights::default(),
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
            None => Bound::new(&self.ctx, info, [&self.detector, &self.landmarks], &self.marks)?,
        };
        for index in bound.slots.len()..faces {
            bound.slots.push(self.painter.slot(&self.ctx, &self.landmarks, &bound.frame, index)?);
        }
        self.ctx.check()?;
        Ok(bound)
    }

    fn open(&mut self, info: FrameInfo) -> Ticket {
        self.flights.open(|| Flight::new(&self.ctx, info))
    }

    /// Uploads `frame`, runs a network on it and reads two of its outputs.
    fn analyse(&mut self, bound: &Bound, frame: &FrameView<'_>, work: Analysis) -> Result<[Vec<f32>; 2]> {
        let start = Instant::now();
        let ticket = self.open(frame.info);
        let Self { ctx, flights, times, .. } = self;
        let (net, input, stage, names) = match work {
            Analysis::Detect => (&self.detector, &bound.letterbox, Stage::Detect, DETECTOR_OUTPUTS),
            Analysis::Landmarks => (&self.landmarks, &bound.region, Stage::Landmarks, ["landmarks", "presence"]),
        };
        let trip = &mut flights.get(ticket)?.trip;
        let outputs = names.iter().filter_map(|name| net.output_buffer(name));
        let sizes = names.map(|name| net.output_buffer(name).map_or(0, |range| range.size as usize));
        let run = || {
            bound.frame.upload(ctx, frame, 0.0)?;
            let mut encoder = ctx.encoder(stage.name());
            trip.timer.restart();
            input.record(&mut trip.timer.pass(&mut encoder, Stage::Colour));
            net.record(&mut trip.timer.pass(&mut encoder, stage));
            trip.depart(encoder, outputs, start)?;
            trip.arrive(times, |bytes| two(bytes, sizes).0)
        };
        let result = run();
        flights.close(ticket);
        result
    }

    /// Chooses slot and crop of each job. What is in flight keeps its slots: the next frame finds its faces there.
    fn place(&mut self, ticket: Ticket, jobs: &[FaceJob<'_>]) -> Result<()> {
        let mut faces = std::mem::take(&mut self.flights.get(ticket)?.faces);
        faces.clear();
        for job in jobs {
            let slot = match job.carried {
                Some((before, index)) => {
                    let before = self.flights.get(before)?;
                    before.faces.get(index).ok_or_else(|| Error::Frame("no such face is in flight".into()))?.slot
                }
                None => {
                    let taken = || self.flights.busy().flat_map(|f| &f.faces).chain(&faces).map(|f| f.slot);
                    (0..).find(|slot| taken().all(|t| t != *slot)).unwrap_or_default()
                }
            };
            faces.push(Place { slot, crop: self.painter.crop(job) });
        }
        self.flights.get(ticket)?.faces = faces;
        Ok(())
    }

    /// Uploads a frame, records everything that is to be done with it, and submits.
    fn start(&mut self, ticket: Ticket, frame: &FrameView<'_>, work: &Work<'_>, start: Instant) -> Result<()> {
        self.place(ticket, work.jobs)?;
        let slots = self.flights.get(ticket)?.faces.iter().map(|f| f.slot + 1).max().unwrap_or(0);
        let bound = self.take_bound(frame.info, slots)?;
        let flight = self.flights.get(ticket)?;
        (flight.planes, flight.threshold) = (bound.frame.planes, work.detect.then_some(work.look.threshold));
        flight.marks = work.payload().is_some();
        bound.frame.upload(&self.ctx, frame, work.look.strength)?;
        if let Some(payload) = work.payload() {
            self.marks.write(&self.ctx, payload);
        }
        let (smoothing, feather) = (work.look.smoothing, work.look.feather);
        for (face, job) in flight.faces.iter().zip(work.jobs) {
            let options = crate::guide::Options::default();
            bound.slots[face.slot].write(&self.ctx, job, &Placement { crop: face.crop, smoothing, feather, options });
        }
        self.record(ticket, &bound, work, start)?;
        self.bound = Some(bound);
        Ok(())
    }

    fn record(&mut self, ticket: Ticket, bound: &Bound, work: &Work<'_>, start: Instant) -> Result<()> {
        let Self { ctx, painter, detector, landmarks, .. } = self;
        let Flight { trip, faces, marks, .. } = self.flights.get(ticket)?;
        let (mut encoder, timer) = (ctx.encoder("frame"), &mut trip.timer);
        timer.restart();
        if work.detect {
            bound.letterbox.record(&mut timer.pass(&mut encoder, Stage::Colour));
            detector.record(&mut timer.pass(&mut encoder, Stage::Detect));
        }
        if let Some(generator) = painter.generator.as_mut().filter(|_| !faces.is_empty())
            && generator.take_stale()
        {
            generator.record_identity(&mut timer.pass(&mut encoder, Stage::Swap));
        }
        for (face, job) in faces.iter().zip(work.jobs) {
            bound.slots[face.slot].record_geometry(&mut encoder, timer, landmarks, job.carried.is_some());
        }
        for index in crop::paint_order(work.jobs) {
            let face = faces[index];
            bound.slots[face.slot].record_paint(&mut encoder, timer, painter.generator.as_ref(), face.crop);
        }
        if *marks {
            bound.marker.record(&mut timer.pass(&mut encoder, Stage::Mark));
        }
        let detections =
            DETECTOR_OUTPUTS.iter().filter(|_| work.detect).filter_map(|name| detector.output_buffer(name));
        let codes = (!faces.is_empty()).then_some(&bound.frame.codes);
        let faces = faces.iter().map(|face| &bound.slots[face.slot].result);
        trip.depart(encoder, detections.chain(faces).chain(codes), start)
    }
}

/// What [`GpuPath::analyse`] runs.
#[derive(Clone, Copy)]
enum Analysis {
    Detect,
    Landmarks,
}

impl FramePath for GpuPath {
    fn adapter(&self) -> &str {
        &self.adapter
    }

    fn overlaps(&self) -> bool {
        true
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
        let mut reading = MeshReading::default();
        reading.take(&points, presence[0], frame_from_region);
        Ok(reading)
    }

    fn submit(&mut self, frame: &FrameView<'_>, work: &Work<'_>) -> Result<Ticket> {
        let start = Instant::now();
        let ticket = self.open(frame.info);
        let started = self.start(ticket, frame, work, start);
        if started.is_err() {
            self.flights.close(ticket);
        }
        started.map(|()| ticket)
    }

    fn collect(&mut self, ticket: Ticket, frame: &mut FrameViewMut<'_>, done: &mut Done) -> Result<()> {
        let boxes =
            DETECTOR_OUTPUTS.map(|name| self.detector.output_buffer(name).map_or(0, |range| range.size as usize));
        let result = self.flights.get(ticket)?.land(boxes, &mut self.times, frame, done);
        self.flights.close(ticket);
        result
    }

    fn discard(&mut self) {
        self.flights.clear();
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
