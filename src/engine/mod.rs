//! Engines run a [`NetSpec`](crate::nets::NetSpec): [`cpu`] on register-tiled kernels (`pulp`), `gpu` in WGSL on wgpu.

pub mod cpu;
pub mod gpu;
