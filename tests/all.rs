//! The one integration test binary; this is its table of contents.

mod support;

mod frame;
mod house;
mod identity;
mod smooth;
