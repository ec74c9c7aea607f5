//! The table of contents of the integration tests: one binary, so that one GPU device serves all of them.

mod engine_gpu;
mod frame;
mod house;
mod identity;
mod models;
mod networks;
mod shaders;
mod smooth;
mod support;
