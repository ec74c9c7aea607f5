//! The frame path on the CPU.

pub mod blend;
pub mod generator;
pub mod sample;
mod taps;

use std::sync::Arc;
use std::time::Instant;

use glam::{Affine2, Vec2};

use self::blend::{Patch, blend, to_codes};
use self::generator::Generator;
use self::sample::Sampler;
use super::flights::Flights;
use super::letterbox::Border;
use super::window::choose_crop;
use super::{
    Done, FaceOutcome, FramePath, LANDMARK_SIDE, MeshReading, PRESENCE, Painter, Stage, StageTimes, Ticket, Work,
    planes_mut,
};
use crate::align::{self, canvas_side};
use crate::engine::cpu::Net;
use crate::error::Result;
use crate::face::{Detection, Landmarks};
use crate::frame::{FrameView, FrameViewMut};
use crate::guide::window::Window;
use crate::identity::Identity;
use crate::models::Model;
use crate::settings::Look;
use crate::{detect, guide, mask, mesh, smooth};

/// Largest crop that is worked on: 512 would quadruple the guide's time.
const MOST_CROP: usize = 256;

/// All networks and buffers of the CPU path.
pub struct CpuPath {
    adapter: String,
    detector: Net,
    landmarks: Net,
    painter: Option<PainterState>,
    flights: Flights<Flight>,
    times: StageTimes,
}

/// A frame that was looked at and is not painted yet.
#[derive(Default)]
struct Flight {
    look: Look,
    done: Done,
}

/// What puts a face on.
struct PainterState {
    source: guide::Source,
    guide: Option<guide::Stage>,
    generator: Option<Generator>,
    mask: mask::HullMask,
    /// The face's points on the canvas.
    points: Landmarks,
    canvas: Vec<f32>,
    swapped: Vec<f32>,
    least_crop: usize,
    most_crop: usize,
}

impl CpuPath {
    /// Plans the networks. Without a `painter` it only analyses: that is what enrolling needs.
    pub fn new(painter: Option<(&Painter, &Identity)>) -> Result<Self> {
        let net = |name: &str| {
            let model = Model::builtin(name)?;
            Net::new(Arc::new(model.spec()?), &model.weights)
        };
        let threads = rayon::current_num_threads();
        Ok(Self {
            adapter: format!("CPU, {threads} threads"),
            detector: net("detector")?,
            landmarks: net("landmarks")?,
            painter: painter.map(|(painter, identity)| PainterState::new(painter, identity)).transpose()?,
            flights: Flights::default(),
            times: StageTimes::default(),
        })
    }

    fn timed<T>(times: &mut StageTimes, stage: Stage, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        times.add(stage, start.elapsed());
        result
    }

    fn read_mesh(&mut self, frame: &FrameView<'_>, frame_from_region: Affine2, reading: &mut MeshReading) {
        let (net, times) = (&mut self.landmarks, &mut self.times);
        Self::timed(times, Stage::Colour, || {
            Sampler::new(frame).warp(frame_from_region, LANDMARK_SIDE, Border::Black, net.input_mut("input"));
        });
        Self::timed(times, Stage::Landmarks, || {
            net.run();
            reading.take(net.output("landmarks"), net.output("presence")[0], frame_from_region);
        });
    }

    /// Finds and reads the faces of a frame.
    fn look(&mut self, frame: &FrameView<'_>, work: &Work<'_>, done: &mut Done) -> Result<()> {
        done.detections = work.detect.then(|| self.detect(frame, work.look.threshold)).transpose()?;
        done.faces.resize_with(work.jobs.len(), FaceOutcome::default);
        // The caller marks the frame.
        done.marked = false;
        for (job, FaceOutcome { reading, smoothed, pose, swapped }) in work.jobs.iter().zip(&mut done.faces) {
            self.read_mesh(frame, job.frame_from_region, reading);
            smooth::one_euro(&reading.landmarks, job.history, job.elapsed_secs, work.look.smoothing, smoothed);
            *pose = mesh::pose(&smoothed.landmarks).pose;
            *swapped = reading.presence >= PRESENCE && self.painter.is_some();
        }
        Ok(())
    }
}

impl FramePath for CpuPath {
    fn adapter(&self) -> &str {
        &self.adapter
    }

    fn detect(&mut self, frame: &FrameView<'_>, threshold: f32) -> Result<Vec<Detection>> {
        let (net, times) = (&mut self.detector, &mut self.times);
        let frame_from_input = Self::timed(times, Stage::Colour, || {
            let input = net.input_mut("input");
            let map = Sampler::new(frame).letterbox(detect::SIDE, input);
            input.iter_mut().for_each(|v| *v = *v * 2.0 - 1.0);
            map
        });
        Ok(Self::timed(times, Stage::Detect, || {
            net.run();
            detect::decode(net.output("boxes"), net.output("scores"), threshold, frame_from_input)
        }))
    }

    fn landmarks(&mut self, frame: &FrameView<'_>, frame_from_region: Affine2) -> Result<MeshReading> {
        let mut reading = MeshReading::default();
        self.read_mesh(frame, frame_from_region, &mut reading);
        Ok(reading)
    }

    fn submit(&mut self, frame: &FrameView<'_>, work: &Work<'_>) -> Result<Ticket> {
        let ticket = self.flights.open(Flight::default);
        let flight = self.flights.get(ticket)?;
        flight.look.clone_from(work.look);
        let mut done = std::mem::take(&mut flight.done);
        let looked = self.look(frame, work, &mut done);
        self.flights.get(ticket)?.done = done;
        if looked.is_err() {
            self.flights.close(ticket);
        }
        looked.map(|()| ticket)
    }

