//! The CPU engine against the plain definitions of its operations, over generated shapes.

#[path = "engine_cpu/reference.rs"]
pub mod reference;

use std::collections::HashMap;
use std::sync::Arc;

use alphaswap::engine::cpu::Net;
use alphaswap::models::Weights;
use alphaswap::nets::{Activation, Builder, Caii, ConvArgs, Edge, NetSpec, Op, Padding, Pooling, Shape, ValueId};
use alphaswap::tensor::{Tensor, largest_difference};
use proptest::prelude::*;

/// Values in [-1, 1) from a linear congruential generator (Knuth, MMIX).
fn noise(seed: u64, len: usize) -> Vec<f32> {
    let mut state = seed ^ 0x9E37_79B9_7F4A_7C15;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

fn random_weights(spec: &NetSpec, seed: u64) -> Weights {
    let mut weights = Weights::default();
    for (i, param) in spec.params().into_iter().enumerate() {
        let len = param.shape.iter().product();
        // Weights of unit gain keep every value near 1, so that one absolute tolerance fits all.
        let gain = if param.shape.len() > 1 { (3.0 / (len / param.shape[0]) as f32).sqrt() } else { 0.5 };
        let data = noise(seed + 1 + i as u64, len).into_iter().map(|v| v * gain).collect();
        weights.0.insert(param.name, Tensor::new(param.shape, data).unwrap());
    }
    weights
}

fn random_inputs(spec: &NetSpec, seed: u64) -> HashMap<String, Vec<f32>> {
    let values = |(i, p): (usize, &alphaswap::nets::Port)| {
        (p.name.clone(), noise(seed + 1000 + i as u64, spec.shape(p.value).len()))
    };
    spec.inputs.iter().enumerate().map(values).collect()
}

/// Runs `spec` on random weights and inputs, fused and unfused, twice each (buffers are dirty the second time).
fn check(spec: NetSpec, seed: u64) {
    let (weights, inputs) = (random_weights(&spec, seed), random_inputs(&spec, seed));
    let expected = reference::run(&spec, &weights, &inputs);
    let spec = Arc::new(spec);
    for (kind, net) in
        [("fused", Net::new(spec.clone(), &weights)), ("kept", Net::with_cut_points(spec.clone(), &weights))]
    {
        let mut net = net.unwrap();
        for round in 0..2 {
            inputs.iter().for_each(|(name, values)| net.input_mut(name).copy_from_slice(values));
            net.run();
            for (port, expected) in spec.outputs.iter().zip(&expected) {
                let got = net.output(&port.name);
                assert_eq!(got.len(), expected.len());
                for (i, (a, b)) in got.iter().zip(expected).enumerate() {
                    let close = (a - b).abs() <= 1e-4 * b.abs().max(1.0);
                    assert!(close, "{kind}, round {round}, {}[{i}]: {a}, expected {b}\n{spec:?}", port.name);
                }
            }
        }
    }
}

/// A network of one operation (or a few) on an input `x`.
fn one(shape: Shape, build: impl FnOnce(&mut Builder, ValueId) -> ValueId) -> NetSpec {
    let mut b = Builder::new("one");
    let x = b.input("x", shape);
    let y = build(&mut b, x);
    let s = b.shape(y);
    b.output("y", y, &[1, s.c, s.h, s.w]);
    b.finish()
}

fn act() -> impl Strategy<Value = Activation> {
    prop_oneof![
        Just(Activation::None),
        Just(Activation::Relu),
        Just(Activation::Relu6),
        Just(Activation::LeakyRelu(0.2)),
        Just(Activation::PRelu("slope".into())),
        Just(Activation::Tanh),
        Just(Activation::TanhUnit),
    ]
}

fn caii() -> impl Strategy<Value = Caii> {
    prop::sample::select(vec![Caii::Off, Caii::Averaged, Caii::Folded])
}

/// Sizes around the register blocks, and sizes that fill many.
fn size(most: usize) -> impl Strategy<Value = usize> {
    prop_oneof![3 => 1..=most.min(20), 1 => 1..=most]
}

fn args() -> impl Strategy<Value = ConvArgs> {
    let kernel = prop::sample::select(vec![1usize, 2, 3, 5, 7]);
    let pad = (any::<bool>(), [0..4usize, 0..4, 0..4, 0..4]);
    (size(50), kernel, 1..=2usize, pad, any::<bool>(), any::<bool>(), act()).prop_map(
        |(out, kernel, stride, (reflect, [top, left, bottom, right]), depthwise, bias, act)| {
            let edge = if reflect { Edge::Reflect } else { Edge::Zero };
            let pad = Padding { edge, top, left, bottom, right };
            ConvArgs { out, kernel, stride, pad, depthwise, bias, act }
        },
    )
}

/// Whether `args` can be applied to an `h x w` map.
fn fits(args: &ConvArgs, h: usize, w: usize) -> bool {
    let p = args.pad;
    let inside = h + p.top + p.bottom >= args.kernel && w + p.left + p.right >= args.kernel;
    let mirrored = p.edge == Edge::Zero || (p.top.max(p.bottom) < h && p.left.max(p.right) < w);
    inside && mirrored
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn convolutions(c in size(70), h in size(24), w in size(40), args in args(), seed in any::<u32>()) {
        prop_assume!(fits(&args, h, w));
        let args = ConvArgs { out: if args.depthwise { c } else { args.out }, ..args };
        check(one(Shape::new(c, h, w), |b, x| b.conv("conv", x, args)), seed.into());
    }

    #[test]
    fn same_padding_of_tensorflow(c in size(40), n in 2..33usize, k in 2..6usize, stride in 1..3usize, depthwise: bool) {
        let k = if k == 4 { 5 } else { k };
        let pad = Padding::same(n, n, k, stride);
        let args = ConvArgs { out: c, kernel: k, stride, pad, depthwise, bias: true, act: Activation::Relu };
        let spec = one(Shape::new(c, n, n), |b, x| b.conv("conv", x, args));
        prop_assert_eq!(spec.shape(spec.outputs[0].value).h, n.div_ceil(stride));
        check(spec, n as u64);
    }

    #[test]
    fn residual_blocks(
        c in size(40), more in 0..30usize, n in 2..20usize, depthwise: bool, swapped: bool, act in act(), seed in any::<u32>(),
    ) {
        let more = if depthwise { 0 } else { more };
        let pad = Padding::all(Edge::Zero, 1);
        let args = ConvArgs { out: c + more, kernel: 3, stride: 1, pad, depthwise, bias: true, act: Activation::None };
        let spec = one(Shape::new(c, n, n), |b, x| {
            let y = b.conv("conv", x, args.clone());
            let x = if more > 0 { b.pad_channels("pad", x, c + more) } else { x };
            let (first, second) = if swapped { (x, y) } else { (y, x) };
            let sum = b.add("sum", first, second, act);
            b.conv("behind", sum, ConvArgs { out: 5, depthwise: false, ..args })
        });
        check(spec, seed.into());
    }

    #[test]
    fn linear_layers(c in size(40), h in 1..5usize, w in 1..5usize, out in size(70), act in act(), seed in any::<u32>()) {
        check(one(Shape::new(c, h, w), |b, x| b.linear("fc", x, out, act)), seed.into());
    }

    #[test]
    fn style_norms(c in size(40), h in 1..12usize, w in 2..12usize, caii in caii(), residual: bool, act in act(), seed in any::<u32>()) {
        let mut b = Builder::new("style");
        let (x, style) = (b.input("x", Shape::new(c, h, w)), b.input_vector("style", 2 * c));
        let (mut inputs, mean) = (vec![x, style], b.mean("mean", x));
        if caii != Caii::Off {
            inputs.push(mean);
        }
        if residual {
            inputs.push(x);
        }
        let y = b.push("norm", Op::StyleNorm { eps: 1e-3, caii, residual, act }, &inputs, Shape::new(c, h, w));
        let after = b.mean("after", y);
        b.output("y", y, &[1, c, h, w]);
        b.output("after", after, &[1, c]);
        check(b.finish(), seed.into());
    }

    #[test]
    fn resampling(c in size(40), h in 1..12usize, w in 1..12usize, r in 1..4usize) {
        check(one(Shape::new(c, h, w), |b, x| b.upsample2("up", x)), 1);
        check(one(Shape::new(c, h, w), |b, x| b.mean("mean", x)), 2);
        check(one(Shape::new(c, h * 2, w * 2), |b, x| b.max_pool2("pool", x)), 3);
        for kind in [Pooling::Max, Pooling::Mean] {
            let (kernel, stride) = (r + 1, r.min(2));
            check(one(Shape::new(c, h + r, w + r), |b, x| b.pool("pool", x, kind, kernel, stride)), 6);
        }
        check(one(Shape::new(c, h, w), |b, x| b.pad("pad", x, Shape::new(c + r, h + 1, w + 2))), 7);
        check(one(Shape::new(c, h * r, w * r), |b, x| b.space_to_depth("unshuffle", x, r)), 4);
        check(one(Shape::new(c * r * r, h, w), |b, x| b.depth_to_space("shuffle", x, r)), 5);
    }

    #[test]
    fn moving_and_adding(c in size(40), d in size(40), h in 1..9usize, w in 1..9usize, act in act()) {
        let mut b = Builder::new("moves");
        let (x, y) = (b.input("x", Shape::new(c, h, w)), b.input("y", Shape::new(d, h, w)));
        let both = b.concat("concat", x, y);
        let padded = b.pad_channels("pad", both, c + d + 3);
        let twice = b.add("twice", padded, padded, act);
        let rows = b.rows("rows", &[x, twice, y], 1);
        b.output("sum", twice, &[1, c + d + 3, h, w]);
        b.output("rows", rows, &[1, b.shape(rows).h, 1]);
        check(b.finish(), 7);
    }

    #[test]
    fn scales_and_shifts(c in size(40), h in 1..12usize, w in 1..12usize, seed in any::<u32>()) {
        let pad = Padding::all(Edge::Zero, 1);
        let args = ConvArgs::new(5, 3).pad(pad);
        check(one(Shape::new(c, h, w), |b, x| b.scale_shift("bn", x)), seed.into());
        // Zeros around the scaled map, in front of a sum with the map itself.
        let block = |b: &mut Builder, x| {
            let y = b.scale_shift("bn", x);
            let y = b.conv("conv", y, ConvArgs { out: c, ..args });
            b.add("sum", y, x, Activation::None)
        };
        check(one(Shape::new(c, h, w), block), seed.into());
    }

    #[test]
    fn unit_vectors(c in size(300), scale in 0.5..40.0f32, with_mean: bool) {
        let mean = with_mean.then(|| "mean".to_owned());
        check(one(Shape::vector(c), |b, x| b.push("norm", Op::Normalize { mean, scale }, &[x], Shape::vector(c))), 9);
    }
}

/// A detector head in small: pictures of 4 lanes, buffers handed on, rows of two scales.
fn small_detector() -> NetSpec {
    let mut b = Builder::new("small");
    let x = b.input("input", Shape::new(3, 32, 48));
    let conv = |out, kernel, stride, depthwise, pad| ConvArgs {
        out,
        kernel,
        stride,
        pad,
        depthwise,
        bias: true,
        act: Activation::None,
    };
    let mut x = b.conv("stem", x, conv(24, 5, 2, false, Padding::same(32, 48, 5, 2)));
    for i in 0..4 {
        let c = b.shape(x).c;
        let depth = b.conv(&format!("depth{i}"), x, conv(c, 3, 1, true, Padding::all(Edge::Zero, 1)));
        let point = b.conv(&format!("point{i}"), depth, conv(c + 4, 1, 1, false, Padding::none()));
        let skip = b.pad_channels(&format!("pad{i}"), x, c + 4);
        x = b.add(&format!("add{i}"), point, skip, Activation::Relu);
    }
    let half = b.max_pool2("pool", x);
    let (fine, coarse) = (
        b.conv("fine", x, conv(6, 1, 1, false, Padding::none())),
        b.conv("coarse", half, conv(12, 1, 1, false, Padding::none())),
    );
    let rows = b.rows("rows", &[fine, coarse], 3);
    let n = b.shape(rows).h;
    b.output("boxes", rows, &[1, n, 3]);
    b.finish()
}

#[test]
fn whole_network() {
    check(small_detector(), 11);
}

#[test]
fn cut_points_are_kept_on_request_only() {
    let spec = Arc::new(small_detector());
    let weights = random_weights(&spec, 3);
    let inputs = random_inputs(&spec, 3);
    let (mut plain, mut kept) =
        (Net::new(spec.clone(), &weights).unwrap(), Net::with_cut_points(spec.clone(), &weights).unwrap());
    for net in [&mut plain, &mut kept] {
        net.input_mut("input").copy_from_slice(&inputs["input"]);
        net.run();
    }
    assert!(plain.cut_point("stem").is_none());
    assert_eq!(kept.cut_point("stem").unwrap().shape, [1, 24, 16, 24]);
    assert!(kept.cut_point("nowhere").is_none());
    assert_eq!(plain.output("boxes").len(), kept.output("boxes").len());
}

#[test]
fn slow_inputs_are_kept_between_runs() {
    let mut b = Builder::new("slow");
    let (x, id) = (b.input("x", Shape::new(20, 6, 6)), b.input_vector("id", 30));
    let style = b.linear("style", id, 40, Activation::LeakyRelu(0.2));
    let norm = Op::StyleNorm { eps: 1e-5, caii: Caii::Off, residual: false, act: Activation::None };
    let y = b.push("norm", norm, &[x, style], Shape::new(20, 6, 6));
    b.output("y", y, &[1, 20, 6, 6]);
    let spec = Arc::new(b.finish());
    let (weights, mut inputs) = (random_weights(&spec, 5), random_inputs(&spec, 5));
    let mut net = Net::new(spec.clone(), &weights).unwrap();
    net.input_mut("id").copy_from_slice(&inputs["id"]);
    for round in 0..4 {
        inputs.insert("x".into(), noise(round, 720));
        net.input_mut("x").copy_from_slice(&inputs["x"]);
        if round == 2 {
            inputs.insert("id".into(), noise(99, 30));
            net.input_mut("id").copy_from_slice(&inputs["id"]);
        }
        net.run();
        let expected = &reference::run(&spec, &weights, &inputs)[0];
        let worst = largest_difference(net.output("y"), expected);
        assert!(worst < 1e-4, "round {round}: {worst}");
    }
}

#[test]
fn poison_goes_through() {
    let spec = Arc::new(small_detector());
    let mut net = Net::new(spec.clone(), &random_weights(&spec, 1)).unwrap();
    net.input_mut("input").fill(f32::NAN);
    net.run();
    assert!(net.output("boxes").iter().all(|v| v.is_nan()));
    // And leaves nothing behind.
    let inputs = random_inputs(&spec, 1);
    net.input_mut("input").copy_from_slice(&inputs["input"]);
    net.run();
    assert!(net.output("boxes").iter().all(|v| v.is_finite()));
}

#[test]
fn wrong_parameters_and_inputs_are_named() {
    let spec = Arc::new(small_detector());
    let mut weights = random_weights(&spec, 1);
    let mut net = Net::new(spec.clone(), &weights).unwrap();
    let tensor = |shape: &[usize]| HashMap::from([("input".to_owned(), Tensor::zeros(shape))]);
    assert!(net.run_tensors(&tensor(&[1, 3, 32, 48])).unwrap()["boxes"].data.iter().all(|v| v.is_finite()));
    let message = net.run_tensors(&tensor(&[1, 3, 48, 32])).unwrap_err().to_string();
    assert!(message.contains("input") && message.contains("48"), "{message}");
    assert!(net.run_tensors(&HashMap::new()).is_err());
    weights.0.insert("stem.bias".into(), Tensor::zeros([23]));
    let message = Net::new(spec.clone(), &weights).unwrap_err().to_string();
    assert!(message.contains("stem.bias"), "{message}");
    weights.0.remove("stem.bias");
    assert!(Net::new(spec, &weights).is_err());
}
