//! Model files: safetensors with a card. The ones that ship are part of the binary.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::path::Path;

use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::nets::{GeneratorConfig, NetSpec, Param, Port, blazeface, dlib, facemesh, faceres};
use crate::tensor::Tensor;

mod card;
mod weights;

pub use card::{Card, CardPort, Evaluated, Source, Training, TrainingSet};
pub use weights::{to_f32, views};

/// Parameters by dotted name, as f32.
#[derive(Clone, Debug, Default)]
pub struct Weights(pub HashMap<String, Tensor>);

/// Geometry of the canonical face (safetensors): `points` `[468, 3]` in cm, `uv` `[468, 2]`, `triangles`
/// `[898, 3]` i32, `basis_index` `[n]` i32 and `basis_weight` `[n]` for the head's pose.
pub const CANONICAL: &[u8] = include_bytes!("../models/canonical.safetensors");

/// Largest weights file that is read, in bytes; the official AlphaFace generator has half a gibibyte.
pub const MAX_WEIGHTS: u64 = 2 << 30;
/// Largest card.
const MAX_CARD: u64 = 1 << 20;

/// A network's file that is part of the binary.
struct Shipped {
    name: &'static str,
    weights: &'static [u8],
    card: &'static str,
}

macro_rules! shipped {
    ($name:literal) => {
        Shipped {
            name: $name,
            weights: include_bytes!(concat!("../models/", $name, ".safetensors")),
            card: include_str!(concat!("../models/", $name, ".toml")),
        }
    };
}

static SHIPPED: [Shipped; 5] = [
    shipped!("detector"),
    shipped!("landmarks"),
    shipped!("identity"),
    shipped!("generator"),
    shipped!("generator-256"),
];

/// A network's weights with what their card says.
#[derive(Clone, Debug)]
pub struct Model {
    /// Name of a shipped model, or the path, for messages.
    pub name: String,
    /// What the file is.
    pub card: Card,
    /// Its parameters.
    pub weights: Weights,
    /// SHA-256 of the weights file, in hexadecimal digits.
    pub sha256: String,
}

impl Model {
    /// Names of the models that ship.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|s| s.name)
    }

    /// One of the models that ship, see [`Self::builtin_names`].
    ///
    /// # Errors
    /// [`Error::Model`] for another name.
    pub fn builtin(name: &str) -> Result<Self> {
        let Some(shipped) = SHIPPED.iter().find(|s| s.name == name) else {
            let known: Vec<_> = Self::builtin_names().collect();
            return Err(Error::model(name, format!("no such model; there are {}", known.join(", "))));
        };
        Self::from_bytes(name, shipped.weights, shipped.card)
    }

    /// A `.safetensors` file with its card, the `.toml` file of the same stem beside it.
    ///
    /// # Errors
    /// [`Error::Io`] if the weights cannot be read, are no regular file or larger than 2 GiB; [`Error::Model`] if that
    /// holds for the card (1 MiB), or as [`Self::from_bytes`].
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        check_size(path, MAX_WEIGHTS).map_err(Error::io(path))?;
        let card_path = path.with_extension("toml");
        let card =
            check_size(&card_path, MAX_CARD).and_then(|()| std::fs::read_to_string(&card_path)).map_err(|e| {
                let how = match path.extension().and_then(|extension| extension.to_str()) {
                    Some("onnx" | "pt" | "pth") => "`alphaswap-train import` makes a model file of a checkpoint",
                    _ => "models/README.md says how to write one",
                };
                Error::model(&name, format!("its card {} cannot be read ({e}); {how}", card_path.display()))
            })?;
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        Self::from_bytes(&name, &bytes, &card)
    }

    /// A shipped model by name, else the file at that path.
    pub fn load(name_or_path: &str) -> Result<Self> {
        match Self::builtin_names().any(|name| name == name_or_path) {
            true => Self::builtin(name_or_path),
            false => Self::open(Path::new(name_or_path)),
        }
    }

    /// A model from the contents of its two files, checked against the network that the card names.
    ///
    /// # Errors
    /// [`Error::Model`] if either file is broken, if the card's hash is of another file, or if tensors, card and
    /// network disagree (every difference is listed).
    pub fn from_bytes(name: &str, bytes: &[u8], card: &str) -> Result<Self> {
        let card = Card::parse(name, card)?;
        let sha256 = sha256(bytes);
        if card.sha256.as_ref().is_some_and(|told| *told != sha256) {
            let reason = format!("the file's sha256 is {sha256}, its card is for {}", card.sha256.unwrap_or_default());
            return Err(Error::model(name, reason));
        }
        let model = Self { name: name.into(), card, weights: Weights::from_bytes(name, bytes)?, sha256 };
        model.check(&model.spec()?)?;
        Ok(model)
    }

    /// A generator of the topology `config` with random weights, to measure speed: its pictures are noise. `name` is
    /// for messages.
    ///
    /// # Errors
    /// [`Error::Model`] for a config that makes no sense.
    pub fn random(name: &str, config: GeneratorConfig, seed: u64) -> Result<Self> {
        let weights = Weights::random(&config.spec()?, seed);
        let card = Card {
            name: name.into(),
            network: "alphaface".into(),
            about: "Random weights.".into(),
            licence: "CC0-1.0".into(),
            sha256: None,
            source: None,
            input: Vec::new(),
            output: Vec::new(),
            generator: Some(config),
            arcface: None,
            training: None,
        };
        Ok(Self { name: name.into(), card, weights, sha256: String::new() })
    }

    /// The network that the card names.
    ///
    /// # Errors
    /// [`Error::Model`] for an unknown network, or a config of one that makes no sense.
    pub fn spec(&self) -> Result<NetSpec> {
        let Card { network, generator, arcface, .. } = &self.card;
        let no_table = |table| Error::model(&self.name, format!("its card has no [{table}] table"));
        match (network.as_str(), generator, arcface) {
            ("blazeface_back_256", None, None) => Ok(blazeface::blazeface_back()),
            ("facemesh_468_192", None, None) => Ok(facemesh::facemesh()),
            ("faceres_224", None, None) => Ok(faceres::faceres()),
            ("dlib_resnet_150", None, None) => Ok(dlib::dlib()),
            ("alphaface", Some(config), None) => config.spec().map_err(|e| e.of_model(&self.name)),
            ("arcface", None, Some(config)) => config.spec().map_err(|e| e.of_model(&self.name)),
            ("alphaface", None, _) => Err(no_table("generator")),
            ("arcface", _, None) => Err(no_table("arcface")),
            (network, ..) => Err(Error::model(&self.name, format!("its card names an unknown network {network:?}"))),
        }
    }

    /// Whether weights and card fit `spec`.
    ///
    /// # Errors
    /// [`Error::Model`] listing missing, additional and misshapen tensors and ports.
    pub fn check(&self, spec: &NetSpec) -> Result<()> {
        let mut report = self.weights.differences(spec.params()).unwrap_or_default();
        let ports = |ports: &[Port]| ports.iter().map(|p| (p.name.clone(), p.shape.clone())).collect();
        let told = |ports: &[CardPort]| ports.iter().map(|p| (p.name.clone(), p.shape.clone())).collect();
        differences(&mut report, "card's inputs", &ports(&spec.inputs), &told(&self.card.input));
        differences(&mut report, "card's outputs", &ports(&spec.outputs), &told(&self.card.output));
        match report.is_empty() {
            true => Ok(()),
            false => Err(Error::model(&self.name, format!("does not fit the network {}:{report}", spec.name))),
        }
    }
}

