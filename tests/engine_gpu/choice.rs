//! Which kernels a network gets, and which it does not get because they failed on the adapter.

use std::sync::Arc;

use alphaswap::engine::gpu::{ConvKernel, Net, Options, Precision};
use alphaswap::nets::{Activation, Builder, Caii, ConvArgs, Edge, NetSpec, Op, Padding, Shape};

use super::{check, context, own_context, sample};

/// An upsampled map with a convolution, and with a second reader when `shared`.
fn upsampled(shared: bool) -> NetSpec {
    let mut b = Builder::new("upsampled");
    let x = b.input("x", Shape::new(32, 9, 8));
    let up = b.upsample2("up", x);
    let c = b.conv("c", up, ConvArgs::new(64, 3).pad(Padding::all(Edge::Zero, 1)));
    b.output("y", c, &[1, 64, 18, 16]);
    if shared {
        let sum = b.add("sum", up, up, Activation::None);
        b.output("sum", sum, &[1, 32, 18, 16]);
    }
    b.finish()
}

fn kernels(net: &Net) -> Vec<&'static str> {
    net.steps().map(|step| step.kernel).collect()
}

#[test]
fn upsampling_is_left_to_its_only_reader() {
    let Some(ctx) = context() else { return };
    let plan = |shared, options: &Options| {
        let spec = upsampled(shared);
        let (weights, _) = sample(&spec, 1);
        kernels(&Net::with_options(ctx, Arc::new(spec), &weights, options).unwrap())
    };
    let winograd = ["winograd_input", "winograd_product_64", "winograd_output"];
    assert_eq!(plan(false, &Options::default()), winograd);
    assert_eq!(plan(true, &Options::default())[0], "upsample2");
    assert_eq!(plan(false, &Options { cut_points: true, ..Options::default() })[0], "upsample2");
    let gemm = Options { force: Some(ConvKernel::Gemm32), ..Options::default() };
    assert_eq!(plan(false, &gemm), ["upsample2", "conv_gemm_32"]);
}

#[test]
fn steps_tell_their_work() {
    let Some(ctx) = context() else { return };
    let spec = upsampled(false);
    let (weights, _) = sample(&spec, 1);
    let options = Options { force: Some(ConvKernel::Gemm32), ..Options::default() };
    let net = Net::with_options(ctx, Arc::new(spec.clone()), &weights, &options).unwrap();
    let steps: Vec<_> = net.steps().collect();
    assert_eq!((steps[0].name, steps[0].macs), ("up", 0));
    assert_eq!(steps[0].bytes, (32 * 9 * 8 * 5 * 4) as u64);
    assert_eq!((steps[1].name, steps[1].macs), ("c", spec.macs()));
    // Both maps, the weights, and a bias and a slope for each channel.
    assert_eq!(steps[1].bytes, ((32 + 64) * 18 * 16 * 4 + 32 * 9 * 64 * 4 + 64 * 8) as u64);
}

#[test]
fn norms_tell_their_work() {
    let Some(ctx) = context() else { return };
    let shape = Shape::new(6, 9, 8);
    for residual in [false, true] {
        let mut b = Builder::new("norm");
        let mut inputs = vec![b.input("x", shape), b.input_vector("style", 2 * shape.c)];
        if residual {
            inputs.push(b.input("r", shape));
        }
        let norm = Op::StyleNorm { eps: 1e-3, caii: Caii::Off, residual, act: Activation::Relu };
        let y = b.push("norm", norm, &inputs, shape);
        b.output("y", y, &[1, shape.c, shape.h, shape.w]);
        let spec = b.finish();
        let (weights, _) = sample(&spec, 1);
        let net = Net::new(ctx, Arc::new(spec), &weights, Precision::F32).unwrap();
        // The map, its residual and what is made of them, two of style, bias and slope; no stand-ins.
        let maps = 2 + usize::from(residual);
        let bytes: Vec<u64> = net.steps().map(|step| step.bytes).collect();
        assert_eq!(bytes, [(4 * (maps * shape.len() + 4 * shape.c)) as u64], "residual: {residual}");
    }
}

