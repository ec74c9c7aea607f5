//! The same operations made of burn's own: what runs on GPUs, and what our kernels are tested against.

use std::sync::{Mutex, PoisonError};

use burn::tensor::activation;
use burn::tensor::ops::{ConvOptions, PadMode};
use burn::tensor::{DType, Device, Tensor, TensorData, module};

use super::geometry::Geometry;
use super::{ConvSetting, resize::matrix};
use crate::nets::Edge;

/// See [`super::conv2d`].
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, setting: ConvSetting) -> Tensor<4> {
    let ConvSetting { stride, pad, compute } = setting;
    let geometry = Geometry::new(x.dims(), weight.dims(), stride, pad);
    let around = [(pad.top, pad.bottom), (pad.left, pad.right)];
    let (x, padding) = match pad.edge {
        Edge::Reflect => (x.pad(around, PadMode::Reflect), [(0, 0); 2]),
        Edge::Zero => (x, around),
    };
    let groups = if geometry.depthwise { geometry.channels } else { 1 };
    let options = ConvOptions::new_with_padding([stride; 2], padding, [1, 1], groups);
    let Some(dtype) = compute else { return module::conv2d(x, weight, bias, options) };
    let y = module::conv2d(x.cast(dtype), weight.cast(dtype), None, options).cast(DType::F32);
    bias.into_iter().fold(y, |y, b| y + b.reshape([1, geometry.filters as i32, 1, 1]))
}

/// See [`super::resize`]. burn 0.22 has no gradient of bilinear resampling on GPUs, so this is a product along each axis.
pub fn resize(x: Tensor<4>, [h, w]: [usize; 2]) -> Tensor<4> {
    let ([_, _, from_h, from_w], device) = (x.dims(), x.device());
    let [rows, columns] = [[from_h, h], [from_w, w]].map(|sizes| kept_matrix(sizes, &device));
    rows.matmul(x).matmul(columns.transpose())
}

/// Resampling an axis from one size to another, `[1, 1, to, from]`, without gradients. It is made and sent to the device
/// once: a step asks some twenty times, always for the same few.
fn kept_matrix(sizes: [usize; 2], device: &Device) -> Tensor<4> {
    static KEPT: Mutex<Vec<(Device, [usize; 2], Tensor<4>)>> = Mutex::new(Vec::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((.., matrix)) = kept.iter().find(|(on, of, _)| on == device && *of == sizes) {
        return matrix.clone();
    }
    let [from, to] = sizes;
    let data = TensorData::new(matrix(from, to), [1, 1, to, from]);
    let matrix = Tensor::<4>::from_data(data, &device.clone().inner());
    kept.push((device.clone(), sizes, matrix.clone()));
    matrix
}

/// See [`super::instance_norm`].
pub fn instance_norm(x: Tensor<4>, scale: Tensor<4>, shift: Tensor<4>, eps: f32) -> Tensor<4> {
    let centred = x.clone() - super::mean(x);
    let factor = (super::mean(centred.clone().square()) + eps).sqrt().recip() * scale;
    centred * factor + shift
}

/// See [`super::leaky_relu`].
pub fn leaky_relu(x: Tensor<4>, slope: f32) -> Tensor<4> {
    if slope == 0.0 { activation::relu(x) } else { activation::leaky_relu(x, f64::from(slope)) }
}

/// See [`super::relu6`].
pub fn relu6(x: Tensor<4>) -> Tensor<4> {
    x.clamp(0.0, 6.0)
}