    fn collect(&mut self, ticket: Ticket, frame: &mut FrameViewMut<'_>, done: &mut Done) -> Result<()> {
        let flight = self.flights.get(ticket)?;
        std::mem::swap(done, &mut flight.done);
        if let Some(painter) = &mut self.painter {
            // Faces further away first, so that nearer ones end up on top.
            let mut order: Vec<usize> = (0..done.faces.len()).filter(|i| done.faces[*i].swapped).collect();
            let size = |i: &usize| face_size(&done.faces[*i].smoothed.landmarks);
            order.sort_by(|a, b| size(a).total_cmp(&size(b)));
            for index in order {
                let face = &mut done.faces[index];
                face.swapped = painter.paint(frame, &face.smoothed.landmarks, &flight.look, &mut self.times);
            }
        }
        self.flights.close(ticket);
        Ok(())
    }

    fn discard(&mut self) {
        self.flights.clear();
    }

    fn set_identity(&mut self, identity: &Identity) -> Result<()> {
        self.painter.as_mut().map_or(Ok(()), |painter| painter.set_identity(identity))
    }

    fn take_times(&mut self) -> StageTimes {
        std::mem::take(&mut self.times)
    }
}

fn face_size(landmarks: &Landmarks) -> f32 {
    let (lo, hi) = landmarks.bounds();
    (hi - lo).max_element()
}

impl PainterState {
    fn new(painter: &Painter, identity: &Identity) -> Result<Self> {
        let (least_crop, most_crop) = painter.crops(MOST_CROP);
        let area = canvas_side(most_crop).pow(2);
        let generator = match painter {
            Painter::Mesh => None,
            Painter::Generator { model, config } => {
                let mut generator = Generator::new(model, config.clone())?;
                generator.set_identity(identity)?;
                Some(generator)
            }
        };
        Ok(Self {
            source: guide::Source::new(identity),
            guide: painter.guided().then(|| guide::Stage::new(most_crop)),
            generator,
            mask: mask::HullMask::new(canvas_side(most_crop)),
            points: Landmarks::default(),
            canvas: vec![0.0; 3 * area],
            swapped: vec![0.0; 3 * area],
            least_crop,
            most_crop,
        })
    }

    fn set_identity(&mut self, identity: &Identity) -> Result<()> {
        if let Some(generator) = &mut self.generator {
            generator.set_identity(identity)?;
        }
        self.source = guide::Source::new(identity);
        Ok(())
    }

    /// Paints one face; false when its landmarks make no sense (a line, not finite).
    fn paint(
        &mut self,
        frame: &mut FrameViewMut<'_>,
        landmarks: &Landmarks,
        look: &Look,
        times: &mut StageTimes,
    ) -> bool {
        let Some((crop, canvas_from_frame)) = self.place(landmarks) else { return false };
        let side = canvas_side(crop);
        let values = 3 * side * side;
        self.points.map_from(landmarks.0.iter().copied(), canvas_from_frame);
        let points = &self.points;
        let worked = self.worked(points, side, crop);
        CpuPath::timed(times, Stage::Align, || {
            let sampler = Sampler::new(&frame.view());
            let (map, canvas) = (canvas_from_frame.inverse(), &mut self.canvas[..values]);
            sampler.warp_window(map, side, worked, Border::Repeat, canvas);
        });
        let (canvas, swapped) = (&self.canvas[..values], &mut self.swapped[..values]);
        CpuPath::timed(times, Stage::Guide, || match &mut self.guide {
            Some(stage) => swapped.copy_from_slice(stage.run(&self.source, canvas, points, crop).rgb),
            None => swapped.copy_from_slice(canvas),
        });
        if let Some(generator) = &mut self.generator {
            CpuPath::timed(times, Stage::Swap, || generator.run(canvas, side, crop, swapped));
        }
        let mask = CpuPath::timed(times, Stage::Mask, || {
            let rows = worked.top * side..(worked.top + worked.height) * side;
            to_codes(&frame.info, planes_mut(swapped).map(|plane| &mut plane[rows.clone()]));
            self.mask.run(points, side, look.feather * crop as f32)
        });
        CpuPath::timed(times, Stage::Blend, || {
            // The mask lies within the mesh; a pixel more for the bilinear taps.
            let (lo, hi) = points.bounds();
            let patch = Patch { codes: swapped, mask, side, shown: (lo - 1.0, hi + 1.0) };
            blend(frame, &patch, canvas_from_frame, look.strength);
        });
        true
    }

    /// The part of the canvas that is worked on: the mesh, with room for its exchanged shape, and the generator's
    /// window.
    fn worked(&self, points: &Landmarks, side: usize, crop: usize) -> Window {
        let (lo, hi) = points.bounds();
        let room = side as f32 / 16.0;
        let generator = self.generator.iter().flat_map(|g| {
            let w = g.window(crop);
            let end = |axis: usize| (w.start[axis] + w.size[axis] * w.ratio) as f32;
            [Vec2::new(w.start[0] as f32, w.start[1] as f32), Vec2::new(end(0), end(1))]
        });
        Window::around([lo - room, hi + room].into_iter().chain(generator), side)
    }

    fn place(&self, landmarks: &Landmarks) -> Option<(usize, Affine2)> {
        /// No face covers as many pixels: its landmarks lie in all directions at once.
        const TOO_LARGE: f32 = 256e3;
        let native = align::native_crop(landmarks);
        let crop = choose_crop(native, self.least_crop, self.most_crop);
        let map = align::canvas_from_frame(landmarks, crop);
        let sound = native < TOO_LARGE && map.is_finite() && landmarks.0.iter().all(|p| p.is_finite());
        sound.then_some((crop, map))
    }
}
