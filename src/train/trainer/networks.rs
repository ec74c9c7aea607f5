//! The networks of a run: what is trained, and what judges.

use std::path::Path;

use burn::tensor::{Device, FloatDType, Tensor, TensorData};

use super::config::Config;
use super::material::Material;
use super::planes::Planes;
use crate::error::{Error, Result};
use crate::models::{Model, Weights};
use crate::nets::GeneratorConfig;
use crate::tensor;
use crate::train::clip::Clip;
use crate::train::discriminator::{Discriminator, DiscriminatorConfig};
use crate::train::losses::expression::ExpressionNet;
use crate::train::losses::identity::IdentityNet;
use crate::train::losses::perceptual::Perceptual;
use crate::train::optim::Optimizer;
use crate::train::spec_module::SpecModule;

/// Parameters of a generator that belong to its identity encoder and are not learnt.
const FIXED: [&str; 2] = ["identity_mean", "emap"];

/// The generator as it is trained. It sees its window of the crop; all pictures here are whole crops.
#[derive(Clone, Debug)]
pub struct Generator {
    config: GeneratorConfig,
    /// The network.
    pub module: SpecModule,
}

impl Generator {
    /// With `weights`, on a device that may have autodiff.
    ///
    /// # Errors
    /// [`Error::Model`] when a tensor is missing or has another shape, [`Error::Device`] for a number format that the
    /// device has not.
    pub fn new(config: &Config, weights: &Weights, device: &Device) -> Result<Self> {
        let compute = supported(config.precision.compute.dtype(), device)?;
        let module = SpecModule::new(config.generator.spec()?, weights, device)?.frozen(&FIXED).with_compute(compute);
        Ok(Self { config: config.generator.clone(), module })
    }

    /// Puts an identity, `[n, width]` raw embeddings, on crops `[n, 3, s, s]` in [0, 1]. With a guide its result stands in
    /// the guide's crop, else in the target's.
    pub fn swap(&self, target: Tensor<4>, guide: Tensor<4>, identity: Tensor<2>) -> Tensor<4> {
        Self::swap_by(&self.module, &self.config, target, guide, identity)
    }

    /// [`Self::swap`] by other weights of the same network.
    pub fn swap_by(
        module: &SpecModule,
        config: &GeneratorConfig,
        target: Tensor<4>,
        guide: Tensor<4>,
        identity: Tensor<2>,
    ) -> Tensor<4> {
        let w = config.window();
        let ranges = [w.y..w.y + w.height, w.x..w.x + w.width];
        let window = |x: &Tensor<4>| x.clone().slice([0..x.dims()[0], 0..3, ranges[0].clone(), ranges[1].clone()]);
        let mut inputs = vec![("crop", window(&target)), ("identity", identity.unsqueeze_dims(&[2, 3]))];
        let around = if config.guide {
            inputs.push(("guide", window(&guide)));
            guide
        } else {
            target
        };
        let made = module.forward(&inputs);
        if w.width == config.crop && w.height == config.crop {
            return made;
        }
        let n = around.dims()[0];
        around.slice_assign([0..n, 0..3, ranges[0].clone(), ranges[1].clone()], made)
    }
}

/// The weights a run starts with: those of `init`, else random ones with the embeddings' mean of the data. To an `init`
/// for half the crop without detail layers come such as add nothing yet.
///
/// # Errors
/// [`Error::Model`] when `init` is of another architecture; what reading embeddings says.
pub fn first_weights(config: &Config, material: &Material, init: Option<&Model>) -> Result<Weights> {
    let spec = config.generator.spec()?;
    if let Some(model) = init {
        let detailed = model.card.generator.as_ref().is_some_and(|generator| !generator.detail.is_empty());
        if detailed || config.generator.detail.is_empty() {
            model.check(&spec)?;
            return Ok(model.weights.clone());
        }
        let without = |e: Error| Error::training("generator without its detail layers", e.to_string());
        model.check(&config.generator.body().spec().map_err(without)?)?;
        return Ok(with_detail(&config.generator, Weights::random(&spec, config.seed), &model.weights));
    }
    let (mut weights, n) = (Weights::random(&spec, config.seed), config.generator.identity.width);
    if let Some(mean) = weights.0.get_mut("identity_mean") {
        mean.data = material.mean_embedding()?;
    }
    if let Some(emap) = weights.0.get_mut("emap") {
        // The embedding as it is; AlphaFace's own map comes with `--init`.
        *emap = tensor::Tensor::zeros([n, n]);
        emap.data.iter_mut().step_by(n + 1).for_each(|v| *v = 1.0);
    }
    Ok(weights)
}

/// The weights of `body`, with detail layers of the `random` weights whose last one is silent.
fn with_detail(config: &GeneratorConfig, mut random: Weights, body: &Weights) -> Weights {
    random.0.extend(body.0.iter().map(|(name, tensor)| (name.clone(), tensor.clone())));
    for part in ["weight", "bias"] {
        let last = config.detail.last().and_then(|layer| random.0.get_mut(&format!("{}.{part}", layer.name)));
        last.into_iter().for_each(|tensor| tensor.data.fill(0.0));
    }
    random
}

