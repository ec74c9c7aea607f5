//! Which kernel a convolution gets.

use super::winograd::Bands;
use super::{ConvKernel, Layer, slices};
use crate::engine::gpu::Precision;
use crate::gpu::MatrixUnits;
use crate::nets::{Edge, Padding};

/// What the choice looks at beside the layer.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// How feature maps are stored.
    pub precision: Precision,
    /// Whether the adapter computes on the CPU.
    pub software: bool,
    /// Largest range that a kernel can be bound to, bytes.
    pub max_binding: u64,
    /// Largest workgroup memory, bytes.
    pub workgroup_bytes: u32,
    /// Most invocations of a workgroup, in a row.
    pub invocations: u32,
    /// What multiplies cooperative matrices.
    pub matrix: Option<MatrixUnits>,
    /// Taken wherever it can do the layer, for debugging.
    pub force: Option<ConvKernel>,
}

/// Kernels for ordinary convolutions, best first where they pay.
const PREFERRED: &[ConvKernel] = &[
    ConvKernel::Direct,
    ConvKernel::Matrix,
    ConvKernel::Winograd128,
    ConvKernel::Winograd64,
    ConvKernel::Half,
    ConvKernel::Taps128,
    ConvKernel::Taps64,
    ConvKernel::Gemm64,
];

/// The kernel for `layer`: the first preferred one that can do it, pays, and is `trusted` on this adapter.
/// Beside a forced kernel that cannot do it, the plain ones.
pub fn choose(layer: &Layer<'_>, conditions: &Conditions, trusted: impl Fn(ConvKernel) -> bool) -> ConvKernel {
    if let Some(kernel) = special(layer) {
        return kernel;
    }
    let able = |kernel| can_do(kernel, layer, conditions);
    match conditions.force {
        Some(force) if able(force) => return force,
        Some(force) => tracing::debug!("{}: {force} cannot do it", layer.node.name),
        None => {}
    }
    // A self-test forces its kernel and must not ask for another.
    let trusted = |kernel: ConvKernel| if conditions.force.is_some() { !kernel.is_fast() } else { trusted(kernel) };
    let good = |&kernel: &ConvKernel| able(kernel) && pays(kernel, layer, conditions) && trusted(kernel);
    PREFERRED.iter().copied().find(good).unwrap_or(ConvKernel::Gemm32)
}

/// The kernel of a layer that only one kernel can do.
fn special(layer: &Layer<'_>) -> Option<ConvKernel> {
    match layer.conv.depthwise {
        true => Some(ConvKernel::Depthwise),
        false => layer.conv.covers(layer.input).then_some(ConvKernel::Linear),
    }
}

/// Whether `kernel` can make an ordinary convolution like `layer`.
fn can_do(kernel: ConvKernel, layer: &Layer<'_>, conditions: &Conditions) -> bool {
    let (conv, pad) = (layer.conv, layer.conv.pad);
    let winograd = |tile| {
        let upsamples = pad == Padding::all(Edge::Zero, 1) || !layer.upsampled;
        conv.kernel == 3 && conv.stride == 1 && upsamples && Bands::of(layer, tile, conditions.max_binding).is_some()
    };
    match kernel {
        ConvKernel::Depthwise | ConvKernel::Linear => false,
        ConvKernel::Winograd64 => winograd(64),
        ConvKernel::Winograd128 => winograd(128),
        kernel if kernel.is_sliced() => {
            let shader = slices::shader(kernel, conditions.matrix);
            let fits = shader.is_some_and(|s| slices::fits(s, layer, conditions));
            fits && conditions.precision == Precision::F16Storage
        }
        _ => true,
    }
}

/// Workgroups below which a large machine idles.
const ENOUGH_WORKGROUPS: usize = 96;

