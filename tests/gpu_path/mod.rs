//! The GPU's frame path against the CPU's.

mod kernels;
