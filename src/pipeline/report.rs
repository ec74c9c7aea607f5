//! What a frame brought.

use super::Pipeline;
use crate::face::Pose;
use crate::marks::watermark::Payload;
use crate::path::StageTimes;
use crate::track::Track;

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
    /// Whether it was swapped; otherwise the fallback was shown, or, at strength 0, the frame as it came.
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
    /// What the watermark says, if the frame was marked as synthetic: if it shows a swapped face, or a still of one.
    pub marked: Option<Payload>,
    /// Whether it got the visible badge as well: not if the user hides it, nor if the frame has no room for it.
    pub badged: bool,
    /// Milliseconds per stage.
    pub times: StageTimes,
    /// Something the user should know once, e.g. that the GPU was lost and the CPU goes on.
    pub warning: Option<String>,
}

impl FaceReport {
    fn of(track: &Track, strength: f32) -> Self {
        let (lo, hi) = track.bounds();
        let Track { id, pose, presence, swapped, .. } = *track;
        Self { id, bounds: [lo.x, lo.y, hi.x, hi.y], pose, presence, swapped: swapped && strength > 0.0 }
    }
}

impl Pipeline {
    /// What has happened since the last report, in a frame whose faces were changed with this `strength`.
    pub(super) fn report(&mut self, found: Vec<u64>, lost: Vec<u64>, strength: f32) -> Report {
        let mut times = self.machine.path.take_times();
        let marking = std::mem::take(&mut self.marking);
        times.0.iter_mut().zip(marking.0).for_each(|(a, b)| *a += b);
        let faces = self.tracker.tracks.iter().map(|track| FaceReport::of(track, strength)).collect();
        Report { faces, found, lost, times, warning: self.machine.news.take(), ..Report::default() }
    }
}
