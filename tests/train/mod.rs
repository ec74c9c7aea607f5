//! The trainer, on the CPU device.

mod spec_module;
