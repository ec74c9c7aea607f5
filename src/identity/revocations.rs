//! Lists of consents that were taken back.
//!
//! A text file, a line for each record (and for each that it replaced): SHA-256 of the record, SHA-256 of the face, then
//! a note for people. Empty lines and lines that begin with `#` mean nothing. A face that is listed is refused under any
//! record.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::Identity;
use super::consent::short_name;
use super::key::user_folder;
use crate::digest::hex;
use crate::error::{Error, Result};

/// Bytes of a list at most.
const MAX_BYTES: u64 = 16 << 20;
/// What a new list begins with.
const HEAD: &str = "# Consents that were taken back: SHA-256 of the record, SHA-256 of the face, note.\n";

/// Consents that were taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations {
    records: HashSet<[u8; 32]>,
    faces: HashSet<[u8; 32]>,
}

impl Revocations {
    /// Where the user's own list is; none where the user has no home.
    pub fn user_file() -> Option<PathBuf> {
        Some(user_folder()?.join("revoked.txt"))
    }

    /// Reads the user's own list, which need not exist, and the one at `path`.
    ///
    /// # Errors
    /// [`Error::Consent`] for a list with a line that cannot be understood, [`Error::Io`] when it cannot be read.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        let mut list = match Self::user_file().map(|file| Self::read(&file)) {
            Some(Err(Error::Io { path, source }))
                if source.kind() == io::ErrorKind::NotFound && !leads_nowhere(&path) =>
            {
                Self::default()
            }
            Some(own) => own?,
            None => Self::default(),
        };
        if let Some(path) = path {
            let given = Self::read(path)?;
            list.records.extend(given.records);
            list.faces.extend(given.faces);
        }
        Ok(list)
    }

    /// Reads the list at `path`.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn read(path: &Path) -> Result<Self> {
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(Error::io(path))?;
        let size = file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(Error::io(path))?;
        let broken = |reason: String| Error::Consent { path: path.into(), reason };
        if size as u64 > MAX_BYTES {
            return Err(broken(format!("this revocation list is larger than {} MiB", MAX_BYTES >> 20)));
        }
        Self::parse(&text).map_err(broken)
    }

    /// Reads a list.
    ///
    /// # Errors
    /// The line that cannot be understood. Passing over it could let a face through that was taken back.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut list = Self::default();
        // Editors write a mark in front, and end lines in any of three ways.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        for (number, line) in (1..).zip(text.split(['\n', '\r'])) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.split_whitespace().map(digest);
            let (Some(Some(record)), Some(Some(face))) = (words.next(), words.next()) else {
                return Err(format!("line {number} of this revocation list does not begin with two SHA-256"));
            };
            list.records.insert(record);
            list.faces.insert(face);
        }
        Ok(list)
    }

    /// Whether the face of `identity` is listed. Its records are not asked: those that it says it replaced are its own
    /// word, and the one in force is about its face alone.
    pub fn contains(&self, identity: &Identity) -> bool {
        self.faces.contains(&identity.face_digest())
    }

    /// Whether the record of this SHA-256, in hexadecimal digits, is listed.
    pub fn contains_record(&self, sha256: &str) -> bool {
        digest(sha256).is_some_and(|record| self.records.contains(&record))
    }

    /// Whether a listed record has the short name `id` (24 bits).
    pub fn contains_id(&self, id: u32) -> bool {
        self.records.iter().any(|record| short_name(record) == id)
    }

    /// Adds those records of `identity` to the list at `path` that are not on it, and returns how many; the list is made
    /// if there is none; `note` is for people. The records that its own replaced go along only if the signature holds.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Consent`] for a list that cannot be understood.
    pub fn add(path: &Path, identity: &Identity, note: &str) -> Result<usize> {
        let known = if path.exists() { Self::read(path)? } else { Self::default() };
        let mut records = identity.records();
        records.retain(|record| !known.records.contains(record));
        if records.is_empty() {
            return Ok(0);
        }
        let note: String = note.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let face = hex(&identity.face_digest());
        let lines: String = records.iter().map(|record| format!("{} {face} {note}\n", hex(record))).collect();
        let append = || -> io::Result<()> {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut file = OpenOptions::new().append(true).create(true).open(path)?;
            let head = match std::fs::read(path)?.last() {
                None => HEAD,
                Some(b'\n') => "",
                Some(_) => "\n",
            };
            // One write: two processes that append at the same time do not mix their lines.
            file.write_all(format!("{head}{lines}").as_bytes())?;
            file.sync_all()
        };
        append().map_err(Error::io(path))?;
        Ok(records.len())
    }
}

/// Whether `path`, or a folder on the way, is a link to what is not there: then the list is not missing, it is lost.
fn leads_nowhere(path: &Path) -> bool {
    path.ancestors().any(|place| place.symlink_metadata().is_ok() && !place.exists())
}

fn digest(word: &str) -> Option<[u8; 32]> {
    HEXLOWER.decode(word.to_lowercase().as_bytes()).ok()?.try_into().ok()
}
