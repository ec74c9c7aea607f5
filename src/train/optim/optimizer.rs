//! AdamW over the parameters of a module.
//!
//! The rule for one tensor is burn's. Two things of burn's `ModuleOptimizer` do not serve here: it clips each tensor by
//! itself, and its saved state names tensors by ids that are new in each run. So the moments are kept in the module's
//! own order.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::path::Path;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::{AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, Optimizer as _};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::{flat, parameters};
use crate::error::{Error, Result};
use crate::models::Weights;
use crate::tensor;
use crate::train::checkpoint::{on_host, read_tensors, write_tensors};

/// Settings of [`Optimizer`]; the defaults are those of AlphaFace's training code.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamwConfig {
    /// Learning rate at the start.
    pub lr: f64,
    /// How much of the mean gradient stays at a step.
    pub beta1: f32,
    /// How much of the mean squared gradient stays at a step.
    pub beta2: f32,
    /// Added to the root of the mean squared gradient.
    pub epsilon: f32,
    /// Share of a weight that goes at a step, times the learning rate.
    pub weight_decay: f32,
    /// If present, gradients whose norm over all parameters is larger are scaled to this norm.
    pub clip: Option<f32>,
}

impl Default for AdamwConfig {
    fn default() -> Self {
        Self { lr: 1e-4, beta1: 0.0, beta2: 0.99, epsilon: 1e-8, weight_decay: 5e-4, clip: Some(1.0) }
    }
}

/// AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019) for one module of type `M`.
#[derive(Clone)]
pub struct Optimizer<M> {
    rule: AdamW,
    clip: Option<f32>,
    loss_scale: f32,
    /// By the parameters' order; absent for one that never had a gradient.
    states: Vec<Option<AdamWState<1>>>,
    module: PhantomData<fn(M)>,
}

impl<M> std::fmt::Debug for Optimizer<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Optimizer").field("clip", &self.clip).field("parameters", &self.states.len()).finish()
    }
}

impl<M: Module> Optimizer<M> {
    /// An optimizer that has made no step.
    pub fn new(config: &AdamwConfig) -> Self {
        let rule = AdamWConfig::new()
            .with_beta_1(config.beta1)
            .with_beta_2(config.beta2)
            .with_epsilon(config.epsilon)
            .with_weight_decay(config.weight_decay)
            .build();
        Self { rule, clip: config.clip, loss_scale: 1.0, states: Vec::new(), module: PhantomData }
    }

    /// For losses that are multiplied by `scale` before their backward pass: gradients are divided by it first.
    pub fn with_loss_scale(mut self, scale: f32) -> Self {
        self.loss_scale = scale;
        self
    }

    /// One step with learning rate `lr` along the gradients that a backward pass left for `module`: the module after it,
    /// and the norm of all gradients before clipping, `[1]`. Nothing is read back, so a GPU's queue goes on. Where the
    /// norm is not finite, module and moments are worthless: whoever reads it must end the run then.
    pub fn step(&mut self, lr: f64, module: M, mut grads: Gradients) -> (M, Tensor<1>) {
        let grads = gradients(&module, &mut grads);
        let device = module.devices().into_iter().next().unwrap_or_default();
        let (norm, factor) = self.measure(&grads, &device);
        self.states.resize_with(grads.len(), || None);
        let grads = grads.into_iter().zip(&mut self.states);
        (module.map(&mut Step { rule: &self.rule, lr, factor, grads }), norm)
    }

    /// The norm of the loss's own gradients, and what those at hand are multiplied by.
    fn measure(&self, grads: &[Option<Tensor<1>>], device: &Device) -> (Tensor<1>, Option<Tensor<1>>) {
        let inverse = 1.0 / self.loss_scale;
        let norm = global_norm(grads, device) * inverse;
        // As in PyTorch's clip_grad_norm_, the small number included.
        let clipping = self.clip.map(|clip| (norm.full_like(clip) / (norm.clone() + 1e-6)).clamp_max(1.0) * inverse);
        let factor = clipping.or_else(|| (inverse != 1.0).then(|| norm.full_like(inverse)));
        (norm, factor)
    }

