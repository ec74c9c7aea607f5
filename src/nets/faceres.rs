//! FaceRes: the identity encoder, MobileNet v1 trained on faces by A. Savchenko (HSE), without its age and gender
//! heads. Howard et al., "MobileNets" (2017), table 1, for the layer plan.

use super::builder::{Builder, ConvArgs};
use super::spec::{Activation, NetSpec, Shape};

/// Side of the square input, in pixels.
pub const SIDE: usize = 224;
/// Length of the embedding.
pub const EMBEDDING: usize = 1024;
/// Subtracted from the blue, green and red channel (0..255) before the network (VGGFace2 preprocessing).
pub const MEAN_BGR: [f32; 3] = [103.939, 116.779, 123.68];
/// Output channels and step of the depthwise separable layers.
const LAYERS: [(usize, usize); 13] = [
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
];

/// The identity encoder: `input` `[1, 3, 224, 224]` BGR in 0..255 minus [`MEAN_BGR`] -> `embedding` `[1, 1024]`,
/// neither centred nor normalised.
pub fn faceres() -> NetSpec {
    faceres_at(SIDE)
}

/// The same network for pictures of `side` pixels: its embedding is a mean, so it works at any size.
pub fn faceres_at(side: usize) -> NetSpec {
    let mut b = Builder::new(format!("faceres_{side}"));
    let input = b.input("input", Shape::new(3, side, side));
    let stem = ConvArgs::new(32, 3).stride(2).same(b.shape(input)).act(Activation::Relu6);
    let mut x = b.conv("stem", input, stem);
    for (i, (out, stride)) in LAYERS.into_iter().enumerate() {
        let shape = b.shape(x);
        let depthwise = ConvArgs::new(shape.c, 3).stride(stride).same(shape).depthwise().act(Activation::Relu6);
        x = b.conv(&format!("blocks.{i}.depthwise"), x, depthwise);
        x = b.conv(&format!("blocks.{i}.pointwise"), x, ConvArgs::new(out, 1).act(Activation::Relu6));
    }
    let embedding = b.mean("embedding", x);
    b.output("embedding", embedding, &[1, EMBEDDING]);
    b.finish()
}