#[test]
fn bands_tell_their_share() {
    let Some(ctx) = context() else { return };
    let mut b = Builder::new("bands");
    let x = b.input("x", Shape::new(13, 258, 258));
    let y = b.conv("c", x, ConvArgs::new(60, 3).pad(Padding::all(Edge::Zero, 1)));
    b.output("y", y, &[1, 60, 258, 258]);
    let spec = b.finish();
    let (weights, _) = sample(&spec, 1);
    let options = Options { force: Some(ConvKernel::Winograd64), ..Options::default() };
    let net = Net::with_options(ctx, Arc::new(spec), &weights, &options).unwrap();
    let steps: Vec<_> = net.steps().collect();
    let [even, odd] = steps.as_chunks::<3>().0 else { panic!("{:?}", kernels(&net)) };
    // 129 x 129 tiles in two bands, each a multiple of 64; 16 and 64 channels with padding.
    let (tiles, columns) = (129 * 129, 8384);
    let [spread, sum] = [16, 64].map(|channels: u64| 16 * channels * columns * 4);
    for i in 0..3 {
        assert_eq!(even[i].kernel, odd[i].kernel);
    }
    assert_eq!([even[1].macs, odd[1].macs], [columns, tiles - columns].map(|tiles| 16 * tiles * 13 * 60));
    assert_eq!(even[1].bytes, spread + 16 * 16 * 64 * 4 + sum);
    assert_eq!(even[0].bytes, 13 * 258 * 258 * 4 * columns / tiles + spread);
    assert_eq!(even[0].bytes + odd[0].bytes, 13 * 258 * 258 * 4 + 2 * spread);
    assert_eq!(even[2].bytes + odd[2].bytes, 60 * 258 * 258 * 4 + 2 * (sum + 60 * 8));
}

#[test]
fn a_kernel_that_fails_its_trial_is_not_used() {
    let Some((ctx, _)) = own_context() else { return };
    assert_eq!(ctx.distrusted(), None);
    assert!(!ctx.trusted("winograd_64", || Err("injected".into())));
    let spec = upsampled(false);
    let (weights, _) = sample(&spec, 1);
    let net = Net::new(&ctx, Arc::new(spec), &weights, Precision::F32).unwrap();
    assert!(kernels(&net).iter().all(|k| !k.starts_with("winograd")), "{:?}", kernels(&net));
    let told = ctx.distrusted().unwrap();
    assert!(told.starts_with("not used on"), "{told}");
    assert!(told.contains("winograd_64") && !told.contains("taps"), "{told}");
    check(&ctx, upsampled(false), 2).unwrap();
}

#[test]
fn what_the_driver_refuses_in_a_trial_fails_the_kernel_alone() {
    let Some((ctx, _)) = own_context() else { return };
    let too_large = || {
        drop(ctx.storage("too large", u64::MAX / 2));
        Ok(())
    };
    assert!(!ctx.trusted("greedy", too_large));
    assert!(!ctx.trusted("greedy", || Ok(())), "tried once");
    ctx.check().unwrap();
    assert!(ctx.trusted("modest", || Ok(())));
}

#[test]
fn every_fast_kernel_passes_its_trial_here() {
    let Some((ctx, _)) = own_context() else { return };
    for precision in [Precision::F32, Precision::F16Storage] {
        if precision == Precision::F32 || ctx.has_f16() {
            let half = precision == Precision::F16Storage;
            let able = |kernel| match kernel {
                ConvKernel::Half | ConvKernel::MatrixEmulated => half,
                ConvKernel::Matrix => half && ctx.matrix_units().is_some(),
                _ => true,
            };
            for kernel in ConvKernel::ALL.iter().filter(|k| k.is_fast() && able(**k)) {
                assert!(kernel.is_trusted(&ctx, precision), "{kernel}, {precision:?}");
            }
        }
    }
    assert_eq!(ctx.distrusted(), None);
}

#[test]
fn kernels_are_named() {
    for kernel in ConvKernel::ALL {
        assert_eq!(kernel.name().parse(), Ok(*kernel));
    }
    assert!("winograd_7".parse::<ConvKernel>().unwrap_err().contains("winograd_64"));
}
