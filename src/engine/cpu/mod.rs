//! The CPU engine: the truth for tests and the working path without a GPU.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::Result;
use crate::models::Weights;
use crate::nets::NetSpec;
use crate::tensor::Tensor;

/// A network planned for the CPU: weights packed, buffers laid out once by lifetime.
#[derive(Debug)]
pub struct Net {
    spec: Arc<NetSpec>,
}

impl Net {
    /// Plans `spec` with `weights`, whose names and shapes must be those of [`NetSpec::params`].
    pub fn new(spec: Arc<NetSpec>, weights: &Weights) -> Result<Self> {
        let _ = weights;
        Ok(Self { spec })
    }

    /// What it runs.
    pub fn spec(&self) -> &NetSpec {
        &self.spec
    }

    /// The values of input `name`, to be written before [`Self::run`]. Marks the input as changed: nodes that depend
    /// on unchanged `slow` inputs alone are not run again.
    pub fn input_mut(&mut self, name: &str) -> &mut [f32] {
        let _ = name;
        todo!()
    }

    /// Runs the network.
    pub fn run(&mut self) {
        todo!()
    }

    /// The values of output `name` after [`Self::run`].
    pub fn output(&self, name: &str) -> &[f32] {
        let _ = name;
        todo!()
    }

    /// The value at the cut point `node`, kept when planned with [`Self::with_cut_points`].
    pub fn cut_point(&self, node: &str) -> Option<Tensor> {
        let _ = node;
        todo!()
    }

    /// Like [`Self::new`], but every node's value stays readable (no buffer is shared): for tests and debugging.
    pub fn with_cut_points(spec: Arc<NetSpec>, weights: &Weights) -> Result<Self> {
        Self::new(spec, weights)
    }

    /// Checks shapes, runs, and returns all outputs by name.
    pub fn run_tensors(&mut self, inputs: &HashMap<String, Tensor>) -> Result<HashMap<String, Tensor>> {
        let _ = inputs;
        todo!()
    }
}
