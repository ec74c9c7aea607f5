//! The files of a run.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::config::Config;
use super::material::Material;
use crate::error::{Error, Result};
use crate::files::{FolderLock, lock_folder, replace};
use crate::models::{Model, TrainingSet};
use crate::nets::GeneratorConfig;
use crate::train::data::PhotoSet;

/// The folder of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder(pub PathBuf);

/// What a run was trained on, for the cards of its models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataNote {
    /// The data set's folder.
    pub set: PathBuf,
    /// The pseudo set's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudo: Option<PathBuf>,
    /// The model whose weights the run began with, and their SHA-256; none when it began with random ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<String>,
    /// The licence of that model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_licence: Option<String>,
    /// Photos that were trained on.
    pub photos: usize,
    /// How many people are on them.
    pub people: usize,
    /// People that were not trained on, as patterns.
    pub held_out: Vec<String>,
    /// Where the photos come from, with their licences.
    pub sets: Vec<PhotoSet>,
    /// What the model that the run began with was trained on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub init_sets: Vec<TrainingSet>,
}

impl DataNote {
    /// The note of a run that begins with the weights of `init`, or with random ones.
    pub fn new(config: &Config, material: &Material, init: Option<&Model>) -> Self {
        let mut people: Vec<_> = material.photos().iter().map(|item| &item.person).collect();
        people.sort_unstable();
        people.dedup();
        Self {
            set: config.data.set.clone(),
            pseudo: config.data.pseudo.clone(),
            init: init.map(|model| format!("{} (sha256 {})", model.card.name, model.sha256)),
            init_licence: init.map(|model| model.card.licence.clone()),
            photos: material.photos().len(),
            people: people.len(),
            held_out: config.data.held_out.clone(),
            sets: material.set().header.sets.clone(),
            init_sets: init.and_then(|model| model.card.training.clone()).map(|t| t.data).unwrap_or_default(),
        }
    }

    /// This one, begun with what the run that goes on began with.
    pub fn resumed(self, earlier: Self) -> Self {
        let Self { init, init_licence, init_sets, .. } = earlier;
        Self { init, init_licence, init_sets, ..self }
    }
}

impl RunFolder {
    /// Makes the folder; nobody else trains there until what comes back goes.
    ///
    /// # Errors
    /// [`Error::Training`] when another process trains there, [`Error::Io`].
    pub fn lock(&self) -> Result<FolderLock> {
        fs::create_dir_all(&self.0).map_err(Error::io(&self.0))?;
        let busy = || Error::training(self.0.display(), "another process trains here; wait for its end");
        lock_folder(&self.0)?.ok_or_else(busy)
    }

    /// Makes the folders, and writes what the run is: config and data.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn begin(&self, config: &Config, note: &DataNote) -> Result<()> {
        let grids = self.0.join("grids");
        fs::create_dir_all(&grids).map_err(Error::io(&grids))?;
        let note = toml::to_string(note).map_err(|e| Error::training("data.toml", e.to_string()))?;
        replace(&self.data(), note.as_bytes())?;
        replace(&self.config(), config.to_toml()?.as_bytes())
    }

    /// The config.
    pub fn config(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// The [`DataNote`].
    pub fn data(&self) -> PathBuf {
        self.0.join("data.toml")
    }

    /// Reads the [`DataNote`].
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Training`] for a damaged file.
    pub fn note(&self) -> Result<DataNote> {
        let path = self.data();
        let text = fs::read_to_string(&path).map_err(Error::io(&path))?;
        toml::from_str(&text).map_err(|e| Error::training(path.display(), e.to_string()))
    }

    /// Refuses to go on with another network: its weights may fit and yet mean something else.
    ///
    /// # Errors
    /// [`Error::Training`] for another one, [`Error::Io`] or [`Error::Training`] when the run's config cannot be read.
    pub fn check_network(&self, generator: &GeneratorConfig) -> Result<()> {
        match Config::open(&self.config(), &[])?.generator == *generator {
            true => Ok(()),
            false => {
                let reason = "the run trains another architecture ([generator] of its config.toml); start a new one";
                Err(Error::training(self.0.display(), reason))
            }
        }
    }

    /// Forgets the grids of steps behind `step`: a run that went back does them again.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn rewind(&self, step: u64) -> Result<()> {
        let beyond = self.grids()?.into_iter().filter(|(of, _)| *of > step);
        beyond.into_iter().try_for_each(|(_, path)| fs::remove_file(&path).map_err(Error::io(path)))
    }

    /// One [`Row`](super::Row) a line.
    pub fn metrics(&self) -> PathBuf {
        self.0.join("metrics.jsonl")
    }

    /// The report.
    pub fn report(&self) -> PathBuf {
        self.0.join("report.html")
    }

    /// The grid of a step.
    pub fn grid(&self, step: u64) -> PathBuf {
        self.0.join("grids").join(format!("step-{step:08}.png"))
    }

    /// Every grid with its step, in order.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn grids(&self) -> Result<Vec<(u64, PathBuf)>> {
        let folder = self.0.join("grids");
        let entries = fs::read_dir(&folder).map_err(Error::io(&folder))?;
        let step = |path: &Path| path.file_stem()?.to_str()?.strip_prefix("step-")?.parse().ok();
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut grids: Vec<_> = paths.filter_map(|path| Some((step(&path)?, path))).collect();
        grids.sort();
        Ok(grids)
    }
}
