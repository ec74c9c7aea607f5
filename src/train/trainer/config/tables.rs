//! The tables of a [`Config`](super::Config).

use std::path::PathBuf;

use burn::tensor::FloatDType;
use serde::{Deserialize, Serialize};

/// What a run is trained on. Paths are relative to where the program runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Folder of the data set that `prepare` wrote.
    pub set: PathBuf,
    /// Folder of the pseudo set that `pseudo` wrote: needed by triplets, and by swaps with a guide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudo: Option<PathBuf>,
    /// People that are never trained on, as patterns of person keys (`*` any text, `?` one character, `[a-c]`).
    #[serde(default)]
    pub held_out: Vec<String>,
    /// Pseudo set of held-out people for the check; without it the check takes the held-out people's of `pseudo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out_pseudo: Option<PathBuf>,
    /// Pseudo-triplets a step: made-up input, real target.
    #[serde(default)]
    pub triplets: usize,
    /// With a guide: real photos a step that get another person's face, without a target.
    #[serde(default)]
    pub swaps: usize,
    /// Without a guide: pairs of photos a step; each gets the other's face (AlphaFace's batch).
    #[serde(default)]
    pub pairs: usize,
    /// Every so many steps one triplet is a photo that becomes itself; 0 for never.
    #[serde(default)]
    pub self_every: u64,
    /// Batches that are loaded ahead.
    #[serde(default = "two")]
    pub ahead: usize,
}

const fn two() -> usize {
    2
}

/// The network that the identity term asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Identity {
    /// `faceres`, or the file of an imported ArcFace encoder.
    pub encoder: String,
    /// Side of its square input in pixels, for `faceres`; below 192 another network is pleased than the one that
    /// judges photos at 224.
    pub side: usize,
}

impl Default for Identity {
    fn default() -> Self {
        Self { encoder: "faceres".into(), side: 192 }
    }
}

/// Weights of the terms of the loss. Those of AlphaFace default to its release, those of pseudo-triplets to what the
/// guided generator was trained with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Losses {
    /// Swaps: one minus the cosine to the identity's photo.
    pub identity: f64,
    /// Without a guide: L1 of a photo given its own identity to itself.
    pub self_reconstruction: f64,
    /// Swaps: perceptual distance to the target photo.
    pub perceptual: f64,
    /// Without a guide: L1 of a swap swapped back to the photo.
    pub cycle: f64,
    /// Swaps: L1 to the target outside the face.
    pub mask_reconstruction: f64,
    /// Swaps: 8x8 means against the target's.
    pub swap_low_frequency: f64,
    /// Swaps: difference of the ratios that tell the expression ([`crate::mesh::expression`]), to the target's. AlphaFace
    /// has no such term.
    pub expression: f64,
    /// Swaps: one minus CLIP's cosine to the identity's photo.
    pub clip_identity: f64,
    /// Swaps: how much worse than the target they fit the target's caption.
    pub clip_text: f64,
    /// Every made picture: the discriminator's opinion.
    pub adversarial: f64,
    /// Step from which there is a discriminator.
    pub adversarial_from: u64,
    /// Triplets: L1 to the real photo on the face.
    pub face: f64,
    /// Triplets: the same of the pictures' gradients.
    pub face_gradient: f64,
    /// Triplets: L1 to the input outside the face.
    pub background: f64,
    /// Triplets: perceptual distance to the real photo.
    pub triplet_perceptual: f64,
}

impl Default for Losses {
    fn default() -> Self {
        Self {
            identity: 10.0,
            self_reconstruction: 0.5,
            perceptual: 0.5,
            cycle: 0.5,
            mask_reconstruction: 0.5,
            swap_low_frequency: 0.0,
            expression: 0.0,
            clip_identity: 1.0,
            clip_text: 1.0,
            adversarial: 1.0,
            adversarial_from: 200_000,
            face: 10.0,
            face_gradient: 10.0,
            background: 6.0,
            triplet_perceptual: 1.0,
        }
    }
}

