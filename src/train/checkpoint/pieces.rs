//! Files in few small pieces, for ways of transport that limit size and number of files.
//!
//! The files stand one behind the other in a stream that is cut: a packed folder holds `piece.000`, `piece.001`, ... of
//! one size (the last is what is left) and `pieces.toml`, which lists files and pieces with their SHA-256.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{remove, sync};
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::files::replace;

/// Name of the list.
const LIST: &str = "pieces.toml";

/// What was packed.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    /// In the order of the stream.
    #[serde(default)]
    file: Vec<Packed>,
    #[serde(default)]
    piece: Vec<Piece>,
}

/// A file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Packed {
    name: String,
    /// In bytes.
    length: u64,
    sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Piece {
    name: String,
    sha256: String,
}

/// Packs `files` into pieces of at most `piece_size` bytes in the folder `packed`. What that held is replaced when all
/// pieces are there: until then they lie in a folder beside it.
///
/// # Errors
/// [`Error::Io`]; [`Error::Training`] for a piece size of 0, or a path without a folder's name.
pub fn pack(files: &[PathBuf], packed: &Path, piece_size: usize) -> Result<()> {
    if piece_size == 0 {
        return Err(Error::training("piece size", "0 bytes make no piece; 16 MiB is a good size"));
    }
    let Some(name) = packed.file_name() else {
        return Err(Error::training(packed.display(), "has no name to give to a new folder; write its name out"));
    };
    let unfinished = packed.with_file_name(format!(".{}.part", name.to_string_lossy()));
    remove(&unfinished)?;
    fs::create_dir_all(&unfinished).map_err(Error::io(&unfinished))?;
    let done = cut(files, &unfinished, piece_size).and_then(|()| {
        remove(packed)?;
        fs::rename(&unfinished, packed).map_err(Error::io(packed))
    });
    if done.is_err() {
        // The first error is the one to tell.
        let _ = remove(&unfinished);
    }
    done
}

/// Puts the files of [`pack`] together again in `folder`, which is made if it is not there.
///
/// # Errors
/// [`Error::Io`]; [`Error::Training`] naming a piece that is missing or damaged.
pub fn unpack(packed: &Path, folder: &Path) -> Result<()> {
    let path = packed.join(LIST);
    let text = fs::read_to_string(&path).map_err(Error::io(&path))?;
    let list: List = toml::from_str(&text).map_err(|e| Error::training(path.display(), e.to_string()))?;
    fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let mut stream = Stream { packed, pieces: list.piece.iter(), rest: Vec::new() };
    for Packed { name, length, sha256: told } in &list.file {
        let target = folder.join(plain(name)?);
        let bytes = stream.take(*length)?;
        if sha256(&bytes) != *told {
            let reason = format!("the pieces make another file than {LIST} says; pack it again");
            return Err(Error::training(target.display(), reason));
        }
        replace(&target, &bytes)?;
    }
    Ok(())
}

/// Writes the pieces, and the list last.
fn cut(files: &[PathBuf], packed: &Path, piece_size: usize) -> Result<()> {
    let (mut list, mut piece) = (List::default(), Vec::new());
    for path in files {
        let bytes = fs::read(path).map_err(Error::io(path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        list.file.push(Packed { name, length: bytes.len() as u64, sha256: sha256(&bytes) });
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (fits, later) = rest.split_at(rest.len().min(piece_size - piece.len()));
            piece.extend_from_slice(fits);
            rest = later;
            if piece.len() == piece_size {
                list.add(packed, &std::mem::take(&mut piece))?;
            }
        }
    }
    if !piece.is_empty() {
        list.add(packed, &piece)?;
    }
    let text = toml::to_string(&list).map_err(|e| Error::training(LIST, format!("cannot be written: {e}")))?;
    replace(&packed.join(LIST), text.as_bytes())?;
    sync(packed)
}

impl List {
    /// Writes the next piece.
    fn add(&mut self, packed: &Path, bytes: &[u8]) -> Result<()> {
        let name = format!("piece.{:03}", self.piece.len());
        replace(&packed.join(&name), bytes)?;
        self.piece.push(Piece { name, sha256: sha256(bytes) });
        Ok(())
    }
}

/// What the pieces hold, one behind the other.
struct Stream<'a> {
    packed: &'a Path,
    /// Those that were not read yet.
    pieces: std::slice::Iter<'a, Piece>,
    /// What is left of the last one that was.
    rest: Vec<u8>,
}

impl Stream<'_> {
    /// The next `length` bytes.
    fn take(&mut self, length: u64) -> Result<Vec<u8>> {
        let mut taken = Vec::new();
        loop {
            let missing = usize::try_from(length - taken.len() as u64).unwrap_or(usize::MAX);
            taken.extend(self.rest.drain(..missing.min(self.rest.len())));
            if taken.len() as u64 == length {
                return Ok(taken);
            }
            self.rest = self.next_piece()?;
        }
    }

    fn next_piece(&mut self) -> Result<Vec<u8>> {
        let Some(Piece { name, sha256: told }) = self.pieces.next() else {
            return Err(Error::training(LIST, "lists files that are longer than its pieces; the list is damaged"));
        };
        let path = self.packed.join(plain(name)?);
        let bytes = fs::read(&path).map_err(|e| Error::training(path.display(), format!("{e}; fetch it again")))?;
        if sha256(&bytes) == *told {
            return Ok(bytes);
        }
        let reason = format!("damaged, its SHA-256 is not that in {LIST}; fetch it again");
        Err(Error::training(path.display(), reason))
    }
}

/// Refuses a name in a list that would leave the folder.
fn plain(name: &str) -> Result<&str> {
    match Path::new(name).file_name().is_some_and(|n| n == name) {
        true => Ok(name),
        false => Err(Error::training(LIST, format!("{name:?} is no plain file name; the list is damaged"))),
    }
}
