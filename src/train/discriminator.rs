//! AlphaFace's discriminator: residual blocks without norms that judge every patch of a picture by itself.

use std::collections::HashMap;
use std::f64::consts::SQRT_2;
use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::module::avg_pool2d;
use burn::tensor::ops::AvgPoolOptions;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::checkpoint::{on_host, read_weights, write_tensors};
use super::ops::{ConvSetting, conv2d, leaky_relu};
use crate::error::{Error, Result};
use crate::models::Weights;
use crate::nets::{self, Edge, Padding};
use crate::tensor;

/// Slope of every leaky ReLU, the one on the scores included.
const SLOPE: f32 = 0.2;

/// What distinguishes one discriminator from another; the default is the official one for 256 px, 21.6 M parameters and
/// 140 GMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscriminatorConfig {
    /// Channels of the first convolution; each block doubles them.
    pub width: usize,
    /// The most channels.
    pub max: usize,
    /// Side of the square pictures, in pixels.
    pub side: usize,
    /// Residual blocks; every second one halves the map.
    pub blocks: usize,
}

impl Default for DiscriminatorConfig {
    fn default() -> Self {
        Self { width: 64, max: 512, side: 256, blocks: 7 }
    }
}

impl DiscriminatorConfig {
    /// Scores a picture gets.
    pub fn patches(&self) -> usize {
        (self.side >> (self.blocks / 2)).pow(2)
    }

    /// Every parameter, by the names of the official checkpoints (`main.0.weight`, `main.1.conv1.weight`, ...).
    pub fn parameters(&self) -> Vec<nets::Param> {
        let mut all = Vec::new();
        let mut conv = |name: String, out: usize, channels: usize, kernel: usize, bias: bool| {
            all.push(nets::Param { name: format!("{name}.weight"), shape: vec![out, channels, kernel, kernel] });
            all.extend(bias.then(|| nets::Param { name: format!("{name}.bias"), shape: vec![out] }));
        };
        conv("main.0".into(), self.width, 3, 3, true);
        for block in 1..=self.blocks {
            let (channels, out) = (self.channels(block - 1), self.channels(block));
            conv(format!("main.{block}.conv1"), channels, channels, 3, true);
            conv(format!("main.{block}.conv2"), out, channels, 3, true);
            if channels != out {
                conv(format!("main.{block}.conv1x1"), out, channels, 1, false);
            }
        }
        let last = self.channels(self.blocks);
        conv(format!("main.{}", self.blocks + 2), last, last, 1, true);
        conv(format!("main.{}", self.blocks + 4), 1, last, 1, true);
        all
    }

    /// The usual start of training: uniform within one over the root of the fan-in, biases too, which is what PyTorch's
    /// layers start from. The same `seed` gives the same values.
    fn random(&self, seed: u64) -> Weights {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut bound = 1.0;
        let mut tensors = HashMap::new();
        for nets::Param { name, shape } in self.parameters() {
            // A bias stands behind its weight and has the same fan-in.
            if shape.len() == 4 {
                bound = 1.0 / (shape[1..].iter().product::<usize>() as f32).sqrt();
            }
            let data = (0..shape.iter().product()).map(|_| rng.random_range(-bound..bound)).collect();
            tensors.insert(name, tensor::Tensor { shape, data });
        }
        Weights(tensors)
    }

    /// Channels behind block `block`; 0 is the first convolution.
    fn channels(&self, block: usize) -> usize {
        (self.width << block.min(32)).min(self.max)
    }

