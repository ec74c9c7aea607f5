//! The trainer, on the CPU device.

mod caption;
mod checkpoint;
mod clip;
mod discriminator;
mod losses;
mod optim;
mod pseudo;
mod spec_module;
mod trainer;
