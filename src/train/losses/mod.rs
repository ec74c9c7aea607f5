//! The terms of the generator's loss, each a scalar `[1]`. Pictures are `[n, 3, h, w]` RGB in [0, 1].
//!
//! Networks that judge are frozen: gradients flow through them to the pictures, never into them.

pub mod adversarial;
pub mod clip;
pub mod expression;
pub mod identity;
pub mod perceptual;
pub mod pixel;

use burn::tensor::Tensor;

use crate::nets::faceres;

/// FaceRes's input: blue, green, red in 0..255 minus their means.
fn faceres_input(rgb: Tensor<4>) -> Tensor<4> {
    let planes = [2, 1, 0].into_iter().zip(faceres::MEAN_BGR);
    Tensor::cat(planes.map(|(c, mean)| rgb.clone().narrow(1, c, 1) * 255.0 - mean).collect(), 1)
}

/// The cosine of each row of `a` with the same row of `b`, `[n, d]` both -> `[n]`.
fn cosine(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    let n = a.dims()[0];
    (unit(a) * unit(b)).sum_dim(1).reshape([n])
}

/// Rows brought to length 1.
fn unit(x: Tensor<2>) -> Tensor<2> {
    // The small number keeps the gradient of a zero vector finite.
    let length = (x.clone().square().sum_dim(1) + 1e-12).sqrt();
    x / length
}
