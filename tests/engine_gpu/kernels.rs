//! One operation at a time.

use alphaswap::nets::{Activation, Builder, ConvArgs, Edge, NetSpec, Op, Padding, Shape};
use proptest::prelude::*;

use super::{check, context};

pub fn activation() -> impl Strategy<Value = Activation> {
    use Activation::*;
    prop::sample::select(vec![None, Relu, Relu6, LeakyRelu(0.2), PRelu("slopes".into()), Tanh, TanhUnit])
}

pub fn padding(kernel: usize) -> impl Strategy<Value = Padding> {
    let side = || 0..=kernel / 2;
    let edge = prop::sample::select(vec![Edge::Zero, Edge::Reflect]);
    (edge, side(), side(), side(), side()).prop_map(|(edge, top, left, bottom, right)| Padding {
        edge,
        top,
        left,
        bottom,
        right,
    })
}

/// A network of one convolution; the output of `out` channels, or of as many as come in when `depthwise`.
pub fn conv(shape: Shape, args: ConvArgs) -> NetSpec {
    let mut b = Builder::new("conv");
    let x = b.input("x", shape);
    let y = b.conv("conv", x, args);
    let t = b.shape(y);
    b.output("y", y, &[1, t.c, t.h, t.w]);
    b.finish()
}

prop_compose! {
    fn any_conv()(kernel in prop::sample::select(vec![1usize, 2, 3, 5, 7]))
        (pad in padding(kernel), c in 1..20usize, h in kernel..24, w in kernel..24, out in 1..70usize,
         stride in 1..=2usize, depthwise in any::<bool>(), bias in any::<bool>(), act in activation(), kernel in Just(kernel))
        -> NetSpec {
        let out = if depthwise { c } else { out };
        conv(Shape::new(c, h, w), ConvArgs { out, kernel, stride, pad, depthwise, bias, act })
    }
}

prop_compose! {
    /// Many pixels and channels: the large tiles.
    fn large_conv()(kernel in prop::sample::select(vec![1usize, 3]))
        (pad in padding(kernel), c in 1..6usize, h in 80..90usize, w in 80..90usize, out in 33..100usize,
         act in activation(), kernel in Just(kernel)) -> NetSpec {
        conv(Shape::new(c, h, w), ConvArgs { out, kernel, stride: 1, pad, depthwise: false, bias: true, act })
    }
}

fn one_map(f: impl Fn(&mut Builder, Shape) -> alphaswap::nets::ValueId, shape: Shape) -> NetSpec {
    let mut b = Builder::new("map");
    let y = f(&mut b, shape);
    let t = b.shape(y);
    b.output("y", y, &[1, t.c, t.h, t.w]);
    b.finish()
}

/// Channels, rows, columns and block side.
fn shapes() -> impl Strategy<Value = (usize, usize, usize, usize)> {
    (1..12usize, 1..12usize, 1..12usize, 1..4usize)
}

/// Compares and gives proptest the difference.
fn same(spec: NetSpec, seed: u64) -> Result<(), TestCaseError> {
    let Some(ctx) = context() else { return Ok(()) };
    check(ctx, spec, seed).map_err(TestCaseError::fail)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn convolutions(spec in any_conv(), seed in any::<u64>()) {
        same(spec, seed)?;
    }

    #[test]
    fn linear_and_normalize((c, h, w, _) in shapes(), out in 1..40usize, act in activation(), seed in any::<u64>()) {
        let net = |b: &mut Builder, s| {
            let x = b.input("x", s);
            let y = b.linear("fc", x, out, act.clone());
            b.push("n", Op::Normalize { mean: Some("mean".into()), scale: 32.0 }, &[y], Shape::vector(out))
        };
        same(one_map(net, Shape::new(c, h, w)), seed)?;
    }

    #[test]
    fn style_norm((c, h, w, _) in shapes(), caii in any::<bool>(), residual in any::<bool>(), act in activation(),
                  seed in any::<u64>()) {
        let net = |b: &mut Builder, s: Shape| {
            let (x, style) = (b.input("x", s), b.input_vector("style", 2 * s.c));
            let mut inputs = vec![x, style];
            if caii { inputs.push(b.mean("mean", x)); }
            if residual { inputs.push(b.input("r", s)); }
            b.push("sn", Op::StyleNorm { eps: 1e-3, caii, residual, act: act.clone() }, &inputs, s)
        };
        same(one_map(net, Shape::new(c, h + 1, w + 7)), seed)?;
    }

    #[test]
    fn moves((c, h, w, r) in shapes(), extra in 0..9usize, seed in any::<u64>()) {
        let up = |b: &mut Builder, s| { let x = b.input("x", s); b.upsample2("o", x) };
        same(one_map(up, Shape::new(c, h, w)), seed)?;
        let pool = |b: &mut Builder, s| { let x = b.input("x", s); b.max_pool2("o", x) };
        same(one_map(pool, Shape::new(c, 2 * h, 2 * w)), seed)?;
        let pad = |b: &mut Builder, s: Shape| { let x = b.input("x", s); b.pad_channels("o", x, s.c + extra) };
        same(one_map(pad, Shape::new(c, h, w)), seed)?;
        let s2d = |b: &mut Builder, s| { let x = b.input("x", s); b.space_to_depth("o", x, r) };
        same(one_map(s2d, Shape::new(c, r * h, r * w)), seed)?;
        let d2s = |b: &mut Builder, s| { let x = b.input("x", s); b.depth_to_space("o", x, r) };
        same(one_map(d2s, Shape::new(c * r * r, h, w)), seed)?;
    }

    #[test]
    fn pairs((c, h, w, r) in shapes(), act in activation(), seed in any::<u64>()) {
        let add = |b: &mut Builder, s| {
            let (x, y) = (b.input("x", s), b.input("z", s));
            b.add("o", x, y, act.clone())
        };
        same(one_map(add, Shape::new(c, h, w)), seed)?;
        let concat = |b: &mut Builder, s: Shape| {
            let (x, y) = (b.input("x", s), b.input("z", Shape::new(r, s.h, s.w)));
            b.concat("o", x, y)
        };
        same(one_map(concat, Shape::new(c, h, w)), seed)?;
        let rows = |b: &mut Builder, s: Shape| {
            let (x, y) = (b.input("x", s), b.input("z", Shape::new(s.c * 2, s.h, r)));
            b.rows("o", &[x, y], s.c)
        };
        same(one_map(rows, Shape::new(c, h, w)), seed)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4) })]

    #[test]
    fn large_convolutions(spec in large_conv(), seed in any::<u64>()) {
        same(spec, seed)?;
    }
}