/// The frozen networks that the losses ask; those that no term needs are absent.
#[derive(Clone, Debug, Default)]
pub struct Judges {
    /// Who is seen.
    pub identity: Option<IdentityNet>,
    /// What two pictures have in common.
    pub perceptual: Option<Perceptual>,
    /// What a face does.
    pub expression: Option<ExpressionNet>,
    /// Whether picture and words fit.
    pub clip: Option<Clip>,
}

impl Judges {
    /// Loads what the terms with a weight need; `generator` are its weights.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Model`] or [`Error::Training`] for a file that is missing or of another kind.
    pub fn new(config: &Config, generator: &Weights, device: &Device) -> Result<Self> {
        let losses = &config.losses;
        let swaps = config.swaps() > 0;
        let maps = swaps && losses.perceptual > 0.0 || config.data.triplets > 0 && losses.triplet_perceptual > 0.0;
        let clip = swaps && (losses.clip_identity > 0.0 || losses.clip_text > 0.0);
        let identity = (swaps && losses.identity > 0.0).then(|| identity_net(config, generator, device));
        let perceptual = maps.then(|| match config.perceptual.network.as_str() {
            "faceres" => Perceptual::faceres(device),
            path => Perceptual::vgg16(Path::new(path), device),
        });
        let expression = (swaps && losses.expression > 0.0).then(|| ExpressionNet::new(device));
        let folder = config.clip.folder.as_ref().filter(|_| clip);
        Ok(Self {
            identity: identity.transpose()?,
            perceptual: perceptual.transpose()?,
            expression: expression.transpose()?,
            clip: folder.map(|folder| Clip::open(folder, device)).transpose()?,
        })
    }
}

/// The encoder of the identity term; the generator's own compares identities as the generator reads them.
fn identity_net(config: &Config, generator: &Weights, device: &Device) -> Result<IdentityNet> {
    let model = match config.identity.encoder.as_str() {
        "faceres" => Model::builtin("identity")?,
        path => Model::open(Path::new(path))?,
    };
    let net = IdentityNet::new(&model, config.identity.side, device)?;
    let name = if model.card.network == "arcface" { &model.card.name } else { &model.card.network };
    if *name == config.generator.identity.encoder { net.with_space_of(generator) } else { Ok(net) }
}

/// The discriminator and its optimizer.
#[derive(Clone, Debug)]
pub struct Critic {
    /// The network.
    pub net: Discriminator,
    /// Its optimizer.
    pub optimizer: Optimizer<Discriminator>,
}

impl Critic {
    /// One that has learnt nothing.
    ///
    /// # Errors
    /// [`Error::Training`] for a size that makes no sense.
    pub fn new(config: &Config, device: &Device) -> Result<Self> {
        let net = Discriminator::new(Self::size(config), config.seed, device)?;
        Self::of(config, net, Self::rule(config), device)
    }

    /// The one in a checkpoint's files.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Model`] or [`Error::Training`] for a file that is missing, damaged, or of another size.
    pub fn load(config: &Config, weights: &Path, moments: &Path, device: &Device) -> Result<Self> {
        let net = Discriminator::load(Self::size(config), weights, device)?;
        let optimizer = Self::rule(config).load(moments, &net)?;
        Self::of(config, net, optimizer, device)
    }

    fn of(config: &Config, net: Discriminator, optimizer: Optimizer<Discriminator>, device: &Device) -> Result<Self> {
        let compute = supported(config.precision.compute.dtype(), device)?;
        Ok(Self { net: net.with_compute(compute), optimizer })
    }

    fn rule(config: &Config) -> Optimizer<Discriminator> {
        Optimizer::new(&config.optimizer).with_loss_scale(config.precision.scale())
    }

    fn size(config: &Config) -> DiscriminatorConfig {
        let table = &config.discriminator;
        DiscriminatorConfig { width: table.width, max: table.max, blocks: table.blocks, side: config.generator.crop }
    }
}

/// The number format, if the device has it.
fn supported(dtype: Option<FloatDType>, device: &Device) -> Result<Option<FloatDType>> {
    match dtype.filter(|&dtype| !device.supports_dtype(dtype)) {
        None => Ok(dtype),
        Some(dtype) => Err(Error::Device(format!("it has no {dtype:?}; set [precision] compute to f32"))),
    }
}

/// Planes of equal size as a batch `[n, c, side, side]`.
pub fn stack<'a>(planes: impl IntoIterator<Item = &'a Planes>, device: &Device) -> Tensor<4> {
    let (mut data, mut shape) = (Vec::new(), [0, 0, 0, 0]);
    for p in planes {
        data.extend_from_slice(&p.data);
        shape = [shape[0] + 1, p.data.len() / (p.side * p.side), p.side, p.side];
    }
    Tensor::from_data(TensorData::new(data, shape), device)
}

/// Vectors of equal length as a batch `[n, length]`.
pub fn rows<'a>(vectors: impl IntoIterator<Item = &'a Vec<f32>>, device: &Device) -> Tensor<2> {
    let (mut data, mut n) = (Vec::new(), 0);
    for vector in vectors {
        data.extend_from_slice(vector);
        n += 1;
    }
    let width = data.len() / n.max(1);
    Tensor::from_data(TensorData::new(data, [n, width]), device)
}
