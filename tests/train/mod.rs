//! The trainer, on the CPU device.

mod caption;
mod checkpoint;
mod clip;
mod data;
mod discriminator;
mod eval;
mod export;
mod losses;
mod ops;
mod optim;
mod prepare;
mod pseudo;
mod spec_module;
mod trainer;