/// Whether `kernel` is faster than those after it for a layer like this.
fn pays(kernel: ConvKernel, layer: &Layer<'_>, conditions: &Conditions) -> bool {
    let out = layer.output.c;
    // Whether `share` of the products are no padding and `count` products at once keep the machine busy.
    let tiled = |tile: usize, columns: usize, share: f32, count: usize| {
        let tiles = out.div_ceil(tile) * columns.div_ceil(tile);
        let useful = (out * columns) as f32 / (tiles * tile * tile) as f32;
        useful >= share && (conditions.software || tiles * count >= ENOUGH_WORKGROUPS)
    };
    let (pixels, quads) = (layer.pixels(), layer.pixels().div_ceil(4));
    let many_channels = layer.input.c >= 16;
    // lavapipe gathers single 16-bit values four times slower than 32-bit ones.
    let gathers = many_channels && !(conditions.software && conditions.precision == Precision::F16Storage);
    // Units multiply several times faster than anything else, padding too; packed arithmetic twice at best, and slower
    // than f32 on a CPU.
    let useful = |least: f32| {
        let shader = slices::shader(kernel, conditions.matrix);
        !conditions.software && shader.is_some_and(|s| slices::useful(s, layer) >= least)
    };
    match kernel {
        ConvKernel::Direct => out <= 8,
        ConvKernel::Matrix => useful(0.25),
        ConvKernel::Half => useful(0.6),
        ConvKernel::Winograd128 => many_channels && tiled(128, quads, 0.8, 16),
        // Less than half the products: worth it beside as much padding, and deep layers get shorter sums.
        ConvKernel::Winograd64 => many_channels && tiled(64, quads, 0.4, ENOUGH_WORKGROUPS),
        ConvKernel::Taps128 => gathers && tiled(128, pixels, 0.8, 1),
        ConvKernel::Taps64 => gathers && tiled(64, pixels, 0.5, 1),
        ConvKernel::Gemm64 => tiled(64, pixels, 0.5, 1),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::{Activation, Builder, ConvArgs, Op, Shape};

    const PLAIN: Conditions = Conditions {
        precision: Precision::F32,
        software: false,
        max_binding: 1 << 27,
        workgroup_bytes: 1 << 15,
        invocations: 256,
        matrix: None,
        force: None,
    };

    fn kernel(input: Shape, args: ConvArgs, conditions: Conditions) -> ConvKernel {
        chosen(input, args, &conditions, &|_| true)
    }

    fn chosen(
        input: Shape,
        args: ConvArgs,
        conditions: &Conditions,
        trusted: &dyn Fn(ConvKernel) -> bool,
    ) -> ConvKernel {
        let mut b = Builder::new("t");
        let source = b.input("x", input);
        let y = b.conv("c", source, args);
        let net = b.finish();
        let Op::Conv(conv) = &net.nodes[0].op else { unreachable!() };
        let layer = Layer { node: &net.nodes[0], conv, source, upsampled: false, input, output: net.shape(y) };
        choose(&layer, conditions, trusted)
    }

    fn args(out: usize, kernel: usize, pad: Padding) -> ConvArgs {
        ConvArgs { out, kernel, stride: 1, pad, depthwise: false, bias: false, act: Activation::None }
    }

    #[test]
    fn the_shape_decides() {
        let one = Padding::all(Edge::Zero, 1);
        let kernel = |(c, h, w), args| kernel(Shape::new(c, h, w), args, PLAIN);
        assert_eq!(kernel((32, 3, 3), args(1404, 3, Padding::none())), ConvKernel::Linear);
        assert_eq!(kernel((32, 3, 3), ConvArgs { depthwise: true, ..args(32, 3, one) }), ConvKernel::Depthwise);
        assert_eq!(kernel((16, 112, 104), args(3, 5, Padding::all(Edge::Reflect, 2))), ConvKernel::Direct);
        assert_eq!(kernel((3, 28, 26), args(32, 3, one)), ConvKernel::Gemm32);
        assert_eq!(kernel((3, 256, 256), args(128, 7, Padding::all(Edge::Reflect, 3))), ConvKernel::Gemm64);
        assert_eq!(kernel((112, 28, 26), args(112, 3, one)), ConvKernel::Winograd64);
        assert_eq!(kernel((1024, 64, 64), args(1024, 3, one)), ConvKernel::Winograd128);
        assert_eq!(kernel((48, 112, 104), ConvArgs { stride: 2, ..args(64, 3, one) }), ConvKernel::Gemm32);
        assert_eq!(kernel((64, 112, 104), args(64, 1, Padding::none())), ConvKernel::Taps64);
        assert_eq!(kernel((512, 128, 128), ConvArgs { stride: 2, ..args(1024, 3, one) }), ConvKernel::Taps128);
    }

    #[test]
    fn the_adapter_decides() {
        let layer = || args(1024, 3, Padding::all(Edge::Zero, 1));
        let shape = Shape::new(1024, 64, 64);
        // The weights are 64 MiB.
        assert_eq!(kernel(shape, layer(), Conditions { max_binding: 1 << 25, ..PLAIN }), ConvKernel::Taps128);
        let f16 = Conditions { precision: Precision::F16Storage, software: true, ..PLAIN };
        assert_eq!(kernel(shape, ConvArgs { stride: 2, ..layer() }, f16), ConvKernel::Gemm64);
        let small = Conditions { software: true, ..PLAIN };
        assert_eq!(kernel(Shape::new(64, 16, 16), args(128, 1, Padding::none()), small), ConvKernel::Taps128);
        let distrust = |failed: &[ConvKernel]| chosen(shape, layer(), &PLAIN, &|k| !failed.contains(&k));
        assert_eq!(distrust(&[ConvKernel::Winograd128]), ConvKernel::Winograd64);
        assert_eq!(distrust(&ConvKernel::ALL[5..]), ConvKernel::Gemm64);
    }

    #[test]
    fn a_kernel_can_be_forced_where_it_can_do_the_layer() {
        let forced = |kernel| Conditions { force: Some(kernel), ..PLAIN };
        let layer = || args(112, 3, Padding::none());
        let (shape, gemm_64) = (Shape::new(112, 28, 26), forced(ConvKernel::Gemm64));
        assert_eq!(kernel(shape, layer(), gemm_64), ConvKernel::Gemm64);
        let untried = |_| unreachable!("self-tests are not asked");
        assert_eq!(chosen(shape, layer(), &forced(ConvKernel::Depthwise), &untried), ConvKernel::Gemm32);
        assert_eq!(kernel(shape, ConvArgs { depthwise: true, ..layer() }, gemm_64), ConvKernel::Depthwise);
    }

    #[test]
    fn sixteen_bit_kernels_win_where_they_do_not_multiply_padding() {
        let units = Some(MatrixUnits { fragment: 16, lanes: 32 });
        let half = Conditions { precision: Precision::F16Storage, ..PLAIN };
        let matrix = Conditions { matrix: units, ..half };
        // Its workgroups are of 512, and use 44 KiB.
        let waves = Some(MatrixUnits { fragment: 16, lanes: 64 });
        let wide = Conditions { matrix: waves, workgroup_bytes: 1 << 16, ..half };
        let (one, two) = (Padding::all(Edge::Reflect, 1), Padding::all(Edge::Reflect, 2));
        let large = |conditions| kernel(Shape::new(256, 64, 64), args(256, 3, one), conditions);
        assert_eq!(large(matrix), ConvKernel::Matrix);
        assert_eq!(large(Conditions { invocations: 512, ..wide }), ConvKernel::Matrix);
        for other in [
            half,
            Conditions { matrix: units, ..PLAIN },
            Conditions { software: true, ..matrix },
            Conditions { workgroup_bytes: 1 << 14, ..matrix },
            wide,
        ] {
            assert_eq!(large(other), ConvKernel::Winograd128, "{other:?}");
        }
        assert_ne!(large(Conditions { max_binding: 1 << 20, ..matrix }), ConvKernel::Matrix);
        assert_eq!(kernel(Shape::new(256, 64, 64), args(256, 5, two), half), ConvKernel::Half);
        assert_eq!(kernel(Shape::new(12, 96, 96), args(64, 3, one), matrix), ConvKernel::Gemm64);
        assert_eq!(kernel(Shape::new(48, 64, 64), args(64, 3, one), matrix), ConvKernel::Matrix);
    }
}
