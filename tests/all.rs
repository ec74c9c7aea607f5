//! The one integration test binary; this is its table of contents.

mod arcface;
mod badge;
mod cli;
mod consent;
mod device;
mod element;
mod engine_cpu;
mod engine_gpu;
mod enroll;
mod frame;
mod gpu_guide;
mod gpu_path;
mod guide;
mod house;
mod identity;
#[cfg(feature = "train")]
mod import;
mod mesh;
mod models;
mod networks;
mod official;
mod pipeline;
mod quality;
mod shaders;
mod simplify;
mod smooth;
mod support;
mod track;
#[cfg(feature = "train")]
mod train;
mod watermark;

/// Lets tests count what their thread allocates.
#[global_allocator]
static ALLOCATOR: support::counting::Counting = support::counting::Counting;
