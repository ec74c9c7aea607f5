//! The trainer, on the CPU device.

mod caption;
mod spec_module;
