//! `captions.jsonl` and `captions.toml` beside a data set's index: what was written so far, and by whom.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files::{FolderLock, lock_folder, replace};
use crate::train::data::Caption;

/// Where a data set's captions come from; `captions.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// `files`, `server` or `measured`.
    pub captioner: String,
    /// Of `files`: where they lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// Of `server`: the model that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Of `server`: SHA-256 of the prompt, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_sha256: Option<String>,
    /// Of `measured`: what the choice of words depends on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl Origin {
    /// That captioner, and nothing else to remember.
    pub fn new(captioner: &str) -> Self {
        Self { captioner: captioner.into(), ..Self::default() }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let settings = [
            self.folder.as_ref().map(|folder| format!("folder {}", folder.display())),
            self.model.as_ref().map(|model| format!("model {model}")),
            self.prompt_sha256.as_ref().map(|digest| format!("prompt {}", digest.get(..8).unwrap_or(digest))),
            self.seed.map(|seed| format!("seed {seed}")),
        ];
        let settings: Vec<_> = settings.into_iter().flatten().collect();
        write!(f, "`{}`", self.captioner)?;
        if settings.is_empty() { Ok(()) } else { write!(f, " ({})", settings.join(", ")) }
    }
}

/// The captions of a data set while they are being written.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    file: File,
    /// Nobody else writes into the data set while it is open.
    _lock: FolderLock,
    texts: BTreeMap<String, String>,
}

impl Store {
    /// Opens the captions in `folder` to go on with them, or starts them. Those that came with the photos stay.
    ///
    /// # Errors
    /// [`Error::Training`] when another run writes them, or they are of another captioner and `overwrite` is not set, or
    /// damaged; [`Error::Io`].
    pub fn open(folder: &Path, origin: &Origin, overwrite: bool) -> Result<Self> {
        let Some(lock) = lock_folder(folder)? else {
            let reason = "another run prepares or captions this data set; wait for its end";
            return Err(Error::training(folder.display(), reason));
        };
        let (path, about) = (folder.join("captions.jsonl"), folder.join("captions.toml"));
        let texts = match overwrite {
            true => BTreeMap::new(),
            false => read(&path)?,
        };
        if !texts.is_empty() {
            check(&path, &about, origin)?;
        }
        let text = toml::to_string(origin).map_err(|e| Error::training(about.display(), e.to_string()))?;
        // First the captions: an interruption between the two must not leave old ones under a new name.
        replace(&path, &serialized(&texts)?)?;
        replace(&about, text.as_bytes())?;
        let file = OpenOptions::new().append(true).open(&path).map_err(Error::io(&path))?;
        Ok(Self { path, file, _lock: lock, texts })
    }

    /// Whether the photo has its caption.
    pub fn contains(&self, id: &str) -> bool {
        self.texts.contains_key(id)
    }

    /// Keeps a caption; it is in the file when this returns.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn add(&mut self, id: &str, text: String) -> Result<()> {
        let line = line(id, &text)?;
        self.file.write_all(line.as_bytes()).map_err(Error::io(&self.path))?;
        self.texts.insert(id.into(), text);
        Ok(())
    }

    /// Brings the file into the order of ids.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(self) -> Result<()> {
        replace(&self.path, &serialized(&self.texts)?)
    }
}

/// Captions by id. A last line without its end was cut off by a crash and is left out.
fn read(path: &Path) -> Result<BTreeMap<String, String>> {
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let text = std::fs::read(path).map_err(Error::io(path))?;
    let whole = text.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
    let lines = text[..whole].split(|&b| b == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    let caption = |(i, line)| match serde_json::from_slice::<Caption>(line) {
        Ok(caption) => Ok((caption.id, caption.text)),
        Err(e) => {
            let place = format!("{}:{}", path.display(), i + 1);
            Err(Error::training(place, format!("{e}; mend the line, or begin anew with --overwrite")))
        }
    };
    lines.map(caption).collect()
}

/// Refuses to mix captions of two captioners. `prepare` keeps those that came with photos without saying by whom.
fn check(path: &Path, about: &Path, origin: &Origin) -> Result<()> {
    if !about.exists() {
        return Ok(());
    }
    let text = std::fs::read_to_string(about).map_err(Error::io(about))?;
    let other: Origin = toml::from_str(&text).map_err(|e| Error::training(about.display(), e.to_string()))?;
    if other == *origin {
        return Ok(());
    }
    let reason = format!("holds captions from {other}, not from {origin}; --overwrite replaces them all");
    Err(Error::training(path.display(), reason))
}

fn line(id: &str, text: &str) -> Result<String> {
    let caption = Caption { id: id.into(), text: text.into() };
    let json =
        serde_json::to_string(&caption).map_err(|e| Error::training(format!("caption of {id}"), e.to_string()))?;
    Ok(json + "\n")
}

fn serialized(texts: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    Ok(texts.iter().map(|(id, text)| line(id, text)).collect::<Result<String>>()?.into_bytes())
}
