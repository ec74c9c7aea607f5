//! A model's two files, which appear under their names only when both are complete.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tempfile::{Builder, TempPath};

/// A file in the making, beside its final place; removed if it never gets there.
struct Pending {
    temp: TempPath,
    target: PathBuf,
}

/// Weights and card in the making.
pub struct Output {
    weights: Pending,
    card: Pending,
}

impl Pending {
    /// Reserves a place for `target`, which must not exist unless `overwrite` is set.
    fn new(target: PathBuf, overwrite: bool) -> Result<Self> {
        let shown = target.display();
        ensure!(!target.is_dir(), "{shown}: is a folder; name a file in it");
        ensure!(overwrite || !target.exists(), "{shown}: exists already; add --overwrite to replace it");
        let temp = beside(&target).with_context(|| format!("cannot write {shown}"))?;
        Ok(Self { temp, target })
    }

    fn commit(self) -> io::Result<()> {
        File::options().append(true).open(&self.temp)?.sync_all()?;
        self.temp.persist(&self.target).map_err(|e| e.error)
    }
}

/// An empty file in the folder of `target`, with the rights that any new file gets.
fn beside(target: &Path) -> io::Result<TempPath> {
    let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(Builder::new().make_in(folder, |path| File::create_new(path))?.into_temp_path())
}

impl Output {
    /// Reserves places for `weights` (.safetensors) and the card beside it (.toml).
    pub fn new(weights: &Path, overwrite: bool) -> Result<Self> {
        if weights.extension().is_none_or(|e| e != "safetensors") {
            bail!("{}: a model file ends in .safetensors", weights.display());
        }
        let card = weights.with_extension("toml");
        Ok(Self { weights: Pending::new(weights.into(), overwrite)?, card: Pending::new(card, overwrite)? })
    }

    /// Where the weights are to be written to.
    pub fn weights(&self) -> &Path {
        &self.weights.temp
    }

    /// Writes the card's text and gives both files their names. If that fails, all is as it was.
    pub fn commit(self, card: &str) -> Result<()> {
        let target = self.weights.target.clone();
        let finish = || -> io::Result<()> {
            fs::write(&self.card.temp, card)?;
            // Whoever replaced the reserved file in writing may have narrowed its rights.
            fs::set_permissions(&self.weights.temp, fs::metadata(&self.card.temp)?.permissions())?;
            let old = target.exists().then(|| beside(&target)).transpose()?;
            if let Some(old) = &old {
                fs::rename(&target, old)?;
            }
            self.weights.commit().and_then(|()| self.card.commit()).inspect_err(|_| {
                // The first error is the one to tell.
                let _ = match old {
                    Some(old) => old.persist(&target).map_err(|e| e.error),
                    None => fs::remove_file(&target),
                };
            })
        };
        finish().with_context(|| format!("cannot write {}", target.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model whose card cannot get its name: a folder took it meanwhile.
    fn refused(overwrite: bool) -> Vec<(String, String)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        if overwrite {
            fs::write(&path, "old").unwrap();
        }
        let output = Output::new(&path, overwrite).unwrap();
        fs::write(output.weights(), "new").unwrap();
        fs::create_dir(path.with_extension("toml")).unwrap();
        assert!(output.commit("card").is_err());
        let entries = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_file());
        let read = |p: PathBuf| (p.file_name().unwrap().to_str().unwrap().into(), fs::read_to_string(p).unwrap());
        entries.map(read).collect()
    }

    #[test]
    fn a_card_that_cannot_be_written_leaves_all_as_it_was() {
        assert_eq!(refused(false), []);
        assert_eq!(refused(true), [("m.safetensors".to_string(), "old".to_string())]);
    }
}
