//! Which kernel a convolution gets.

use alphaswap_shaders::Shader;

use super::{ConvKernel, Layer, slices};
use crate::engine::gpu::Precision;
use crate::gpu::MatrixUnits;

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
    /// What multiplies cooperative matrices.
    pub matrix: Option<MatrixUnits>,
    /// Taken wherever it can do the layer, for debugging.
    pub force: Option<ConvKernel>,
}

/// The kernel for `layer`.
pub fn choose(layer: &Layer<'_>, conditions: &Conditions) -> ConvKernel {
    if let Some(kernel) = special(layer) {
        return kernel;
    }
    if let Some(force) = conditions.force {
        if can_do(force, layer, conditions) {
            return force;
        }
        tracing::debug!("{}: {force} cannot do it", layer.node.name);
    }
    if let Some(kernel) = sixteen_bits(layer, conditions) {
        return kernel;
    }
    // Enough workgroups of 256 invocations for the larger machines; smaller tiles where there would be fewer.
    let tiles_64 = layer.output.c.div_ceil(64) * layer.pixels().div_ceil(64);
    match layer.output.c {
        c if c <= 8 => ConvKernel::Direct,
        c if c > 32 && tiles_64 >= 96 => ConvKernel::Gemm64,
        _ => ConvKernel::Gemm32,
    }
}

/// The kernel of a layer that only one kernel can do.
fn special(layer: &Layer<'_>) -> Option<ConvKernel> {
    let (conv, input) = (layer.conv, layer.input);
    let pad = conv.pad;
    let covers = input.h == conv.kernel && input.w == conv.kernel && layer.pixels() == 1;
    let padded = pad.top + pad.left + pad.bottom + pad.right > 0;
    match conv.depthwise {
        true => Some(ConvKernel::Depthwise),
        false => (covers && !padded).then_some(ConvKernel::Linear),
    }
}

/// A 16-bit kernel, where it does not mostly multiply padding. Units multiply several times faster than anything else;
/// packed arithmetic is twice as fast at best, and slower than f32 on a CPU.
fn sixteen_bits(layer: &Layer<'_>, conditions: &Conditions) -> Option<ConvKernel> {
    let kernels = [(ConvKernel::Matrix, 0.25), (ConvKernel::Half, 0.6)];
    let wins = |&(kernel, least): &(ConvKernel, f32)| {
        let shader = slices::shader(kernel, conditions.matrix);
        shader.is_some_and(|s| slices::useful(s, layer) >= least) && can_do(kernel, layer, conditions)
    };
    kernels.iter().filter(|_| !conditions.software).find(|k| wins(k)).map(|&(kernel, _)| kernel)
}

/// Whether `kernel` can make an ordinary convolution like `layer`.
fn can_do(kernel: ConvKernel, layer: &Layer<'_>, conditions: &Conditions) -> bool {
    match kernel {
        ConvKernel::Depthwise | ConvKernel::Linear => false,
        ConvKernel::Direct | ConvKernel::Gemm32 | ConvKernel::Gemm64 => true,
        ConvKernel::Half | ConvKernel::Matrix | ConvKernel::MatrixEmulated => {
            let fits = |shader: &Shader| {
                slices::largest_buffer(shader, layer) <= conditions.max_binding
                    && shader.workgroup_bytes <= conditions.workgroup_bytes
            };
            conditions.precision == Precision::F16Storage && slices::shader(kernel, conditions.matrix).is_some_and(fits)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::{Activation, Builder, ConvArgs, Edge, Op, Padding, Shape};

    const PLAIN: Conditions = Conditions {
        precision: Precision::F32,
        software: false,
        max_binding: 1 << 27,
        workgroup_bytes: 1 << 15,
        matrix: None,
        force: None,
    };

    fn kernel(input: Shape, args: ConvArgs, conditions: Conditions) -> ConvKernel {
        let mut b = Builder::new("t");
        let source = b.input("x", input);
        let y = b.conv("c", source, args);
        let net = b.finish();
        let Op::Conv(conv) = &net.nodes[0].op else { unreachable!() };
        choose(&Layer { node: &net.nodes[0], conv, source, input, output: net.shape(y) }, &conditions)
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
        assert_eq!(kernel((112, 28, 26), args(112, 3, one)), ConvKernel::Gemm32);
        assert_eq!(kernel((48, 112, 104), args(64, 3, one)), ConvKernel::Gemm64);
    }

    #[test]
    fn a_kernel_can_be_forced_where_it_can_do_the_layer() {
        let forced = |kernel| Conditions { force: Some(kernel), ..PLAIN };
        let layer = || args(112, 3, Padding::none());
        let (shape, gemm_64) = (Shape::new(112, 28, 26), forced(ConvKernel::Gemm64));
        assert_eq!(kernel(shape, layer(), gemm_64), ConvKernel::Gemm64);
        assert_eq!(kernel(shape, layer(), forced(ConvKernel::Depthwise)), ConvKernel::Gemm32);
        assert_eq!(kernel(shape, ConvArgs { depthwise: true, ..layer() }, gemm_64), ConvKernel::Depthwise);
    }

    #[test]
    fn sixteen_bit_kernels_win_where_they_do_not_multiply_padding() {
        let units = Some(MatrixUnits { fragment: 16, lanes: 32 });
        let half = Conditions { precision: Precision::F16Storage, ..PLAIN };
        let matrix = Conditions { matrix: units, ..half };
        let (large, one) = (Shape::new(256, 64, 64), Padding::all(Edge::Reflect, 1));
        let wide = || args(256, 3, one);
        assert_eq!(kernel(large, wide(), half), ConvKernel::Half);
        assert_eq!(kernel(large, wide(), matrix), ConvKernel::Matrix);
        assert_eq!(kernel(large, wide(), Conditions { matrix: units, ..PLAIN }), ConvKernel::Gemm64);
        assert_eq!(kernel(large, wide(), Conditions { software: true, ..matrix }), ConvKernel::Gemm64);
        assert_eq!(kernel(large, wide(), Conditions { max_binding: 1 << 20, ..matrix }), ConvKernel::Gemm64);
        assert_eq!(kernel(large, wide(), Conditions { workgroup_bytes: 1 << 14, ..matrix }), ConvKernel::Half);
        assert_eq!(kernel(Shape::new(12, 64, 64), args(64, 3, one), matrix), ConvKernel::Gemm64);
        assert_eq!(kernel(Shape::new(48, 64, 64), args(64, 3, one), matrix), ConvKernel::Matrix);
    }
}
