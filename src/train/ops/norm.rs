//! Instance norm with a scale and a shift of its own for every plane.

use rayon::prelude::*;

use super::vector::{centred_dot, centred_square, sum};

/// What the gradient needs of a plane: its mean, and one over its standard deviation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moments {
    mean: f32,
    recip: f32,
}

/// (x - mean) / sqrt(variance + eps) * scale + shift of every plane of `len` values, and the planes' moments.
pub fn forward(len: usize, eps: f32, [x, scale, shift]: [&[f32]; 3], y: &mut [f32]) -> Vec<Moments> {
    assert_eq!([scale.len() * len, shift.len() * len], [x.len(); 2], "a scale and a shift for every plane");
    let planes = y.par_chunks_mut(len).zip(x.par_chunks(len)).zip(scale.par_iter().zip(shift));
    let moments = planes.map(|((y, x), (scale, shift))| {
        let mean = sum(x) / len as f32;
        let recip = (centred_square(x, mean) / len as f32 + eps).sqrt().recip();
        let factor = recip * scale;
        y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - mean) * factor + shift);
        Moments { mean, recip }
    });
    moments.collect()
}

/// The gradients of `x`, `scale` and `shift` from that of the output:
/// `dshift = sum dy`, `dscale = sum dy n`, `dx = scale / deviation (dy - (dshift + n dscale) / len)`, where `n` is the
/// normalised plane.
pub fn gradient(len: usize, moments: &[Moments], [x, scale, dy]: [&[f32]; 3], [dx, dscale, dshift]: [&mut [f32]; 3]) {
    let given = x.par_chunks(len).zip(dy.par_chunks(len)).zip(scale.par_iter().zip(moments));
    let made = dx.par_chunks_mut(len).zip(dscale.par_iter_mut().zip(dshift));
    given.zip(made).for_each(|(((x, dy), (scale, moments)), (dx, (dscale, dshift)))| {
        let Moments { mean, recip } = *moments;
        *dshift = sum(dy);
        *dscale = centred_dot(dy, x, mean) * recip;
        let factor = scale * recip;
        let slope = -factor * recip * *dscale / len as f32;
        let constant = -factor * *dshift / len as f32;
        dx.iter_mut().zip(x.iter().zip(dy)).for_each(|(dx, (x, dy))| *dx = factor * dy + slope * (x - mean) + constant);
    });
}
