//! Output files that appear under their name only when they are complete.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A file in the making, beside its final place. Dropped without [`Self::commit`] it is removed.
pub struct Pending {
    temp: PathBuf,
    target: PathBuf,
}

impl Pending {
    /// Reserves a place for `target`, which must not exist unless `overwrite` is set.
    pub fn new(target: &Path, overwrite: bool) -> Result<Self> {
        let name = target.file_name().with_context(|| format!("{}: names no file", target.display()))?;
        if target.is_dir() {
            bail!("{}: is a folder; name a file in it", target.display());
        }
        if target.exists() && !overwrite {
            bail!("{}: exists already; add --overwrite to replace it", target.display());
        }
        let mut temp_name = std::ffi::OsString::from(".");
        temp_name.push(name);
        temp_name.push(format!(".{}.part", std::process::id()));
        let pending = Self { temp: target.with_file_name(temp_name), target: target.into() };
        fs::File::create(&pending.temp).with_context(|| format!("cannot write {}", target.display()))?;
        Ok(pending)
    }

    /// Where to write to.
    pub fn path(&self) -> &Path {
        &self.temp
    }

    /// Flushes what was written to the disk and gives it its name.
    pub fn commit(self) -> Result<()> {
        let finish = || {
            fs::OpenOptions::new().append(true).open(&self.temp)?.sync_all()?;
            fs::rename(&self.temp, &self.target)
        };
        finish().with_context(|| format!("cannot write {}", self.target.display()))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // After a commit there is nothing left to remove.
        let _ = fs::remove_file(&self.temp);
    }
}
