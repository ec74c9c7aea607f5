//! FaceMesh: 468 landmarks of one face. Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on
//! Mobile GPUs" (2019); layer plan of MediaPipe's `face_landmark` 192x192 model.

use super::blazeface::blaze_block;
use super::builder::{Builder, ConvArgs};
use super::spec::{Activation, NetSpec, Shape, ValueId};

/// Side of the square input, in pixels.
pub const SIDE: usize = 192;
/// Points of the mesh (MediaPipe FaceMesh without irises).
pub const POINTS: usize = 468;
/// Output channels and step of the residual blocks.
const BLOCKS: [(usize, usize); 16] = [
    (16, 1),
    (16, 1),
    (32, 2),
    (32, 1),
    (32, 1),
    (64, 2),
    (64, 1),
    (64, 1),
    (128, 2),
    (128, 1),
    (128, 1),
    (128, 2),
    (128, 1),
    (128, 1),
    (128, 2),
    (128, 1),
];
/// The block after which the presence head branches off (6x6 map).
const PRESENCE_AFTER: usize = 13;

/// The landmark network: `input` `[1, 3, 192, 192]` RGB in [0, 1] -> `landmarks` `[1, 468, 3]` (x, y, z) in input
/// pixels; `presence` `[1, 1]`, a logit.
pub fn facemesh() -> NetSpec {
    let mut b = Builder::new("facemesh_468_192");
    let input = b.input("input", Shape::new(3, SIDE, SIDE));
    let stem = ConvArgs::new(16, 3).stride(2).same(b.shape(input)).act(prelu("stem"));
    let mut x = b.conv("stem", input, stem);
    let mut branch = x;
    for (i, (channels, stride)) in BLOCKS.into_iter().enumerate() {
        x = block(&mut b, &format!("blocks.{i}"), x, channels, stride);
        if i == PRESENCE_AFTER {
            branch = x;
        }
    }
    let landmarks = head(&mut b, "landmarks", x, 1, POINTS * 3);
    let presence = head(&mut b, "presence", branch, 2, 1);
    b.output("landmarks", landmarks, &[1, POINTS, 3]);
    b.output("presence", presence, &[1, 1]);
    b.finish()
}

/// Two blocks around a reduction to 32 channels, then a 3x3 convolution that covers the whole 3x3 map.
fn head(b: &mut Builder, name: &str, x: ValueId, stride: usize, out: usize) -> ValueId {
    let x = block(b, &format!("{name}.blocks.0"), x, 128, stride);
    let reduce = format!("{name}.reduce");
    let x = b.conv(&reduce, x, ConvArgs::new(32, 1).act(prelu(&reduce)));
    let x = block(b, &format!("{name}.blocks.1"), x, 32, 1);
    b.conv(&format!("{name}.out"), x, ConvArgs::new(out, 3))
}

fn block(b: &mut Builder, name: &str, x: ValueId, out: usize, stride: usize) -> ValueId {
    blaze_block(b, name, x, out, stride, prelu(name))
}

fn prelu(name: &str) -> Activation {
    Activation::PRelu(format!("{name}.slope"))
}
