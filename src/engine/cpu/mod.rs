//! The CPU engine: the truth for tests and the working path without a GPU.
//!
//! [`plan`] chooses kernels and buffers once; [`layout`] says how values lie in memory; full convolutions are implicit
//! matrix products in registers ([`tile`]); threads share the rows of a map ([`kernel`]).

mod activation;
mod buffer;
mod conv_dense;
mod conv_depthwise;
mod elementwise;
mod fuse;
mod kernel;
mod layout;
mod linear;
mod pack;
mod plan;
mod pool;
mod rearrange;
mod separable;
mod style_norm;
mod tile;
mod upsample;
mod window;

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::models::Weights;
use crate::nets::{NetSpec, Port, Simplified};
use crate::tensor::Tensor;
use buffer::Buffer;
use plan::{MAX_INPUTS, Plan};

/// A network planned for the CPU: weights packed, buffers laid out once by lifetime.
#[derive(Debug)]
pub struct Net {
    spec: Arc<NetSpec>,
    plan: Plan,
    /// The planned buffers.
    slots: Vec<Buffer>,
    scratch: Buffer,
    /// Inputs and outputs as callers see them, row-major.
    inputs: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
    /// Whether each input was written since the last run.
    changed: Vec<bool>,
    keep: bool,
}

impl Net {
    /// Plans `spec` with `weights`, whose names and shapes must be those of [`NetSpec::params`].
    ///
    /// # Errors
    /// [`Error::Model`] when a parameter is missing or has another shape.
    pub fn new(spec: Arc<NetSpec>, weights: &Weights) -> Result<Self> {
        Self::plan(spec, weights, false)
    }

    /// Like [`Self::new`], but every node's value stays readable (no buffer is shared, nothing is fused or simplified):
    /// for tests and debugging.
    pub fn with_cut_points(spec: Arc<NetSpec>, weights: &Weights) -> Result<Self> {
        Self::plan(spec, weights, true)
    }

    fn plan(spec: Arc<NetSpec>, weights: &Weights, keep: bool) -> Result<Self> {
        let net = if keep { Simplified::literal(&spec, weights) } else { Simplified::new(&spec, weights) };
        let plan = Plan::new(&net, keep)?;
        let buffers = |ports: &[Port]| ports.iter().map(|p| vec![0.0; spec.shape(p.value).len()]).collect();
        Ok(Self {
            slots: plan.slot_lens.iter().map(|&len| Buffer::zeros(len)).collect(),
            scratch: Buffer::zeros(plan.scratch_len),
            inputs: buffers(&spec.inputs),
            outputs: buffers(&spec.outputs),
            changed: vec![true; spec.inputs.len()],
            spec,
            plan,
            keep,
        })
    }

    /// What it runs.
    pub fn spec(&self) -> &NetSpec {
        &self.spec
    }

    /// The values of input `name`, to be written before [`Self::run`]. Marks the input as changed: nodes that depend
    /// on unchanged `slow` inputs alone are not run again.
    ///
    /// # Panics
    /// When the network has no such input.
    pub fn input_mut(&mut self, name: &str) -> &mut [f32] {
        let index = port(&self.spec, &self.spec.inputs, "input", name);
        self.changed[index] = true;
        &mut self.inputs[index]
    }

    /// Runs the network.
    pub fn run(&mut self) {
        // Entering the thread pool once makes each kernel's fork a local affair.
        rayon::scope(|_| self.run_steps());
    }

    fn run_steps(&mut self) {
        let ports = self.spec.inputs.iter();
        let stale = ports.clone().zip(&self.changed).any(|(p, &changed)| p.slow && changed);
        for (port, (values, changed)) in ports.zip(self.inputs.iter().zip(&mut self.changed)) {
            if !port.slow || *changed {
                let (layout, slot) = (self.plan.layouts[port.value.0], self.plan.slots[port.value.0]);
                layout.import(values, &mut self.slots[slot.unwrap_or(0)][..layout.len()]);
            }
            *changed = false;
        }
        for i in 0..self.plan.steps.len() {
            if stale || !self.plan.steps[i].fixed {
                self.run_step(i);
            }
        }
        for (port, values) in self.spec.outputs.iter().zip(&mut self.outputs) {
            let (layout, slot) = (self.plan.layouts[port.value.0], self.plan.slots[port.value.0]);
            layout.export(&self.slots[slot.unwrap_or(0)][..layout.len()], values);
        }
    }

    fn run_step(&mut self, i: usize) {
        let Plan { steps, layouts, slots, .. } = &self.plan;
        let step = &steps[i];
        let slot = |value: usize| slots[value].unwrap_or(0);
        // Moving the output's buffer out lets the borrow checker see that nobody reads it.
        let mut out = std::mem::take(&mut self.slots[slot(step.output.0)]);
        let mut inputs: [&[f32]; MAX_INPUTS] = [&[]; MAX_INPUTS];
        for (input, value) in inputs.iter_mut().zip(&step.inputs) {
            *input = &self.slots[slot(value.0)][..layouts[value.0].len()];
        }
        let len = layouts[step.output.0].len();
        step.kernel.run(&inputs[..step.inputs.len()], &mut out[..len], &mut self.scratch);
        self.slots[slot(step.output.0)] = out;
    }

    /// The values of output `name` after [`Self::run`].
    ///
    /// # Panics
    /// When the network has no such output.
    pub fn output(&self, name: &str) -> &[f32] {
        &self.outputs[port(&self.spec, &self.spec.outputs, "output", name)]
    }

    /// The value at the cut point `node`, kept when planned with [`Self::with_cut_points`]: `[1, c, h, w]`.
    pub fn cut_point(&self, node: &str) -> Option<Tensor> {
        let value = self.spec.nodes.iter().find(|n| self.keep && n.name == node)?.output;
        let (layout, slot) = (self.plan.layouts[value.0], self.plan.slots[value.0]?);
        let mut tensor = Tensor::zeros([1, layout.shape.c, layout.shape.h, layout.shape.w]);
        layout.export(&self.slots[slot][..layout.len()], &mut tensor.data);
        Some(tensor)
    }

    /// Checks shapes, runs, and returns all outputs by name.
    ///
    /// # Errors
    /// [`Error::Shape`] when an input is missing (its shape is then empty) or has another shape than its port.
    pub fn run_tensors(&mut self, inputs: &HashMap<String, Tensor>) -> Result<HashMap<String, Tensor>> {
        let spec = self.spec.clone();
        for port in &spec.inputs {
            let shape = inputs.get(&port.name).map_or(&[][..], |t| &t.shape);
            if shape != port.shape {
                let (name, expected) = (port.name.clone(), port.shape.clone());
                return Err(Error::Shape { name, expected, got: shape.to_vec() });
            }
            self.input_mut(&port.name).copy_from_slice(&inputs[&port.name].data);
        }
        self.run();
        let tensor = |p: &Port| Ok((p.name.clone(), Tensor::new(p.shape.clone(), self.output(&p.name).to_vec())?));
        spec.outputs.iter().map(tensor).collect()
    }
}

fn port(spec: &NetSpec, ports: &[Port], kind: &str, name: &str) -> usize {
    match ports.iter().position(|p| p.name == name) {
        Some(index) => index,
        None => panic!("network {} has no {kind} called {name}", spec.name),
    }
}
