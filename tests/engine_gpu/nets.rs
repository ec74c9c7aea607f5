//! Planning, ports, cut points and failures of whole networks.

use std::sync::Arc;

use alphaswap::Error;
use alphaswap::engine::cpu;
use alphaswap::engine::gpu::{Net, Precision};
use alphaswap::gpu::{Choice, adapters, open};
use alphaswap::nets::{
    Activation, Builder, Caii, ConvArgs, Edge, GeneratorConfig, NetSpec, Node, Op, Padding, Port, Shape, ValueId,
};
use alphaswap::settings::DeviceChoice;
use alphaswap::tensor::largest_difference;

use super::{check, context, own_context, sample, tensors};
use crate::engine_cpu::reference;

fn conv(b: &mut Builder, name: &str, x: ValueId, out: usize, edge: Edge, act: Activation) -> ValueId {
    let pad = Padding::all(edge, 1);
    b.conv(name, x, ConvArgs { out, kernel: 3, stride: 1, pad, depthwise: false, bias: true, act })
}

/// A small generator with everything the large ones have: guide, CAII blocks, skip, upsampling, residual on the guide.
fn generator() -> NetSpec {
    let leaky = || Activation::LeakyRelu(0.2);
    let mut b = Builder::new("small generator");
    let (crop, guide) = (b.input("crop", Shape::new(3, 16, 12)), b.input("guide", Shape::new(3, 16, 12)));
    let identity = b.input_vector("identity", 24);
    let unit = b.push(
        "unit",
        Op::Normalize { mean: Some("identity_mean".into()), scale: 4.0 },
        &[identity],
        Shape::vector(24),
    );
    let z = b.linear("map", unit, 20, leaky());
    let pair = b.concat("pair", crop, guide);
    let folded = b.space_to_depth("folded", pair, 2);
    let skip = conv(&mut b, "e0", folded, 12, Edge::Zero, leaky());
    let mut f = b.max_pool2("half", skip);
    for i in 0..2 {
        let mut x = f;
        for (part, act, residual) in [("a", Activation::Relu, false), ("b", Activation::None, true)] {
            let name = |what: &str| format!("blk.{i}.{part}.{what}");
            let (s, mean) = (b.shape(x), b.mean(&name("mean"), x));
            let style = b.linear(&name("fc"), z, 2 * s.c, Activation::None);
            let u = conv(&mut b, &name("conv"), x, s.c, Edge::Reflect, Activation::None);
            let inputs = if residual { vec![u, style, mean, f] } else { vec![u, style, mean] };
            x = b.push(&name("norm"), Op::StyleNorm { eps: 1e-8, caii: Caii::Averaged, residual, act }, &inputs, s);
        }
        f = x;
    }
    let up = b.upsample2("up", f);
    let both = b.concat("both", up, skip);
    let d = conv(&mut b, "d0", both, 16, Edge::Zero, leaky());
    let unfolded = b.depth_to_space("unfolded", d, 2);
    let change = conv(&mut b, "d1", unfolded, 3, Edge::Reflect, Activation::Tanh);
    let out = b.add("out", guide, change, Activation::None);
    b.output("crop", out, &[1, 3, 16, 12]);
    b.output("half", f, &[1, 12, 4, 3]);
    b.finish()
}

#[test]
fn a_whole_generator_agrees_with_the_definitions() {
    let Some(ctx) = context() else { return };
    check(ctx, generator(), 7).unwrap();
}

/// The official plan with an eighth of the channels on a 64-px crop: large enough for the kernels of the full one.
#[test]
fn a_narrow_alphaface_agrees_with_the_cpu() {
    let Some(ctx) = context() else { return };
    let mut config = GeneratorConfig::alphaface_256();
    (config.crop, config.identity.width) = (64, 32);
    let layers = config.encoder.iter_mut().chain(&mut config.decoder);
    layers.filter(|layer| layer.out > 3).for_each(|layer| layer.out /= 8);
    let spec = Arc::new(config.spec().unwrap());
    let (weights, inputs) = sample(&spec, 11);
    let inputs = tensors(&spec, &inputs);
    let truth = cpu::Net::new(spec.clone(), &weights).unwrap().run_tensors(&inputs).unwrap();
    // Values in [0, 1] behind 12 norms.
    for (precision, tolerance) in [(Precision::F32, 1e-4), (Precision::F16Storage, 2e-2)] {
        if precision == Precision::F16Storage && !ctx.has_f16() {
            continue;
        }
        let net = Net::new(ctx, spec.clone(), &weights, precision).unwrap();
        let fast = net.steps().filter(|s| s.kernel.starts_with("winograd_product")).count();
        assert!(fast >= 12, "{fast} of the 3x3 convolutions");
        assert!(net.steps().all(|s| !s.kernel.starts_with("upsample2")));
        let got = net.run_tensors(&inputs).unwrap();
        let worst = largest_difference(&got["crop"].data, &truth["crop"].data);
        println!("narrow alphaface, {precision:?}: off by {worst:e}");
        assert!(worst <= tolerance, "{precision:?} differs by {worst}");
    }
}

#[test]
fn every_cut_point_agrees_with_the_definitions() {
    let Some(ctx) = context() else { return };
    let spec = generator();
    let (weights, inputs) = sample(&spec, 8);
    // The definitions tell outputs only: here every node is one.
    let port =
        |n: &Node| Port { name: n.name.clone(), value: n.output, shape: vec![spec.shape(n.output).len()], slow: false };
    let all = NetSpec { outputs: spec.nodes.iter().map(port).collect(), ..spec.clone() };
    let expected = reference::run(&all, &weights, &inputs);
    let spec = Arc::new(spec);
    let net = Net::with_cut_points(ctx, spec.clone(), &weights).unwrap();
    net.run_tensors(&tensors(&spec, &inputs)).unwrap();
    for (node, expected) in spec.nodes.iter().zip(&expected) {
        let got = net.cut_point(&node.name).unwrap().expect("kept");
        let worst = largest_difference(&got.data, expected);
        assert!(worst < 1e-4, "{} differs by {worst}", node.name);
    }
    assert!(net.cut_point("no such node").unwrap().is_none());
}

