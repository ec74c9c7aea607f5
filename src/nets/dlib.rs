//! dlib's face encoder, `dlib_face_recognition_resnet_model_v1`: a residual network of 27 convolutions by D. King, here
//! the judge of likeness. Nothing is trained or tuned on it, so it cannot be flattered. He et al., "Deep Residual
//! Learning" (2016), for the blocks; dlib's `dnn_face_recognition_ex.cpp` for the layer plan.

use super::builder::{Builder, ConvArgs};
use super::spec::{Activation, Edge, NetSpec, Op, Padding, Pooling, Shape, ValueId};

/// Side of the square input, in pixels.
pub const SIDE: usize = 150;
/// Length of the embedding.
pub const EMBEDDING: usize = 128;
/// Subtracted from red, green and blue (0..255) before they are divided by [`SCALE`] (dlib's `input_rgb_image_sized`).
pub const MEAN_RGB: [f32; 3] = [122.782, 117.001, 104.298];
/// What the centred colours are divided by.
pub const SCALE: f32 = 256.0;
/// Channels of the blocks, and whether a block halves the map.
const BLOCKS: [(usize, bool); 14] = [
    (32, false),
    (32, false),
    (32, false),
    (64, true),
    (64, false),
    (64, false),
    (64, false),
    (128, true),
    (128, false),
    (128, false),
    (256, true),
    (256, false),
    (256, false),
    (256, true),
];

/// The encoder: `input` `[1, 3, 150, 150]` RGB in 0..255 minus [`MEAN_RGB`], over [`SCALE`] -> `embedding` `[1, 128]`,
/// neither centred nor normalised. Embeddings of one person lie within .6 of each other.
pub fn dlib() -> NetSpec {
    let mut b = Builder::new("dlib_resnet_150");
    let input = b.input("input", Shape::new(3, SIDE, SIDE));
    let stem = b.conv("stem", input, ConvArgs::new(32, 7).stride(2).act(Activation::Relu));
    let mut x = b.pool("pool", stem, Pooling::Max, 3, 2);
    for (i, (width, down)) in BLOCKS.into_iter().enumerate() {
        x = block(&mut b, &format!("blocks.{i}"), x, width, down);
    }
    let mean = b.mean("mean", x);
    let fc = Op::Linear { weight: "fc.weight".into(), bias: None, out: EMBEDDING, act: Activation::None };
    let embedding = b.push("fc", fc, &[mean], Shape::vector(EMBEDDING));
    b.output("embedding", embedding, &[1, EMBEDDING]);
    b.finish()
}

/// Two convolutions and the shortcut. Halving, the first convolution takes no edge in and the shortcut is a mean: where
/// they differ in size, zeros make up for it.
fn block(b: &mut Builder, name: &str, x: ValueId, width: usize, down: bool) -> ValueId {
    let part = |part: &str| format!("{name}.{part}");
    let around = Padding::all(Edge::Zero, 1);
    let first = ConvArgs::new(width, 3).act(Activation::Relu);
    let first = if down { first.stride(2) } else { first.pad(around) };
    let y = b.conv(&part("conv1"), x, first);
    let y = b.conv(&part("conv2"), y, ConvArgs::new(width, 3).pad(around));
    let shortcut = if down { b.pool(&part("halved"), x, Pooling::Mean, 2, 2) } else { x };
    let (s, t) = (b.shape(y), b.shape(shortcut));
    let shape = Shape::new(width, s.h.max(t.h), s.w.max(t.w));
    let mut fit = |v: ValueId, what: &str| if b.shape(v) == shape { v } else { b.pad(&part(what), v, shape) };
    let (y, shortcut) = (fit(y, "fitted"), fit(shortcut, "widened"));
    b.add(name, y, shortcut, Activation::Relu)
}
