//! The trainer, on the CPU device.

mod data;
mod prepare;
mod spec_module;
