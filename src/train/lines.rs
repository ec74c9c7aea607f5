//! Files of JSON lines: data sets' indices, captions, metrics.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::files::replace;

/// Every line.
///
/// # Errors
/// [`Error::Io`], or [`Error::Training`] naming the line that is damaged.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    let read = |(i, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| Error::training(format!("{}:{}", path.display(), i + 1), e.to_string()))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(read).collect()
}

/// Writes a file of `items`; it appears complete or not at all.
///
/// # Errors
/// [`Error::Io`] naming the file, [`Error::Training`] for an item that JSON has no words for.
pub fn write<T: Serialize>(path: &Path, items: &[T]) -> Result<()> {
    let mut text = Vec::new();
    for item in items {
        serde_json::to_writer(&mut text, item).map_err(|e| Error::training(path.display(), e.to_string()))?;
        text.push(b'\n');
    }
    replace(path, &text)
}

/// Adds `item` at once; the file is made if it is not there.
///
/// # Errors
/// As [`write()`].
pub fn append(path: &Path, item: &impl Serialize) -> Result<()> {
    let line = serde_json::to_string(item).map_err(|e| Error::training(path.display(), e.to_string()))?;
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())).map_err(Error::io(path))
}

/// Takes lines out of a file if it is there: those that `stays` does not want, and those that cannot be read, as one
/// that a crash cut off.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn keep<T: DeserializeOwned>(path: &Path, stays: impl Fn(&T) -> bool) -> Result<()> {
    let text = match std::fs::read_to_string(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        read => read.map_err(Error::io(path))?,
    };
    let wanted = |line: &&str| serde_json::from_str(line).is_ok_and(|item| stays(&item));
    let kept: String = text.lines().filter(wanted).flat_map(|line| [line, "\n"]).collect();
    replace(path, kept.as_bytes())
}
