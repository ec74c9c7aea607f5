//! `prepare`: folders of photos become a data set ([`crate::train::data`]).
//!
//! Photos are found ([`find`]), told apart by what is in their files (`queue`), looked at on all cores (`work`,
//! `look`), sorted out by quality ([`filter`]) and written down one by one (`journal`), so that a run can be stopped at
//! any time and the next one goes on. What comes out does not depend on stops and threads.

pub mod filter;
pub mod find;
mod journal;
mod look;
pub mod mask;
mod queue;
pub mod sheet;
mod work;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::models::Model;
use crate::train::data::write::{add_captions, write_header};
use crate::train::data::{Caption, Header, Item, PhotoSet, Skipped, VERSION};
use crate::train::lines;
use filter::{Filter, kind};
use find::{People, Photo, photos};
use journal::{Journal, Outcome, Record, Rules};
use look::Looker;
use queue::queue;

/// Sides of the crop that can be prepared, in pixels.
pub const CROPS: std::ops::RangeInclusive<usize> = 64..=1024;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folders of photos. The licence may be empty where the data set knows the set already.
    pub sets: Vec<PhotoSet>,
    /// Folder of the data set; one that exists is gone on with.
    pub output: PathBuf,
    /// Side of the crop in pixels, a multiple of 8 within [`CROPS`].
    pub crop: usize,
    /// Identity encoders; the first is FaceRes.
    pub encoders: Vec<Model>,
    /// What names a person.
    pub people: People,
    /// What is taken; none takes everything that has a face.
    pub filter: Option<Filter>,
    /// Photos that are looked at at once.
    pub jobs: usize,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether files are still being told apart; then `done` and `total` count these.
    pub hashing: bool,
    /// Photos that were looked at, in this run and before.
    pub done: usize,
    /// Photos that there are.
    pub total: usize,
    /// Photos that were taken.
    pub taken: usize,
}

/// What there is at the end of a run, from all runs.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// What was taken, in the order of ids.
    pub items: Vec<Item>,
    /// What was not, in the order of sets and paths.
    pub skipped: Vec<Skipped>,
    /// Photos with several faces, of which the largest was taken.
    pub several_faces: usize,
    /// Photos that are still to be looked at, because the run was stopped.
    pub left: usize,
}

impl Settings {
    fn looker(&self) -> Result<Looker> {
        Looker::new(self.crop, &self.encoders, self.filter)
    }

    fn check(&self) -> Result<()> {
        if !CROPS.contains(&self.crop) || !self.crop.is_multiple_of(8) {
            let reason = format!("is no crop size; a multiple of 8 from {} to {} is", CROPS.start(), CROPS.end());
            return Err(Error::training(format!("crop {}", self.crop), reason));
        }
        let is_second = |(i, set): &(usize, &PhotoSet)| self.sets[..*i].iter().any(|s| s.name == set.name);
        match self.sets.iter().enumerate().find(is_second) {
            None => Ok(()),
            Some((_, set)) => {
                let reason =
                    format!("there are two sets of this name; give one another: NAME={}", set.folder.display());
                Err(Error::training(format!("set {}", set.name), reason))
            }
        }
    }
}

/// Prepares what no run before has. `watch` is told after each photo how far things are; when it breaks, photos in work
/// are finished and the data set is left in order, to be gone on with.
///
/// # Errors
/// [`Error::Training`] for a folder without photos, a set without a licence, or a data set that was begun by other
/// rules; [`Error::Io`] for a folder that cannot be read, or written: what was written is good then, and can be gone on
/// with. Photos that cannot be used are no error.
pub fn prepare(settings: &Settings, watch: &mut dyn FnMut(Progress) -> ControlFlow<()>) -> Result<Summary> {
    settings.check()?;
    let mut found = Vec::new();
    for set in &settings.sets {
        found.extend(photos(set, settings.people)?);
    }
    let mut journal = begin(settings)?;
    let mut hashed = |done, total| watch(Progress { hashing: true, done, total, taken: 0 });
    let ControlFlow::Continue(queue) = queue(&found, &journal.records, &mut hashed) else {
        let left = found.len().saturating_sub(journal.records.len());
        return Ok(Summary { left, ..finish(settings, &found, &journal.records, Vec::new())? });
    };
    let total = journal.records.len() + queue.tasks.len();
    let mut taken = journal.records.iter().filter(|r| r.is_taken()).count();
    let ran = work::run(settings, &queue.tasks, &mut |record| {
        taken += usize::from(record.is_taken());
        journal.add(record)?;
        Ok(watch(Progress { hashing: false, done: journal.records.len(), total, taken }))
    });
    // What was done is put in order after a failure, too; the first error is the one to tell.
    let finished = finish(settings, &found, &journal.records, queue.skipped);
    ran?;
    Ok(Summary { left: total - journal.records.len(), ..finished? })
}

