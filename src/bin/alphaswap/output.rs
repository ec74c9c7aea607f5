//! Output files that appear under their name only when they are complete.

use std::path::{Path, PathBuf};
use std::{fs, io};

use alphaswap::files::{Readers, beside};
use anyhow::{Context, Result, bail};
use tempfile::TempPath;

/// A file in the making, beside its final place. Dropped without [`Self::commit`] it is removed.
pub struct Pending {
    temp: TempPath,
    target: PathBuf,
}

impl Pending {
    /// Reserves a place for `target`, which must not exist unless `overwrite` is set.
    pub fn new(target: &Path, overwrite: bool) -> Result<Self> {
        if target.is_dir() {
            bail!("{}: is a folder; name a file in it", target.display());
        }
        target.file_name().with_context(|| format!("{}: names no file", target.display()))?;
        if target.exists() && !overwrite {
            bail!("{}: exists already; add --overwrite to replace it", target.display());
        }
        if let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
            let (target, folder) = (target.display(), folder.display());
            bail!("cannot write {target}: the folder {folder} does not exist; make it first, or name another");
        }
        let file = beside(target, Readers::Usual).with_context(|| format!("cannot write {}", target.display()))?;
        Ok(Self { temp: file.into_temp_path(), target: target.into() })
    }

    /// Where to write to.
    pub fn path(&self) -> &Path {
        &self.temp
    }

    /// Flushes what was written to the disk and gives it its name.
    pub fn commit(self) -> Result<()> {
        let Self { temp, target } = self;
        let finish = || -> io::Result<()> {
            fs::OpenOptions::new().append(true).open(&temp)?.sync_all()?;
            Ok(temp.persist(&target)?)
        };
        finish().with_context(|| format!("cannot write {}", target.display()))
    }
}
