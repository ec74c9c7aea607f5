//! Fits a generator to photos and pseudo-triplets.
//!
//! Read [`Trainer::run`] top-down. A [`Config`] says what to do; [`Material`] makes the batch of each step as a pure
//! function of seed and step; [`step`] computes the terms; [`Trainer`] moves the weights and keeps the run's folder:
//!
//! ```text
//! RUN/config.toml           the config with every default spelled out
//! RUN/data.toml             the photo sets with their licences
//! RUN/metrics.jsonl         one Row a step
//! RUN/checkpoints/          see crate::train::checkpoint
//! RUN/grids/step-*.png      rows of samples
//! RUN/report.html           curves and grids in one file
//! ```

pub mod augment;
pub mod batch;
mod check;
pub mod config;
mod folder;
mod grid;
mod loader;
mod material;
pub mod metrics;
mod networks;
pub mod planes;
pub mod report;
mod run;
pub mod step;
pub mod terms;

pub use config::Config;
pub use folder::{DataNote, RunFolder};
pub use loader::Loader;
pub use material::Material;
pub use metrics::{Check, Row};
pub use networks::{Critic, Generator, Judges};
pub use run::{End, Start, Trainer};
