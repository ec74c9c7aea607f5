//! Model files: safetensors with a card. The ones that ship are part of the binary.

use std::collections::HashMap;

use crate::tensor::Tensor;

/// Parameters by dotted name, as f32.
#[derive(Clone, Debug, Default)]
pub struct Weights(pub HashMap<String, Tensor>);
