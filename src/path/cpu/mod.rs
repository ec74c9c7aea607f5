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
use self::sample::{Border, Sampler};
use super::window::choose_crop;
use super::{
    FaceJob, FaceOutcome, FramePath, LANDMARK_SIDE, MeshReading, PRESENCE, Painter, Stage, StageTimes, planes_mut,
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
    times: StageTimes,
}

/// What puts a face on.
struct PainterState {
    source: guide::Source,
    guide: Option<guide::Stage>,
    generator: Option<Generator>,
    mask: mask::HullMask,
    canvas: Vec<f32>,
    swapped: Vec<f32>,
    least_crop: usize,
    most_crop: usize,
}

/// A face that is about to be painted.
struct Prepared {
    index: usize,
    landmarks: Landmarks,
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
            times: StageTimes::default(),
        })
    }

    fn timed<T>(times: &mut StageTimes, stage: Stage, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        times.add(stage, start.elapsed());
        result
    }

    fn read_mesh(&mut self, frame: &FrameView<'_>, frame_from_region: Affine2) -> MeshReading {
        let (net, times) = (&mut self.landmarks, &mut self.times);
        Self::timed(times, Stage::Colour, || {
            Sampler::new(frame).warp(frame_from_region, LANDMARK_SIDE, Border::Black, net.input_mut("input"));
        });
        Self::timed(times, Stage::Landmarks, || {
            net.run();
            MeshReading::from_network(net.output("landmarks"), net.output("presence")[0], frame_from_region)
        })
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
        Ok(self.read_mesh(frame, frame_from_region))
    }

    fn swap(&mut self, frame: &mut FrameViewMut<'_>, jobs: &[FaceJob], look: &Look) -> Result<Vec<FaceOutcome>> {
        let mut outcomes = Vec::with_capacity(jobs.len());
        let mut prepared = Vec::with_capacity(jobs.len());
        for (index, job) in jobs.iter().enumerate() {
            let reading = self.read_mesh(&frame.view(), job.frame_from_region);
            let smoothed = smooth::one_euro(&reading.landmarks, job.history.as_ref(), job.elapsed_secs, look.smoothing);
            let pose = mesh::pose(&smoothed.landmarks).pose;
            let swapped = reading.presence >= PRESENCE && self.painter.is_some();
            if swapped {
                prepared.push(Prepared { index, landmarks: smoothed.landmarks.clone() });
            }
            outcomes.push(FaceOutcome { reading, smoothed, pose, swapped });
        }
        if let Some(painter) = &mut self.painter {
            // Faces further away first, so that nearer ones end up on top.
            prepared.sort_by(|a, b| face_size(&a.landmarks).total_cmp(&face_size(&b.landmarks)));
            for face in &prepared {
                outcomes[face.index].swapped = painter.paint(frame, face, look, &mut self.times);
            }
        }
        Ok(outcomes)
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
    fn paint(&mut self, frame: &mut FrameViewMut<'_>, face: &Prepared, look: &Look, times: &mut StageTimes) -> bool {
        let Some((crop, canvas_from_frame)) = self.place(&face.landmarks) else { return false };
        let side = canvas_side(crop);
        let values = 3 * side * side;
        let points = face.landmarks.mapped(canvas_from_frame);
        let worked = self.worked(&points, side, crop);
        CpuPath::timed(times, Stage::Align, || {
            let sampler = Sampler::new(&frame.view());
            let (map, canvas) = (canvas_from_frame.inverse(), &mut self.canvas[..values]);
            sampler.warp_window(map, side, worked, Border::Repeat, canvas);
        });
        let (canvas, swapped) = (&self.canvas[..values], &mut self.swapped[..values]);
        CpuPath::timed(times, Stage::Guide, || match &mut self.guide {
            Some(stage) => swapped.copy_from_slice(stage.run(&self.source, canvas, &points, crop).rgb),
            None => swapped.copy_from_slice(canvas),
        });
        if let Some(generator) = &mut self.generator {
            CpuPath::timed(times, Stage::Swap, || generator.run(canvas, side, crop, swapped));
        }
        let mask = CpuPath::timed(times, Stage::Mask, || {
            let rows = worked.top * side..(worked.top + worked.height) * side;
            to_codes(&frame.info, planes_mut(swapped).map(|plane| &mut plane[rows.clone()]));
            self.mask.run(&points, side, look.feather * crop as f32)
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
