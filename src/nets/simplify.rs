//! Shortcuts through a network that leave its answer as it is; both engines take them when they load it.
//!
//! - A bias in front of an instance norm goes with the mean that the norm subtracts: it is dropped.
//! - CAII halves the style on its way into scale and shift: the half goes into the weights of the style's linear layer,
//!   which depends on the identity alone and is computed once a source.
//! - The mean of a styled unit's output is known to the kernel that writes it. Where nothing is clipped it needs no sum:
//!   a normalised map has zero mean, so the mean grows by the shift.

use std::collections::HashMap;

use super::spec::{Activation, Caii, Conv, NetSpec, Node, Op, ValueId};
use crate::error::{Error, Result};
use crate::models::Weights;

/// A network as engines run it: same values as its description's under the same numbers, except that those between a
/// convolution and its norm may lack a constant, and styles may come halved.
#[derive(Clone, Debug)]
pub struct Simplified<'a> {
    /// The operations.
    pub spec: NetSpec,
    weights: &'a Weights,
    /// Parameters that replace those of `weights`.
    folded: Weights,
    means: HashMap<ValueId, KnownMean>,
}

/// The mean over rows and columns of what a [`Op::StyleNorm`] makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownMean {
    /// Index of the norm.
    pub norm: usize,
    /// The value of the [`Op::Mean`] that asks for it.
    pub mean: ValueId,
    /// The mean of the norm's residual, if the mean is that plus the shift; else what is written must be summed.
    pub before: Option<ValueId>,
}

impl<'a> Simplified<'a> {
    /// Every shortcut taken.
    pub fn new(spec: &NetSpec, weights: &'a Weights) -> Self {
        Self::literal(spec, weights).without_dead_biases().with_folded_halves().with_known_means()
    }

    /// No shortcut taken.
    pub fn literal(spec: &NetSpec, weights: &'a Weights) -> Self {
        Self { spec: spec.clone(), weights, folded: Weights::default(), means: HashMap::new() }
    }

    /// Drops the bias of each convolution that only norms read.
    pub fn without_dead_biases(mut self) -> Self {
        for i in 0..self.spec.nodes.len() {
            let dead = self.only_norms_read(self.spec.nodes[i].output, |_, place| place == 0);
            if let (Op::Conv(conv @ Conv { act: Activation::None, .. }), true) = (&mut self.spec.nodes[i].op, dead) {
                conv.bias = None;
            }
        }
        self
    }

    /// Halves the parameters of each linear layer that makes styles for CAII alone. The halves have names of their own,
    /// since another layer may share the whole.
    pub fn with_folded_halves(mut self) -> Self {
        for i in 0..self.spec.nodes.len() {
            let style = self.spec.nodes[i].output;
            let alone = self.only_norms_read(style, |caii, place| caii == Caii::Averaged && place == 1);
            let Op::Linear { weight, bias, act: Activation::None, .. } = &mut self.spec.nodes[i].op else { continue };
            let mut names: Vec<&mut String> = std::iter::once(weight).chain(bias).collect();
            if alone && names.iter().all(|name| self.weights.0.contains_key(*name)) {
                for name in &mut names {
                    let mut tensor = self.weights.0[*name].clone();
                    tensor.data.iter_mut().for_each(|v| *v *= 0.5);
                    name.push_str(" / 2");
                    self.folded.0.insert(name.clone(), tensor);
                }
                self.spec.nodes.iter_mut().filter(|n| n.inputs.get(1) == Some(&style)).for_each(fold);
            }
        }
        self
    }

    /// Finds the means that norms know of what they write.
    pub fn with_known_means(mut self) -> Self {
        for (norm, node) in self.spec.nodes.iter().enumerate() {
            let Op::StyleNorm { residual, act, .. } = &node.op else { continue };
            let Some(mean) = self.mean_of(node.output) else { continue };
            let added = node.inputs.last().filter(|_| *residual && *act == Activation::None);
            // Only what was made before the norm runs can be added to.
            let before = added.and_then(|&v| self.mean_of(v)).filter(|&m| self.spec.maker(m).is_some_and(|i| i < norm));
            self.means.insert(node.output, KnownMean { norm, mean, before });
        }
        self
    }

    /// Parameter `name` as this form of the network needs it.
    ///
    /// # Errors
    /// [`Error::Model`] when it is missing or has another shape than `shape`.
    pub fn param(&self, name: &str, shape: &[usize]) -> Result<&[f32]> {
        let error = |reason| Error::model(&self.spec.name, reason);
        let Some(tensor) = self.folded.0.get(name).or_else(|| self.weights.0.get(name)) else {
            return Err(error(format!("parameter {name} is missing; is this file for another network?")));
        };
        if tensor.shape != shape {
            let reason = format!("parameter {name} has shape {:?}, the network needs {shape:?}", tensor.shape);
            return Err(error(reason));
        }
        Ok(&tensor.data)
    }

    /// How the mean of the norm's output `map` is known, if anyone asks for it.
    pub fn known_mean(&self, map: ValueId) -> Option<KnownMean> {
        self.means.get(&map).copied()
    }

    /// The value of the node that averages `map`.
    fn mean_of(&self, map: ValueId) -> Option<ValueId> {
        self.spec.nodes.iter().find(|n| n.op == Op::Mean && n.inputs[0] == map).map(|n| n.output)
    }

    /// Whether `value` is read, and by norms alone, each at one place that `fits` says is right.
    fn only_norms_read(&self, value: ValueId, fits: impl Fn(Caii, usize) -> bool) -> bool {
        let right = |node: &Node| {
            let places: Vec<usize> = (0..node.inputs.len()).filter(|&i| node.inputs[i] == value).collect();
            matches!((&node.op, places.as_slice()), (Op::StyleNorm { caii, .. }, &[place]) if fits(*caii, place))
        };
        let mut readers = self.spec.nodes.iter().filter(|n| n.inputs.contains(&value)).peekable();
        readers.peek().is_some() && readers.all(right) && self.spec.outputs.iter().all(|p| p.value != value)
    }
}

/// The norm's style comes halved.
fn fold(norm: &mut Node) {
    if let Op::StyleNorm { caii, .. } = &mut norm.op {
        *caii = Caii::Folded;
    }
}
