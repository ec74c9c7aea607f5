//! Table of contents of the integration tests: one binary.

mod identity;
