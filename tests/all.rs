//! The one integration test binary; this is its table of contents.

mod engine_cpu;
mod frame;
mod house;
mod identity;
mod models;
mod networks;
mod smooth;
mod support;