    /// Writes the moments (safetensors, by the parameters' order); the file appears complete or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut tensors = HashMap::new();
        for (i, state) in self.states.iter().enumerate() {
            let Some(AdamWState { momentum }) = state else { continue };
            for (name, moment) in [("moment_1", &momentum.moment_1), ("moment_2", &momentum.moment_2)] {
                tensors.insert(format!("{i}.{name}"), on_host(moment.clone()));
            }
            // A whole number, exact as f32 up to 2^24 steps.
            tensors.insert(format!("{i}.steps"), tensor::Tensor { shape: vec![1], data: vec![momentum.time as f32] });
        }
        write_tensors(path, &Weights(tensors))
    }

    /// Goes on with moments that [`Self::save`] wrote for a module like `module`.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Model`] for a file that cannot be read, [`Error::Training`] when it is of another module.
    pub fn load(mut self, path: &Path, module: &M) -> Result<Self> {
        let mut tensors = read_tensors(path)?.0;
        let other = |reason: String| {
            Error::training(path.display(), format!("{reason}; it is of another network, start a new run"))
        };
        let parameters = parameters(module);
        let mut states = Vec::with_capacity(parameters.len());
        for (i, parameter) in parameters.iter().enumerate() {
            let mut take = |name: &str, len: usize| match tensors.remove(&format!("{i}.{name}")) {
                Some(t) if t.data.len() != len => {
                    Err(other(format!("parameter {i} has {len} values, {name} has {}", t.data.len())))
                }
                found => Ok(found.map(|t| t.data)),
            };
            let len = parameter.dims()[0];
            let parts = (take("moment_1", len)?, take("moment_2", len)?, take("steps", 1)?);
            states.push(match parts {
                (Some(first), Some(second), Some(steps)) => Some(state(first, second, steps[0], &parameter.device())),
                (None, None, None) => None,
                _ => return Err(other(format!("the state of parameter {i} is incomplete"))),
            });
        }
        if let Some(name) = tensors.keys().min() {
            return Err(other(format!("the module has {} parameters, there is {name}", parameters.len())));
        }
        self.states = states;
        Ok(self)
    }
}

fn state(first: Vec<f32>, second: Vec<f32>, steps: f32, device: &Device) -> AdamWState<1> {
    let tensor = |values: Vec<f32>| {
        let len = values.len();
        Tensor::from_data(TensorData::new(values, [len]), device)
    };
    AdamWState::new(AdaptiveMomentumState::new(steps as usize, tensor(first), tensor(second)))
}

/// The gradients of a module's parameters as vectors, in the module's order.
fn gradients<M: Module>(module: &M, grads: &mut Gradients) -> Vec<Option<Tensor<1>>> {
    struct Visitor<'a>(Vec<Option<Tensor<1>>>, &'a mut Gradients);
    impl ModuleVisitor for Visitor<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            // Asking for the gradient of a tensor that wants none is an error to burn.
            let grad = param.is_require_grad().then(|| param.val().grad_remove(self.1)).flatten();
            self.0.push(grad.map(flat));
        }
    }
    let mut visitor = Visitor(Vec::new(), grads);
    module.visit(&mut visitor);
    visitor.0
}

/// The length of all gradients as one vector, `[1]`; 0 without gradients.
fn global_norm(grads: &[Option<Tensor<1>>], device: &Device) -> Tensor<1> {
    let squares: Vec<_> = grads.iter().flatten().map(|g| g.clone().square().sum()).collect();
    match squares.is_empty() {
        true => Tensor::zeros([1], &device.clone().inner()),
        false => Tensor::cat(squares, 0).sum().sqrt(),
    }
}

/// Applies the rule to each parameter that has a gradient.
struct Step<'a, I> {
    rule: &'a AdamW,
    lr: f64,
    /// What gradients are multiplied by, `[1]`.
    factor: Option<Tensor<1>>,
    grads: I,
}

impl<'s, I: Iterator<Item = (Option<Tensor<1>>, &'s mut Option<AdamWState<1>>)>> ModuleMapper for Step<'_, I> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some((Some(grad), state)) = self.grads.next() else { return param };
        param.map(|parameter| {
            let (shape, strategy) = (parameter.dims(), parameter.gradient_checkpointing_strategy());
            let grad = self.factor.iter().fold(grad, |grad, factor| grad * factor.clone());
            let (stepped, after) = self.rule.step(self.lr, flat(parameter.inner()), grad, state.take());
            *state = after;
            let stepped = Tensor::from_inner(stepped.reshape(shape));
            strategy.into_iter().fold(stepped, |t, s| t.with_gradient_checkpointing_strategy(s)).require_grad()
        })
    }
}
