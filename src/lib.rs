//! `alphaswap`: real-time face swap for video.
//!
//! Read [`pipeline`] top-down for a frame's journey. Pixel coordinates follow OpenCV: the centre of the upper left
//! pixel is (0, 0). Maps are called `target_from_source`.

#![warn(missing_docs)]

pub mod align;
pub mod color;
pub mod conceal;
pub mod detect;
pub mod device;
pub mod digest;
pub mod engine;
pub mod error;
pub mod face;
pub mod files;
pub mod frame;
pub mod gpu;
pub mod guide;
pub mod identity;
pub mod marks;
pub mod mask;
pub mod mesh;
pub mod models;
pub mod nets;
pub mod path;
pub mod pipeline;
pub mod region;
mod scene;
pub mod settings;
pub mod smooth;
pub mod tensor;
mod track;
#[cfg(feature = "train")]
pub mod train;

pub use error::{Error, Result};
pub use pipeline::{Pipeline, Report};
