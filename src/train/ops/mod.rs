//! Operations of which burn's CPU backend makes too little: there they run on kernels of our own, elsewhere they are
//! made of burn's ([`burns`]).

mod autodiff;
pub mod burns;
mod dense;
mod depthwise;
mod edged;
mod geometry;
mod matrix;
mod norm;
mod rectifier;
mod resize;
mod vector;

use burn::tensor::{DType, Device, FloatDType, Tensor};

use self::geometry::Geometry;
use self::rectifier::Rectifier;
use self::resize::Sizes;
use crate::nets::Padding;

/// How a convolution goes over its input.
#[derive(Clone, Copy, Debug)]
pub struct ConvSetting {
    /// Step.
    pub stride: usize,
    /// Edge of the input.
    pub pad: Padding,
    /// What it works in, if not in f32. The result is f32 in any case.
    pub compute: Option<FloatDType>,
}

/// Convolves `[n, c, h, w]` with `[filters, c, k, k]`, or with `[c, 1, k, k]` each channel by itself.
///
/// # Panics
/// When the sizes do not fit.
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, setting: ConvSetting) -> Tensor<4> {
    if setting.compute.is_some() || !(is_ours(&x) && is_ours(&weight)) {
        return burns::conv2d(x, weight, bias, setting);
    }
    let geometry = Geometry::new(x.dims(), weight.dims(), setting.stride, setting.pad);
    let bias = bias.unwrap_or_else(|| Tensor::zeros([geometry.filters], (&x.device(), DType::F32)));
    autodiff::convolve(x, weight, bias, geometry)
}

/// Bilinear resampling to `h` rows and `w` columns: half-pixel centres, two taps an axis (no antialiasing).
pub fn resize(x: Tensor<4>, [h, w]: [usize; 2]) -> Tensor<4> {
    let [_, _, from_h, from_w] = x.dims();
    match is_ours(&x) {
        _ if [from_h, from_w] == [h, w] => x,
        true => autodiff::resample(x, Sizes { from: [from_h, from_w], to: [h, w] }),
        false => burns::resize(x, [h, w]),
    }
}

/// (x - mean) / sqrt(variance + eps) * scale + shift of every plane of `[n, c, h, w]`, with `[n, c, 1, 1]`.
pub fn instance_norm(x: Tensor<4>, scale: Tensor<4>, shift: Tensor<4>, eps: f32) -> Tensor<4> {
    match is_ours(&x) && is_ours(&scale) && is_ours(&shift) {
        true => autodiff::normalise(x, scale, shift, eps),
        false => burns::instance_norm(x, scale, shift, eps),
    }
}

/// Values below 0 times `slope`, which is at least 0.
pub fn leaky_relu(x: Tensor<4>, slope: f32) -> Tensor<4> {
    match is_ours(&x) {
        true => autodiff::activate(x, Rectifier { slope, most: f32::INFINITY }),
        false => burns::leaky_relu(x, slope),
    }
}

/// Values between 0 and 6.
pub fn relu6(x: Tensor<4>) -> Tensor<4> {
    if is_ours(&x) { autodiff::activate(x, Rectifier { slope: 0.0, most: 6.0 }) } else { burns::relu6(x) }
}

/// Mean over rows and columns.
pub fn mean(x: Tensor<4>) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    x.reshape([n, c, h * w]).mean_dim(2).reshape([n, c, 1, 1])
}

/// Whether our kernels can have it.
pub fn is_ours(x: &Tensor<4>) -> bool {
    x.dtype() == DType::F32 && x.device() == Device::flex()
}