/// The network of the perceptual terms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Perceptual {
    /// `faceres`, which ships, or the safetensors file of torchvision's VGG16, as AlphaFace has it.
    pub network: String,
}

impl Default for Perceptual {
    fn default() -> Self {
        Self { network: "faceres".into() }
    }
}

/// Where CLIP is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clip {
    /// Folder with the weights and `tokenizer.json`: OpenAI's, Hugging Face's, or of `train-clip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
}

/// Size of the discriminator. The default is AlphaFace's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscriminatorTable {
    /// Channels of the first layer.
    pub width: usize,
    /// Most channels.
    pub max: usize,
    /// Residual blocks; every second one halves the map.
    pub blocks: usize,
}

impl Default for DiscriminatorTable {
    fn default() -> Self {
        Self { width: 64, max: 512, blocks: 7 }
    }
}

/// The exponential moving average of the generator's weights. AlphaFace has none; this is StyleGAN's habit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmaTable {
    /// What stays of the average at a step, 0 to 1.
    pub decay: f64,
}

impl Default for EmaTable {
    fn default() -> Self {
        Self { decay: 0.998 }
    }
}

/// How samples are varied. AlphaFace only flips; the rest is of the guided generator's recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Half of the samples are mirrored, with their captions.
    pub flip: bool,
    /// Largest turn, degrees either way.
    pub rotation: f32,
    /// Largest change of scale, as a share.
    pub scale: f32,
    /// Largest shift in either direction, as a share of the crop's side.
    pub shift: f32,
    /// Largest change of brightness, contrast and saturation, as a share; the same for all pictures of a sample.
    pub color: f32,
    /// Largest change of each channel of the guide's face, as a share: what the guide's colour match leaves.
    pub guide_color: f32,
}

impl Default for Augment {
    fn default() -> Self {
        Self { flip: true, rotation: 0.0, scale: 0.0, shift: 0.0, color: 0.0, guide_color: 0.0 }
    }
}

/// Number formats of the generator's convolutions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compute {
    /// 32 bits everywhere.
    #[default]
    F32,
    /// Convolutions in half precision.
    F16,
    /// Convolutions in brain floats.
    Bf16,
}

impl Compute {
    /// What the module is told.
    pub const fn dtype(self) -> Option<FloatDType> {
        match self {
            Self::F32 => None,
            Self::F16 => Some(FloatDType::F16),
            Self::Bf16 => Some(FloatDType::BF16),
        }
    }
}

/// Mixed precision: parameters, statistics, sums and losses stay in 32 bits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Precision {
    /// `f32`, `f16` or `bf16`, where the device has it.
    pub compute: Compute,
    /// With `f16`, losses are multiplied by this power of two before their backward pass and gradients divided by it
    /// afterwards, so that small ones do not become 0 on the way (Micikevicius et al., "Mixed precision training", 2018,
    /// section 3.2). Where the largest no longer fit, the run ends and says so.
    pub loss_scale: u32,
}

impl Default for Precision {
    fn default() -> Self {
        Self { compute: Compute::default(), loss_scale: 4096 }
    }
}

impl Precision {
    /// What losses are multiplied by: 1 unless the number format needs it.
    pub fn scale(&self) -> f32 {
        if self.compute == Compute::F16 { self.loss_scale as f32 } else { 1.0 }
    }
}

/// What is written into the run's folder, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Output {
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// How many checkpoints stay.
    pub keep: usize,
    /// Steps between picture grids, with which the report is written anew; 0 for none.
    pub grid_every: u64,
    /// Steps between checks on held-out triplets; 0 for none.
    pub validate_every: u64,
    /// Held-out triplets of a check.
    pub validate_samples: usize,
}

impl Default for Output {
    fn default() -> Self {
        Self { checkpoint_every: 25_000, keep: 3, grid_every: 1000, validate_every: 0, validate_samples: 64 }
    }
}
