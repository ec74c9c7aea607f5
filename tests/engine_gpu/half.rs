//! The 16-bit convolutions: packed arithmetic, and matrix units, real where the adapter has them and emulated
//! everywhere.

use std::collections::HashMap;
use std::sync::Arc;

use alphaswap::engine::cpu;
use alphaswap::engine::gpu::{ConvKernel, Net, Options, Precision};
use alphaswap::gpu::Ceiling;
use alphaswap::models::Weights;
use alphaswap::nets::{Activation, Builder, ConvArgs, Edge, GeneratorConfig, NetSpec, Padding, Shape};
use alphaswap::tensor::largest_difference;
use proptest::prelude::*;

use super::kernels::{activation, padding};
use super::{context, sample, tensors};
use crate::engine_cpu::reference;
use crate::networks::fixture;
use crate::networks::narrow;

/// What can run here.
fn kernels() -> Vec<ConvKernel> {
    let Some(ctx) = context().filter(|ctx| ctx.has_f16()) else {
        eprintln!("SKIPPED: no adapter with 16-bit floats");
        return Vec::new();
    };
    let mut kernels = vec![ConvKernel::Half, ConvKernel::MatrixEmulated];
    match ctx.matrix_units() {
        Some(units) => {
            println!("{}: {units:?}", ctx.line());
            kernels.push(ConvKernel::Matrix);
        }
        None => eprintln!("SKIPPED on real matrix units: {} has none", ctx.line()),
    }
    kernels
}

/// The network with every convolution that `kernel` can do made by it.
fn forced(spec: &Arc<NetSpec>, weights: &Weights, kernel: ConvKernel) -> Net {
    let options = Options { force: Some(kernel), ..Options::new(Precision::F16Storage) };
    let net = Net::with_options(context().unwrap(), spec.clone(), weights, &options).unwrap();
    let family = if kernel == ConvKernel::Half { "conv_half" } else { "conv_matrix" };
    assert!(net.steps().any(|step| step.kernel.starts_with(family)), "{kernel} was not taken");
    net
}

/// A convolution, of the input upsampled by 2 if so wanted.
fn layer(shape: Shape, up: bool, args: ConvArgs) -> NetSpec {
    let mut b = Builder::new("layer");
    let x = b.input("x", shape);
    let x = if up { b.upsample2("up", x) } else { x };
    let y = b.conv("conv", x, args);
    let t = b.shape(y);
    b.output("y", y, &[1, t.c, t.h, t.w]);
    b.finish()
}

prop_compose! {
    fn any_conv()(kernel in prop::sample::select(vec![1usize, 3, 5, 7]))
        (pad in padding(kernel), c in 1..80usize, h in kernel..20, w in kernel..20, out in 9..150usize,
         stride in 1..=2usize, act in activation(), up in any::<bool>(), kernel in Just(kernel)) -> NetSpec {
        let args = ConvArgs { out, kernel, stride, pad, depthwise: false, bias: true, act };
        // A kernel that covers its input once is a fully connected layer.
        layer(Shape::new(c, h + 1, w + 1), up, args)
    }
}

/// Largest difference from the definitions, relative to the largest value.
fn off(spec: NetSpec, seed: u64, kernel: ConvKernel) -> f32 {
    let (weights, inputs) = sample(&spec, seed);
    let expected = reference::run(&spec, &weights, &inputs).swap_remove(0);
    let spec = Arc::new(spec);
    let net = forced(&spec, &weights, kernel);
    assert!(!net.steps().any(|step| step.kernel.starts_with("upsample2")), "{kernel} left upsampling to others");
    let outputs = net.run_tensors(&tensors(&spec, &inputs)).unwrap();
    let scale = expected.iter().fold(1.0f32, |m, v| m.max(v.abs()));
    largest_difference(&outputs[&spec.outputs[0].name].data[..expected.len()], &expected) / scale
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(8) })]

    #[test]
    fn sixteen_bit_convolutions(spec in any_conv(), seed in any::<u64>()) {
        for kernel in kernels() {
            let off = off(spec.clone(), seed, kernel);
            prop_assert!(off <= 5e-3, "{kernel}: off by {off}");
        }
    }
}

#[test]
fn long_sums_stay_exact() {
    let pad = Padding::all(Edge::Reflect, 1);
    let args = ConvArgs { out: 70, kernel: 3, stride: 1, pad, depthwise: false, bias: false, act: Activation::None };
    for kernel in kernels() {
        // 9216 products: the generator's longest.
        let off = off(layer(Shape::new(1024, 6, 5), false, args.clone()), 3, kernel);
        println!("{kernel}: off by {off}");
        assert!(off <= 2e-3, "{kernel}: off by {off}");
    }
}

#[test]
fn narrow_alphaface_matches_a_plain_computation() {
    let (io, weights): (HashMap<_, _>, HashMap<_, _>) =
        fixture("alphaface").into_iter().partition(|(n, _)| n.starts_with("input.") || n.starts_with("output."));
    let spec = Arc::new(narrow(GeneratorConfig::alphaface_256()).spec().unwrap());
    let inputs = ["crop", "identity"].map(|n| (n.to_string(), io[&format!("input.{n}")].clone()));
    let inputs = HashMap::from(inputs);
    for kernel in kernels() {
        let outputs = forced(&spec, &Weights(weights.clone()), kernel).run_tensors(&inputs).unwrap();
        let off = largest_difference(&outputs["crop"].data, &io["output.crop"].data);
        println!("{kernel}: off by {off}");
        assert!(off <= 2e-2, "{kernel}: off by {off}");
    }
}

/// The official plan with an eighth of the channels: tiles are full, sums a thousand products long.
#[test]
fn an_eighth_of_alphaface_matches_the_cpu() {
    let mut config = GeneratorConfig::alphaface_256();
    config.crop = 32;
    let layers = config.encoder.iter_mut().chain(&mut config.decoder);
    layers.filter(|layer| layer.out > 3).for_each(|layer| layer.out /= 8);
    let spec = Arc::new(config.spec().unwrap());
    let (weights, inputs) = sample(&spec, 17);
    let inputs = tensors(&spec, &inputs);
    let expected = cpu::Net::new(spec.clone(), &weights).unwrap().run_tensors(&inputs).unwrap();
    for kernel in kernels() {
        let outputs = forced(&spec, &weights, kernel).run_tensors(&inputs).unwrap();
        let off = largest_difference(&outputs["crop"].data, &expected["crop"].data);
        println!("{kernel}: off by {off}");
        assert!(off <= 2e-2, "{kernel}: off by {off}");
    }
}

#[test]
fn the_ceiling_is_measured() {
    let Some(ctx) = context() else { return };
    let ceiling = Ceiling::measure(ctx).unwrap();
    println!("{}: {ceiling:?}", ctx.line());
    // A single core makes a tenth of a GFLOP/s however it is programmed, and no memory is slower than 0.1 GB/s.
    let plausible = |gflops: f64| (0.1..1e7).contains(&gflops);
    assert!(plausible(ceiling.f32_gflops));
    assert_eq!(ceiling.f16_gflops.map(|v| v.is_finite() && v > 0.0), ctx.has_f16().then_some(true));
    assert_eq!(ceiling.matrix_gflops.map(|v| v.is_finite() && v > 0.0), ctx.matrix_units().map(|_| true));
    assert!((0.1..1e5).contains(&ceiling.copy_gb_s));
}
