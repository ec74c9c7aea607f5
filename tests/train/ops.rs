//! Our kernels for burn's CPU device against burn's own operations: values, and gradients of everything that goes in.

use alphaswap::nets::{Edge, Padding};
use alphaswap::train::ops::{Look, conv2d, instance_norm, leaky_relu, relu6, resize};
use burn::tensor::activation::{leaky_relu as burn_leaky_relu, relu};
use burn::tensor::module::{conv2d as burn_conv2d, interpolate};
use burn::tensor::ops::{ConvOptions, InterpolateMode, InterpolateOptions, PadMode};
use burn::tensor::{DType, Device, Distribution, FloatDType, Tensor};
use proptest::prelude::*;

/// A convolution to try.
#[derive(Clone, Copy, Debug)]
struct Case {
    batch: usize,
    channels: usize,
    filters: usize,
    depthwise: bool,
    kernel: usize,
    size: [usize; 2],
    look: Look,
    bias: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let sizes = (1..4usize, 1..40usize, 1..40usize, 1..4usize, [8..30usize, 8..30usize]);
    let pad = (any::<bool>(), [0..3usize, 0..3usize, 0..3usize, 0..3usize]);
    (sizes, pad, 1..3usize, any::<bool>(), any::<bool>()).prop_map(
        |(sizes, (reflect, pad), stride, depthwise, bias)| {
            let ((batch, channels, filters, half, size), [top, left, bottom, right]) = (sizes, pad);
            // 1, 3 or 5; the edge no wider than half of it.
            let kernel = 2 * half - 1;
            let [top, left, bottom, right] = [top, left, bottom, right].map(|n| n.min(kernel / 2));
            let pad = Padding { edge: if reflect { Edge::Reflect } else { Edge::Zero }, top, left, bottom, right };
            let depthwise = depthwise && channels > 1;
            let filters = if depthwise { channels } else { filters };
            Case { batch, channels, filters, depthwise, kernel, size, look: Look { stride, pad, compute: None }, bias }
        },
    )
}

/// As burn's own operations have it.
fn burns(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, case: &Case) -> Tensor<4> {
    let Padding { edge, top, left, bottom, right } = case.look.pad;
    let mode = if edge == Edge::Reflect { PadMode::Reflect } else { PadMode::Constant(0.0) };
    let x = if top + left + bottom + right > 0 { x.pad([(top, bottom), (left, right)], mode) } else { x };
    let groups = if case.depthwise { case.channels } else { 1 };
    burn_conv2d(x, weight, bias, ConvOptions::new([case.look.stride; 2], [0; 2], [1; 2], groups))
}

/// The largest difference over the largest value.
fn difference<const D: usize>(got: Tensor<D>, want: Tensor<D>) -> f32 {
    assert_eq!(got.dims(), want.dims());
    let size = want.clone().abs().max().into_scalar::<f32>().max(1e-3);
    (got - want).abs().max().into_scalar::<f32>() / size
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn convolutions_are_burns(case in cases()) {
        let device = Device::flex().autodiff();
        let depth = if case.depthwise { 1 } else { case.channels };
        let x = Tensor::<4>::random([case.batch, case.channels, case.size[0], case.size[1]], Distribution::Default, &device);
        let weight = Tensor::<4>::random([case.filters, depth, case.kernel, case.kernel], Distribution::Default, &device);
        let bias = Tensor::<1>::random([case.filters], Distribution::Default, &device);
        let [(got, dx, dw, db), (want, want_dx, want_dw, want_db)] = [true, false].map(|ours| {
            let [x, weight] = [&x, &weight].map(|t| t.clone().detach().require_grad());
            let bias = bias.clone().detach().require_grad();
            let given = case.bias.then(|| bias.clone());
            let y = match ours {
                true => conv2d(x.clone(), weight.clone(), given, case.look),
                false => burns(x.clone(), weight.clone(), given, &case),
            };
            // Every output has another gradient.
            let grads = (y.clone().square() / 2.0).sum().backward();
            (y.inner(), x.grad(&grads).unwrap(), weight.grad(&grads).unwrap(), bias.grad(&grads))
        });
        prop_assert!(difference(got, want) < 1e-5);
        prop_assert!(difference(dx, want_dx) < 1e-5);
        prop_assert!(difference(dw, want_dw) < 1e-5);
        prop_assert_eq!(db.is_some(), case.bias);
        prop_assert!(db.zip(want_db).is_none_or(|(db, want)| difference(db, want) < 1e-5));
    }

    #[test]
    fn resampling_is_burns(size in [2..30usize, 2..30usize], to in [1..60usize, 1..60usize]) {
        let device = Device::flex().autodiff();
        let x = Tensor::<4>::random([2, 3, size[0], size[1]], Distribution::Default, &device);
        let [(got, dx), (want, want_dx)] = [true, false].map(|ours| {
            let x = x.clone().detach().require_grad();
            let options = InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false);
            let y = match ours {
                true => resize(x.clone(), to),
                false => interpolate(x.clone(), options.with_output_size(to)),
            };
            let grads = (y.clone().square() / 2.0).sum().backward();
            (y.inner(), x.grad(&grads).unwrap())
        });
        prop_assert!(difference(got, want) < 1e-4);
        prop_assert!(difference(dx, want_dx) < 1e-4);
    }
}

