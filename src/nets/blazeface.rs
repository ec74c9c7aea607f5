//! BlazeFace, back camera model: the face detector. Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face
//! Detection on Mobile GPUs" (2019); layer plan of MediaPipe's `face_detection_back_256x256_float16_quant`.

use super::builder::{Builder, ConvArgs};
use super::spec::{Activation, NetSpec, Shape, ValueId};

/// Side of the square input, in pixels.
pub const SIDE: usize = 256;
/// Anchors, and so rows of each output: 16x16 cells x 2, then 8x8 cells x 6.
pub const ANCHORS: usize = 16 * 16 * 2 + 8 * 8 * 6;
/// Values of a box: centre, size, six key points.
pub const BOX_VALUES: usize = 16;
/// Output channels of the residual blocks, in order; the first block of a new size halves the map.
const STAGES: [(usize, usize); 4] = [(24, 7), (24, 8), (48, 8), (96, 8)];

/// The detector: `input` `[1, 3, 256, 256]` RGB in [-1, 1] -> `boxes` `[1, 896, 16]` in input pixels, positions
/// relative to the anchor's centre; `scores` `[1, 896, 1]` as logits.
pub fn blazeface_back() -> NetSpec {
    let mut b = Builder::new("blazeface_back_256");
    let input = b.input("input", Shape::new(3, SIDE, SIDE));
    let stem = ConvArgs::new(24, 5).stride(2).same(b.shape(input)).act(Activation::Relu);
    let mut x = b.conv("stem", input, stem);
    let mut index = 0;
    for (stage, (channels, count)) in STAGES.into_iter().enumerate() {
        for i in 0..count {
            let stride = if stage > 0 && i == 0 { 2 } else { 1 };
            x = blaze_block(&mut b, &format!("blocks.{index}"), x, channels, stride, Activation::Relu);
            index += 1;
        }
    }
    let coarse = coarse_map(&mut b, x);
    heads(&mut b, x, coarse);
    b.finish()
}

/// A separable convolution without a residual, from the 16x16 to the 8x8 map.
fn coarse_map(b: &mut Builder, x: ValueId) -> ValueId {
    let shape = b.shape(x);
    let x = b.conv("coarse.depthwise", x, ConvArgs::new(shape.c, 3).stride(2).same(shape).depthwise());
    b.conv("coarse.pointwise", x, ConvArgs::new(96, 1).act(Activation::Relu))
}

/// 1x1 convolutions on both maps; the rows of the 16x16 map come first.
fn heads(b: &mut Builder, fine: ValueId, coarse: ValueId) {
    for (name, values) in [("boxes", BOX_VALUES), ("scores", 1)] {
        let maps = [
            b.conv(&format!("{name}_16"), fine, ConvArgs::new(2 * values, 1)),
            b.conv(&format!("{name}_32"), coarse, ConvArgs::new(6 * values, 1)),
        ];
        let rows = b.rows(name, &maps, values);
        b.output(name, rows, &[1, ANCHORS, values]);
    }
}

/// The residual block of BlazeFace and FaceMesh: depthwise 3x3, 1x1, plus the input (halved by 2x2 maximum and
/// filled up with zero channels where the shapes differ), then `act`.
pub(super) fn blaze_block(
    b: &mut Builder,
    name: &str,
    x: ValueId,
    out: usize,
    stride: usize,
    act: Activation,
) -> ValueId {
    let shape = b.shape(x);
    let depthwise = ConvArgs::new(shape.c, 3).stride(stride).same(shape).depthwise();
    let y = b.conv(&format!("{name}.depthwise"), x, depthwise);
    let y = b.conv(&format!("{name}.pointwise"), y, ConvArgs::new(out, 1));
    let mut skip = x;
    if stride == 2 {
        skip = b.max_pool2(&format!("{name}.pool"), skip);
    }
    if out > shape.c {
        skip = b.pad_channels(&format!("{name}.widen"), skip, out);
    }
    b.add(name, skip, y, act)
}
