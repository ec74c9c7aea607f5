//! Our kernels for burn's CPU device against the same made of burn's own operations: values, and gradients of
//! everything that goes in.

use alphaswap::nets::{Edge, Padding};
use alphaswap::tensor::largest_difference;
use alphaswap::train::ops::{self, ConvSetting, burns, conv2d, instance_norm, leaky_relu, relu6, resize};
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::losses::values;

/// A convolution to try.
#[derive(Clone, Copy, Debug)]
struct Case {
    /// Batch, channels, rows, columns.
    x: [usize; 4],
    filters: usize,
    depthwise: bool,
    kernel: usize,
    setting: ConvSetting,
    bias: bool,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let sizes = ([1..4usize, 1..40usize, 7..30usize, 7..30usize], 1..40usize, 1..8usize, 1..5usize);
    let pad = (any::<bool>(), [0..5usize, 0..5usize, 0..5usize, 0..5usize]);
    (sizes, pad, any::<bool>(), any::<bool>(), any::<u64>()).prop_map(|(sizes, pad, depthwise, bias, seed)| {
        let ((x, filters, kernel, stride), (reflect, [top, left, bottom, right])) = (sizes, pad);
        let pad = Padding { edge: if reflect { Edge::Reflect } else { Edge::Zero }, top, left, bottom, right };
        let setting = ConvSetting { stride, pad, compute: None };
        Case { x, filters, depthwise: depthwise && x[1] > 1, kernel, setting, bias, seed }
    })
}

/// Convolutions of the networks' sizes: with several strips a picture in all three kernels.
fn large_cases() -> Vec<Case> {
    let pad = |n| Padding::all(Edge::Reflect, n);
    let case = |x, filters, kernel, stride, pad| {
        let setting = ConvSetting { stride, pad, compute: None };
        Case { x, filters, depthwise: false, kernel, setting, bias: true, seed: 7 }
    };
    vec![
        case([1, 64, 96, 80], 24, 3, 1, pad(1)),
        case([3, 64, 97, 81], 24, 3, 2, pad(1)),
        case([2, 300, 64, 64], 20, 1, 1, Padding::none()),
        case([2, 16, 112, 104], 3, 5, 1, pad(2)),
        case([2, 3, 64, 64], 8, 32, 32, Padding::none()),
        Case { depthwise: true, filters: 24, ..case([2, 24, 96, 96], 24, 3, 1, pad(1)) },
    ]
}

/// Values from 0 to 1.
fn random<const D: usize>(shape: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(0.0..1.0)).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The largest difference over the largest value.
fn difference<const D: usize>(got: Tensor<D>, want: Tensor<D>) -> f32 {
    assert_eq!(got.dims(), want.dims());
    let [got, want] = [got, want].map(values);
    largest_difference(&got, &want) / want.iter().fold(1e-3_f32, |most, v| most.max(v.abs()))
}

type Convolution = fn(Tensor<4>, Tensor<4>, Option<Tensor<1>>, ConvSetting) -> Tensor<4>;

/// The worst difference of output and gradients, ours and burn's.
fn compare(case: &Case) -> f32 {
    let device = Device::flex().autodiff();
    let Case { x: size, kernel, seed, .. } = *case;
    let (filters, depth) = if case.depthwise { (size[1], 1) } else { (case.filters, size[1]) };
    // A view: its rows are not one behind the other.
    let x = random([size[0], size[1], size[2], size[3] + 3], seed, &device).narrow(3, 2, size[3]);
    let weight = random([filters, depth, kernel, kernel], seed ^ 1, &device);
    let bias = random([filters], seed ^ 2, &device);
    let ways: [Convolution; 2] = [conv2d, burns::conv2d];
    let [(got, dx, dw, db), (want, want_dx, want_dw, want_db)] = ways.map(|conv2d| {
        let [x, weight] = [&x, &weight].map(|t| t.clone().detach().require_grad());
        let bias = bias.clone().detach().require_grad();
        let y = conv2d(x.clone(), weight.clone(), case.bias.then(|| bias.clone()), case.setting);
        // Every output has another gradient.
        let grads = (y.clone().square() / 2.0).sum().backward();
        (y.inner(), x.grad(&grads).unwrap(), weight.grad(&grads).unwrap(), bias.grad(&grads))
    });
    assert_eq!((db.is_some(), want_db.is_some()), (case.bias, case.bias));
    let bias = db.zip(want_db).map_or(0.0, |(db, want)| difference(db, want));
    largest_difference(&[difference(got, want), difference(dx, want_dx), difference(dw, want_dw), bias], &[0.0; 4])
}

