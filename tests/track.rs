//! What is followed, hidden and given up, with a path whose faces are made up by the test.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alphaswap::face::{Detection, Landmarks, Pose};
use alphaswap::frame::{ColorSpace, FrameInfo, FrameView, FrameViewMut, PixelFormat};
use alphaswap::identity::Identity;
use alphaswap::path::{
    Done, FaceJob, FaceOutcome, FramePath, MeshReading, Painter, Smoothed, StageTimes, Ticket, Work,
};
use alphaswap::settings::{DeviceChoice, Fallback, Look};
use alphaswap::{Pipeline, Report, Result, mesh};
use glam::{Affine2, Vec2, Vec3};

use crate::support::{Picture, identity};

/// Half a made-up face's width in frame pixels, and the code it is painted with.
const HALF: f32 = 20.0;
const PAINT: u8 = 255;

/// A made-up face.
#[derive(Clone, Copy)]
struct Made {
    centre: Vec2,
    /// Whether the landmark network recognises it (a profile is not).
    meshed: bool,
}

type World = Arc<Mutex<Vec<Made>>>;

/// Sees the faces of the world; paints a square. With what it found in the frame that was submitted.
struct Scripted(World, Done);

impl Scripted {
    fn nearest(&self, frame_from_region: Affine2) -> Option<Made> {
        let middle = frame_from_region.transform_point2(Vec2::splat(96.0));
        let near = |f: &&Made| f.centre.distance(middle) < 2.0 * HALF;
        self.0.lock().unwrap().iter().find(near).copied()
    }

    fn read(&self, frame_from_region: Affine2) -> MeshReading {
        let face = self.nearest(frame_from_region);
        let centre = face.map_or(Vec2::splat(-100.0), |f| f.centre);
        let points = mesh::canonical().points.iter().map(|p| (Vec2::new(p.x, -p.y) * 2.5 + centre).extend(p.z));
        let presence = if face.is_some_and(|f| f.meshed) { 1.0 } else { 0.0 };
        MeshReading { landmarks: Landmarks(points.collect()), presence }
    }

    fn seen(&self) -> Vec<Detection> {
        let seen = |f: &Made| Detection {
            score: 0.9,
            min: f.centre - HALF,
            max: f.centre + HALF,
            keys: [-1.0, 1.0, 0.0, 0.0, -2.0, 2.0].map(|x| f.centre + Vec2::new(x * 8.0, 0.0)),
        };
        self.0.lock().unwrap().iter().map(seen).collect()
    }
}

impl FramePath for Scripted {
    fn adapter(&self) -> &str {
        "made up"
    }

    fn detect(&mut self, _: &FrameView<'_>, _: f32) -> Result<Vec<Detection>> {
        Ok(self.seen())
    }

    fn landmarks(&mut self, _: &FrameView<'_>, frame_from_region: Affine2) -> Result<MeshReading> {
        Ok(self.read(frame_from_region))
    }

    fn submit(&mut self, _: &FrameView<'_>, work: &Work<'_>) -> Result<Ticket> {
        let outcome = |job: &FaceJob<'_>| {
            let reading = self.read(job.frame_from_region);
            let smoothed = Smoothed { landmarks: reading.landmarks.clone(), speed: vec![Vec3::ZERO; 468] };
            let swapped = reading.presence > 0.5;
            FaceOutcome { reading, smoothed, pose: Pose::default(), swapped }
        };
        let detections = work.detect.then(|| self.seen());
        self.1 = Done { detections, faces: work.jobs.iter().map(outcome).collect() };
        Ok(Ticket(0))
    }

    fn collect(&mut self, _: Ticket, frame: &mut FrameViewMut<'_>, done: &mut Done) -> Result<()> {
        *done = std::mem::take(&mut self.1);
        for outcome in done.faces.iter().filter(|o| o.swapped) {
            let (lo, hi) = outcome.reading.landmarks.bounds();
            for y in lo.y.max(0.0) as usize..(hi.y as usize).min(frame.info.height) {
                let row = &mut frame.planes[0][y * frame.strides[0]..];
                row[lo.x.max(0.0) as usize * 3..(hi.x as usize).min(frame.info.width) * 3].fill(PAINT);
            }
        }
        Ok(())
    }

    fn discard(&mut self) {}

    fn set_identity(&mut self, _: &Identity) -> Result<()> {
        Ok(())
    }

    fn take_times(&mut self) -> StageTimes {
        StageTimes::default()
    }
}

/// A pipeline over a made-up world, and a clock.
struct Stage {
    world: World,
    pipeline: Pipeline,
    look: Look,
    now: Duration,
    size: (usize, usize),
}

impl Stage {
    fn new(fallback: Fallback, faces: &[Made]) -> Self {
        let world: World = Arc::new(Mutex::new(faces.to_vec()));
        let look = Look { badge: false, fallback, ..Look::default() };
        let path = Box::new(Scripted(world.clone(), Done::default()));
        let identity = Arc::new(identity());
        let pipeline = Pipeline::with_path(DeviceChoice::Cpu, Painter::Mesh, identity, path, None, look.clone());
        Self { world, pipeline, look, now: Duration::ZERO, size: (320, 240) }
    }

    fn set(&self, faces: &[Made]) {
        *self.world.lock().unwrap() = faces.to_vec();
    }

