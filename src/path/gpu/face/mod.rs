//! A face's geometry, guide and hull mask on the GPU, with no word from the CPU in between: shaders/face/*.wgsl, twins
//! of `smooth`, `align`, `mesh`, `guide` and `mask`.
//!
//! For a frame the host writes [`FaceBuffers::write`] and records, in this order: [`Follow`] for a face that is carried
//! over from a frame that nobody has read yet, the landmark net, [`Geometry`], the
//! caller's kernel that fills [`FaceBuffers::canvas`], [`GuideStage`], the generator, [`HullMask`], the blend. The
//! caller's kernels read maps and gate from [`FaceBuffers::face`] (`//!import face`).

mod buffers;
mod source;
mod stages;
mod state;

pub use buffers::{FaceBuffers, Workspace};
pub use source::{CandidateHead, SourceBuffers};
pub use stages::{Follow, Geometry, GuideStage, HullMask};
pub use state::{FaceHead, FaceInput, Placement};

/// Largest side of a canvas in pixels: the workgroup memory of shaders/face/distance_*.wgsl.
pub const MAX_SIDE: usize = 640;
/// Number of crop sizes that a [`Workspace`] can be made for (shaders/shared/candidate.wgsl).
pub const SIZES: usize = 4;
/// Corners of the rings in shaders/shared/face.wgsl.
const RING_CORNERS: usize = 72;
/// Columns and rows of the light's largest grid (shaders/shared/light.wgsl).
const GRID: usize = 128;
/// Workgroups that share the colour sums (shaders/shared/light.wgsl).
const SUM_GROUPS: usize = 64;

/// Side of a cell of the light's grid in canvas pixels: four crop 256ths, as in `guide::light`.
const fn cell(crop: usize) -> usize {
    let cell = (crop + 32) / 64;
    if cell > 0 { cell } else { 1 }
}
