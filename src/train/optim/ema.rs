//! The exponential moving average of a network's weights: what is judged and shipped.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;

use super::{flat, parameters};

/// A copy of a module whose parameters follow the original's slowly.
///
/// The copy is the whole state: its weights are saved like any other, and [`Self::new`] with them goes on exactly.
#[derive(Clone, Debug)]
pub struct Ema<M> {
    decay: f64,
    average: M,
}

impl<M: Module> Ema<M> {
    /// An average that starts at `module`; at each update `decay` of it stays (0 to 1).
    pub fn new(decay: f64, module: &M) -> Self {
        Self { decay, average: module.valid() }
    }

    /// average <- decay * average + (1 - decay) * module.
    pub fn update(&mut self, module: &M) {
        let values = parameters(module).into_iter();
        self.average = self.average.clone().map(&mut Blend { decay: self.decay, values });
    }

    /// The average, without gradients.
    pub fn module(&self) -> &M {
        &self.average
    }
}

struct Blend<I> {
    decay: f64,
    values: I,
}

impl<I: Iterator<Item = Tensor<1>>> ModuleMapper for Blend<I> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(value) = self.values.next() else { return param };
        let decay = self.decay;
        param.map(|average| {
            let shape = average.dims();
            let value = value.to_device(&average.device());
            (flat(average) * decay + value * (1.0 - decay)).reshape(shape)
        })
    }
}
