//! Distances of pictures as a network sees them (Johnson et al., "Perceptual losses for real-time style transfer", 2016).

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::faceres_input;
use crate::error::Result;
use crate::models::{Model, Weights};
use crate::nets::{faceres, vgg};
use crate::train::checkpoint::read_tensors;
use crate::train::ops::resize;
use crate::train::spec_module::SpecModule;

/// Side at which FaceRes looks at the crops.
const FACERES_SIDE: usize = 192;
/// The maps of FaceRes that are compared: after its layers 3, 7 and 11.
const FACERES_TAPS: [&str; 3] = ["blocks.3.pointwise", "blocks.7.pointwise", "blocks.11.pointwise"];
/// Mean and standard deviation of ImageNet's photos, RGB in [0, 1]; every network of torchvision is trained with them.
const IMAGENET: [(f64, f64); 3] = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)];

/// A frozen network whose maps are compared.
#[derive(Clone, Debug)]
pub struct Perceptual {
    module: SpecModule,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Faceres,
    Vgg16,
}

impl Perceptual {
    /// The identity encoder that ships. Its loss is the sum over three maps of mean |x - y| / mean |y|.
    ///
    /// # Errors
    /// Never, as long as the shipped files are sound.
    pub fn faceres(device: &Device) -> Result<Self> {
        let model = Model::builtin("identity")?;
        Self::new(Kind::Faceres, faceres::faceres_at(FACERES_SIDE), &model.weights, device)
    }

    /// torchvision's VGG16 from a safetensors file with its names (`features.0.weight`, ...; others are ignored). Its loss
    /// is the sum over four maps of mean |x - y|, as in AlphaFace's training code.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) or [`Error::Model`](crate::Error::Model) for a file that is not there, damaged, or another network's.
    pub fn vgg16(path: &Path, device: &Device) -> Result<Self> {
        let weights = read_tensors(path)?;
        Self::new(Kind::Vgg16, vgg::vgg16(), &weights, device).map_err(|e| e.of_model(&path.display().to_string()))
    }

    fn new(kind: Kind, spec: crate::nets::NetSpec, weights: &Weights, device: &Device) -> Result<Self> {
        Ok(Self { module: SpecModule::new(spec, weights, device)?.no_grad(), kind })
    }

    /// How differently it sees `x` and `y`, square crops `[n, 3, s, s]` RGB in [0, 1]. Gradients go to `x` alone.
    pub fn loss(&self, x: Tensor<4>, y: Tensor<4>) -> Tensor<1> {
        let (seen, meant) = (self.maps(x), self.maps(y.detach()));
        let distance = |(x, y): (Tensor<4>, Tensor<4>)| match self.kind {
            Kind::Faceres => (x - y.clone()).abs().mean() / (y.abs().mean() + 1e-6),
            Kind::Vgg16 => (x - y).abs().mean(),
        };
        Tensor::cat(seen.into_iter().zip(meant).map(distance).collect(), 0).sum()
    }

    fn maps(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        let (input, taps): (_, &[&str]) = match self.kind {
            Kind::Faceres => (faceres_input(resize(x, [FACERES_SIDE; 2])), &FACERES_TAPS),
            Kind::Vgg16 => (imagenet_input(resize(x, [vgg::SIDE; 2])), &vgg::TAPS),
        };
        let mut values = self.module.run(&[("input", input)], taps);
        taps.iter().map(|tap| values.take(tap)).collect()
    }
}

fn imagenet_input(rgb: Tensor<4>) -> Tensor<4> {
    let planes = IMAGENET.into_iter().enumerate();
    Tensor::cat(planes.map(|(c, (mean, sd))| (rgb.clone().narrow(1, c, 1) - mean) / sd).collect(), 1)
}