    /// The next frame, `secs` later: a fine chequerboard, on which any blur shows.
    fn frame(&mut self, secs: f32) -> (Picture, Report) {
        self.now += Duration::from_secs_f32(secs);
        let mut picture = chequered(self.size);
        let report = self.pipeline.process(&mut picture.view_mut(), Some(self.now)).unwrap();
        (picture, report)
    }
}

fn chequered((width, height): (usize, usize)) -> Picture {
    let info = FrameInfo { format: PixelFormat::Rgb, width, height, color: ColorSpace::default() };
    let mut picture = Picture::noise(info, 0, 0);
    for (i, byte) in picture.planes[0].iter_mut().enumerate() {
        let (x, y) = (i / 3 % width, i / 3 / width);
        *byte = if (x + y) % 2 == 0 { 20 } else { 200 };
    }
    picture
}

/// Whether the chequerboard at `p` is as it was filmed.
fn shown(picture: &Picture, p: Vec2) -> bool {
    let at = (p.y as usize * picture.info.width + p.x as usize) * 3;
    picture.planes[0][at] == chequered((picture.info.width, picture.info.height)).planes[0][at]
}

fn meshed(x: f32, y: f32) -> Made {
    Made { centre: Vec2::new(x, y), meshed: true }
}

fn profile(x: f32, y: f32) -> Made {
    Made { centre: Vec2::new(x, y), meshed: false }
}

#[test]
fn a_lost_face_is_hidden_however_slow_the_frames_are() {
    for secs in [0.04, 0.3, 0.7, 0.95] {
        let mut stage = Stage::new(Fallback::Blur, &[meshed(100.0, 100.0)]);
        assert_eq!(stage.frame(secs).1.found.len(), 1);
        stage.set(&[]);
        let (picture, report) = stage.frame(secs);
        assert!(!shown(&picture, Vec2::new(100.0, 100.0)), "{secs} s");
        assert!(!report.faces[0].swapped && report.lost.is_empty());
    }
}

#[test]
fn a_face_is_given_up_after_a_while() {
    let mut stage = Stage::new(Fallback::Blur, &[meshed(100.0, 100.0)]);
    let id = stage.frame(0.04).1.found[0];
    stage.set(&[]);
    let lost: Vec<usize> = (0..30).filter(|_| stage.frame(0.04).1.lost == [id]).collect();
    assert!(lost.len() == 1 && (11..=15).contains(&lost[0]), "{lost:?}");
    assert!(shown(&stage.frame(0.04).0, Vec2::new(100.0, 100.0)));
}

#[test]
fn what_hides_a_face_moves_along() {
    for fallback in [Fallback::Blur, Fallback::Freeze] {
        let mut stage = Stage::new(fallback, &[meshed(80.0, 100.0)]);
        stage.frame(0.04);
        // It turns away and walks for two seconds; the detector still sees a head.
        for step in 1..50 {
            let x = 80.0 + 3.0 * step as f32;
            stage.set(&[profile(x, 100.0)]);
            let (picture, report) = stage.frame(0.04);
            assert!(!shown(&picture, Vec2::new(x, 100.0)), "{fallback:?} step {step}");
            assert!(report.lost.is_empty() && report.found.is_empty());
        }
        // It turns back: the same face.
        stage.set(&[meshed(227.0, 100.0)]);
        let report = stage.frame(0.04).1;
        assert!(report.faces[0].swapped && report.found.is_empty(), "{report:?}");
    }
}

#[test]
fn freeze_shows_the_swapped_picture() {
    let mut stage = Stage::new(Fallback::Freeze, &[meshed(100.0, 100.0)]);
    stage.frame(0.04);
    stage.set(&[]);
    let (picture, _) = stage.frame(0.04);
    assert_eq!(picture.planes[0][(100 * 320 + 100) * 3], PAINT);
}

#[test]
fn late_frames_hide_what_was_swapped() {
    for (fallback, visible) in [(Fallback::Blur, false), (Fallback::Freeze, false), (Fallback::Pass, true)] {
        let mut stage = Stage::new(fallback, &[meshed(100.0, 100.0)]);
        stage.frame(0.04);
        let mut late = chequered(stage.size);
        stage.pipeline.conceal(&mut late.view_mut()).unwrap();
        assert_eq!(shown(&late, Vec2::new(100.0, 100.0)), visible, "{fallback:?}");
    }
}

#[test]
fn max_faces_holds_at_once() {
    let mut stage = Stage::new(Fallback::Blur, &[meshed(60.0, 60.0), meshed(160.0, 60.0), meshed(260.0, 60.0)]);
    assert_eq!(stage.frame(0.04).1.faces.len(), 3);
    stage.look.max_faces = 1;
    stage.pipeline.set_look(stage.look.clone());
    let report = stage.frame(0.04).1;
    assert_eq!((report.faces.len(), report.lost.len()), (1, 2), "{report:?}");
    assert!((0..20).all(|_| stage.frame(0.04).1.faces.len() == 1));
}

#[test]
fn ids_that_are_forgotten_are_told() {
    let mut stage = Stage::new(Fallback::Blur, &[meshed(100.0, 100.0)]);
    let first = stage.frame(0.04).1.found[0];
    stage.pipeline.reset();
    let report = stage.frame(0.04).1;
    assert_eq!(report.lost, [first]);
    // A new size, and a gap.
    stage.size = (640, 240);
    let second = stage.frame(0.04).1;
    assert_eq!(second.lost, report.found);
    assert_eq!(stage.frame(5.0).1.lost, second.found);
}
