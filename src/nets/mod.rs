//! The networks that run in the filter, each written once as a [`NetSpec`].

pub mod builder;
pub mod spec;

pub use builder::{Builder, ConvArgs};
pub use spec::{Activation, Conv, Edge, NetSpec, Node, Op, Padding, Param, Port, Shape, ValueId};
