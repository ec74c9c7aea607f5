//! A frame path does the pixel work of a frame on one machine: [`FramePath`] on the CPU and on a GPU.

use glam::Affine2;

use crate::error::Result;
use crate::face::{Detection, Landmarks, Pose};
use crate::frame::{FrameView, FrameViewMut};
use crate::settings::Look;

/// Side of the landmark network's input in pixels.
pub const LANDMARK_SIDE: usize = 192;

/// Landmarks in frame pixels and the network's belief that they lie on a face (0 to 1).
#[derive(Clone, Debug)]
pub struct MeshReading {
    /// Where the mesh is.
    pub landmarks: Landmarks,
    /// Probability.
    pub presence: f32,
}

/// State of the one-euro filter of one face: what it said last and how fast that moved (pixels a second).
#[derive(Clone, Debug)]
pub struct Smoothed {
    /// Filtered landmarks in frame pixels.
    pub landmarks: Landmarks,
    /// Filtered speed of each coordinate.
    pub speed: Vec<glam::Vec3>,
}

/// One face to swap in this frame.
#[derive(Clone, Debug)]
pub struct FaceJob {
    /// Landmark-net input pixels (192 x 192) to frame pixels: where to look, from the last frame or the detector.
    pub frame_from_region: Affine2,
    /// The filter's state, none for a new face.
    pub history: Option<Smoothed>,
    /// Seconds since the history was made.
    pub elapsed_secs: f32,
}

/// What became of a [`FaceJob`].
#[derive(Clone, Debug)]
pub struct FaceOutcome {
    /// As the network said.
    pub reading: MeshReading,
    /// After the one-euro filter: the next frame's history.
    pub smoothed: Smoothed,
    /// Pose of the smoothed mesh.
    pub pose: Pose,
    /// Whether the face was painted (presence at least .5).
    pub swapped: bool,
}

/// Names of the timed stages, in order.
pub const STAGES: [&str; 9] = ["colour", "detect", "landmarks", "align", "guide", "swap", "mask", "blend", "mark"];

/// Milliseconds spent in each of [`STAGES`] in one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StageTimes(pub [f32; STAGES.len()]);

/// The pixel work of a frame on one machine. Stateless between frames but for buffers.
pub trait FramePath: Send {
    /// One line: what it runs on and why.
    fn adapter(&self) -> &str;

    /// Faces in the whole frame, best first.
    fn detect(&mut self, frame: &FrameView<'_>, threshold: f32) -> Result<Vec<Detection>>;

    /// Landmarks in one region, without painting.
    fn landmarks(&mut self, frame: &FrameView<'_>, frame_from_region: Affine2) -> Result<MeshReading>;

    /// Landmarks, alignment, guide, generator, mask and blend for each job, in place.
    fn swap(&mut self, frame: &mut FrameViewMut<'_>, jobs: &[FaceJob], look: &Look) -> Result<Vec<FaceOutcome>>;

    /// The times of the calls since the last one, and sets them back to zero.
    fn take_times(&mut self) -> StageTimes;
}
