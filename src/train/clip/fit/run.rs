//! A training run of a CLIP and its folder, which in the end is a CLIP's folder.
//!
//! ```text
//! DIR/clip.toml           a Record: how it is trained, on what, and how well it did
//! DIR/tokenizer.json      the tokenizer, trained on the captions
//! DIR/metrics.jsonl       one Step a line, and one Judged a line now and then
//! DIR/checkpoints/...     see `crate::train::checkpoint`
//! DIR/model.safetensors   the weights, once it is finished
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::contrast::Retrieval;
use super::pairs::{Pairs, Split};
use super::{Fit, FitConfig, Step, save_tokenizer, train_tokenizer};
use crate::digest;
use crate::error::{Error, Result};
use crate::files::replace;
use crate::train::checkpoint::{self, State};
use crate::train::clip::TOKENIZER;
use crate::train::clip::tokenizer::Tokenizer;
use crate::train::data::{Dataset, PhotoSet};
use crate::train::lines;

const RECORD: &str = "clip.toml";
const METRICS: &str = "metrics.jsonl";
/// Number of checkpoints that are kept.
const KEEP: usize = 2;

/// What `clip.toml` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// How it is trained.
    pub fit: FitConfig,
    /// The data set's folder.
    pub data: PathBuf,
    /// Number of photos that it learns from.
    pub photos: usize,
    /// Number of photos of other people that it is judged by.
    pub held_out: usize,
    /// Patterns that name these people; a tenth of all if there is none.
    pub people: Vec<String>,
    /// Where the photos come from.
    pub sets: Vec<PhotoSet>,
    /// How well it did in the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Judged>,
}

/// How well it did at a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The step, from 1; 0 is before the first.
    pub step: u64,
    /// Retrieval among photos of held-out people.
    pub retrieval: Retrieval,
}

/// A run.
#[derive(Debug)]
pub struct Run {
    folder: PathBuf,
    record: Record,
    fit: Fit,
    training: Pairs,
    held_out: Pairs,
}

impl Run {
    /// A new run in `folder`, which is made. The vocabulary of `config` is the most that the tokenizer may have; `people`
    /// and `flip` are for [`Split::new`].
    ///
    /// # Errors
    /// [`Error::Training`] if there is a run already or as [`Split::new`]; [`Error::Io`].
    pub fn start(
        folder: &Path,
        mut config: FitConfig,
        data: &Dataset,
        people: &[String],
        flip: fn(&str) -> String,
        device: &Device,
    ) -> Result<Self> {
        if folder.join(RECORD).exists() {
            let reason = "there is a run already; go on with --resume, or choose another folder";
            return Err(Error::training(folder.display(), reason));
        }
        let split = Split::new(data, people, flip)?;
        let tokenizer = train_tokenizer(&split, config.clip.text.vocabulary)?;
        config.clip.text.vocabulary = tokenizer.vocabulary();
        let fit = Fit::new(config.clone(), device)?;
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
        save_tokenizer(&tokenizer, folder)?;
        let record = Record {
            photos: split.training.len(),
            held_out: split.held_out.len(),
            people: people.to_vec(),
            data: data.folder.clone(),
            sets: data.header.sets.clone(),
            result: None,
            fit: config,
        };
        let run = Self::load(folder, record, fit, data, &split, &tokenizer)?;
        run.write_record()?;
        Ok(run)
    }

    /// The run in `folder`, from its newest checkpoint or, if it has none, from the start.
    ///
    /// # Errors
    /// [`Error::Training`] if there is no run, its files are damaged or the data set is another; [`Error::Io`].
    pub fn resume(folder: &Path, data: &Dataset, flip: fn(&str) -> String, device: &Device) -> Result<Self> {
        let path = folder.join(RECORD);
        let text = fs::read_to_string(&path).map_err(Error::io(&path))?;
        let record: Record = toml::from_str(&text).map_err(|e| Error::training(path.display(), e.to_string()))?;
        let split = Split::new(data, &record.people, flip)?;
        let (photos, held_out) = (split.training.len(), split.held_out.len());
        if (record.photos, record.held_out) != (photos, held_out) {
            let reason = format!(
                "was trained on {} photos and judged by {}, the data set now has {photos} and {held_out}; start a new run",
                record.photos, record.held_out
            );
            return Err(Error::training(path.display(), reason));
        }
        let tokenizer = Tokenizer::open(&folder.join(TOKENIZER))?;
        let config = record.fit.clone();
        let fit = match checkpoint::load(folder)? {
            Some(checkpoint) => Fit::resume(config, checkpoint.state.step, &checkpoint.folder, device)?,
            None => Fit::new(config, device)?,
        };
        forget_after(&folder.join(METRICS), fit.steps_done())?;
        Self::load(folder, record, fit, data, &split, &tokenizer)
    }

    fn load(
        folder: &Path,
        record: Record,
        fit: Fit,
        data: &Dataset,
        split: &Split<'_>,
        tokenizer: &Tokenizer,
    ) -> Result<Self> {
        let pairs = |photos| Pairs::load(data, photos, tokenizer, record.fit.clip.text.context);
        let (training, held_out) = (pairs(&split.training)?, pairs(&split.held_out)?);
        Ok(Self { folder: folder.into(), record, fit, training, held_out })
    }

    /// What is trained, on what.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Steps that are done.
    pub fn steps_done(&self) -> u64 {
        self.fit.steps_done()
    }

    /// One step.
    ///
    /// # Errors
    /// As [`Fit::step`], or [`Error::Io`].
    pub fn step(&mut self) -> Result<Step> {
        let step = self.fit.step(&self.training)?;
        self.note(&step)?;
        Ok(step)
    }

    /// Judges it by the people who were held out.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn judge(&self) -> Result<Judged> {
        let judged = Judged { step: self.fit.steps_done(), retrieval: self.fit.judge(&self.held_out) };
        self.note(&judged)?;
        Ok(judged)
    }

    /// Makes a checkpoint.
    ///
    /// # Errors
    /// [`Error::Io`]; older checkpoints are then as they were.
    pub fn checkpoint(&self) -> Result<()> {
        let FitConfig { batch, seed, .. } = self.record.fit;
        let step = self.fit.steps_done();
        let config = toml::to_string(&self.record.fit).map_err(|e| Error::training(RECORD, e.to_string()))?;
        let state = State {
            step,
            samples: step * batch.min(self.training.len()) as u64,
            seed,
            config_sha256: digest::sha256(config),
        };
        checkpoint::save(&self.folder, &state, KEEP, |folder| self.fit.save(folder))?;
        Ok(())
    }

    /// Judges it, makes a checkpoint, and writes the weights: the folder is a CLIP's folder now.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(&mut self) -> Result<Judged> {
        let judged = self.judge()?;
        self.checkpoint()?;
        self.fit.save_weights(&self.folder)?;
        self.record.result = Some(judged);
        self.write_record()?;
        Ok(judged)
    }

    fn write_record(&self) -> Result<()> {
        let path = self.folder.join(RECORD);
        let text = toml::to_string(&self.record).map_err(|e| Error::training(path.display(), e.to_string()))?;
        replace(&path, text.as_bytes())
    }

    /// Adds a line to the metrics.
    fn note(&self, what: &impl Serialize) -> Result<()> {
        lines::append(&self.folder.join(METRICS), what)
    }
}

/// Takes out the lines of steps after `step`, which will be made again, and one that a crash cut off.
fn forget_after(path: &Path, step: u64) -> Result<()> {
    #[derive(Deserialize)]
    struct Line {
        step: u64,
    }
    lines::keep(path, |line: &Line| line.step <= step)
}
