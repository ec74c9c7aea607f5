//! Table of contents of the integration tests: one binary.

mod element;
mod identity;
