//! The trainer, on the CPU device.

mod eval;
mod export;
mod spec_module;
