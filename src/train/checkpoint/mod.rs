//! A run's folder: checkpoints that are complete or not there, found again after a crash.
//!
//! ```text
//! RUN/checkpoints/step-00001000/state.toml       where the run stood, and the SHA-256 of every other file
//! RUN/checkpoints/step-00001000/...              what the trainer wrote: weights, averages, moments
//! RUN/checkpoints/latest                         name of the newest one
//! ```

mod pieces;
mod tensors;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use pieces::{pack, unpack};
pub use tensors::{on_host, read_tensors, read_weights, write_tensors};

use crate::digest::sha256_of;
use crate::error::{Error, Result};
use crate::files::replace;

const STATE: &str = "state.toml";
const LATEST: &str = "latest";

/// Where a run stood.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Steps that are done.
    pub step: u64,
    /// Samples that the generator has seen.
    pub samples: u64,
    /// Seed of the run; random numbers follow from it and the step.
    pub seed: u64,
    /// SHA-256 of the run's config.
    pub config_sha256: String,
}

/// A checkpoint whose files are all there and undamaged.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Its folder.
    pub folder: PathBuf,
    /// Where the run stood.
    pub state: State,
}

impl Checkpoint {
    /// Its file of that name.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// What [`STATE`] holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    state: State,
    /// SHA-256 by file name.
    files: BTreeMap<String, String>,
}

/// Makes a checkpoint of `run`: `write` puts the files into the folder that it is given, which gets its name when all are
/// flushed to the disk. Then all but the newest `keep` checkpoints up to this one are deleted.
///
/// # Errors
/// What `write` says, or [`Error::Io`] (a full disk, for example); older checkpoints are then as they were.
pub fn save(run: &Path, state: &State, keep: usize, write: impl FnOnce(&Path) -> Result<()>) -> Result<Checkpoint> {
    let all = run.join("checkpoints");
    let name = format!("step-{:08}", state.step);
    let (folder, unfinished) = (all.join(&name), all.join(format!(".{name}.part")));
    remove(&unfinished)?;
    fs::create_dir_all(&unfinished).map_err(Error::io(&unfinished))?;
    let written = write(&unfinished).and_then(|()| seal(&unfinished, state)).and_then(|()| {
        // A run that went back may have been here before.
        remove(&folder)?;
        fs::rename(&unfinished, &folder).map_err(Error::io(&folder))
    });
    if let Err(error) = written {
        // The first error is the one to tell.
        let _ = remove(&unfinished);
        return Err(error);
    }
    replace(&all.join(LATEST), name.as_bytes())?;
    sync(&all)?;
    let mut old = steps(&all)?.into_iter().filter(|(step, _)| *step <= state.step).skip(keep.max(1));
    old.try_for_each(|(_, folder)| remove(&folder))?;
    Ok(Checkpoint { folder, state: state.clone() })
}

/// The newest undamaged checkpoint of `run`; none when no checkpoint was made. A damaged one is passed over with a
/// warning.
///
/// # Errors
/// [`Error::Io`], or [`Error::Training`] when every checkpoint is damaged.
pub fn load(run: &Path) -> Result<Option<Checkpoint>> {
    let all = run.join("checkpoints");
    if !all.exists() {
        return Ok(None);
    }
    // A checkpoint beyond the latest one was given up when the run went back.
    let latest = fs::read_to_string(all.join(LATEST)).ok().and_then(|name| step_of(name.trim()));
    let mut found = steps(&all)?;
    if found.iter().any(|(step, _)| Some(*step) <= latest) {
        found.retain(|(step, _)| latest.is_none_or(|latest| *step <= latest));
    }
    let mut damaged = Vec::new();
    for (_, folder) in found {
        match open(&folder) {
            Ok(checkpoint) => return Ok(Some(checkpoint)),
            Err(error) => {
                tracing::warn!("{error}; going back to the checkpoint before");
                damaged.push(error.to_string());
            }
        }
    }
    match damaged.is_empty() {
        true => Ok(None),
        false => {
            let reason = format!("every checkpoint is damaged ({}); start a new run", damaged.join("; "));
            Err(Error::training(all.display(), reason))
        }
    }
}

/// The checkpoint in `folder`.
///
/// # Errors
/// [`Error::Training`] when a file is missing or damaged.
pub fn open(folder: &Path) -> Result<Checkpoint> {
    let damaged = |reason: String| Error::training(folder.display(), reason);
    let text = fs::read_to_string(folder.join(STATE)).map_err(|e| damaged(format!("{STATE} cannot be read: {e}")))?;
    let manifest: Manifest = toml::from_str(&text).map_err(|e| damaged(format!("{STATE} is damaged: {e}")))?;
    for (name, told) in &manifest.files {
        match sha256(&folder.join(name)) {
            Ok(is) if is == *told => {}
            Ok(_) => return Err(damaged(format!("{name} is damaged, its SHA-256 is not that in {STATE}"))),
            Err(e) => return Err(damaged(format!("{name} cannot be read: {e}"))),
        }
    }
    Ok(Checkpoint { folder: folder.into(), state: manifest.state })
}

/// Lists the files of a finished folder in [`STATE`] and flushes all of it to the disk.
fn seal(folder: &Path, state: &State) -> Result<()> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        File::open(&path).and_then(|f| f.sync_all()).map_err(Error::io(&path))?;
        let hash = sha256(&path).map_err(Error::io(&path))?;
        files.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), hash);
    }
    let manifest = Manifest { state: state.clone(), files };
    let text = toml::to_string(&manifest).map_err(|e| Error::training(STATE, format!("cannot be written: {e}")))?;
    replace(&folder.join(STATE), text.as_bytes())?;
    sync(folder)
}

/// Every checkpoint, the newest first.
fn steps(all: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(all).map_err(Error::io(all))? {
        let path = entry.map_err(Error::io(all))?.path();
        let step = path.file_name().and_then(|name| step_of(&name.to_string_lossy()));
        found.extend(step.map(|step| (step, path)));
    }
    found.sort_by(|a, b| b.cmp(a));
    Ok(found)
}

fn step_of(name: &str) -> Option<u64> {
    name.strip_prefix("step-")?.parse().ok()
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io(folder)(e)),
        _ => Ok(()),
    }
}

/// Flushes a folder's entries to the disk; only Unix knows how.
fn sync(folder: &Path) -> Result<()> {
    match cfg!(unix) {
        true => File::open(folder).and_then(|f| f.sync_all()).map_err(Error::io(folder)),
        false => Ok(()),
    }
}

fn sha256(path: &Path) -> io::Result<String> {
    sha256_of(BufReader::with_capacity(1 << 20, File::open(path)?))
}
