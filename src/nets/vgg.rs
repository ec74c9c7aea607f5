//! VGG16 up to its tenth convolution, with torchvision's parameter names: what the perceptual loss of the paper compares.
//! Simonyan and Zisserman, "Very deep convolutional networks" (2015), table 1, column D.

use super::builder::{Builder, ConvArgs};
use super::spec::{Activation, Edge, NetSpec, Padding, Shape};

/// Side of the square input, in pixels.
pub const SIDE: usize = 224;
/// The maps that are compared, behind their ReLU: conv1_2, conv2_2, conv3_3, conv4_3.
pub const TAPS: [&str; 4] = ["features.2", "features.7", "features.14", "features.21"];
/// Index and output channels of the convolutions in torchvision's list; 0 channels is a pooling.
const LAYERS: [(usize, usize); 13] = [
    (0, 64),
    (2, 64),
    (4, 0),
    (5, 128),
    (7, 128),
    (9, 0),
    (10, 256),
    (12, 256),
    (14, 256),
    (16, 0),
    (17, 512),
    (19, 512),
    (21, 512),
];

/// The network: `input` `[1, 3, 224, 224]` RGB, ImageNet's mean and standard deviation taken out -> `maps`
/// `[1, 512, 28, 28]`.
pub fn vgg16() -> NetSpec {
    let mut b = Builder::new("vgg16");
    let mut x = b.input("input", Shape::new(3, SIDE, SIDE));
    for (index, out) in LAYERS {
        let name = format!("features.{index}");
        let conv = ConvArgs::new(out, 3).pad(Padding::all(Edge::Zero, 1)).act(Activation::Relu);
        x = if out == 0 { b.max_pool2(&name, x) } else { b.conv(&name, x, conv) };
    }
    let Shape { c, h, w } = b.shape(x);
    b.output("maps", x, &[1, c, h, w]);
    b.finish()
}
