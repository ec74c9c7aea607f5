//! The known members of the family.

use super::{BlocksConfig, GeneratorConfig, IdentityConfig, Layer, LayerEdge, Names, Window};
use crate::align::EncoderCrop;

impl Layer {
    /// A `kernel x kernel` convolution with zero padding that keeps the size.
    fn new(name: &str, out: usize, kernel: usize) -> Self {
        Self {
            name: name.into(),
            out,
            kernel,
            stride: 1,
            pad: kernel / 2,
            edge: LayerEdge::Zero,
            depth_to_space: 1,
            upsample: false,
            concat: None,
        }
    }

    fn stride2(self) -> Self {
        Self { stride: 2, ..self }
    }

    fn upsample(self) -> Self {
        Self { upsample: true, ..self }
    }

    fn reflect(self, pad: usize) -> Self {
        Self { edge: LayerEdge::Reflect, pad, ..self }
    }

    fn valid(self) -> Self {
        Self { pad: 0, ..self }
    }
}

/// What inswapper_128 and AlphaFace share; they differ in the crops of target and source, in CAII and in the `tail`
/// after `G.Conv3`.
fn arcface_family(
    crop: usize,
    encoder_crop: EncoderCrop,
    caii: bool,
    tail: impl IntoIterator<Item = Layer>,
) -> GeneratorConfig {
    let mut decoder = vec![
        Layer::new("G.Conv1", 512, 3).upsample(),
        Layer::new("G.Conv2", 256, 3).upsample(),
        Layer::new("G.Conv3", 128, 3),
    ];
    decoder.extend(tail);
    GeneratorConfig {
        names: Names::Alphaface,
        crop,
        window: None,
        guide: false,
        space_to_depth: 1,
        encoder: vec![
            Layer::new("E.Encoder.layer_0.0", 128, 7).reflect(3),
            Layer::new("E.Encoder.layer_1.0", 256, 3),
            Layer::new("E.Encoder.layer_2.0", 512, 3).stride2(),
            Layer::new("E.Encoder.layer_3.0", 1024, 3).stride2(),
        ],
        decoder,
        detail: Vec::new(),
        identity: IdentityConfig {
            encoder: "arcface_w600k_r50".into(),
            encoder_crop,
            encoder_sha256: None,
            width: 512,
            emap: true,
            map: None,
            scale: 1.0,
        },
        blocks: BlocksConfig { count: 6, caii, bias: true },
    }
}

impl GeneratorConfig {
    /// Names of the known members, for [`Self::preset`].
    pub const PRESETS: [&'static str; 4] = ["alphaface-256", "inswapper-128", "guided-xs", "guided-256"];

    /// A known member by name.
    pub fn preset(name: &str) -> Option<Self> {
        match name {
            "alphaface-256" => Some(Self::alphaface_256()),
            "inswapper-128" => Some(Self::inswapper_128()),
            "guided-xs" => Some(Self::guided_xs()),
            "guided-256" => Some(Self::guided_256()),
            _ => None,
        }
    }

    /// The official AlphaFace generator; keys of its `swapper` state dict.
    pub fn alphaface_256() -> Self {
        let tail = [
            Layer::new("G.Conv4_new", 128, 3),
            Layer::new("G.Conv5_new", 128, 3).valid(),
            // The valid convolution took a pixel on each side, so the mirrored edge is 3 wide instead of 2.
            Layer::new("G.Conv6_new", 3, 5).reflect(3),
        ];
        arcface_family(256, EncoderCrop::Arcface128, true, tail)
    }

    /// inswapper_128 under AlphaFace's keys; its last convolution keeps its own name, `up0.1`.
    pub fn inswapper_128() -> Self {
        arcface_family(128, EncoderCrop::Arcface112, false, [Layer::new("up0.1", 3, 7).reflect(3)])
    }

    /// The compact guided generator that ships with the filter.
    pub fn guided_xs() -> Self {
        let skip = Layer { concat: Some("e0".into()), ..Layer::new("d2", 64, 3) };
        let last = Layer { depth_to_space: 2, ..Layer::new("d4", 3, 5).reflect(2) };
        Self {
            names: Names::Compact,
            crop: 128,
            window: Some(Window { x: 12, y: 14, width: 104, height: 112 }),
            guide: true,
            space_to_depth: 2,
            encoder: vec![Layer::new("e0", 48, 3), Layer::new("e1", 64, 3), Layer::new("e2", 112, 3).stride2()],
            decoder: vec![Layer::new("d1", 64, 3).upsample(), skip, Layer::new("d3", 64, 3), last],
            detail: Vec::new(),
            identity: IdentityConfig {
                encoder: "faceres_224".into(),
                encoder_crop: EncoderCrop::MeshBox,
                encoder_sha256: None,
                width: 1024,
                emap: false,
                map: Some(256),
                scale: 32.0,
            },
            blocks: BlocksConfig { count: 6, caii: true, bias: false },
        }
    }

    /// [`Self::guided_xs`] on crops of 256 px, with detail layers.
    pub fn guided_256() -> Self {
        let last = Layer { depth_to_space: 2, ..Layer::new("f2", 3, 5).reflect(2) };
        Self {
            crop: 256,
            window: Some(Window { x: 24, y: 28, width: 208, height: 224 }),
            detail: vec![Layer::new("f0", 48, 3), Layer::new("f1", 48, 3), last],
            ..Self::guided_xs()
        }
    }
}
