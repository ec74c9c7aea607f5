//! Operations of which burn's CPU backend makes too little: there they run on kernels of our own, elsewhere on burn's.

mod autodiff;
mod dense;
mod depthwise;
mod edged;
mod geometry;
mod matrix;
mod norm;
mod rectifier;
mod resize;
mod vector;

use burn::tensor::module::interpolate;
use burn::tensor::ops::{ConvOptions, InterpolateMode, InterpolateOptions, PadMode};
use burn::tensor::{DType, Device, FloatDType, Tensor};

use self::geometry::Geometry;
use self::rectifier::Rectifier;
use self::resize::Sizes;
use crate::nets::{Edge, Padding};

/// How a convolution looks at its input.
#[derive(Clone, Copy, Debug)]
pub struct Look {
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
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, look: Look) -> Tensor<4> {
    let Look { stride, pad, compute } = look;
    if is_ours(&x) && compute.is_none() {
        let geometry = Geometry::new(x.dims(), weight.dims(), stride, pad);
        let bias = bias.unwrap_or_else(|| Tensor::zeros([geometry.filters], &x.device()));
        return autodiff::convolve(x, weight, bias, geometry);
    }
    let around = [(pad.top, pad.bottom), (pad.left, pad.right)];
    let (x, padding) = match pad.edge {
        Edge::Reflect => (x.pad(around, PadMode::Reflect), [(0, 0); 2]),
        Edge::Zero => (x, around),
    };
    let groups = x.dims()[1] / weight.dims()[1];
    let options = ConvOptions::new_with_padding([stride; 2], padding, [1, 1], groups);
    match compute {
        None => burn::tensor::module::conv2d(x, weight, bias, options),
        Some(dtype) => {
            let y = burn::tensor::module::conv2d(x.cast(dtype), weight.cast(dtype), None, options).cast(DType::F32);
            bias.into_iter().fold(y, |y, b| {
                let filters = b.dims()[0];
                y + b.reshape([1, filters, 1, 1])
            })
        }
    }
}

/// Bilinear resampling to `h` rows and `w` columns: half-pixel centres, two taps an axis (no antialiasing).
pub fn resize(x: Tensor<4>, [h, w]: [usize; 2]) -> Tensor<4> {
    let [_, _, from_h, from_w] = x.dims();
    if [from_h, from_w] == [h, w] {
        return x;
    }
    if is_ours(&x) {
        return autodiff::resample(x, Sizes { from: [from_h, from_w], to: [h, w] });
    }
    let options = InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false);
    interpolate(x, options.with_output_size([h, w]))
}

/// (x - mean) / sqrt(variance + eps) * scale + shift of every plane of `[n, c, h, w]`, with `[n, c, 1, 1]`.
pub fn instance_norm(x: Tensor<4>, scale: Tensor<4>, shift: Tensor<4>, eps: f32) -> Tensor<4> {
    if is_ours(&x) {
        return autodiff::normalise(x, scale, shift, eps);
    }
    let centred = x.clone() - mean(x);
    let factor = (mean(centred.clone().square()) + eps).sqrt().recip() * scale;
    centred * factor + shift
}

/// Values below 0 times `slope`, which is at least 0.
pub fn leaky_relu(x: Tensor<4>, slope: f32) -> Tensor<4> {
    if is_ours(&x) {
        return autodiff::activate(x, Rectifier { slope, most: f32::INFINITY });
    }
    burn::tensor::activation::leaky_relu(x, f64::from(slope))
}

/// Values between 0 and 6.
pub fn relu6(x: Tensor<4>) -> Tensor<4> {
    if is_ours(&x) { autodiff::activate(x, Rectifier { slope: 0.0, most: 6.0 }) } else { x.clamp(0.0, 6.0) }
}

/// Mean over rows and columns.
pub fn mean(x: Tensor<4>) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    x.reshape([n, c, h * w]).mean_dim(2).reshape([n, c, 1, 1])
}

/// Whether our kernels can have it.
fn is_ours(x: &Tensor<4>) -> bool {
    x.dtype() == DType::F32 && x.device() == Device::flex()
}
