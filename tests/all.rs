//! The one integration test binary; this is its table of contents.

mod cli;
mod device;
mod element;
mod engine_cpu;
mod engine_gpu;
mod frame;
mod gpu_guide;
mod gpu_path;
mod guide;
mod house;
mod identity;
mod mesh;
mod models;
mod networks;
mod pipeline;
mod shaders;
mod smooth;
mod support;
mod track;

/// Lets tests count what their thread allocates.
#[global_allocator]
static ALLOCATOR: support::counting::Counting = support::counting::Counting;
