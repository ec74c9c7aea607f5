//! The frame path on a GPU: one submission and one readback for each frame.

pub mod image;
pub mod planes;
