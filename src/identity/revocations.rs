//! Lists of consents that were taken back.
//!
//! A text file. A line has SHA-256 of a record, one of the [`Identity::traces`] of its face, then a note for people.
//! Records that were replaced are listed as well. Empty lines and lines that begin with `#` mean nothing.
//!
//! A face of which one trace is listed is refused under any record. So a photo is known again: alone, twice, among
//! others, from another file of the same pixels (a PNG of the decoded JPEG). Not known again are a photo that was cut,
//! scaled, mirrored or compressed anew, perhaps one that is enrolled on a processor that rounds otherwise, and other
//! photos of the person. A list knows photos, not people; to know people, it would have to hand out what tells a face.
//!
//! Lists of older versions have the face as a whole only; revoking the file again adds the rest. Older versions read
//! newer lists, and know the whole face only.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Write};
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
const HEAD: &str = "# Consents that were taken back: SHA-256 of the record, SHA-256 of the face (of all of it, of a \
                    photo, of an embedding), note.\n";

/// Consents that were taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations {
    records: HashSet<[u8; 32]>,
    traces: HashSet<[u8; 32]>,
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
            Some(Err(Error::Io { path, source })) if source.kind() == ErrorKind::NotFound && !leads_nowhere(&path) => {
                Self::default()
            }
            Some(own) => own?,
            None => Self::default(),
        };
        if let Some(path) = path {
            let given = Self::read(path)?;
            list.records.extend(given.records);
            list.traces.extend(given.traces);
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
        let broken = |reason: String| Error::Consent { path: path.into(), reason };
        let size = file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|e| match e.kind() {
            ErrorKind::InvalidData => broken(
                "is no list of consents that were taken back, which `alphaswap identity revoke` makes; name another, or \
                 restore it from a copy"
                    .into(),
            ),
            _ => Error::io(path)(e),
        })?;
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
            let (Some(Some(record)), Some(Some(trace))) = (words.next(), words.next()) else {
                return Err(format!("line {number} of this revocation list does not begin with two SHA-256"));
            };
            list.records.insert(record);
            list.traces.insert(trace);
        }
        Ok(list)
    }

    /// Whether a trace of the face of `identity`, or its record, is listed. The records that it says it replaced are
    /// not asked: they are its own word.
    pub fn contains(&self, identity: &Identity) -> bool {
        identity.traces().any(|trace| self.traces.contains(&trace)) || self.records.contains(&identity.consent_digest())
    }

    /// Whether the record of this SHA-256, in hexadecimal digits, is listed.
    pub fn contains_record(&self, sha256: &str) -> bool {
        digest(sha256).is_some_and(|record| self.records.contains(&record))
    }

    /// Whether a listed record has the short name `id` (24 bits).
    pub fn contains_id(&self, id: u32) -> bool {
        self.records.iter().any(|record| short_name(record) == id)
    }

    /// Adds what the list at `path` does not have of `identity`, and returns of how many records; the list is made if
    /// there is none; `note` is for people. The records that its own replaced go along only if the signature holds.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Consent`] for a list that cannot be understood.
    pub fn add(path: &Path, identity: &Identity, note: &str) -> Result<usize> {
        let known = if path.exists() { Self::read(path)? } else { Self::default() };
        let missing = known.missing(identity);
        if missing.is_empty() {
            return Ok(0);
        }
        let note: String = note.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let line = |(record, trace): &([u8; 32], [u8; 32])| format!("{} {} {note}\n", hex(record), hex(trace));
        let lines: String = missing.iter().map(line).collect();
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
        Ok(missing.iter().map(|(record, _)| record).collect::<HashSet<_>>().len())
    }

    /// Records and traces of `identity`, in pairs as on a line, where one of the two is not listed.
    fn missing(&self, identity: &Identity) -> Vec<([u8; 32], [u8; 32])> {
        let (face, record) = (identity.face_digest(), identity.consent_digest());
        let mut pairs: Vec<_> = identity.records().into_iter().map(|record| (record, face)).collect();
        pairs.extend(identity.traces().map(|trace| (record, trace)));
        // The last record's face is the first trace; and a photo can be there twice.
        pairs.dedup();
        pairs.retain(|(record, trace)| !self.records.contains(record) || !self.traces.contains(trace));
        pairs
    }
}

/// Whether `path`, or a folder on the way, is a link to what is not there: then the list is not missing, it is lost.
fn leads_nowhere(path: &Path) -> bool {
    path.ancestors().any(|place| place.symlink_metadata().is_ok() && !place.exists())
}

fn digest(word: &str) -> Option<[u8; 32]> {
    HEXLOWER.decode(word.to_lowercase().as_bytes()).ok()?.try_into().ok()
}
