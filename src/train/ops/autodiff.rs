//! The kernels as operations of burn's CPU backend, and their gradients.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use super::geometry::Geometry;
use super::norm::{self, Moments};
use super::rectifier::Rectifier;
use super::resize::{self, Sizes};
use super::vector::sum;
use super::{dense, depthwise};

/// A convolution of a tensor on `flex`.
pub fn convolve(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, geometry: Geometry) -> Tensor<4> {
    let [x, weight] = [x, weight].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as Kernels>::convolve(x, weight, bias.into_dispatch(), geometry))
}

/// Bilinear resampling of a tensor on `flex`.
pub fn resample(x: Tensor<4>, sizes: Sizes) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Kernels>::resample(x.into_dispatch(), sizes))
}

/// Instance norm of a tensor on `flex`.
pub fn normalise(x: Tensor<4>, scale: Tensor<4>, shift: Tensor<4>, eps: f32) -> Tensor<4> {
    let [x, scale, shift] = [x, scale, shift].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as Kernels>::normalise(x, scale, shift, eps))
}

/// An activation of a tensor on `flex`.
pub fn activate(x: Tensor<4>, rectifier: Rectifier) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Kernels>::activate(x.into_dispatch(), rectifier))
}

/// What burn's macro makes operations of all its backends from.
#[backend_extension(Flex, Autodiff)]
trait Kernels: Backend {
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: Geometry,
    ) -> FloatTensor<Self>;

    fn resample(x: FloatTensor<Self>, sizes: Sizes) -> FloatTensor<Self>;

    fn normalise(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self>;

    fn activate(x: FloatTensor<Self>, rectifier: Rectifier) -> FloatTensor<Self>;
}

impl Kernels for Flex {
    fn convolve(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, g: Geometry) -> FlexTensor {
        let kernel = if g.depthwise { depthwise::forward } else { dense::forward };
        filled(g.out_shape(), |y| with([&x, &weight, &bias], |[x, w, b]| kernel(&g, x, w, b, y)))
    }

    fn resample(x: FlexTensor, sizes: Sizes) -> FlexTensor {
        let ([n, c, ..], [h, w]) = (dims(&x), sizes.to);
        filled([n, c, h, w], |y| with([&x], |[x]| resize::forward(sizes, x, y)))
    }

    fn normalise(x: FlexTensor, scale: FlexTensor, shift: FlexTensor, eps: f32) -> FlexTensor {
        normalised(&x, &scale, &shift, eps).0
    }

    fn activate(x: FlexTensor, rectifier: Rectifier) -> FlexTensor {
        filled(dims(&x), |y| with([&x], |[x]| rectifier.forward(x, y)))
    }
}

/// The planes, and their moments.
fn normalised(x: &FlexTensor, scale: &FlexTensor, shift: &FlexTensor, eps: f32) -> (FlexTensor, Vec<Moments>) {
    let (shape, mut moments) = (dims(x), Vec::new());
    let len = shape[2] * shape[3];
    let y = filled(shape, |y| moments = with([x, scale, shift], |given| norm::forward(len, eps, given, y)));
    (y, moments)
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        g: Geometry,
    ) -> FloatTensor<Self> {
        let learns = weight.is_tracked();
        let [(x, x_node), (weight, weight_node), (bias, bias_node)] =
            [x, weight, bias].map(|tensor| tensor.into_parts());
        let x = x.to_contiguous();
        let y = <Flex as Kernels>::convolve(x.clone(), weight.clone(), bias, g);
        match Convolution.prepare::<C>([x_node, weight_node, bias_node]).compute_bound().stateful() {
            OpsKind::Tracked(tracked) => tracked.finish((learns.then_some(x), weight, g), y),
            OpsKind::UnTracked(untracked) => untracked.finish(y),
        }
    }

    fn resample(x: FloatTensor<Self>, sizes: Sizes) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let [n, c, ..] = dims(&x);
        let y = <Flex as Kernels>::resample(x, sizes);
        match Resampling.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(tracked) => tracked.finish(([n, c], sizes), y),
            OpsKind::UnTracked(untracked) => untracked.finish(y),
        }
    }

    fn normalise(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self> {
        let [(x, x_node), (scale, scale_node), (shift, shift_node)] =
            [x, scale, shift].map(|tensor| tensor.into_parts());
        let (y, moments) = normalised(&x, &scale, &shift, eps);
        match Normalisation.prepare::<C>([x_node, scale_node, shift_node]).compute_bound().stateful() {
            OpsKind::Tracked(tracked) => tracked.finish((x, scale, moments), y),
            OpsKind::UnTracked(untracked) => untracked.finish(y),
        }
    }

    fn activate(x: FloatTensor<Self>, rectifier: Rectifier) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let y = <Flex as Kernels>::activate(x, rectifier);
        match Activation.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(tracked) => tracked.finish((y.clone(), rectifier), y),
            OpsKind::UnTracked(untracked) => untracked.finish(y),
        }
    }
}

