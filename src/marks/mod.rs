//! Marks that say a frame was changed.

pub mod badge;
pub mod watermark;
