//! What was imported: checked against the network's description, then written with its card.

use std::borrow::Cow;

use alphaswap::digest::sha256;
use alphaswap::error::Error;
use alphaswap::models::{Card, CardPort, Model, Source, Weights};
use alphaswap::nets::{ArcfaceConfig, GeneratorConfig, NetSpec, Port};
use alphaswap::tensor::Tensor;
use anyhow::{Result, anyhow};
use half::f16;
use safetensors::tensor::{Dtype, View};

use super::generator;
use super::output::Output;
use crate::interrupt;

/// A checkpoint's network in our terms.
pub struct Imported {
    /// What it is, for people.
    pub about: String,
    /// Which network, in what sizes.
    pub network: Network,
    /// Its parameters under the network's own names.
    pub weights: Weights,
    /// Type in which they are stored: F16 where the checkpoint has no other, else F32.
    pub dtype: Dtype,
}

/// The networks that can be imported.
pub enum Network {
    /// Puts a face on.
    Generator(GeneratorConfig),
    /// Makes the embedding of a face.
    Encoder(ArcfaceConfig),
}

/// What only the user and the files know.
pub struct Told {
    /// Short name.
    pub name: String,
    /// Licence of the weights.
    pub licence: String,
    /// Where they come from.
    pub source: Source,
}

impl Imported {
    /// Checks every tensor against the network and writes both files; returns the card. Nothing is on the disk before
    /// all is known to be good, and from then on an interrupt is waited for.
    ///
    /// # Errors
    /// Missing, additional and misshapen tensors are listed.
    pub fn write(self, told: Told, output: Output) -> Result<Card> {
        let (card, spec) = self.card(told)?;
        let model = Model { name: card.name.clone(), card, weights: self.weights, sha256: String::new() };
        model.check(&spec)?;
        let stored = |(name, tensor): (_, _)| (name, Stored { tensor, dtype: self.dtype });
        let layout = [generator::LAYOUT].map(|(key, layout)| (key.to_string(), layout.to_string()));
        let metadata = model.card.generator.is_some().then(|| layout.into());
        let weights = safetensors::serialize(model.weights.0.iter().map(stored), metadata)?;
        let card = Card { sha256: Some(sha256(&weights)), ..model.card };
        let text = toml::to_string(&card)?;
        interrupt::watch()?;
        output.write(&weights, &text)?;
        Ok(card)
    }

    /// The card, all but the hash, and the network that it describes.
    fn card(&self, told: Told) -> Result<(Card, NetSpec)> {
        let (network, generator, arcface, spec, input, output);
        match &self.network {
            Network::Generator(config) => {
                (network, generator, arcface, spec) =
                    ("alphaface", Some(config.clone()), None, config.spec().map_err(sizes)?);
                (input, output) = (["RGB in [0, 1]", "embedding, not normalised"].as_slice(), "RGB in [0, 1]");
            }
            Network::Encoder(config) => {
                (network, generator, arcface, spec) =
                    ("arcface", None, Some(config.clone()), config.spec().map_err(sizes)?);
                (input, output) = (["RGB in [-1, 1]"].as_slice(), "embedding, not normalised");
            }
        }
        let port = |(port, values): (&Port, &&str)| CardPort {
            name: port.name.clone(),
            shape: port.shape.clone(),
            values: values.to_string(),
        };
        let card = Card {
            name: told.name,
            network: network.into(),
            about: self.about.clone(),
            licence: told.licence,
            sha256: None,
            source: Some(told.source),
            input: spec.inputs.iter().zip(input).map(port).collect(),
            output: spec.outputs.iter().zip(&[output]).map(port).collect(),
            generator,
            arcface,
            training: None,
        };
        Ok((card, spec))
    }
}

/// The library blames a card for sizes that make no sense; here they were read off the checkpoint's tensors.
fn sizes(error: Error) -> anyhow::Error {
    let reason = match error {
        Error::Model { reason, .. } => reason,
        other => return other.into(),
    };
    let said = reason.strip_prefix("its card's [").and_then(|rest| rest.split_once("]: "));
    anyhow!("the sizes of its tensors make no network: {}", said.map_or(reason.as_str(), |(_, said)| said))
}

/// A tensor as it is to be stored.
struct Stored<'a> {
    tensor: &'a Tensor,
    dtype: Dtype,
}

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.tensor.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let values = self.tensor.data.iter();
        match self.dtype {
            Dtype::F16 => values.flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
            _ => values.flat_map(|v| v.to_le_bytes()).collect(),
        }
    }

    fn data_len(&self) -> usize {
        self.tensor.data.len() * self.dtype.bitsize() / 8
    }
}
