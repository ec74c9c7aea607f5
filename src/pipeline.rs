//! The one entry: a frame's journey from the stream's bytes and back into them.
//!
//! A frame is started (everything that only reads it) and landed (everything that changes it). With one frame at a
//! time, [`Pipeline::process`], the two follow each other. [`Pipeline::overlap`] starts the next frame before the last
//! one is landed, so that the device does not wait for the host; then the decision what to do with a frame is made with
//! what was known a frame earlier, and landing it makes up for what has changed since.

mod machine;
mod report;
mod show;

use std::sync::Arc;
use std::time::Duration;

pub use self::report::{FaceReport, Report};

use self::machine::Machine;
use self::show::Shown;
use crate::device;
use crate::error::{Error, Result};
use crate::face::Detection;
use crate::frame::{FrameInfo, FrameView, FrameViewMut};
use crate::identity::Identity;
use crate::marks::badge::Badge;
use crate::marks::watermark::{Embedder, Payload};
use crate::path::{Done, FaceJob, FramePath, PRESENCE, Painter, StageTimes, Ticket, Work};
use crate::region;
use crate::settings::{DeviceChoice, Look, ModelChoice};
use crate::track::{Track, Tracker};

/// Assumed when frames carry no time.
const FRAME_SECS: f32 = 1.0 / 30.0;
/// After a longer pause the old places say nothing about the new frame.
const PAUSE_SECS: f32 = 1.0;

/// Swaps faces in a stream of frames. Made once per stream; formats and sizes may change from frame to frame.
pub struct Pipeline {
    machine: Machine,
    warning: Option<String>,
    look: Look,
    tracker: Tracker,
    /// The frame that was started and not landed.
    flight: Option<Flight>,
    badge: Option<Badge>,
    /// What the watermark of the next frames says.
    payload: Payload,
    watermark: Embedder,
    size: Option<(usize, usize)>,
    last_time: Option<Duration>,
    marking: StageTimes,
    /// Used again for every frame.
    done: Done,
}

/// A frame that was started.
struct Flight {
    info: FrameInfo,
    look: Look,
    elapsed_secs: f32,
    /// Whether the path looks for faces in it.
    detect: bool,
    /// What its watermark says.
    payload: Payload,
    /// The faces that the path swaps in it.
    ids: Vec<u64>,
    /// None if the path could not start it, or started it with what has changed since: then it is tried again when it is
    /// landed.
    ticket: Option<Ticket>,
    /// The path's [`Machine::generation`].
    generation: u32,
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

    /// As [`Self::new`] on an open path; `device` is opened when that is lost, `warning` is told by [`Self::warning`].
    pub fn with_path(
        device: DeviceChoice,
        painter: Painter,
        identity: Arc<Identity>,
        path: Box<dyn FramePath>,
        warning: Option<String>,
        look: Look,
    ) -> Self {
        let payload = Payload { consent: identity.consent_id(), session: Payload::random_session() };
        let watermark = Embedder::new(payload);
        let machine = Machine::new(device, painter, identity, path);
        let (tracker, flight, badge, size, last_time, marking, done) = Default::default();
        Self { machine, warning, look, tracker, flight, badge, payload, watermark, size, last_time, marking, done }
    }

    /// What may change while frames flow; takes effect with the next frame.
    pub fn set_look(&mut self, look: Look) {
        self.look = look;
    }

    /// Another person from the next frame on. Consent is not asked for here, but by [`Identity::permit`].
    ///
    /// # Errors
    /// [`Error::Model`] when the identity lacks the embedding that the generator needs, [`Error::Frame`] while a frame is
    /// in flight, which is marked with the old one's name; that one stays.
    pub fn set_identity(&mut self, identity: Arc<Identity>) -> Result<()> {
        self.check_idle()?;
        self.machine.set_identity(identity.clone())?;
        self.payload.consent = identity.consent_id();
        self.forget_stills();
        Ok(())
    }

    /// One line: what it runs on and why.
    pub fn adapter(&self) -> &str {
        self.machine.path.adapter()
    }

    /// Whether [`Self::overlap`] gains anything on what it runs on.
    pub fn overlaps(&self) -> bool {
        self.machine.path.overlaps()
    }

    /// Something the user should be told at start, e.g. that no hardware GPU was found.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Forgets all faces and the frame in flight: after a flush, a seek or a gap. The next report tells the faces' ids
    /// as lost.
    pub fn reset(&mut self) {
        self.tracker.clear();
        self.last_time = None;
        self.discard();
    }

    fn discard(&mut self) {
        self.flight = None;
        self.machine.path.discard();
    }