    fn check(&self) -> Result<()> {
        let error = |reason: String| Err(Error::training("discriminator", reason));
        let Self { width, max, side, blocks } = *self;
        match 1 << (blocks / 2).min(16) {
            _ if !(1..=max).contains(&width) || max > 4096 => {
                error(format!("width {width} and max {max} do not fit together; take 64 and 512, or less"))
            }
            _ if !(1..=16).contains(&blocks) => error(format!("{blocks} blocks; take 1 to 16")),
            halving if side == 0 || side % halving != 0 => {
                error(format!("{blocks} blocks halve a side of {side} px to no whole number; take fewer"))
            }
            _ => Ok(()),
        }
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct Discriminator {
    first: Conv,
    blocks: Vec<Block>,
    hidden: Conv,
    score: Conv,
    #[module(skip)]
    config: DiscriminatorConfig,
    #[module(skip)]
    compute: Option<FloatDType>,
}

/// A convolution that keeps the size.
#[derive(Module, Debug)]
struct Conv {
    /// OIHW.
    weight: Param<Tensor<4>>,
    bias: Option<Param<Tensor<1>>>,
}

/// Leaky ReLU and convolution twice, beside a shortcut.
#[derive(Module, Debug)]
struct Block {
    conv1: Conv,
    conv2: Conv,
    /// Where the number of channels changes.
    shortcut: Option<Conv>,
    #[module(skip)]
    halves: bool,
}

impl Discriminator {
    /// A discriminator that has learnt nothing. The same `seed` gives the same one.
    ///
    /// # Errors
    /// [`Error::Training`] for a config that makes no sense.
    pub fn new(config: DiscriminatorConfig, seed: u64, device: &Device) -> Result<Self> {
        config.check()?;
        Self::from_weights(config, config.random(seed), device)
    }

    /// The discriminator of a safetensors file.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Model`] for a file that cannot be read, [`Error::Training`] for one of another
    /// architecture than `config` (the tensors are named) or a config that makes no sense.
    pub fn load(config: DiscriminatorConfig, path: &Path, device: &Device) -> Result<Self> {
        config.check()?;
        Self::from_weights(config, read_weights(path, config.parameters())?, device)
    }

    /// Writes the parameters as safetensors, by the names of the official checkpoints.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<()> {
        write_tensors(path, &self.weights())
    }

    /// Convolutions work in `dtype` (mixed precision); parameters and sums stay f32. Ask [`Device::supports_dtype`] first.
    pub fn with_compute(mut self, dtype: Option<FloatDType>) -> Self {
        self.compute = dtype;
        self
    }

    fn from_weights(config: DiscriminatorConfig, mut weights: Weights, device: &Device) -> Result<Self> {
        let mut conv = |name: String| Conv::new(&name, &mut weights, device);
        let blocks = (1..=config.blocks).map(|block| {
            let changes = config.channels(block - 1) != config.channels(block);
            Ok(Block {
                conv1: conv(format!("main.{block}.conv1"))?,
                conv2: conv(format!("main.{block}.conv2"))?,
                shortcut: changes.then(|| conv(format!("main.{block}.conv1x1"))).transpose()?,
                halves: block % 2 == 0,
            })
        });
        Ok(Self {
            blocks: blocks.collect::<Result<_>>()?,
            first: conv("main.0".into())?,
            hidden: conv(format!("main.{}", config.blocks + 2))?,
            score: conv(format!("main.{}", config.blocks + 4))?,
            config,
            compute: None,
        })
    }

    /// Every parameter by its name.
    pub fn weights(&self) -> Weights {
        let mut all = HashMap::new();
        self.first.read("main.0".into(), &mut all);
        for (block, index) in self.blocks.iter().zip(1..) {
            block.conv1.read(format!("main.{index}.conv1"), &mut all);
            block.conv2.read(format!("main.{index}.conv2"), &mut all);
            block.shortcut.iter().for_each(|conv| conv.read(format!("main.{index}.conv1x1"), &mut all));
        }
        self.hidden.read(format!("main.{}", self.blocks.len() + 2), &mut all);
        self.score.read(format!("main.{}", self.blocks.len() + 4), &mut all);
        Weights(all)
    }

    /// How real each patch looks, about 0 to 1: `[n, 3, h, w]` RGB in [0, 1] -> `[n, patches]`.
    pub fn forward(&self, pictures: Tensor<4>) -> Tensor<2> {
        let conv = |conv: &Conv, x| conv.forward(x, self.compute);
        let mut x = conv(&self.first, pictures);
        for block in &self.blocks {
            x = block.forward(x, self.compute);
        }
        let x = conv(&self.hidden, leaky_relu(x, SLOPE));
        leaky_relu(conv(&self.score, leaky_relu(x, SLOPE)), SLOPE).flatten(1, 3)
    }

    /// What it is.
    pub fn config(&self) -> &DiscriminatorConfig {
        &self.config
    }
}

impl Block {
    fn forward(&self, x: Tensor<4>, compute: Option<FloatDType>) -> Tensor<4> {
        let halve = |x: Tensor<4>| match self.halves {
            true => avg_pool2d(x, AvgPoolOptions::new([2, 2])),
            false => x,
        };
        let shortcut = self.shortcut.iter().fold(x.clone(), |x, conv| conv.forward(x, compute));
        let y = halve(self.conv1.forward(leaky_relu(x, SLOPE), compute));
        let y = self.conv2.forward(leaky_relu(y, SLOPE), compute);
        (y + halve(shortcut)) / SQRT_2
    }
}

impl Conv {
    /// Takes the parameters called `name` out of `weights`.
    fn new(name: &str, weights: &mut Weights, device: &Device) -> Result<Self> {
        let mut take =
            |part: &str| weights.0.remove(&format!("{name}.{part}")).map(|t| TensorData::new(t.data, t.shape));
        let weight =
            take("weight").ok_or_else(|| Error::training("discriminator", format!("there is no {name}.weight")))?;
        let bias = take("bias").map(|data| Param::from_data(data, device));
        Ok(Self { weight: Param::from_data(weight, device), bias })
    }

    fn read(&self, name: String, all: &mut HashMap<String, tensor::Tensor>) {
        all.insert(format!("{name}.weight"), on_host(self.weight.val()));
        all.extend(self.bias.iter().map(|bias| (format!("{name}.bias"), on_host(bias.val()))));
    }

    fn forward(&self, x: Tensor<4>, compute: Option<FloatDType>) -> Tensor<4> {
        let weight = self.weight.val();
        let pad = Padding::all(Edge::Zero, weight.dims()[2] / 2);
        conv2d(x, weight, self.bias.as_ref().map(Param::val), ConvSetting { stride: 1, pad, compute })
    }
}
