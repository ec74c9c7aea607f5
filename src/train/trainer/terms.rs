//! The terms of a step's loss by name.

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

    /// Every term's value before its weight, all read at once.
    ///
    /// # Errors
    /// [`Error::Training`] naming the first term that is not a finite number.
    pub fn values(&self) -> Result<BTreeMap<String, f32>> {
        if self.0.is_empty() {
            return Ok(BTreeMap::new());
        }
        let values = Tensor::cat(self.0.iter().map(|(.., term)| term.clone()).collect(), 0);
        let values = values.into_data_as::<f32>().try_into_vec::<f32>().expect("it was just converted to f32");
        let named = self.0.iter().zip(values).map(|((name, ..), value)| (name.to_string(), value));
        named.map(|(name, value)| finite(&name, value).map(|()| (name, value))).collect()
    }
}

/// Refuses a value of the term `name` that is no number.
pub fn finite(name: &str, value: f32) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    let reason = format!(
        "became {value}: training diverged. The last checkpoint is good; go on from it with --resume and a lower \
         learning rate, or without this term"
    );
    Err(Error::training(format!("the term {name}"), reason))
}