    /// Swaps the faces of one frame in place. `time` is the frame's running time, for smoothing; without it 1/30 s
    /// are assumed to have passed. A GPU that is lost is opened once more, then the CPU takes over.
    ///
    /// # Errors
    /// [`Error::Frame`] while another frame is in flight; that one stays there.
    /// [`Error::DeviceLost`] when the GPU stays lost under `device=gpu`. The frame must not be shown then: it is as it
    /// came, or some of its faces are swapped and not marked.
    pub fn process(&mut self, frame: &mut FrameViewMut<'_>, time: Option<Duration>) -> Result<Report> {
        self.check_idle()?;
        let flight = self.start(&frame.view(), time, None);
        self.land(flight, frame)
    }

    /// Starts the frame `next` and finishes `last`, the frame in flight, which must hold what it held when it was
    /// started. Then `next` is in flight. `time` is that of `next`, as in [`Self::process`].
    ///
    /// # Errors
    /// As [`Self::process`], for `last`: then nothing is in flight. [`Error::Frame`] when there is a `last` and no frame
    /// in flight, or one in flight, which stays there, and no `last`.
    pub fn overlap(
        &mut self,
        next: &FrameView<'_>,
        time: Option<Duration>,
        last: Option<&mut FrameViewMut<'_>>,
    ) -> Result<Option<Report>> {
        let Some(last) = last else {
            self.check_idle()?;
            self.flight = Some(self.start(next, time, None));
            return Ok(None);
        };
        if !self.may_overlap(&next.info, time) {
            let report = self.finish(last)?;
            self.flight = Some(self.start(next, time, None));
            return Ok(Some(report));
        }
        let flight = self.flight.take().ok_or_else(nothing_in_flight)?;
        self.flight = Some(self.start(next, time, Some(&flight)));
        self.land(flight, last).map(Some).inspect_err(|_| self.discard())
    }

    /// Finishes the frame in flight, as [`Self::overlap`] does, without another one.
    ///
    /// # Errors
    /// As [`Self::process`], and [`Error::Frame`] when no frame is in flight.
    pub fn finish(&mut self, last: &mut FrameViewMut<'_>) -> Result<Report> {
        let flight = self.flight.take().ok_or_else(nothing_in_flight)?;
        self.land(flight, last)
    }

    fn check_idle(&self) -> Result<()> {
        let idle = self.flight.is_none().then_some(());
        idle.ok_or_else(|| Error::Frame("a frame is in flight, which must be finished first".into()))
    }

    /// Whether the next frame may be started before the one in flight is landed: not when that one's faces are needed
    /// to know what to do, or when its landing must not see what the next one changes.
    fn may_overlap(&self, next: &FrameInfo, time: Option<Duration>) -> bool {
        let faces = &self.tracker.tracks;
        self.flight.as_ref().is_some_and(|flight| {
            let followed = |t: &Track| t.swapped && flight.ids.contains(&t.id);
            self.overlaps()
                && self.valid_ticket(flight).is_some()
                && self.look.enabled
                && flight.info == *next
                && faces.len() <= self.look.max_faces
                && faces.iter().all(followed)
                && self.since_last(time).is_some()
        })
    }

    fn valid_ticket(&self, flight: &Flight) -> Option<Ticket> {
        flight.ticket.filter(|_| flight.generation == self.machine.generation)
    }

    /// Where faces were says nothing about frames of another size.
    fn look_at_size(&mut self, info: &FrameInfo) {
        let size = Some((info.width, info.height));
        if std::mem::replace(&mut self.size, size) != size {
            self.tracker.clear();
        }
    }

    /// Seconds since the last frame; none when that is too long ago or in the future.
    fn since_last(&self, time: Option<Duration>) -> Option<f32> {
        let (Some(time), Some(last)) = (time, self.last_time) else { return Some(FRAME_SECS) };
        time.checked_sub(last).map(|d| d.as_secs_f32()).filter(|secs| *secs <= PAUSE_SECS)
    }

    /// Decides what to do with a frame and hands it to the path. `before` is the frame in flight.
    fn start(&mut self, frame: &FrameView<'_>, time: Option<Duration>, before: Option<&Flight>) -> Flight {
        let (info, look, payload, generation) = (frame.info, self.look.clone(), self.payload, self.machine.generation);
        let (elapsed_secs, detect, ids, ticket) = (FRAME_SECS, false, Vec::new(), None);
        let mut flight = Flight { info, look, elapsed_secs, detect, payload, ids, ticket, generation };
        if !flight.look.enabled {
            return flight;
        }
        self.look_at_size(&info);
        match self.since_last(time) {
            Some(secs) => flight.elapsed_secs = secs,
            None => self.tracker.clear(),
        }
        self.last_time = time;
        self.tracker.limit(flight.look.max_faces);
        flight.detect = self.tracker.detection_expected(flight.look.detect_interval, before.map(|b| b.detect));
        let carried = |id| before.and_then(|b| Some((b.ticket?, b.ids.iter().position(|other| *other == id)?)));
        let tracks = &self.tracker.tracks;
        flight.ids.extend(tracks.iter().map(|t| t.id));
        let jobs: Vec<FaceJob<'_>> = tracks.iter().map(|t| t.job(flight.elapsed_secs, carried(t.id))).collect();
        let work = Work { detect: flight.detect, jobs: &jobs, look: &flight.look, mark: Some(flight.payload) };
        flight.ticket = self.machine.path.submit(frame, &work).ok();
        flight
    }

