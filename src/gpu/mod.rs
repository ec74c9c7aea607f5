//! What every GPU part shares: the adapter and why it was chosen, the device, buffers, pipelines, dispatches.

mod adapter;
mod belt;
mod buffer;
mod context;
mod kernel;
pub mod params;

pub use adapter::{AdapterLine, Choice, adapters, open};
pub use buffer::BufferRange;
pub use context::Context;
pub use kernel::{Dispatch, Kernel};
