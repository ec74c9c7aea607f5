//! The one entry: a frame's journey from the stream's bytes and back into them.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::face::Pose;
use crate::frame::FrameViewMut;
use crate::identity::Identity;
use crate::path::StageTimes;
use crate::settings::{DeviceChoice, Look, ModelChoice};

/// Swaps faces in a stream of frames. Made once per stream; formats and sizes may change from frame to frame.
pub struct Pipeline {
    look: Look,
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
    /// [`Error::Device`](crate::Error::Device) when `device` names no usable adapter, [`Error::Model`](crate::Error::Model) for a bad generator file,
    /// [`Error::Identity`](crate::Error::Identity) when the identity was made by another encoder than the generator's.
    pub fn new(device: &DeviceChoice, model: &ModelChoice, identity: Arc<Identity>, look: Look) -> Result<Self> {
        let _ = (device, model, identity);
        Ok(Self { look })
    }

    /// What may change while frames flow; takes effect with the next frame.
    pub fn set_look(&mut self, look: Look) {
        self.look = look;
    }

    /// Another person from the next frame on.
    pub fn set_identity(&mut self, identity: Arc<Identity>) -> Result<()> {
        let _ = identity;
        Ok(())
    }

    /// One line: what it runs on and why.
    pub fn adapter(&self) -> &str {
        ""
    }

    /// Something the user should be told at start, e.g. that no hardware GPU was found.
    pub fn warning(&self) -> Option<&str> {
        None
    }

    /// Forgets all faces: after a flush, a seek or a gap.
    pub fn reset(&mut self) {}

    /// Hides the faces that were swapped a moment ago without running any network, by the fallback policy: for frames
    /// that are too late to be swapped (QoS).
    pub fn conceal(&mut self, frame: &mut FrameViewMut<'_>) -> Result<Report> {
        let _ = frame;
        Ok(Report::default())
    }

    /// Swaps the faces of one frame in place. `time` is the frame's running time, for smoothing; without it 1/30 s
    /// are assumed to have passed.
    pub fn process(&mut self, frame: &mut FrameViewMut<'_>, time: Option<Duration>) -> Result<Report> {
        let _ = (frame, time);
        Ok(Report::default())
    }
}
