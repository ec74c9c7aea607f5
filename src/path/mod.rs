//! A frame path does the pixel work of a frame on one machine: [`FramePath`] on the CPU and on a GPU.

pub mod cpu;
mod flights;
pub mod gpu;
pub mod letterbox;
pub mod window;

use std::time::Duration;

use glam::{Affine2, Vec3};

use crate::error::{Error, Result};
use crate::face::{Detection, Landmarks, POINTS, Pose, probability};
use crate::frame::{FrameView, FrameViewMut};
use crate::identity::Identity;
use crate::marks::watermark::Payload;
use crate::models::Model;
use crate::nets::GeneratorConfig;
pub use crate::nets::facemesh::SIDE as LANDMARK_SIDE;
use crate::settings::{Look, ModelChoice};

/// Landmarks in frame pixels and the network's belief that they lie on a face (0 to 1).
#[derive(Clone, Debug, Default)]
pub struct MeshReading {
    /// Where the mesh is.
    pub landmarks: Landmarks,
    /// Probability.
    pub presence: f32,
}

impl MeshReading {
    /// Takes what the landmark network said of a region: `points` `[468, 3]` in its input's pixels, and the presence's
    /// logit.
    pub fn take(&mut self, points: &[f32], presence: f32, frame_from_region: Affine2) {
        let points = points.chunks_exact(3).take(POINTS).map(Vec3::from_slice);
        self.landmarks.map_from(points, frame_from_region);
        self.presence = probability(presence);
    }
}

/// The three planes of planar RGB.
pub fn planes_mut(rgb: &mut [f32]) -> [&mut [f32]; 3] {
    let pixels = rgb.len() / 3;
    let (r, rest) = rgb.split_at_mut(pixels);
    let (g, b) = rest.split_at_mut(pixels);
    [r, g, b]
}

/// State of the one-euro filter of one face: what it said last and how fast that moved (pixels a second).
#[derive(Clone, Debug, Default)]
pub struct Smoothed {
    /// Filtered landmarks in frame pixels.
    pub landmarks: Landmarks,
    /// Filtered speed of each coordinate.
    pub speed: Vec<Vec3>,
}

/// One face to swap in a frame.
#[derive(Clone, Copy, Debug)]
pub struct FaceJob<'a> {
    /// Landmark-net input pixels (192 x 192) to frame pixels: where to look, from the last frame or the detector.
    pub frame_from_region: Affine2,
    /// The filter's state, none for a new face.
    pub history: Option<&'a Smoothed>,
    /// Seconds since the history was made.
    pub elapsed_secs: f32,
    /// The same face in a frame that is still in flight: its ticket, and the face's place among its jobs. What becomes
    /// of that job replaces `frame_from_region` and `history`, which are then a frame old.
    pub carried: Option<(Ticket, usize)>,
}

/// What is to be done with a frame.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// Whether to look for faces in the whole frame.
    pub detect: bool,
    /// Faces to swap.
    pub jobs: &'a [FaceJob<'a>],
    /// How.
    pub look: &'a Look,
    /// The watermark that the frame gets when a face is swapped, if the path can put it in: [`Done::marked`] tells. None
    /// for a frame that may have it already.
    pub mark: Option<Payload>,
}

impl Work<'_> {
    /// The mark, unless nothing can be swapped: a strength of zero shows the frame as it came.
    pub fn payload(&self) -> Option<Payload> {
        self.mark.filter(|_| !self.jobs.is_empty() && self.look.strength > 0.0)
    }
}

/// Stands for a frame that was submitted and is not collected yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(pub usize);

/// What became of a frame.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// Faces in the whole frame, best first, if it was searched.
    pub detections: Option<Vec<Detection>>,
    /// One for each job.
    pub faces: Vec<FaceOutcome>,
    /// Whether the path put the mark of [`Work`] into the frame.
    pub marked: bool,
}

/// What became of a [`FaceJob`].
#[derive(Clone, Debug, Default)]
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

/// From this belief of the landmark network on a mesh is trusted.
pub const PRESENCE: f32 = 0.5;

/// A timed stage of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Codes to the networks' RGB inputs.
    Colour,
    /// Detector network.
    Detect,
    /// Landmark network.
    Landmarks,
    /// The aligned canvas.
    Align,
    /// The identity's texture on the face's mesh.
    Guide,
    /// Generator network.
    Swap,
    /// Mask.
    Mask,
    /// Back into the frame.
    Blend,
    /// Fallback, watermark and badge.
    Mark,
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 9] = [
        Self::Colour,
        Self::Detect,
        Self::Landmarks,
        Self::Align,
        Self::Guide,
        Self::Swap,
        Self::Mask,
        Self::Blend,
        Self::Mark,
    ];

    /// Name in statistics.
    pub const fn name(self) -> &'static str {
        ["colour", "detect", "landmarks", "align", "guide", "swap", "mask", "blend", "mark"][self as usize]
    }
}

/// Milliseconds spent in each of [`Stage::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StageTimes(pub [f32; Stage::ALL.len()]);

impl StageTimes {
    /// Adds `time` to a stage.
    pub fn add(&mut self, stage: Stage, time: Duration) {
        self.0[stage as usize] += time.as_secs_f32() * 1e3;
    }
}

