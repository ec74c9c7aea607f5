//! A path whose faces are made up by the test, and a pipeline over it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alphaswap::face::{Detection, Landmarks, Pose};
use alphaswap::frame::{ColorSpace, FrameInfo, FrameView, FrameViewMut, PixelFormat};
use alphaswap::identity::Identity;
use alphaswap::path::{
    Done, FaceJob, FaceOutcome, FramePath, MeshReading, Painter, Smoothed, StageTimes, Ticket, Work,
};
use alphaswap::settings::{DeviceChoice, Fallback, Look};
use alphaswap::{Pipeline, Report, Result, mesh, region};
use glam::{Affine2, Vec2, Vec3};

use crate::support::{Picture, identity};

/// Half a made-up face's width in frame pixels, and the code it is painted with.
pub const HALF: f32 = 20.0;
pub const PAINT: u8 = 255;

/// A made-up face.
#[derive(Clone, Copy)]
pub struct Made {
    pub centre: Vec2,
    /// Whether the landmark network recognises it (a profile is not).
    pub meshed: bool,
}

/// The faces of each frame, by the number that the frame carries in its first bytes.
type World = Arc<Mutex<Vec<Vec<Made>>>>;

/// Sees the faces of the world when a frame is submitted; paints a square when it is collected.
struct Scripted {
    world: World,
    overlaps: bool,
    flights: Vec<Option<Flight>>,
}

struct Flight {
    regions: Vec<Affine2>,
    done: Done,
}

impl Scripted {
    fn faces(&self, frame: &FrameView<'_>) -> Vec<Made> {
        let number = u16::from_le_bytes([frame.planes[0][0], frame.planes[0][1]]);
        self.world.lock().unwrap()[usize::from(number)].clone()
    }

    fn read(&self, frame: &FrameView<'_>, frame_from_region: Affine2) -> MeshReading {
        let middle = frame_from_region.transform_point2(Vec2::splat(96.0));
        let face = self.faces(frame).into_iter().find(|f| f.centre.distance(middle) < 2.0 * HALF);
        let centre = face.map_or(Vec2::splat(-100.0), |f| f.centre);
        let points = mesh::canonical().points.iter().map(|p| (Vec2::new(p.x, -p.y) * 2.5 + centre).extend(p.z));
        let presence = if face.is_some_and(|f| f.meshed) { 1.0 } else { 0.0 };
        MeshReading { landmarks: Landmarks(points.collect()), presence }
    }

    /// Where `job` looks.
    fn region(&self, job: &FaceJob<'_>) -> Affine2 {
        let Some((ticket, index)) = job.carried else { return job.frame_from_region };
        let before = self.flights[ticket.0].as_ref().expect("in flight");
        let outcome = &before.done.faces[index];
        if outcome.swapped { region::from_landmarks(&outcome.smoothed.landmarks) } else { before.regions[index] }
    }

    fn seen(&self, frame: &FrameView<'_>) -> Vec<Detection> {
        let seen = |f: &Made| Detection {
            score: 0.9,
            min: f.centre - HALF,
            max: f.centre + HALF,
            keys: [-1.0, 1.0, 0.0, 0.0, -2.0, 2.0].map(|x| f.centre + Vec2::new(x * 8.0, 0.0)),
        };
        self.faces(frame).iter().map(seen).collect()
    }
}

impl FramePath for Scripted {
    fn adapter(&self) -> &str {
        "made up"
    }

    fn detect(&mut self, frame: &FrameView<'_>, _: f32) -> Result<Vec<Detection>> {
        Ok(self.seen(frame))
    }

    fn landmarks(&mut self, frame: &FrameView<'_>, frame_from_region: Affine2) -> Result<MeshReading> {
        Ok(self.read(frame, frame_from_region))
    }

    fn overlaps(&self) -> bool {
        self.overlaps
    }

    fn submit(&mut self, frame: &FrameView<'_>, work: &Work<'_>) -> Result<Ticket> {
        let regions: Vec<Affine2> = work.jobs.iter().map(|job| self.region(job)).collect();
        let outcome = |region: &Affine2| {
            let reading = self.read(frame, *region);
            let smoothed = Smoothed { landmarks: reading.landmarks.clone(), speed: vec![Vec3::ZERO; 468] };
            let swapped = reading.presence > 0.5;
            FaceOutcome { reading, smoothed, pose: Pose::default(), swapped }
        };
        let done = Done {
            detections: work.detect.then(|| self.seen(frame)),
            faces: regions.iter().map(outcome).collect(),
            marked: false,
        };
        self.flights.push(Some(Flight { regions, done }));
        Ok(Ticket(self.flights.len() - 1))
    }

