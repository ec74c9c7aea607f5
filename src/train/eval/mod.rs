//! Judging generators: every source onto every target, measured by networks that nothing was trained on.
//!
//! [`photos`] says which pictures, [`Swapper`] makes the outputs as the filter would, [`Judge`] reads faces, a [`Pair`]
//! compares them, a [`Summary`] sums up, a [`Sheet`] shows. [`judge()`] is all of it for one model, [`judge_outputs`] for
//! pictures that somebody else made.

mod chip;
mod frechet;
mod judge;
mod measure;
mod outputs;
pub mod photos;
mod sheet;
mod summary;
mod swap;

use std::ops::ControlFlow;
use std::path::PathBuf;

use image::RgbImage;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub use frechet::distance as frechet_distance;
pub use judge::{ENCODERS, Face, Judge, dlib};
pub use measure::{Framed, Pair};
pub use outputs::judge_outputs;
pub use photos::{Photo, Unusable};
pub use sheet::Sheet;
pub use summary::{COUNTED_PRESENCE, Group, METRICS, Metric, Spread, Summary, TURNED};
pub use swap::{Cast, Swapper};

use crate::error::{Error, Result};
use crate::models::Model;
use crate::path::Painter;

/// How an evaluation is done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Side in pixels of the frame in which pictures are compared.
    pub size: usize,
    /// At most so many pairs, chosen by chance; all of them if absent.
    pub pairs: Option<usize>,
    /// Seed of that choice.
    pub seed: u64,
    /// Model files of encoders that generators need beside FaceRes.
    pub encoders: Vec<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { size: 256, pairs: None, seed: 1, encoders: Vec::new() }
    }
}

/// What became of one model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Evaluation {
    /// Its numbers.
    pub summary: Summary,
    /// Each pair.
    pub pairs: Vec<Pair>,
}

/// Everything that a run of `alphaswap-train eval` found out: the file `eval.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Side of the frame in pixels.
    pub size: usize,
    /// Photos of sources that were used.
    pub sources: usize,
    /// Photos of targets that were used.
    pub targets: usize,
    /// Photos that were not.
    pub skipped: Vec<Unusable>,
    /// One for each model.
    pub models: Vec<Evaluation>,
}

/// Judges a generator: the entry for the trainer. Photos without a usable face are left out.
///
/// # Errors
/// [`Error::Training`] when no source or target is left, [`Error::Model`] for a model that does not work.
pub fn judge(model: &Model, sources: &[Photo], targets: &[Photo], options: &Options) -> Result<Summary> {
    let mut judge = Judge::new()?;
    let cast = Cast::read(&mut judge, (sources, targets), options.size, &options.encoders)?;
    let painter = Painter::generator(model.clone())?;
    let go_on = |_: Swapped<'_>| ControlFlow::Continue(());
    Ok(evaluate(&mut judge, &cast, (&model.name, &painter), options, go_on)?.summary)
}

/// A swap that was just measured.
#[derive(Debug)]
pub struct Swapped<'a> {
    /// Number of the source.
    pub source: usize,
    /// Number of the target.
    pub target: usize,
    /// The output in the common frame; none where nothing was painted.
    pub output: Option<&'a RgbImage>,
}

/// The pairs of an evaluation, source by source: nobody is put onto themselves. The same seed gives the same pairs for
/// every model.
///
/// # Errors
/// [`Error::Training`] when there is none.
pub fn pairs(cast: &Cast, options: &Options) -> Result<Vec<(usize, usize)>> {
    let of_source = |s: usize| (0..cast.targets.len()).map(move |t| (s, t));
    let others = |(s, t): &(usize, usize)| cast.sources[*s].person != cast.targets[*t].person;
    let mut pairs: Vec<_> = (0..cast.sources.len()).flat_map(of_source).filter(others).collect();
    if pairs.is_empty() {
        return Err(Error::training("evaluation", "every target shows the only source; give photos of others"));
    }
    if let Some(most) = options.pairs {
        pairs.shuffle(&mut ChaCha8Rng::seed_from_u64(options.seed));
        pairs.truncate(most);
        pairs.sort_unstable();
    }
    Ok(pairs)
}

/// Swaps and measures every pair by one model; `seen` is told of each output and may break off.
///
/// # Errors
/// [`Error::Model`] for a model that does not work, [`Error::Training`] when no output shows a face or `seen` broke off.
pub fn evaluate(
    judge: &mut Judge,
    cast: &Cast,
    (name, painter): (&str, &Painter),
    options: &Options,
    mut seen: impl FnMut(Swapped<'_>) -> ControlFlow<()>,
) -> Result<Evaluation> {
    let mut swapper = Swapper::new(painter, &cast.identities[0])?;
    let (mut measured, mut lost, mut on) = (Vec::new(), 0, 0);
    for (s, t) in pairs(cast, options)? {
        if s != on {
            swapper.put_on(&cast.identities[s])?;
            on = s;
        }
        let output = swapper.swap(cast, t, options.size)?;
        let face = output.as_ref().map(|o| judge.read(o)).transpose()?.flatten();
        match (&output, face) {
            (Some(output), Some(face)) => {
                let pair = measure::measure(judge, &cast.sources, &cast.sources[s], &cast.targets[t], (output, face));
                measured.push(pair);
            }
            _ => lost += 1,
        }
        if seen(Swapped { source: s, target: t, output: output.as_ref() }).is_break() {
            return Err(Error::training(name, "the evaluation was broken off"));
        }
    }
    Evaluation::new(name, measured, lost, &cast.sources, &cast.targets)
}

impl Evaluation {
    fn new(name: &str, pairs: Vec<Pair>, lost: usize, sources: &[Framed], targets: &[Framed]) -> Result<Self> {
        if pairs.is_empty() {
            return Err(Error::training(name, format!("no face was found in any of {lost} outputs")));
        }
        let summary = Summary::of(name, &pairs, lost, &features(targets), &features(sources));
        Ok(Self { summary, pairs })
    }
}

/// Embeddings by FaceRes.
fn features(photos: &[Framed]) -> Vec<&[f32]> {
    photos.iter().map(|photo| &photo.face.embeddings[1][..]).collect()
}
