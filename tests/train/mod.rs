//! The trainer, on the CPU device.

mod checkpoint;
mod clip;
mod discriminator;
mod losses;
mod optim;
mod pseudo;
mod spec_module;