    fn collect(&mut self, ticket: Ticket, frame: &mut FrameViewMut<'_>, done: &mut Done) -> Result<()> {
        *done = self.flights[ticket.0].take().expect("in flight").done;
        for outcome in done.faces.iter().filter(|o| o.swapped) {
            let (lo, hi) = outcome.reading.landmarks.bounds();
            for y in lo.y.max(0.0) as usize..(hi.y.max(0.0) as usize).min(frame.info.height) {
                let row = &mut frame.planes[0][y * frame.strides[0]..];
                let right = (hi.x.max(0.0) as usize).min(frame.info.width);
                row[(lo.x.max(0.0) as usize).min(right) * 3..right * 3].fill(PAINT);
            }
        }
        Ok(())
    }

    fn discard(&mut self) {
        self.flights.iter_mut().for_each(|f| *f = None);
    }

    fn set_identity(&mut self, _: &Identity) -> Result<()> {
        Ok(())
    }

    fn take_times(&mut self) -> StageTimes {
        StageTimes::default()
    }
}

/// A pipeline over a made-up world, and a clock.
pub struct Stage {
    world: World,
    pub pipeline: Pipeline,
    pub look: Look,
    now: Duration,
    pub size: (usize, usize),
    held: Option<Picture>,
}

impl Stage {
    pub fn new(fallback: Fallback, faces: &[Made]) -> Self {
        Self::of_path(fallback, faces, false)
    }

    /// On a path that works on a frame while the last one is on its way.
    pub fn overlapping(fallback: Fallback, faces: &[Made]) -> Self {
        Self::of_path(fallback, faces, true)
    }

    fn of_path(fallback: Fallback, faces: &[Made], overlaps: bool) -> Self {
        let world: World = Arc::new(Mutex::new(vec![faces.to_vec()]));
        let look = Look { badge: false, fallback, ..Look::default() };
        let path = Box::new(Scripted { world: world.clone(), overlaps, flights: Vec::new() });
        let identity = Arc::new(identity());
        let mut pipeline = Pipeline::with_path(DeviceChoice::Cpu, Painter::Mesh, identity, path, None, look.clone());
        pipeline.set_session(1);
        Self { world, pipeline, look, now: Duration::ZERO, size: (320, 240), held: None }
    }

    pub fn set(&self, faces: &[Made]) {
        self.world.lock().unwrap().push(faces.to_vec());
    }

    /// A chequerboard that carries its number.
    fn picture(&self) -> Picture {
        let mut picture = chequered(self.size);
        let number = self.world.lock().unwrap().len() as u16 - 1;
        picture.planes[0][..2].copy_from_slice(&number.to_le_bytes());
        picture
    }

    /// The next frame, `secs` later: a fine chequerboard, on which any blur shows.
    pub fn frame(&mut self, secs: f32) -> (Picture, Report) {
        self.now += Duration::from_secs_f32(secs);
        let mut picture = self.picture();
        let report = self.pipeline.process(&mut picture.view_mut(), Some(self.now)).unwrap();
        (picture, report)
    }

    /// Starts the next frame, `secs` later, and finishes the last one, if there is one.
    pub fn exchange(&mut self, secs: f32) -> Option<(Picture, Report)> {
        self.now += Duration::from_secs_f32(secs);
        let next = self.picture();
        let mut last = self.held.take();
        let mut view = last.as_mut().map(Picture::view_mut);
        let report = self.pipeline.overlap(&next.view(), Some(self.now), view.as_mut()).unwrap();
        self.held = Some(next);
        last.zip(report)
    }

    /// Finishes the last frame.
    pub fn finish(&mut self) -> (Picture, Report) {
        let mut last = self.held.take().expect("a frame in flight");
        let report = self.pipeline.finish(&mut last.view_mut()).unwrap();
        (last, report)
    }
}

pub fn chequered((width, height): (usize, usize)) -> Picture {
    let info = FrameInfo { format: PixelFormat::Rgb, width, height, color: ColorSpace::default() };
    let mut picture = Picture::noise(info, 0, 0);
    for (i, byte) in picture.planes[0].iter_mut().enumerate() {
        let (x, y) = (i / 3 % width, i / 3 / width);
        *byte = if (x + y) % 2 == 0 { 20 } else { 200 };
    }
    picture
}

/// Whether the chequerboard at `p` is as it was filmed, but for a watermark.
pub fn shown(picture: &Picture, p: Vec2) -> bool {
    let at = (p.y as usize * picture.info.width + p.x as usize) * 3;
    picture.planes[0][at].abs_diff(chequered((picture.info.width, picture.info.height)).planes[0][at]) <= 24
}

pub fn meshed(x: f32, y: f32) -> Made {
    Made { centre: Vec2::new(x, y), meshed: true }
}

pub fn profile(x: f32, y: f32) -> Made {
    Made { centre: Vec2::new(x, y), meshed: false }
}