    /// Collects what was started, makes up for what was not, and looks for the faces that are missing.
    fn land(&mut self, mut flight: Flight, frame: &mut FrameViewMut<'_>) -> Result<Report> {
        if !flight.look.enabled {
            self.reset();
            let lost = self.tracker.give_up(0.0);
            return Ok(self.report(Vec::new(), lost, 0.0));
        }
        self.tracker.look(&frame.view());
        let due = self.tracker.detection_due(flight.look.detect_interval);
        // The frame before lost somebody when this one was in flight already.
        let late = if due && !flight.detect { Some(self.detect(frame, &flight.look)?) } else { None };
        let ticket = self.valid_ticket(&flight);
        let Self { machine, done, tracker, .. } = self;
        let collected = ticket.is_some_and(|ticket| machine.path.collect(ticket, frame, done).is_ok());
        if collected {
            tracker.update(&flight.ids, &mut done.faces);
        } else {
            flight.ids.clear();
        }
        // What is submitted for this frame from here on does not mark it, so that it is marked once.
        let watermarked = collected && done.marked;
        let seen = done.detections.take().filter(|_| collected && due);
        let again = self.swap_rest(&flight, flight.detect && due && !collected, frame)?;
        let mut faces = late.or(seen).or(again);
        // A face was lost in this very frame: look for it at once, so that it is not shown.
        if faces.is_none() && self.tracker.searching() {
            faces = Some(self.detect(frame, &flight.look)?);
        }
        let found = faces.map_or(Ok(Vec::new()), |faces| self.take_in(frame, &faces, &flight.look))?;
        let lost = self.tracker.give_up(flight.elapsed_secs);
        self.tracker.limit(flight.look.max_faces);
        let still = self.hide_unswapped(frame, &flight.look);
        let Flight { look, payload, elapsed_secs, .. } = flight;
        let (marked, badged) = self.mark(frame, &Shown { look: &look, payload, elapsed_secs, watermarked, still });
        Ok(Report { marked, badged, ..self.report(found, lost, look.strength) })
    }

    /// Swaps at once the faces that the path has not swapped: those that came in after the frame was started, or all if
    /// the device was lost; then it looks for faces as well, if it is to `detect`.
    fn swap_rest(
        &mut self,
        flight: &Flight,
        detect: bool,
        frame: &mut FrameViewMut<'_>,
    ) -> Result<Option<Vec<Detection>>> {
        let Self { machine, tracker, done, .. } = self;
        let rest = tracker.tracks.iter().filter(|t| !flight.ids.contains(&t.id));
        let (ids, jobs): (Vec<u64>, Vec<_>) = rest.map(|t| (t.id, t.job(flight.elapsed_secs, None))).unzip();
        if jobs.is_empty() && !detect {
            return Ok(None);
        }
        let work = Work { detect, jobs: &jobs, look: &flight.look, mark: None };
        machine.run(|path| path.swap(frame, &work, done))?;
        tracker.update(&ids, &mut done.faces);
        Ok(done.detections.take())
    }

    fn detect(&mut self, frame: &FrameViewMut<'_>, look: &Look) -> Result<Vec<Detection>> {
        self.machine.run(|path| path.detect(&frame.view(), look.threshold))
    }

    /// Swaps faces that are not followed yet. Returns the ids of the new ones.
    fn take_in(&mut self, frame: &mut FrameViewMut<'_>, faces: &[Detection], look: &Look) -> Result<Vec<u64>> {
        let mut found = Vec::new();
        for face in self.tracker.newcomers(faces, look.max_faces) {
            let region = region::from_detection(&face);
            let first = self.machine.run(|path| path.landmarks(&frame.view(), region))?;
            if first.presence < PRESENCE {
                continue;
            }
            let frame_from_region = region::from_landmarks(&first.landmarks);
            let jobs = [FaceJob { frame_from_region, history: None, elapsed_secs: 0.0, carried: None }];
            let (work, done) = (Work { detect: false, jobs: &jobs, look, mark: None }, &mut self.done);
            self.machine.run(|path| path.swap(frame, &work, done))?;
            let Some(outcome) = self.done.faces.first_mut().filter(|outcome| outcome.swapped) else { continue };
            let (id, new) = self.tracker.admit(&face, outcome);
            found.extend(new.then_some(id));
            // The next frame, if it is on its way, looks for this face where it was lost: landing it starts over.
            if let Some(next) = self.flight.as_mut().filter(|next| next.ids.contains(&id)) {
                next.ticket = None;
                self.machine.path.discard();
            }
        }
        Ok(found)
    }
}

fn nothing_in_flight() -> Error {
    Error::Frame("no frame is in flight".into())
}
