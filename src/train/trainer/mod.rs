//! The training run.