/// Refuses what is no regular file (reading a pipe or a device may never end) or has more than `most` bytes.
///
/// # Errors
/// What the file system says, or the reason of the refusal.
pub fn check_size(path: &Path, most: u64) -> std::io::Result<()> {
    let metadata = std::fs::metadata(path)?;
    let refuse = |reason: String| Err(std::io::Error::new(std::io::ErrorKind::InvalidData, reason));
    match metadata.len() {
        _ if !metadata.is_file() => refuse("not a regular file".into()),
        size if size > most => refuse(format!("{size} bytes are too many, at most {most} are read")),
        _ => Ok(()),
    }
}

impl Weights {
    /// How the tensors differ from `parameters`, in words; none if they fit.
    pub fn differences(&self, parameters: impl IntoIterator<Item = Param>) -> Option<String> {
        let want = parameters.into_iter().map(|p| (p.name, p.shape)).collect();
        let have = self.0.iter().map(|(n, t)| (n.clone(), t.shape.clone())).collect();
        let mut report = String::new();
        differences(&mut report, "tensors", &want, &have);
        (!report.is_empty()).then_some(report)
    }
}

type Shapes = BTreeMap<String, Vec<usize>>;

/// Appends to `report` how `have` differs from `want`, at most eight of each kind by name.
fn differences(report: &mut String, what: &str, want: &Shapes, have: &Shapes) {
    const SHOWN: usize = 8;
    let missing = want.keys().filter(|n| !have.contains_key(*n)).cloned();
    let extra = have.keys().filter(|n| !want.contains_key(*n)).cloned();
    let shapes = want.iter().filter_map(|(n, w)| {
        let h = have.get(n).filter(|h| *h != w)?;
        Some(format!("{n} (expected {w:?}, got {h:?})"))
    });
    let kinds: [(_, Vec<String>); 3] =
        [("missing", missing.collect()), ("not known", extra.collect()), ("of another shape", shapes.collect())];
    for (kind, mut list) in kinds.into_iter().filter(|(_, list)| !list.is_empty()) {
        let more = list.len().saturating_sub(SHOWN);
        list.truncate(SHOWN);
        if more > 0 {
            list.push(format!("and {more} more"));
        }
        write!(report, " {what} {kind}: {};", list.join(", ")).expect("writing to a String");
    }
}
