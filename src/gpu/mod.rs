//! What every GPU part shares: the adapter and why it was chosen, the device, buffers, pipelines, dispatches.

mod adapter;
mod belt;
mod buffer;
mod cache;
mod ceiling;
mod clock;
mod context;
mod kernel;
mod matrix;
pub mod params;
mod stopwatch;
mod trust;

pub use adapter::{AdapterLine, Choice, adapters, open};
pub use buffer::BufferRange;
pub use ceiling::Ceiling;
pub use clock::Clock;
pub use context::Context;
pub use kernel::{Dispatch, Kernel};
pub use matrix::MatrixUnits;
pub use stopwatch::Stopwatch;
