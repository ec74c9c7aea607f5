//! Which faces are followed from frame to frame: steady ids, where to look next, when to give up.

use glam::Vec2;

use crate::conceal::{Ellipse, Still};
use crate::detect::iou;
use crate::face::{Detection, Pose};
use crate::frame::FrameView;
use crate::path::{FaceJob, FaceOutcome, Smoothed, Ticket};
use crate::region;
use crate::scene::Scene;

/// How long a face that cannot be swapped is kept hidden after it was last swapped or seen by the detector.
const HOLD_SECS: f32 = 0.5;
/// Meshes that overlap more than this are one face followed twice.
const SAME_FACE_IOU: f32 = 0.5;

/// A face that is followed.
#[derive(Clone, Debug)]
pub struct Track {
    /// Stays the same while the face is followed.
    pub id: u64,
    /// Filter state of its landmarks, frame pixels.
    pub smoothed: Smoothed,
    /// Pose at its last swap.
    pub pose: Pose,
    /// Belief of the landmark network in this frame.
    pub presence: f32,
    /// Seconds since it was last swapped or detected; zero while it is being swapped.
    pub missed_secs: f32,
    /// Whether it was swapped in this frame.
    pub swapped: bool,
    /// Whether the detector has seen it in this frame, though it could not be swapped.
    seen: bool,
    /// The box of what has to be hidden when it cannot be swapped, frame pixels: the mesh where it was last swapped,
    /// moved along with what the detector has seen since.
    pub place: (Vec2, Vec2),
    /// The last swapped picture, kept for the fallback `freeze`.
    pub still: Option<Still>,
}

impl Track {
    /// The box of the mesh in frame pixels.
    pub fn bounds(&self) -> (Vec2, Vec2) {
        self.smoothed.landmarks.bounds()
    }

    /// What has to be hidden when this face cannot be swapped.
    pub fn ellipse(&self) -> Ellipse {
        Ellipse::around(self.place.0, self.place.1)
    }

    /// Where to look in the next frame; `carried` as in [`FaceJob`].
    pub fn job(&self, elapsed_secs: f32, carried: Option<(Ticket, usize)>) -> FaceJob<'_> {
        let frame_from_region = region::from_landmarks(&self.smoothed.landmarks);
        FaceJob { frame_from_region, history: Some(&self.smoothed), elapsed_secs, carried }
    }

    /// Takes over what became of its job; `outcome` gets the old landmarks in exchange.
    pub fn update(&mut self, outcome: &mut FaceOutcome) {
        self.presence = outcome.reading.presence;
        self.swapped = outcome.swapped;
        if outcome.swapped {
            std::mem::swap(&mut self.smoothed, &mut outcome.smoothed);
            (self.pose, self.missed_secs) = (outcome.pose, 0.0);
            self.place = self.bounds();
        }
    }

    /// The detector still sees it, but it cannot be swapped: what hides it moves along.
    fn follow(&mut self, face: &Detection) {
        let ((lo, hi), middle) = (self.place, (face.min + face.max) / 2.0);
        let half = (hi - lo) / 2.0;
        self.place = (face.min.min(middle - half), face.max.max(middle + half));
        (self.seen, self.missed_secs) = (true, 0.0);
    }

    /// Whether the detector's face is this one.
    fn is(&self, face: &Detection) -> bool {
        let ((lo, hi), centre) = (self.place, (face.min + face.max) / 2.0);
        let within = |p: Vec2, lo: Vec2, hi: Vec2| p.cmpge(lo).all() && p.cmple(hi).all();
        within(centre, lo, hi) || within((lo + hi) / 2.0, face.min, face.max)
    }
}

/// All followed faces.
#[derive(Debug, Default)]
pub struct Tracker {
    /// In the order in which they were found.
    pub tracks: Vec<Track>,
    next_id: u64,
    frames_since_detect: u32,
    scene: Scene,
    /// Whether this frame begins another scene.
    cut: bool,
    /// Ids that were forgotten since the last [`Self::give_up`].
    forgotten: Vec<u64>,
}

impl Tracker {
    /// Looks at a frame as it came, before anything is drawn.
    pub fn look(&mut self, frame: &FrameView<'_>) {
        self.cut = self.scene.is_cut(frame);
        self.tracks.iter_mut().for_each(|track| track.seen = false);
    }

    /// Counts a frame; true when it is time to look for faces.
    pub fn detection_due(&mut self, interval: u32) -> bool {
        self.frames_since_detect += 1;
        self.searching() || self.frames_since_detect >= interval
    }