/// Instance norm by burn's operations, on planes whose mean is far from 0.
#[test]
fn instance_norm_is_burns() {
    let device = Device::flex().autodiff();
    let given = || Tensor::<4>::random([3, 7, 1, 1], Distribution::Uniform(0.5, 2.0), &device);
    let (x, scale, shift) =
        (Tensor::<4>::random([3, 7, 13, 9], Distribution::Normal(5.0, 2.0), &device), given(), given());
    let [got, want] = [true, false].map(|ours| {
        let [x, scale, shift] = [&x, &scale, &shift].map(|t| t.clone().detach().require_grad());
        let y = if ours {
            instance_norm(x.clone(), scale.clone(), shift.clone(), 1e-5)
        } else {
            let mean = |x: Tensor<4>| x.reshape([3, 7, 13 * 9]).mean_dim(2).reshape([3, 7, 1, 1]);
            let centred = x.clone() - mean(x.clone());
            centred.clone() / (mean(centred.square()) + 1e-5).sqrt() * scale.clone() + shift.clone()
        };
        let grads = y.clone().powi_scalar(3).sum().backward();
        [y.inner(), x.grad(&grads).unwrap(), scale.grad(&grads).unwrap(), shift.grad(&grads).unwrap()]
    });
    for (got, want) in got.into_iter().zip(want) {
        assert!(difference(got, want) < 1e-4);
    }
}

#[test]
fn activations_are_burns() {
    let device = Device::flex().autodiff();
    let x = Tensor::<4>::random([2, 3, 70, 70], Distribution::Normal(2.0, 4.0), &device);
    type Activation = fn(Tensor<4>) -> Tensor<4>;
    let pairs: [[Activation; 2]; 3] = [
        [|x| leaky_relu(x, 0.0), relu],
        [|x| leaky_relu(x, 0.2), |x| burn_leaky_relu(x, 0.2)],
        [relu6, |x| x.clamp(0.0, 6.0)],
    ];
    for pair in pairs {
        let [got, want] = pair.map(|activation| {
            let x = x.clone().detach().require_grad();
            let y = activation(x.clone());
            let grads = (y.clone().square() + y.clone()).sum().backward();
            [y.inner(), x.grad(&grads).unwrap()]
        });
        got.into_iter().zip(want).for_each(|(got, want)| assert!(difference(got, want) < 1e-6));
    }
}

/// Frozen weights get no gradient, and what is constant needs none.
#[test]
fn gradients_go_where_they_are_asked_for() {
    let device = Device::flex().autodiff();
    let x = Tensor::<4>::random([1, 3, 8, 8], Distribution::Default, &device).require_grad();
    let weight = Tensor::<4>::random([4, 3, 3, 3], Distribution::Default, &device);
    let look = Look { stride: 1, pad: Padding::all(Edge::Zero, 1), compute: None };
    let grads = conv2d(x.clone(), weight.clone(), None, look).sum().backward();
    assert!(x.grad(&grads).is_some() && weight.grad(&grads).is_none());
    let constant = conv2d(x.inner(), weight.inner(), None, look);
    assert_eq!(constant.dims(), [1, 4, 8, 8]);
}

/// A batch gives what its pictures give alone, to the bit: the sums do not depend on how the work is dealt out.
#[test]
fn pictures_do_not_depend_on_their_batch() {
    let device = Device::flex();
    let x = Tensor::<4>::random([5, 16, 40, 40], Distribution::Default, &device);
    let weight = Tensor::<4>::random([24, 16, 3, 3], Distribution::Default, &device);
    let look = Look { stride: 1, pad: Padding::all(Edge::Reflect, 1), compute: None };
    let all = conv2d(x.clone(), weight.clone(), None, look);
    let alone = (0..5).map(|n| conv2d(x.clone().narrow(0, n, 1), weight.clone(), None, look)).collect();
    assert!(all.equal(Tensor::cat(alone, 0)).all().into_scalar::<bool>());
}

/// Half precision is burn's business, and comes back as f32.
#[test]
fn half_precision_goes_to_burn() {
    let device = Device::flex();
    let x = Tensor::<4>::random([1, 3, 9, 9], Distribution::Default, &device);
    let weight = Tensor::<4>::random([4, 3, 3, 3], Distribution::Default, &device);
    let bias = Tensor::<1>::random([4], Distribution::Default, &device);
    let look = |compute| Look { stride: 2, pad: Padding::all(Edge::Zero, 1), compute };
    let half = conv2d(x.clone(), weight.clone(), Some(bias.clone()), look(Some(FloatDType::BF16)));
    assert_eq!(half.dtype(), DType::F32);
    assert!(difference(half, conv2d(x, weight, Some(bias), look(None))) < 0.02);
}
