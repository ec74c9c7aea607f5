//! A plain dense tensor: the currency between engines, files and tests.

use crate::error::{Error, Result};

/// Row-major f32 values; pictures and feature maps are NCHW with N = 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// `shape.iter().product()` values.
    pub data: Vec<f32>,
}

impl Tensor {
    /// Wraps `data`, whose length must be the product of `shape`.
    pub fn new(shape: impl Into<Vec<usize>>, data: Vec<f32>) -> Result<Self> {
        let shape = shape.into();
        if shape.iter().product::<usize>() != data.len() {
            return Err(Error::Shape { name: "data".into(), expected: shape, got: vec![data.len()] });
        }
        Ok(Self { shape, data })
    }

    /// All zeros.
    pub fn zeros(shape: impl Into<Vec<usize>>) -> Self {
        let shape = shape.into();
        let len = shape.iter().product();
        Self { shape, data: vec![0.0; len] }
    }
}

/// Largest absolute difference of two lists of values; infinite where one is no number, or they differ in length.
pub fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() {
        return f32::INFINITY;
    }
    let worst = |m: f32, (a, b): (&f32, &f32)| if (a - b).is_nan() { f32::INFINITY } else { m.max((a - b).abs()) };
    a.iter().zip(b).fold(0.0, worst)
}
