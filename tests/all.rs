//! The integration tests' table of contents.

mod engine_cpu;
mod models;
mod networks;