#[test]
fn the_cpu_device_has_our_kernels() {
    for device in [Device::flex(), Device::flex().autodiff()] {
        assert!(ops::is_ours(&Tensor::zeros([1; 4], &device)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_are_burns(case in cases()) {
        prop_assert!(compare(&case) < 2e-5);
    }

    #[test]
    fn resampling_is_burns(size in [2..30usize, 2..30usize], to in [1..60usize, 1..60usize], seed in any::<u64>()) {
        let x = random([2, 3, size[0], size[1]], seed, &Device::flex().autodiff());
        type Resize = fn(Tensor<4>, [usize; 2]) -> Tensor<4>;
        let interpolated: Resize = |x, to| {
            let options = InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false);
            interpolate(x, options.with_output_size(to))
        };
        let ways: [Resize; 3] = [interpolated, resize, burns::resize];
        let [(want, want_dx), got @ ..] = ways.map(|resize| {
            let x = x.clone().detach().require_grad();
            let y = resize(x.clone(), to);
            let grads = (y.clone().square() / 2.0).sum().backward();
            (y.inner(), x.grad(&grads).unwrap())
        });
        for (got, dx) in got {
            prop_assert!(difference(got, want.clone()) < 1e-4);
            prop_assert!(difference(dx, want_dx.clone()) < 1e-4);
        }
    }
}

#[test]
fn large_convolutions_are_burns() {
    for case in large_cases() {
        let worst = compare(&case);
        assert!(worst < 2e-5, "{worst} for {case:?}");
    }
}

/// On planes whose mean is far from 0.
#[test]
fn instance_norm_is_burns() {
    let device = Device::flex().autodiff();
    let x = random([3, 7, 13, 9], 1, &device) + 30.0;
    let [scale, shift] = [2, 3].map(|seed| random([3, 7, 1, 1], seed, &device) + 0.5);
    type Norm = fn(Tensor<4>, Tensor<4>, Tensor<4>, f32) -> Tensor<4>;
    let ways: [Norm; 2] = [instance_norm, burns::instance_norm];
    let [got, want] = ways.map(|norm| {
        let [x, scale, shift] = [&x, &scale, &shift].map(|t| t.clone().detach().require_grad());
        let y = norm(x.clone(), scale.clone(), shift.clone(), 1e-5);
        let grads = y.clone().powi_scalar(3).sum().backward();
        [y.inner(), x.grad(&grads).unwrap(), scale.grad(&grads).unwrap(), shift.grad(&grads).unwrap()]
    });
    for (got, want) in got.into_iter().zip(want) {
        assert!(difference(got, want) < 1e-4);
    }
}

#[test]
fn activations_are_burns() {
    let x = random([2, 3, 70, 70], 1, &Device::flex().autodiff()) * 16.0 - 6.0;
    type Activation = fn(Tensor<4>) -> Tensor<4>;
    let pairs: [[Activation; 2]; 3] = [
        [|x| leaky_relu(x, 0.0), |x| burns::leaky_relu(x, 0.0)],
        [|x| leaky_relu(x, 0.2), |x| burns::leaky_relu(x, 0.2)],
        [relu6, burns::relu6],
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

/// Frozen weights get no gradient, a picture that is constant needs none, and one can do without the other.
#[test]
fn gradients_go_where_they_are_asked_for() {
    let device = Device::flex().autodiff();
    let (x, weight) = (random([1, 3, 8, 8], 1, &device), random([4, 3, 3, 3], 2, &device));
    let setting = ConvSetting { stride: 1, pad: Padding::all(Edge::Zero, 1), compute: None };
    let gradients = |x: &Tensor<4>, weight: &Tensor<4>| {
        let grads = conv2d(x.clone(), weight.clone(), None, setting).sum().backward();
        [x.grad(&grads), weight.grad(&grads)]
    };
    let [x_learns, weight_learns] = [&x, &weight].map(|t| t.clone().require_grad());
    let [Some(dx), Some(dw)] = gradients(&x_learns, &weight_learns) else { panic!("both learn") };
    let [Some(dx_alone), None] = gradients(&x_learns, &weight) else { panic!("the picture alone learns") };
    let [None, Some(dw_alone)] = gradients(&x, &weight_learns) else { panic!("the weights alone learn") };
    assert_eq!((difference(dx, dx_alone), difference(dw, dw_alone)), (0.0, 0.0));
    assert_eq!(conv2d(x.inner(), weight.inner(), None, setting).dims(), [1, 4, 8, 8]);
}

/// A batch gives what its pictures give alone, to the bit.
#[test]
fn pictures_do_not_depend_on_their_batch() {
    let device = Device::flex().autodiff();
    let (x, weight) = (random([5, 16, 96, 96], 1, &device), random([24, 16, 3, 3], 2, &device));
    let setting = ConvSetting { stride: 1, pad: Padding::all(Edge::Reflect, 1), compute: None };
    let run = |x: Tensor<4>| {
        let x = x.detach().require_grad();
        let y = conv2d(x.clone(), weight.clone(), None, setting);
        let grads = (y.clone().square() / 2.0).sum().backward();
        [y.inner(), x.grad(&grads).unwrap()]
    };
    let alone: Vec<_> = (0..5).map(|n| run(x.clone().narrow(0, n, 1))).collect();
    for (i, all) in run(x).into_iter().enumerate() {
        let alone = Tensor::cat(alone.iter().map(|pair| pair[i].clone()).collect(), 0);
        assert!(all.equal(alone).all().into_scalar::<bool>());
    }
}

/// Half precision is burn's business, and comes back as f32.
#[test]
fn half_precision_goes_to_burn() {
    let device = Device::flex();
    let (x, weight, bias) =
        (random([1, 3, 9, 9], 1, &device), random([4, 3, 3, 3], 2, &device), random([4], 3, &device));
    let setting = |compute| ConvSetting { stride: 2, pad: Padding::all(Edge::Zero, 1), compute };
    let half = conv2d(x.clone(), weight.clone(), Some(bias.clone()), setting(Some(FloatDType::BF16)));
    assert_eq!(half.dtype(), DType::F32);
    assert!(difference(half, conv2d(x, weight, Some(bias), setting(None))) < 0.02);
}

#[test]
#[should_panic(expected = "weights [4, 3, 5, 5]")]
fn a_kernel_larger_than_the_map_is_refused() {
    let device = Device::flex();
    let setting = ConvSetting { stride: 1, pad: Padding::none(), compute: None };
    let _ = conv2d(Tensor::zeros([1, 3, 4, 4], &device), Tensor::zeros([4, 3, 5, 5], &device), None, setting);
}
