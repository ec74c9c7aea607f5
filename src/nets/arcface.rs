//! ArcFace's residual networks: the identity encoders of other people's generators. Deng et al., "ArcFace" (2019);
//! layer plan of insightface's `iresnet`, its batch norms folded into the convolutions and the last layer where that is
//! exact.

use serde::{Deserialize, Serialize};

use super::builder::{Builder, ConvArgs};
use super::limits::{Check, MAX_CHANNELS, MAX_LAYERS, affordable, within};
use super::spec::{Activation, Edge, NetSpec, Padding, Shape, ValueId};
use crate::error::{Error, Result};

/// Longest embedding.
pub const MAX_EMBEDDING: usize = 4096;

/// What distinguishes one ArcFace network from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArcfaceConfig {
    /// Residual blocks of each stage: 3, 4, 14, 3 in r50; 3, 13, 30, 3 in r100.
    pub blocks: [usize; 4],
    /// Channels of each stage; the stem has as many as the first one.
    #[serde(default = "widths")]
    pub widths: [usize; 4],
    /// Side of the square input, in pixels.
    #[serde(default = "side")]
    pub side: usize,
    /// Length of the embedding.
    #[serde(default = "embedding")]
    pub embedding: usize,
}

const fn widths() -> [usize; 4] {
    [64, 128, 256, 512]
}

const fn side() -> usize {
    112
}

const fn embedding() -> usize {
    512
}

impl ArcfaceConfig {
    /// insightface's `iresnet50`, the network of w600k_r50.
    pub const fn r50() -> Self {
        Self { blocks: [3, 4, 14, 3], widths: widths(), side: side(), embedding: embedding() }
    }

    /// The network: `input` `[1, 3, side, side]` RGB in [-1, 1] (code / 127.5 - 1) -> `embedding` `[1, embedding]`, not
    /// normalised.
    ///
    /// # Errors
    /// [`Error::Model`] naming the first field that makes no sense.
    pub fn spec(&self) -> Result<NetSpec> {
        self.check().map_err(|reason| Error::model("encoder", format!("its card's [arcface]: {reason}")))?;
        let mut b = Builder::new("arcface");
        let input = b.input("input", Shape::new(3, self.side, self.side));
        let mut x = b.conv("conv1", input, conv3(self.widths[0]).act(Activation::PRelu("prelu.weight".into())));
        for (stage, (&width, &blocks)) in self.widths.iter().zip(&self.blocks).enumerate() {
            for index in 0..blocks {
                x = block(&mut b, &format!("layer{}.{index}", stage + 1), x, width, index == 0);
            }
        }
        let embedding = b.linear("fc", x, self.embedding, Activation::None);
        b.output("embedding", embedding, &[1, self.embedding]);
        Ok(b.finish())
    }

    fn check(&self) -> Check {
        within("side", self.side, 16..=1024)?;
        within("embedding", self.embedding, 1..=MAX_EMBEDDING)?;
        for stage in 0..4 {
            within(&format!("widths[{stage}]"), self.widths[stage], 1..=MAX_CHANNELS)?;
            within(&format!("blocks[{stage}]"), self.blocks[stage], 1..=MAX_LAYERS)?;
            // The first block of a stage works on the side of the stage before.
            let side = self.side.div_ceil(1 << stage);
            affordable(&format!("stage {}", stage + 1), Shape::new(self.widths[stage], side, side))?;
        }
        Ok(())
    }
}

/// A 3x3 convolution that keeps the size, zeros around it.
fn conv3(out: usize) -> ConvArgs {
    ConvArgs::new(out, 3).pad(Padding::all(Edge::Zero, 1))
}

/// Batch norm, two convolutions and the shortcut; the `first` block of a stage halves the map.
fn block(b: &mut Builder, name: &str, x: ValueId, width: usize, first: bool) -> ValueId {
    let part = |part: &str| format!("{name}.{part}");
    let stride = if first { 2 } else { 1 };
    let shortcut = match first {
        true => b.conv(&part("downsample"), x, ConvArgs::new(width, 1).stride(2)),
        false => x,
    };
    // The zeros around the first convolution are zeros behind the norm: it cannot be folded.
    let y = b.scale_shift(&part("bn1"), x);
    let y = b.conv(&part("conv1"), y, conv3(width).act(Activation::PRelu(part("prelu.weight"))));
    let y = b.conv(&part("conv2"), y, conv3(width).stride(stride));
    b.add(name, y, shortcut, Activation::None)
}