/// The smallest value that `percent` of the `sorted` ones do not exceed; 0 if there are none.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// What puts the face on.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one in a pipeline")]
pub enum Painter {
    /// The guide alone.
    Mesh,
    /// A generator network.
    Generator {
        /// Its weights and card.
        model: Box<Model>,
        /// Its topology.
        config: GeneratorConfig,
    },
}

impl Painter {
    /// Loads what `choice` names.
    ///
    /// # Errors
    /// [`Error::Model`] for a missing, broken or unfitting file.
    pub fn load(choice: &ModelChoice) -> Result<Self> {
        let model = match choice {
            ModelChoice::Mesh => return Ok(Self::Mesh),
            ModelChoice::Guided => Model::builtin("generator")?,
            ModelChoice::Guided256 => Model::builtin("generator-256")?,
            ModelChoice::Path(path) if !path.exists() => {
                let shipped = ModelChoice::SHIPPED.map(|shipped| shipped.to_string()).join(", ");
                let reason =
                    format!("there is no such file; give {shipped}, or the path of a generator's .safetensors");
                return Err(Error::model(choice.to_string(), reason));
            }
            ModelChoice::Path(path) => Model::open(path)?,
        };
        Self::generator(model)
    }

    /// The generator of a model that is loaded already.
    ///
    /// # Errors
    /// [`Error::Model`] for a model of another kind.
    pub fn generator(model: Model) -> Result<Self> {
        let config =
            model.card.generator.clone().ok_or_else(|| {
                Error::model(&model.name, "its card has no [generator] table: this is not a generator")
            })?;
        Ok(Self::Generator { model: Box::new(model), config })
    }

    /// Whether the guide is part of it.
    pub fn guided(&self) -> bool {
        match self {
            Self::Mesh => true,
            Self::Generator { config, .. } => config.guide,
        }
    }

    /// Smallest and largest crop size that it works at, at most `most` where it is free to choose.
    pub fn crops(&self, most: usize) -> (usize, usize) {
        match self {
            Self::Mesh => (window::CROPS[0], most),
            // A window is read by whole canvas pixels: the generator's crop must divide every size above it.
            Self::Generator { config, .. }
                if config.guide && window::CROPS.iter().all(|c| *c < config.crop || c % config.crop == 0) =>
            {
                (config.crop, most.max(config.crop))
            }
            Self::Generator { config, .. } => (config.crop, config.crop),
        }
    }

    /// Checks that `identity` has the embedding that this painter needs.
    ///
    /// # Errors
    /// [`Error::Model`] naming what is needed and what there is.
    pub fn check(&self, identity: &Identity) -> Result<()> {
        match self {
            Self::Mesh => Ok(()),
            Self::Generator { model, config } => {
                identity.embedding(&config.identity).map(drop).map_err(|e| e.of_model(&model.name))
            }
        }
    }
}

/// The pixel work of a frame on one machine. Nothing of a frame is remembered once it is collected.
pub trait FramePath: Send {
    /// One line: what it runs on and why.
    fn adapter(&self) -> &str;

    /// Whether anything is gained by submitting a frame before the last one is collected.
    fn overlaps(&self) -> bool {
        false
    }

    /// Faces in the whole frame, best first.
    fn detect(&mut self, frame: &FrameView<'_>, threshold: f32) -> Result<Vec<Detection>>;

    /// Landmarks in one region, without painting.
    fn landmarks(&mut self, frame: &FrameView<'_>, frame_from_region: Affine2) -> Result<MeshReading>;

    /// Starts everything that [`Work`] asks for; the frame may change as soon as this returns.
    fn submit(&mut self, frame: &FrameView<'_>, work: &Work<'_>) -> Result<Ticket>;

    /// Waits for a submitted frame, and paints its faces into `frame`, which must be as it was submitted. The ticket is
    /// worth nothing afterwards; a failure leaves `frame` as it is.
    fn collect(&mut self, ticket: Ticket, frame: &mut FrameViewMut<'_>, done: &mut Done) -> Result<()>;

    /// Forgets all frames that were submitted and not collected.
    fn discard(&mut self);

    /// [`Self::submit`] and [`Self::collect`] at once.
    fn swap(&mut self, frame: &mut FrameViewMut<'_>, work: &Work<'_>, done: &mut Done) -> Result<()> {
        let ticket = self.submit(&frame.view(), work)?;
        self.collect(ticket, frame, done)
    }

    /// Another person from the next submission on.
    ///
    /// # Errors
    /// [`Error::Model`] when [`Painter::check`] refuses it, [`Error::DeviceLost`].
    fn set_identity(&mut self, identity: &Identity) -> Result<()>;

    /// The times of the calls since the last one, and sets them back to zero.
    fn take_times(&mut self) -> StageTimes;
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let hundred: Vec<f64> = (1..=100_u8).map(f64::from).collect();
        assert_eq!([50, 95, 99, 100].map(|percent| percentile(&hundred, percent)), [50.0, 95.0, 99.0, 100.0]);
        assert_eq!([0, 1, 2].map(|n| percentile(&hundred[..n], 50)), [0.0, 1.0, 1.0]);
    }
}
