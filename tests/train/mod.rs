//! The trainer, on the CPU device.

mod pseudo;
mod spec_module;
mod trainer;