    /// What [`Self::detection_due`] will say of the next frame; `before` tells of the frame in flight, if there is one,
    /// whether it is searched.
    pub fn detection_expected(&self, interval: u32, before: Option<bool>) -> bool {
        let since = match before {
            None => self.frames_since_detect,
            Some(false) => self.frames_since_detect + 1,
            Some(true) => 0,
        };
        self.searching() || since + 1 >= interval
    }

    /// Whether nobody is followed, or somebody was lost.
    pub fn searching(&self) -> bool {
        self.tracks.is_empty() || self.tracks.iter().any(|t| !t.swapped)
    }

    /// Takes over what became of the faces `ids`; one that was given up meanwhile is left out.
    pub fn update(&mut self, ids: &[u64], outcomes: &mut [FaceOutcome]) {
        for (id, outcome) in ids.iter().zip(outcomes) {
            self.tracks.iter_mut().filter(|t| t.id == *id).for_each(|t| t.update(outcome));
        }
    }

    /// Sorts the detector's faces: those already followed keep their tracks hidden for longer; the largest of the
    /// others, as many as there is room for, are returned.
    pub fn newcomers(&mut self, faces: &[Detection], max_faces: usize) -> Vec<Detection> {
        self.frames_since_detect = 0;
        for track in self.tracks.iter_mut().filter(|t| !t.swapped) {
            if let Some(face) = faces.iter().find(|f| track.is(f)) {
                track.follow(face);
            }
        }
        let mut new: Vec<Detection> =
            faces.iter().filter(|f| !self.tracks.iter().any(|t| t.swapped && t.is(f))).copied().collect();
        new.sort_by(|a, b| (b.max - b.min).element_product().total_cmp(&(a.max - a.min).element_product()));
        let held = self.tracks.iter().filter(|t| t.swapped || !new.iter().any(|f| t.is(f))).count();
        new.truncate(max_faces.saturating_sub(held));
        new
    }

    /// Takes in a face that was swapped for the first time, or finds the hidden track that it continues. Returns
    /// the id and whether it is new.
    pub fn admit(&mut self, face: &Detection, outcome: &mut FaceOutcome) -> (u64, bool) {
        if let Some(track) = self.tracks.iter_mut().find(|t| !t.swapped && t.is(face)) {
            track.update(outcome);
            return (track.id, false);
        }
        self.next_id += 1;
        let mut track = Track {
            id: self.next_id,
            smoothed: outcome.smoothed.clone(),
            pose: outcome.pose,
            presence: 0.0,
            missed_secs: 0.0,
            swapped: false,
            seen: false,
            place: outcome.smoothed.landmarks.bounds(),
            still: None,
        };
        track.update(outcome);
        self.tracks.push(track);
        (self.next_id, true)
    }

    /// Forgets all faces: nothing is known of where they are.
    pub fn clear(&mut self) {
        self.forgotten.extend(self.tracks.drain(..).map(|t| t.id));
    }

    /// Forgets the faces beyond the first `max_faces`: those that cannot be swapped first, then the smallest.
    pub fn limit(&mut self, max_faces: usize) {
        let area = |t: &Track| (t.place.1 - t.place.0).element_product();
        while self.tracks.len() > max_faces {
            let worth = |t: &Track| (t.swapped, area(t));
            let order = |a: &Track, b: &Track| worth(a).partial_cmp(&worth(b)).unwrap_or(std::cmp::Ordering::Equal);
            let last = self.tracks.iter().enumerate().min_by(|a, b| order(a.1, b.1)).map(|(i, _)| i);
            self.forgotten.extend(last.map(|i| self.tracks.remove(i).id));
        }
    }

    /// Gives up faces that were gone for too long and doubles of a face. Returns their ids, and those of all that were
    /// forgotten. A face that is lost in this very frame is kept however long the frame took, so that it is hidden, but
    /// for one of another scene where the detector does not see one either.
    pub fn give_up(&mut self, elapsed_secs: f32) -> Vec<u64> {
        let doubled =
            |i: usize, t: &Track| self.tracks[..i].iter().any(|o| o.swapped && iou(o.place, t.place) > SAME_FACE_IOU);
        let gone = |(i, t): (usize, &Track)| {
            (t.missed_secs > HOLD_SECS || (self.cut && !t.swapped && !t.seen) || doubled(i, t)).then_some(t.id)
        };
        let gone: Vec<u64> = self.tracks.iter().enumerate().filter_map(gone).collect();
        self.tracks.retain(|t| !gone.contains(&t.id));
        self.tracks.iter_mut().filter(|t| !t.swapped).for_each(|t| t.missed_secs += elapsed_secs);
        self.forgotten.extend(gone);
        std::mem::take(&mut self.forgotten)
    }
}
