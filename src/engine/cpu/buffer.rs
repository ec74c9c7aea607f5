//! [`Buffer`]: f32 values that begin on a cache line, so that a vector of a whole block never straddles two.

use std::ops::{Deref, DerefMut};

use super::layout::LANES;

#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([f32; LANES]);

/// A fixed number of values, rounded up to whole cache lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buffer(Vec<Line>);

impl Buffer {
    /// At least `len` zeros.
    pub fn zeros(len: usize) -> Self {
        Self(vec![Line([0.0; LANES]); len.div_ceil(LANES)])
    }
}

impl From<Vec<f32>> for Buffer {
    fn from(values: Vec<f32>) -> Self {
        let mut buffer = Self::zeros(values.len());
        buffer[..values.len()].copy_from_slice(&values);
        buffer
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        bytemuck::cast_slice(&self.0)
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}
