//! Activations made of straight lines.

use rayon::prelude::*;

/// Values of a job.
const CHUNK: usize = 1 << 14;

/// `slope x` below 0, `x` above, `most` at most. The slope is at least 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rectifier {
    /// 0 for ReLU and ReLU6.
    pub slope: f32,
    /// Infinity but for ReLU6.
    pub most: f32,
}

impl Rectifier {
    /// The activation of `x`.
    pub fn forward(self, x: &[f32], y: &mut [f32]) {
        y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = if x > 0.0 { x.min(self.most) } else { x * self.slope });
        });
    }

    /// The gradient of the input from the output and its gradient.
    pub fn gradient(self, y: &[f32], dy: &[f32], dx: &mut [f32]) {
        dx.par_chunks_mut(CHUNK).zip(y.par_chunks(CHUNK).zip(dy.par_chunks(CHUNK))).for_each(|(dx, (y, dy))| {
            for (dx, (&y, &dy)) in dx.iter_mut().zip(y.iter().zip(dy)) {
                let slope = if y > 0.0 { 1.0 } else { self.slope };
                *dx = if y < self.most { dy * slope } else { 0.0 };
            }
        });
    }
}
