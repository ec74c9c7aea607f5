//! One operation at a time.

use alphaswap::engine::gpu::ConvKernel;
use alphaswap::nets::{Activation, Builder, Caii, ConvArgs, Edge, NetSpec, Op, Padding, Pooling, Shape};
use proptest::prelude::*;

use super::{check, check_with, context};

pub fn activation() -> impl Strategy<Value = Activation> {
    use Activation::*;
    prop::sample::select(vec![None, Relu, Relu6, LeakyRelu(0.2), PRelu("slopes".into()), Tanh, TanhUnit])
}

fn caii() -> impl Strategy<Value = Caii> {
    prop::sample::select(vec![Caii::Off, Caii::Averaged, Caii::Folded])
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
fn conv(shape: Shape, args: ConvArgs) -> NetSpec {
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

prop_compose! {
    /// Convolutions that the fast kernels are made for, at sizes that no tile divides.
    fn fast_conv()(kernel in prop::sample::select(vec![1usize, 3, 3, 3, 5, 7]))
        (pad in padding(kernel), c in 1..45usize, h in kernel..24, w in kernel..24, out in 1..150usize,
         stride in 1..=2usize, bias in any::<bool>(), act in activation(), kernel in Just(kernel)) -> NetSpec {
        let stride = if kernel == 3 { 1 } else { stride };
        conv(Shape::new(c, h, w), ConvArgs { out, kernel, stride, pad, depthwise: false, bias, act })
    }
}

/// `out` channels from a map of `shape` upsampled by 2.
fn upsampled_conv(shape: Shape, out: usize, act: Activation) -> NetSpec {
    let mut b = Builder::new("upsampled");
    let x = b.input("x", shape);
    let up = b.upsample2("up", x);
    let pad = Padding::all(Edge::Zero, 1);
    let y = b.conv("conv", up, ConvArgs { out, kernel: 3, stride: 1, pad, depthwise: false, bias: true, act });
    b.output("y", y, &[1, out, 2 * shape.h, 2 * shape.w]);
    b.finish()
}

/// The kernels that are not chosen for small layers.
fn forced() -> impl Strategy<Value = ConvKernel> {
    use ConvKernel::*;
    prop::sample::select(vec![Gemm64, Taps64, Taps128, Winograd64, Winograd128])
}

fn one_map(f: impl Fn(&mut Builder, Shape) -> alphaswap::nets::ValueId, shape: Shape) -> NetSpec {
    let mut b = Builder::new("map");
    let y = f(&mut b, shape);
    let t = b.shape(y);
    b.output("y", y, &[1, t.c, t.h, t.w]);
    b.finish()
}

/// A style norm, and the mean of what it makes.
fn norm(s: Shape, caii: Caii, residual: bool, act: Activation) -> NetSpec {
    let mut b = Builder::new("norm");
    let (x, r) = (b.input("x", s), b.input("r", s));
    let style = b.input_vector("style", 2 * s.c);
    let mut inputs = vec![x, style];
    if caii != Caii::Off {
        inputs.push(b.mean("mean", x));
    }
    if residual {
        b.mean("residual", r);
        inputs.push(r);
    }
    let y = b.push("norm", Op::StyleNorm { eps: 1e-3, caii, residual, act }, &inputs, s);
    let after = b.mean("after", y);
    b.output("y", y, &[1, s.c, s.h, s.w]);
    b.output("after", after, &[1, s.c]);
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

/// Compares what `kernel` makes.
fn same_with(kernel: ConvKernel, spec: NetSpec, seed: u64) -> Result<(), TestCaseError> {
    let Some(ctx) = context() else { return Ok(()) };
    check_with(ctx, spec, seed, Some(kernel)).map_err(|e| TestCaseError::fail(format!("{kernel}: {e}")))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn convolutions(spec in any_conv(), seed in any::<u64>()) {
        same(spec, seed)?;
    }

    #[test]
    fn fast_convolutions(kernel in forced(), spec in fast_conv(), seed in any::<u64>()) {
        same_with(kernel, spec, seed)?;
    }

    #[test]
    fn upsampled_convolutions(kernel in forced(), (c, h, w, _) in shapes(), out in 1..70usize, act in activation(),
                              seed in any::<u64>()) {
        same_with(kernel, upsampled_conv(Shape::new(c, h, w), out, act), seed)?;
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
    fn style_norm((c, h, w, _) in shapes(), caii in caii(), residual in any::<bool>(), act in activation(),
                  seed in any::<u64>()) {
        same(norm(Shape::new(c, h + 1, w + 7), caii, residual, act), seed)?;
    }

    #[test]
    fn moves((c, h, w, r) in shapes(), extra in 0..9usize, seed in any::<u64>()) {
        let up = |b: &mut Builder, s| { let x = b.input("x", s); b.upsample2("o", x) };
        same(one_map(up, Shape::new(c, h, w)), seed)?;
        let pool = |b: &mut Builder, s| { let x = b.input("x", s); b.max_pool2("o", x) };
        same(one_map(pool, Shape::new(c, 2 * h, 2 * w)), seed)?;
        for kind in [Pooling::Max, Pooling::Mean] {
            let pool = |b: &mut Builder, s| { let x = b.input("x", s); b.pool("o", x, kind, r + 1, r) };
            same(one_map(pool, Shape::new(c, h + r, w + r)), seed)?;
        }
        let pad = |b: &mut Builder, s: Shape| {
            let x = b.input("x", s);
            b.pad("o", x, Shape::new(s.c + extra, s.h + r, s.w + 1))
        };
        same(one_map(pad, Shape::new(c, h, w)), seed)?;
        let pad = |b: &mut Builder, s: Shape| { let x = b.input("x", s); b.pad_channels("o", x, s.c + extra) };
        same(one_map(pad, Shape::new(c, h, w)), seed)?;
        let scale = |b: &mut Builder, s| { let x = b.input("x", s); b.scale_shift("o", x) };
        same(one_map(scale, Shape::new(c, h, w)), seed)?;
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

/// More pixels than an invocation keeps in registers, in fours and not.
#[test]
fn norms_of_large_maps() {
    for (h, w) in [(68, 70), (67, 69)] {
        for (residual, act) in [(false, Activation::Relu), (true, Activation::None)] {
            same(norm(Shape::new(3, h, w), Caii::Folded, residual, act), 1).unwrap();
        }
    }
}

#[test]
fn a_map_of_several_bands() {
    let Some(ctx) = context() else { return };
    let args = ConvArgs::new(5, 3).pad(Padding::all(Edge::Reflect, 1));
    // 16 places of 64 padded channels: 16384 tiles of 2 x 2 pixels are 64 MiB.
    let spec = || conv(Shape::new(3, 257, 263), args.clone());
    check_with(ctx, spec(), 3, Some(ConvKernel::Winograd64)).unwrap();
}