#[test]
fn slow_steps_stay_while_fast_inputs_change() {
    let Some(ctx) = context() else { return };
    let spec = Arc::new(generator());
    let (weights, inputs) = sample(&spec, 9);
    for precision in [Precision::F32, Precision::F16Storage] {
        if precision == Precision::F16Storage && !ctx.has_f16() {
            continue;
        }
        let net = Net::new(ctx, spec.clone(), &weights, precision).unwrap();
        net.run_tensors(&tensors(&spec, &inputs)).unwrap();
        // A new crop, the old identity, and only the fast part recorded, twice.
        let mut moved = inputs.clone();
        moved.get_mut("crop").unwrap().reverse();
        let expected = &reference::run(&spec, &weights, &moved)[0];
        ctx.write(net.input_buffer("crop").unwrap(), &moved["crop"]);
        let mut encoder = ctx.encoder("fast");
        for _ in 0..2 {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            net.record(&mut pass);
        }
        ctx.submit(encoder).unwrap();
        let got = ctx.read_f32(&[net.output_buffer("crop").unwrap()]).unwrap().swap_remove(0);
        let tolerance = if precision == Precision::F32 { 1e-4 } else { 3e-2 };
        assert!(largest_difference(&got, expected) < tolerance, "{precision:?}");
    }
}

#[test]
fn wrong_weights_and_inputs_are_refused() {
    let Some(ctx) = context() else { return };
    let spec = Arc::new(generator());
    let (weights, inputs) = sample(&spec, 10);
    let mut missing = weights.clone();
    missing.0.remove("e0.bias");
    let mut misshapen = weights.clone();
    misshapen.0.get_mut("d0.weight").unwrap().shape.reverse();
    for (bad, name) in [(missing, "e0.bias"), (misshapen, "d0.weight")] {
        let error = Net::new(ctx, spec.clone(), &bad, Precision::F32).unwrap_err();
        assert!(matches!(&error, Error::Model { reason, .. } if reason.contains(name)), "{error}");
    }
    let net = Net::new(ctx, spec.clone(), &weights, Precision::F32).unwrap();
    let mut named = tensors(&spec, &inputs);
    named.get_mut("crop").unwrap().shape = vec![1, 3, 12, 16];
    assert!(matches!(net.run_tensors(&named), Err(Error::Shape { name, .. }) if name == "crop"));
    named.remove("crop");
    assert!(matches!(net.run_tensors(&named), Err(Error::Shape { name, .. }) if name == "crop"));
}

#[test]
fn sixteen_bits_saturate() {
    let Some(ctx) = context().filter(|ctx| ctx.has_f16()) else { return };
    let spec = Arc::new(generator());
    let (mut weights, inputs) = sample(&spec, 4);
    let Op::Conv(first) = &spec.nodes.iter().find(|n| matches!(n.op, Op::Conv(_))).unwrap().op else { unreachable!() };
    // Beyond what 16 bits hold, in the weights themselves and in what they make.
    weights.0.get_mut(&first.weight).unwrap().data.iter_mut().for_each(|w| *w *= 1e7);
    let net = Net::new(ctx, spec.clone(), &weights, Precision::F16Storage).unwrap();
    for (name, output) in net.run_tensors(&tensors(&spec, &inputs)).unwrap() {
        assert!(output.data.iter().all(|v| v.is_finite()), "{name}");
    }
}

#[test]
fn a_lost_device_is_an_error_and_stays_one() {
    let Some((ctx, _)) = own_context() else { return };
    let spec = Arc::new(generator());
    let (weights, inputs) = sample(&spec, 11);
    let net = Net::new(&ctx, spec.clone(), &weights, Precision::F32).unwrap();
    net.run_tensors(&tensors(&spec, &inputs)).unwrap();
    ctx.device.destroy();
    for _ in 0..2 {
        let error = net.run_tensors(&tensors(&spec, &inputs)).unwrap_err();
        assert!(matches!(error, Error::DeviceLost(_)), "{error}");
    }
    assert!(matches!(Net::new(&ctx, spec, &weights, Precision::F32), Err(Error::DeviceLost(_))));
}

#[test]
fn a_misuse_of_the_device_is_an_error_and_no_panic() {
    let Some((ctx, _)) = own_context() else { return };
    let small = ctx.storage("small", 16);
    let mut encoder = ctx.encoder("bad copy");
    encoder.copy_buffer_to_buffer(&small.buffer, 0, &small.buffer, 8, 16);
    assert!(matches!(ctx.submit(encoder), Err(Error::DeviceLost(_))));
    assert!(ctx.check().is_err());
}

#[test]
fn without_a_hardware_adapter_the_cpu_is_named_and_the_gpu_refused() {
    if adapters().iter().any(|a| !a.software) {
        assert!(matches!(open(&DeviceChoice::Auto), Ok(Choice::Gpu(ctx)) if !ctx.is_software()));
        return;
    }
    assert!(
        matches!(open(&DeviceChoice::Auto), Ok(Choice::Cpu { why, warn: true }) if why.contains("no hardware GPU"))
    );
    assert!(matches!(open(&DeviceChoice::Gpu), Err(Error::Device(m)) if m.contains("no hardware GPU")));
    assert!(matches!(open(&DeviceChoice::Cpu), Ok(Choice::Cpu { warn: false, .. })));
}
