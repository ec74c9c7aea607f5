//! The terms of a step's loss by name, and a step's numbers read all at once.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use crate::error::{Error, Result};

/// Terms, each a scalar with its weight.
#[derive(Debug, Default)]
pub struct Terms(Vec<(&'static str, f64, Tensor<1>)>);

impl Terms {
    /// Adds a term; with weight 0 it is not even computed.
    pub fn add(&mut self, name: &'static str, weight: f64, term: impl FnOnce() -> Tensor<1>) {
        if weight > 0.0 {
            self.0.push((name, weight, term()));
        }
    }

    /// The weighted sum; none without terms.
    pub fn total(&self) -> Option<Tensor<1>> {
        self.0.iter().map(|(_, weight, term)| term.clone() * *weight).reduce(|sum, term| sum + term)
    }

    /// Every term before its weight, to be read.
    pub fn scalars(self) -> Scalars {
        let mut scalars = Scalars::default();
        self.0.into_iter().for_each(|(name, _, term)| scalars.add(name, term));
        scalars
    }
}

/// Numbers that a device still computes, `[1]` each: a program that asks for one waits for it, so all of a step's are
/// asked for together.
#[derive(Debug, Default)]
pub struct Scalars(Vec<(&'static str, Tensor<1>)>);

impl Scalars {
    /// Adds one.
    pub fn add(&mut self, name: &'static str, value: Tensor<1>) {
        self.0.push((name, value.inner()));
    }

    /// All values, in one transfer.
    ///
    /// # Errors
    /// [`Error::Training`] naming the first, in the order of adding, that is not a finite number.
    pub fn read(self) -> Result<BTreeMap<String, f32>> {
        if self.0.is_empty() {
            return Ok(BTreeMap::new());
        }
        let (names, values): (Vec<_>, Vec<_>) = self.0.into_iter().unzip();
        let values = Tensor::cat(values, 0).into_data_as::<f32>();
        let values = values.try_into_vec::<f32>().expect("it was just converted to f32");
        names.into_iter().zip(values).map(|(name, value)| finite(name, value).map(|()| (name.into(), value))).collect()
    }
}

/// Refuses a value of the term `name` that is no number.
fn finite(name: &str, value: f32) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    let reason = format!(
        "became {value}: training diverged. The last checkpoint is good; go on from it with --resume and a lower \
         learning rate, without this term, or, where compute is f16, with a smaller precision.loss_scale"
    );
    Err(Error::training(format!("the term {name}"), reason))
}