#[derive(Debug)]
struct Normalisation;

impl Backward<Flex, 3> for Normalisation {
    /// Input, scale, what was found.
    type State = (FlexTensor, FlexTensor, Vec<Moments>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (x, scale, moments) = ops.state;
        let dy = grads.consume::<Flex>(&ops.node);
        let [n, c, h, w] = dims(&x);
        let (mut dscale, mut dshift) = (vec![0.0; n * c], vec![0.0; n * c]);
        let dx = filled([n, c, h, w], |dx| {
            with([&x, &scale, &dy], |given| norm::gradient(h * w, &moments, given, [dx, &mut dscale, &mut dshift]));
        });
        let vectors = [dscale, dshift].map(|v| FlexTensor::from_data(TensorData::new(v, [n, c, 1, 1])));
        for (node, gradient) in ops.parents.into_iter().zip([dx].into_iter().chain(vectors)) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct Activation;

impl Backward<Flex, 1> for Activation {
    /// The output says enough of the input.
    type State = (FlexTensor, Rectifier);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let ([node], (y, rectifier)) = (ops.parents, ops.state);
        let dy = grads.consume::<Flex>(&ops.node);
        if let Some(node) = node {
            let shape = dims(&y);
            let dx = filled(shape, |dx| with([&y, &dy], |[y, dy]| rectifier.gradient(y, dy, dx)));
            grads.register::<Flex>(node.id, dx);
        }
    }
}

#[derive(Debug)]
struct Convolution;

impl Backward<Flex, 3> for Convolution {
    /// Input, if the weights learn; weights.
    type State = (Option<FlexTensor>, FlexTensor, Geometry);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let ([to_x, to_weight, to_bias], (x, weight, g)) = (ops.parents, ops.state);
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        if let Some(node) = to_x {
            let kernel = if g.depthwise { depthwise::input_gradient } else { dense::input_gradient };
            let dx = filled(g.input_shape(), |dx| with([&weight, &dy], |[w, dy]| kernel(&g, w, dy, dx)));
            grads.register::<Flex>(node.id, dx);
        }
        if let (Some(node), Some(x)) = (to_weight, x) {
            let kernel = if g.depthwise { depthwise::weight_gradient } else { dense::weight_gradient };
            let shape = dims(&weight);
            let dw = filled(shape, |dw| with([&x, &dy], |[x, dy]| kernel(&g, x, dy, dw)));
            grads.register::<Flex>(node.id, dw);
        }
        if let Some(node) = to_bias {
            let db = filled([g.filters], |db| with([&dy], |[dy]| bias_gradient(&g, dy, db)));
            grads.register::<Flex>(node.id, db);
        }
    }
}

#[derive(Debug)]
struct Resampling;

impl Backward<Flex, 1> for Resampling {
    /// Pictures, channels.
    type State = ([usize; 2], Sizes);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let ([node], ([n, c], sizes)) = (ops.parents, ops.state);
        let dy = grads.consume::<Flex>(&ops.node);
        if let Some(node) = node {
            let [h, w] = sizes.from;
            let dx = filled([n, c, h, w], |dx| with([&dy], |[dy]| resize::gradient(sizes, dy, dx)));
            grads.register::<Flex>(node.id, dx);
        }
    }
}

fn bias_gradient(g: &Geometry, dy: &[f32], db: &mut [f32]) {
    db.par_iter_mut().enumerate().for_each(|(channel, db)| {
        let planes = dy.chunks(g.out_plane()).skip(channel).step_by(g.filters);
        *db = planes.map(sum).sum();
    });
}

/// `[n, c, h, w]`.
fn dims(tensor: &FlexTensor) -> [usize; 4] {
    tensor.layout().shape().dims()
}

/// A tensor of zeros that `fill` writes.
fn filled<const D: usize>(shape: [usize; D], fill: impl FnOnce(&mut [f32])) -> FlexTensor {
    let mut data = vec![0.0; shape.iter().product()];
    fill(&mut data);
    FlexTensor::from_data(TensorData::new(data, shape))
}

/// Calls `read` with the values of tensors, in the order of their axes.
fn with<const N: usize, T>(tensors: [&FlexTensor; N], read: impl FnOnce([&[f32]; N]) -> T) -> T {
    let tensors = tensors.map(FlexTensor::to_contiguous);
    read(
        tensors
            .each_ref()
            .map(|t| t.as_slice().expect("it is contiguous, and f32 as the module's functions make sure")),
    )
}
