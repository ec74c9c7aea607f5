//! The networks that run in the filter, each written once as a [`NetSpec`].

pub mod alphaface;
pub mod arcface;
pub mod blazeface;
pub mod builder;
pub mod dlib;
pub mod facemesh;
pub mod faceres;
mod limits;
mod padding;
mod shape;
pub mod simplify;
pub mod spec;
pub mod vgg;

pub use alphaface::{GeneratorConfig, IdentityConfig};
pub use arcface::ArcfaceConfig;
pub use builder::{Builder, ConvArgs};
pub use simplify::Simplified;
pub use spec::{Activation, Caii, Conv, Edge, NetSpec, Node, Op, Padding, Param, Pooling, Port, Shape, ValueId};
