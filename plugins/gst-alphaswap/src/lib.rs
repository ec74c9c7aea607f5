//! The GStreamer plugin `alphaswap`: one element of the same name.
//!
//! A door and nothing else: buffers, caps, properties and messages are translated here; the pixel work is done by the
//! library `alphaswap`.
//!
//! - [`mod@element`]: the element's type and the text that `gst-inspect-1.0` prints
//! - `imp`: the element's state, properties and pads
//! - `transform`: the way of a buffer through the element, and of events and queries
//! - `session`: what lives from start to stop, and what happens to a frame
//! - `label`: the meta and the tags that say a frame is synthetic
//! - `settings`, `frame`, `stats`, `qos`, `report`, `post`, `error`: one translation each

pub mod element;
mod error;
mod frame;
mod imp;
mod label;
mod post;
mod qos;
mod report;
mod session;
mod settings;
mod stats;
mod transform;

pub use element::AlphaSwap;
pub use label::META;
pub use settings::{BadgePosition, Fallback};

fn plugin_init(plugin: &gst::Plugin) -> Result<(), gst::glib::BoolError> {
    element::register(plugin)
}

gst::plugin_define!(
    alphaswap,
    env!("CARGO_PKG_DESCRIPTION"),
    plugin_init,
    concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
    "MIT/X11",
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_NAME"),
    "Unknown package origin",
    env!("BUILD_REL_DATE")
);
