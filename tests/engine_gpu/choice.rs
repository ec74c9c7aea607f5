//! Which kernels a network gets, and which it does not get because they failed on the adapter.

use std::sync::Arc;

use alphaswap::engine::gpu::{ConvKernel, Net, Options, Precision};
use alphaswap::nets::{Activation, Builder, ConvArgs, Edge, NetSpec, Padding, Shape};

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
