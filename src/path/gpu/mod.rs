//! The frame path on a GPU.

pub mod face;
