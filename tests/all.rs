//! The integration tests' table of contents.

mod models;
mod networks;
