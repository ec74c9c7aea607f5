//! Engines run a [`NetSpec`](crate::nets::NetSpec): [`cpu`] on the `gemm` crate, `gpu` in WGSL on wgpu.

pub mod cpu;
pub mod gpu;
