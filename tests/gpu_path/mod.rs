//! The GPU's frame path against the CPU's.

mod frames;
mod kernels;
mod overlap;
mod precision;