/// Opens the output folder and writes the header.
fn begin(settings: &Settings) -> Result<Journal> {
    let folder = &settings.output;
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let is_empty = std::fs::read_dir(folder).map_err(Error::io(folder))?.next().is_none();
    if !is_empty && !folder.join("journal.jsonl").is_file() {
        let reason = "is not empty, and no data set that could be gone on with; choose a new folder";
        return Err(Error::training(folder.display(), reason));
    }
    let path = folder.join("dataset.toml");
    let known = match path.is_file() {
        true => Header::read(folder)?.sets,
        false => Vec::new(),
    };
    let sets = merged(known, &settings.sets)?;
    let looker = settings.looker()?;
    let Settings { crop, people, filter, .. } = *settings;
    let journal =
        Journal::open(folder, &Rules { version: VERSION, crop, encoders: looker.encoders(), people, filter })?;
    write_header(folder, &Header { version: VERSION, crop, encoders: looker.embeddings(), sets })?;
    Ok(journal)
}

/// The sets that a data set knows, and those that are new.
fn merged(mut known: Vec<PhotoSet>, given: &[PhotoSet]) -> Result<Vec<PhotoSet>> {
    for set in given {
        let refuse = |reason: String| Err(Error::training(format!("set {}", set.name), reason));
        match known.iter().find(|k| k.name == set.name) {
            None if set.licence.trim().is_empty() => {
                return refuse(format!(
                    "under which licence are its photos used? Say so with --licence \"{}=...\"; models that are \
                     trained on them tell it",
                    set.name
                ));
            }
            None => known.push(set.clone()),
            Some(k) if k.folder != set.folder => {
                return refuse(format!(
                    "the data set has one of this name from {}; give this one another: NAME={}",
                    k.folder.display(),
                    set.folder.display()
                ));
            }
            Some(k) if !set.licence.trim().is_empty() && k.licence != set.licence => {
                return refuse(format!("the data set says of it {:?}; leave --licence out", k.licence));
            }
            Some(_) => {}
        }
    }
    Ok(known)
}

/// Writes index, list of skipped photos and captions.
fn finish(settings: &Settings, found: &[Photo], records: &[Record], skipped: Vec<Skipped>) -> Result<Summary> {
    let folder = &settings.output;
    let mut items = Vec::new();
    let mut all_skipped = kept(&folder.join("skipped.jsonl"), &settings.sets)?;
    all_skipped.extend(skipped);
    for record in records {
        match &record.outcome {
            Outcome::Taken(item) => items.push(item.clone()),
            Outcome::Skipped(skipped) => all_skipped.push(skipped.clone()),
        }
    }
    items.sort_by(|a, b| a.id.cmp(&b.id));
    all_skipped.sort_by(|a, b| (&a.set, &a.photo).cmp(&(&b.set, &b.photo)));
    all_skipped.dedup_by(|a, b| (&a.set, &a.photo) == (&b.set, &b.photo));
    lines::write(&folder.join("skipped.jsonl"), &all_skipped)?;
    add_captions(folder, captions(found, &items)?)?;
    lines::write(&folder.join("index.jsonl"), &items)?;
    let several_faces = records.iter().filter(|r| r.faces > 1).count();
    Ok(Summary { items, skipped: all_skipped, several_faces, left: 0 })
}

/// What earlier runs skipped in sets that are not looked at now.
fn kept(path: &Path, sets: &[PhotoSet]) -> Result<Vec<Skipped>> {
    let old: Vec<Skipped> = if path.is_file() { lines::read(path)? } else { Vec::new() };
    Ok(old.into_iter().filter(|s| !sets.iter().any(|set| set.name == s.set)).collect())
}

/// The captions that came with the photos that were taken.
fn captions(found: &[Photo], items: &[Item]) -> Result<Vec<Caption>> {
    let ids: HashMap<_, _> = items.iter().map(|i| ((i.set.as_str(), i.photo.as_str()), i.id.as_str())).collect();
    let mut captions = Vec::new();
    for photo in found {
        let (Some(path), Some(id)) = (&photo.caption, ids.get(&(photo.set.as_str(), photo.photo.as_str()))) else {
            continue;
        };
        let text = std::fs::read(path).map_err(Error::io(path))?;
        if let Some(line) = String::from_utf8_lossy(&text).lines().map(str::trim).find(|line| !line.is_empty()) {
            captions.push(Caption { id: id.to_string(), text: line.into() });
        }
    }
    Ok(captions)
}

impl Summary {
    /// How many people there are.
    pub fn people(&self) -> usize {
        self.items.iter().map(|i| i.person.as_str()).collect::<BTreeSet<_>>().len()
    }

    /// How many photos were skipped, by what was wrong with them.
    pub fn reasons(&self) -> BTreeMap<&str, usize> {
        let mut reasons = BTreeMap::new();
        self.skipped.iter().for_each(|s| *reasons.entry(kind(&s.reason)).or_default() += 1);
        reasons
    }

    /// How many photos there are by yaw, in bins of `width` degrees: the bin's middle and the number, from left to
    /// right.
    pub fn yaws(&self, width: f32) -> Vec<(f32, usize)> {
        let mut bins = BTreeMap::<i32, usize>::new();
        self.items.iter().for_each(|i| *bins.entry((i.pose.yaw / width).round() as i32).or_default() += 1);
        bins.into_iter().map(|(bin, count)| (bin as f32 * width, count)).collect()
    }
}
