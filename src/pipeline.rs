//! The one entry: a frame's journey from the stream's bytes and back into them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::conceal::{self, Still};
use crate::device;
use crate::error::{Error, Result};
use crate::face::{Detection, Pose};
use crate::frame::{FrameInfo, FrameViewMut};
use crate::identity::Identity;
use crate::marks::badge::Badge;
use crate::path::{FaceJob, FramePath, PRESENCE, Painter, Stage, StageTimes};
use crate::region;
use crate::settings::{DeviceChoice, Fallback, Look, ModelChoice};
use crate::track::Tracker;

/// Assumed when frames carry no time.
const FRAME_SECS: f32 = 1.0 / 30.0;
/// After a longer pause the old places say nothing about the new frame.
const PAUSE_SECS: f32 = 1.0;

/// Swaps faces in a stream of frames. Made once per stream; formats and sizes may change from frame to frame.
pub struct Pipeline {
    device: DeviceChoice,
    painter: Painter,
    identity: Arc<Identity>,
    path: Box<dyn FramePath>,
    warning: Option<String>,
    /// What the next report warns of.
    news: Option<String>,
    look: Look,
    tracker: Tracker,
    badge: Option<Badge>,
    size: Option<(usize, usize)>,
    last_time: Option<Duration>,
    marking: StageTimes,
}

/// A face that the pipeline follows.
#[derive(Clone, Debug, PartialEq)]
pub struct FaceReport {
    /// Stays the same while the face is followed.
    pub id: u64,
    /// Bounding box of the mesh in frame pixels: left, top, right, bottom.
    pub bounds: [f32; 4],
    /// Head pose.
    pub pose: Pose,
    /// The landmark network's belief, 0 to 1.
    pub presence: f32,
    /// Whether it was swapped; otherwise the fallback was shown.
    pub swapped: bool,
}

/// What happened in a frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Faces followed now.
    pub faces: Vec<FaceReport>,
    /// Ids that appeared in this frame.
    pub found: Vec<u64>,
    /// Ids that were given up in this frame.
    pub lost: Vec<u64>,
    /// Milliseconds per stage.
    pub times: StageTimes,
    /// Something the user should know once, e.g. that the GPU was lost and the CPU goes on.
    pub warning: Option<String>,
}

impl Pipeline {
    /// Loads models, chooses the adapter, plans all buffers.
    ///
    /// # Errors
    /// [`Error::Device`] when `device` names no usable adapter, [`Error::Model`] for a bad generator file or one
    /// that needs another encoder than the identity's.
    pub fn new(device: &DeviceChoice, model: &ModelChoice, identity: Arc<Identity>, look: Look) -> Result<Self> {
        let painter = Painter::load(model)?;
        painter.check(&identity)?;
        let (path, warning) = device::open_path(device, &painter, &identity)?;
        Ok(Self::with_path(device.clone(), painter, identity, path, warning, look))
    }

    /// As [`Self::new`] with a path that is open already; `device` says what is opened when that one is lost, and
    /// `warning` what [`Self::warning`] tells.
    pub fn with_path(
        device: DeviceChoice,
        painter: Painter,
        identity: Arc<Identity>,
        path: Box<dyn FramePath>,
        warning: Option<String>,
        look: Look,
    ) -> Self {
        let (news, tracker, badge, size, last_time, marking) = Default::default();
        Self { device, painter, identity, path, warning, news, look, tracker, badge, size, last_time, marking }
    }

    /// What may change while frames flow; takes effect with the next frame.
    pub fn set_look(&mut self, look: Look) {
        self.look = look;
    }

