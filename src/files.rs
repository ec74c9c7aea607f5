//! Files that appear under their name only when they are complete.

use std::io::{self, Write};
use std::path::Path;

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
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".alphaswap-").suffix(".part").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
