//! Files that appear under their name only when they are complete.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::Path;

use tempfile::{Builder, NamedTempFile, TempPath};

use crate::error::{Error, Result};

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Only its owner.
    Owner,
    /// Whoever may read any new file of the user's.
    Usual,
}

/// An empty file in the folder of `target`; removed if it gets no other name.
///
/// # Errors
/// What the operating system says.
pub fn beside(target: &Path, readers: Readers) -> io::Result<NamedTempFile> {
    let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    builder.prefix(".alphaswap-").suffix(".part");
    match readers {
        Readers::Owner => builder.tempfile_in(folder),
        Readers::Usual => builder.make_in(folder, |path| File::create_new(path)),
    }
}

/// A file beside `target` with all of `bytes`, flushed to the disk.
///
/// # Errors
/// What the operating system says.
pub fn part(target: &Path, bytes: &[u8], readers: Readers) -> io::Result<TempPath> {
    let mut file = beside(target, readers)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file.into_temp_path())
}

/// Writes a file that whoever may read new files can read; it appears complete or not at all, and replaces an old one.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = part(path, bytes, Readers::Usual).and_then(|file| Ok(file.persist(path)?));
    written.map_err(Error::io(path))
}

/// Writes `bytes` beside `path`, flushes them to the disk, then gives the file its name; only its owner can read it.
/// Nothing is left behind on failure.
///
/// # Errors
/// What the operating system says; a folder or a missing file name is an error too.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder"));
    }
    path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "names no file"))?;
    Ok(part(path, bytes, Readers::Owner)?.persist(path)?)
}

/// A folder that is locked by a file in it, until this goes.
#[derive(Debug)]
pub struct FolderLock(File);

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing is not enough: a process that is just being started has the file for a moment, too.
        let _ = self.0.unlock();
    }
}

/// Locks a folder; none if another process has it. Some network file systems cannot lock: there the user is on their own.
///
/// # Errors
/// [`Error::Io`] for a folder that cannot be written to.
pub fn lock_folder(folder: &Path) -> Result<Option<FolderLock>> {
    let path = folder.join(".lock");
    let file = File::options().create(true).append(true).open(&path).map_err(Error::io(&path))?;
    let taken = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
    Ok((!taken).then(|| FolderLock(file)))
}
