//! Large files in small pieces, for ways of transport that limit the size of a file.
//!
//! A packed folder holds `NAME.000`, `NAME.001`, ... and `pieces.toml`, which lists them with their SHA-256.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::digest;
use crate::error::{Error, Result};
use crate::files::{Readers, beside, replace};

/// Name of the list.
const LIST: &str = "pieces.toml";

/// What was packed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    file: Vec<Packed>,
}

/// A file and its pieces in order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Packed {
    name: String,
    piece: Vec<Piece>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Piece {
    name: String,
    sha256: String,
}

/// Cuts every file of `folder` into pieces of at most `piece_size` bytes in `packed`, a folder that is made if it is not
/// there; the list is written last. Folders in `folder` are left out.
///
/// # Errors
/// [`Error::Io`]; [`Error::Training`] for a piece size of 0.
pub fn pack(folder: &Path, packed: &Path, piece_size: u64) -> Result<()> {
    if piece_size == 0 {
        return Err(Error::training("piece size", "0 bytes make no piece; 16 MiB is a good size"));
    }
    fs::create_dir_all(packed).map_err(Error::io(packed))?;
    let mut file = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        if path.is_file() {
            file.push(cut(&path, packed, piece_size)?);
        }
    }
    file.sort_by(|a, b| a.name.cmp(&b.name));
    let text = toml::to_string(&List { file }).map_err(|e| Error::training(LIST, format!("cannot be written: {e}")))?;
    replace(&packed.join(LIST), text.as_bytes())
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
    list.file.iter().try_for_each(|file| join(file, packed, folder))
}

fn cut(path: &Path, packed: &Path, piece_size: u64) -> Result<Packed> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut source = File::open(path).map_err(Error::io(path))?;
    let mut pieces = Vec::new();
    loop {
        let mut bytes = Vec::new();
        (&mut source).take(piece_size).read_to_end(&mut bytes).map_err(Error::io(path))?;
        // An empty file has one empty piece.
        if bytes.is_empty() && !pieces.is_empty() {
            return Ok(Packed { name, piece: pieces });
        }
        let piece = format!("{name}.{:03}", pieces.len());
        replace(&packed.join(&piece), &bytes)?;
        pieces.push(Piece { name: piece, sha256: digest::sha256(&bytes) });
    }
}

fn join(file: &Packed, packed: &Path, folder: &Path) -> Result<()> {
    let target = folder.join(plain(&file.name)?);
    let mut whole = beside(&target, Readers::Usual).map_err(Error::io(&target))?;
    for Piece { name, sha256 } in &file.piece {
        let path = packed.join(plain(name)?);
        let bytes = fs::read(&path)
            .map_err(|e| Error::training(path.display(), format!("piece of {}: {e}; fetch it again", file.name)))?;
        if digest::sha256(&bytes) != *sha256 {
            let reason = format!("piece of {}: damaged, its SHA-256 is not that in {LIST}; fetch it again", file.name);
            return Err(Error::training(path.display(), reason));
        }
        whole.write_all(&bytes).map_err(Error::io(&target))?;
    }
    whole.as_file().sync_all().map_err(Error::io(&target))?;
    whole.persist(&target).map_err(|e| Error::io(&target)(e.error)).map(drop)
}

/// Refuses a name in a list that would leave the folder.
fn plain(name: &str) -> Result<&str> {
    match Path::new(name).file_name().is_some_and(|n| n == name) {
        true => Ok(name),
        false => Err(Error::training(LIST, format!("{name:?} is no plain file name; the list is damaged"))),
    }
}