    /// Another person from the next frame on.
    ///
    /// # Errors
    /// [`Error::Model`] when the identity lacks the embedding that the generator needs; the old one stays.
    pub fn set_identity(&mut self, identity: Arc<Identity>) -> Result<()> {
        self.painter.check(&identity)?;
        match self.path.set_identity(&identity) {
            // The next frame finds the device lost, and opens another with this identity.
            Ok(()) | Err(Error::DeviceLost(_)) => self.identity = identity,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// One line: what it runs on and why.
    pub fn adapter(&self) -> &str {
        self.path.adapter()
    }

    /// Something the user should be told at start, e.g. that no hardware GPU was found.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Forgets all faces: after a flush, a seek or a gap. The next report tells their ids as lost.
    pub fn reset(&mut self) {
        self.tracker.clear();
        self.last_time = None;
    }

    /// Where faces were says nothing about frames of another size.
    fn look_at_size(&mut self, info: &FrameInfo) {
        let size = Some((info.width, info.height));
        if std::mem::replace(&mut self.size, size) != size {
            self.tracker.clear();
        }
    }

    /// Hides the faces that were swapped a moment ago without running any network, by the fallback policy: for
    /// frames that are too late to be swapped (QoS).
    pub fn conceal(&mut self, frame: &mut FrameViewMut<'_>) -> Result<Report> {
        self.look_at_size(&frame.info);
        self.tracker.tracks.iter_mut().for_each(|t| t.swapped = false);
        self.hide_unswapped(frame);
        Ok(self.report(Vec::new(), Vec::new()))
    }

    /// Swaps the faces of one frame in place. `time` is the frame's running time, for smoothing; without it 1/30 s
    /// are assumed to have passed. A GPU that is lost is opened once more, then the CPU takes over.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] when the GPU stays lost under `device=gpu`. The frame is then as it came, or has those of its
    /// faces swapped that came before the loss.
    pub fn process(&mut self, frame: &mut FrameViewMut<'_>, time: Option<Duration>) -> Result<Report> {
        if !self.look.enabled {
            self.reset();
            let lost = self.tracker.give_up(0.0);
            return Ok(self.report(Vec::new(), lost));
        }
        self.look_at_size(&frame.info);
        let elapsed_secs = self.elapsed(time);
        self.swap_faces(frame, elapsed_secs)
    }

    /// Seconds since the last frame; forgets what was known when that is too long ago or in the future.
    fn elapsed(&mut self, time: Option<Duration>) -> f32 {
        let last = std::mem::replace(&mut self.last_time, time);
        let (Some(time), Some(last)) = (time, last) else { return FRAME_SECS };
        match time.checked_sub(last).map(|d| d.as_secs_f32()) {
            Some(elapsed) if elapsed <= PAUSE_SECS => elapsed,
            _ => {
                self.tracker.clear();
                FRAME_SECS
            }
        }
    }

    /// Does `work` on the path. When the GPU is lost, the work is done again, on a GPU if one opens, and if that is
    /// lost as well on the CPU; a path that failed has left the frame as it was.
    fn on_path<T>(&mut self, mut work: impl FnMut(&mut dyn FramePath, &Look) -> Result<T>) -> Result<T> {
        match work(self.path.as_mut(), &self.look) {
            Err(Error::DeviceLost(reason)) => self.recover(&reason)?,
            // The adapter cannot do it at all, say a frame that is larger than its buffers.
            Err(Error::Device(reason)) if self.device == DeviceChoice::Auto => self.fall_back(&reason)?,
            result => return result,
        }
        match work(self.path.as_mut(), &self.look) {
            Err(Error::DeviceLost(reason)) if self.device == DeviceChoice::Auto => self.fall_back(&reason)?,
            result => return result,
        }
        work(self.path.as_mut(), &self.look)
    }

    /// Opens the device again.
    fn recover(&mut self, reason: &str) -> Result<()> {
        match device::open_path(&self.device, &self.painter, &self.identity) {
            Ok((path, fallback)) => {
                self.path = path;
                let then = fallback.map_or(" and opened again".into(), |why| format!("; {why}"));
                self.news = Some(format!("the GPU was lost ({reason}){then}"));
                Ok(())
            }
            Err(_) if self.device == DeviceChoice::Auto => self.fall_back(reason),
            Err(_) => Err(Error::DeviceLost(reason.into())),
        }
    }

    fn fall_back(&mut self, reason: &str) -> Result<()> {
        self.path = device::open_cpu(&self.painter, &self.identity)?;
        self.news = Some(format!("the GPU cannot go on ({reason}): going on on the CPU, which is slower"));
        Ok(())
    }

    fn swap_faces(&mut self, frame: &mut FrameViewMut<'_>, elapsed_secs: f32) -> Result<Report> {
        self.tracker.limit(self.look.max_faces);
        let jobs: Vec<FaceJob> = self.tracker.tracks.iter().map(|t| t.job(elapsed_secs)).collect();
        let due = self.tracker.detection_due(self.look.detect_interval);
        let faces = if due { Some(self.detect(frame)?) } else { None };
        let outcomes = self.on_path(|path, look| path.swap(frame, &jobs, look))?;
        self.tracker.tracks.iter_mut().zip(outcomes).for_each(|(track, outcome)| track.update(outcome));
        // A face was lost in this very frame: look for it at once, so that it is not shown.
        let lost_now = self.tracker.tracks.iter().any(|t| !t.swapped);
        let faces = match faces {
            None if lost_now => Some(self.detect(frame)?),
            faces => faces,
        };
        let found = faces.map_or(Ok(Vec::new()), |faces| self.take_in(frame, &faces))?;
        let lost = self.tracker.give_up(elapsed_secs);
        self.tracker.limit(self.look.max_faces);
        self.hide_unswapped(frame);
        self.mark(frame);
        Ok(self.report(found, lost))
    }

    fn detect(&mut self, frame: &FrameViewMut<'_>) -> Result<Vec<Detection>> {
        self.on_path(|path, look| path.detect(&frame.view(), look.threshold))
    }

    /// Swaps faces that are not followed yet. Returns the ids of the new ones.
    fn take_in(&mut self, frame: &mut FrameViewMut<'_>, faces: &[Detection]) -> Result<Vec<u64>> {
        let mut found = Vec::new();
        for face in self.tracker.newcomers(faces, self.look.max_faces) {
            let region = region::from_detection(&face);
            let first = self.on_path(|path, _| path.landmarks(&frame.view(), region))?;
            if first.presence < PRESENCE {
                continue;
            }
            let frame_from_region = region::from_landmarks(&first.landmarks);
            let job = FaceJob { frame_from_region, history: None, elapsed_secs: 0.0 };
            let mut outcomes = self.on_path(|path, look| path.swap(frame, std::slice::from_ref(&job), look))?;
            let Some(outcome) = outcomes.pop() else { continue };
            if outcome.swapped {
                let (id, new) = self.tracker.admit(&face, outcome);
                found.extend(new.then_some(id));
            }
        }
        Ok(found)
    }

    /// The fallback for faces that could not be swapped, and the memory that `freeze` needs.
    fn hide_unswapped(&mut self, frame: &mut FrameViewMut<'_>) {
        let (start, fallback) = (Instant::now(), self.look.fallback);
        for track in &mut self.tracker.tracks {
            let ellipse = track.ellipse();
            match fallback {
                Fallback::Freeze if track.swapped => track.still = Some(Still::take(frame, ellipse)),
                _ if track.swapped => track.still = None,
                Fallback::Pass => {}
                Fallback::Freeze | Fallback::Blur => {
                    conceal::blur(frame, &ellipse);
                    // A still does not hide a face that has moved away from it.
                    let frozen = fallback == Fallback::Freeze;
                    if let Some(still) = track.still.as_ref().filter(|s| frozen && s.is_near(&ellipse)) {
                        still.show(frame);
                    }
                }
            }
        }
        self.marking.add(Stage::Mark, start.elapsed());
    }

    /// The badge, on frames in which a face was swapped.
    fn mark(&mut self, frame: &mut FrameViewMut<'_>) {
        let start = Instant::now();
        if self.look.badge && self.tracker.tracks.iter().any(|t| t.swapped) {
            let corner = self.look.badge_position;
            let kept = self.badge.take().filter(|b| b.fits(frame.info, corner));
            self.badge.insert(kept.unwrap_or_else(|| Badge::new(frame.info, corner))).paint(frame);
        }
        self.marking.add(Stage::Mark, start.elapsed());
    }

    fn report(&mut self, found: Vec<u64>, lost: Vec<u64>) -> Report {
        let mut times = self.path.take_times();
        let marking = std::mem::take(&mut self.marking);
        times.0.iter_mut().zip(marking.0).for_each(|(a, b)| *a += b);
        let face = |t: &crate::track::Track| {
            let (lo, hi) = t.bounds();
            let bounds = [lo.x, lo.y, hi.x, hi.y];
            FaceReport { id: t.id, bounds, pose: t.pose, presence: t.presence, swapped: t.swapped }
        };
        let warning = self.news.take();
        Report { faces: self.tracker.tracks.iter().map(face).collect(), found, lost, times, warning }
    }
}
