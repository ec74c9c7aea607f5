//! The one integration test binary; this is its table of contents.

mod engine_cpu;
mod engine_gpu;
mod frame;
mod gpu_path;
mod house;
mod identity;
mod models;
mod networks;
mod shaders;
mod smooth;
mod support;
