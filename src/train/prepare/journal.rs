//! What a run has done so far, a line for each photo, so that the next run goes on from there.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::filter::Filter;
use super::find::People;
use crate::error::{Error, Result};
use crate::files::{FolderLock, lock_folder};
use crate::train::data::{Item, Skipped};

/// What must be the same in all runs on a data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// Version of the layout.
    pub version: u32,
    /// Side of the crop in pixels.
    pub crop: usize,
    /// Name and SHA-256 of the encoders.
    pub encoders: Vec<(String, String)>,
    /// What names a person.
    pub people: People,
    /// What is taken; none takes everything that has a face.
    pub filter: Option<Filter>,
}

/// A photo that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// First 16 hexadecimal digits of the SHA-256 of its file.
    pub id: String,
    /// Faces in a photo that was taken; the largest was looked at.
    pub faces: usize,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its files are in the data set.
    Taken(Item),
    /// It is not in the data set.
    Skipped(Skipped),
}

impl Record {
    /// Whether the photo is in the data set.
    pub fn is_taken(&self) -> bool {
        matches!(self.outcome, Outcome::Taken(_))
    }

    /// Name of the set, and path within it.
    pub fn photo(&self) -> (&str, &str) {
        match &self.outcome {
            Outcome::Taken(item) => (&item.set, &item.photo),
            Outcome::Skipped(skipped) => (&skipped.set, &skipped.photo),
        }
    }
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Rules(Rules),
    Done(Record),
}

/// The file, open and locked.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Nobody else writes into the data set while it is open.
    _lock: FolderLock,
    /// What is written in it.
    pub records: Vec<Record>,
}

impl Journal {
    /// Opens the journal of a data set's folder, or begins it. A last line that was cut off (the power failed, the disk
    /// was full) is taken away.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Training`] when another run is at work there, the file is damaged, or it was begun by
    /// other `rules`.
    pub fn open(folder: &Path, rules: &Rules) -> Result<Self> {
        let path = folder.join("journal.jsonl");
        let open = File::options().read(true).append(true).create(true).open(&path);
        let mut file = open.map_err(Error::io(&path))?;
        let Some(lock) = lock_folder(folder)? else {
            let reason = "another run prepares or captions this data set; wait for its end or choose another folder";
            return Err(Error::training(folder.display(), reason));
        };
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(Error::io(&path))?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).and_then(|()| file.seek(SeekFrom::End(0))).map_err(Error::io(&path))?;
        }
        let mut journal = Self { path, file, _lock: lock, records: Vec::new() };
        match journal.read(&text[..whole])? {
            None => journal.append(&Line::Rules(rules.clone()))?,
            Some(begun) if begun == *rules => {}
            Some(begun) => return Err(journal.refuse(&begun, rules)),
        }
        Ok(journal)
    }

    /// Takes the records in, and returns the rules.
    fn read(&mut self, text: &str) -> Result<Option<Rules>> {
        let mut rules = None;
        for (i, line) in text.lines().enumerate() {
            let what = || format!("{}:{}", self.path.display(), i + 1);
            match serde_json::from_str(line).map_err(|e| Error::training(what(), format!("damaged: {e}")))? {
                Line::Rules(begun) => rules = Some(begun),
                Line::Done(record) => self.records.push(record),
            }
        }
        Ok(rules)
    }

    fn refuse(&self, begun: &Rules, rules: &Rules) -> Error {
        let names = |rules: &Rules| rules.encoders.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>().join(", ");
        let what = if begun.version != rules.version {
            format!("version {} of the layout, now {}", begun.version, rules.version)
        } else if begun.crop != rules.crop {
            format!("a crop of {} px, now {}", begun.crop, rules.crop)
        } else if begun.encoders != rules.encoders {
            format!("the encoders {}, now {} (or other weights)", names(begun), names(rules))
        } else {
            "another filter or other rules for people".into()
        };
        let reason = format!("was begun with {what}; use the same options, or another folder");
        Error::training(self.path.parent().unwrap_or(&self.path).display(), reason)
    }

    /// Writes a record down.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn add(&mut self, record: Record) -> Result<()> {
        let line = Line::Done(record);
        self.append(&line)?;
        if let Line::Done(record) = line {
            self.records.push(record);
        }
        Ok(())
    }

    fn append(&mut self, line: &Line) -> Result<()> {
        let mut text = serde_json::to_vec(line).map_err(|e| Error::training(self.path.display(), e.to_string()))?;
        text.push(b'\n');
        let end = self.file.metadata().map_err(Error::io(&self.path))?.len();
        self.file.write_all(&text).map_err(|e| {
            // A full disk took a part of the line, to which the next one must not be glued.
            let _ = self.file.set_len(end);
            Error::io(&self.path)(e)
        })
    }
}
