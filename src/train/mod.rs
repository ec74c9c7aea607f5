//! Training, off line: photos become a data set ([`prepare`], [`caption`]), the guide makes pseudo-triplets
//! ([`pseudo`]), [`trainer`] fits a generator to them by [`losses`], [`eval`] judges it and [`export`] writes the model
//! file that the filter loads. Only this module knows burn.

pub mod caption;
pub mod checkpoint;
pub mod clip;
pub mod data;
pub mod device;
pub mod discriminator;
pub mod eval;
pub mod export;
pub mod lines;
pub mod losses;
pub mod ops;
pub mod optim;
pub mod people;
pub mod prepare;
pub mod pseudo;
pub mod spec_module;
pub mod trainer;
