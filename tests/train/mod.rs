//! The trainer, on the CPU device.

mod clip;
mod spec_module;
