//! The GPU's frame path against the CPU's.

mod frames;
mod kernels;
mod mark;
mod overlap;
mod precision;
