//! A model's two files, which appear under their names only when both are complete.

use std::path::{Path, PathBuf};
use std::{fs, io};

use alphaswap::files::{Readers, beside, part};
use anyhow::{Context, Result, ensure};
use tempfile::{NamedTempFile, TempPath};

use crate::interrupt;

/// Where weights and card go.
pub struct Output {
    weights: PathBuf,
    card: PathBuf,
}

impl Output {
    /// The places of `weights` (.safetensors) and of the card beside it (.toml), free unless `overwrite` is set.
    pub fn new(weights: &Path, overwrite: bool) -> Result<Self> {
        let fits = weights.extension().is_some_and(|e| e == "safetensors");
        ensure!(fits, "{}: a model file ends in .safetensors", weights.display());
        let output = Self { weights: weights.into(), card: weights.with_extension("toml") };
        for target in [&output.weights, &output.card] {
            let shown = target.display();
            ensure!(!target.is_dir(), "{shown}: is a folder; name a file in it");
            ensure!(overwrite || !target.exists(), "{shown}: exists already; add --overwrite to replace it");
        }
        Ok(output)
    }

    /// Writes both files, then gives them their names. If that fails or is interrupted, all is as it was.
    pub fn write(&self, weights: &[u8], card: &str) -> Result<()> {
        let part = |target: &Path, bytes| {
            interrupt::check()?;
            part(target, bytes, Readers::Usual).with_context(|| format!("cannot write {}", target.display()))
        };
        let (weights, card) = (part(&self.weights, weights)?, part(&self.card, card.as_bytes())?);
        interrupt::check()?;
        self.name(weights, card).with_context(|| format!("cannot write {}", self.weights.display()))
    }

    /// Names both files, or neither.
    fn name(&self, weights: TempPath, card: TempPath) -> io::Result<()> {
        let target = &self.weights;
        let old =
            target.exists().then(|| beside(target, Readers::Usual)).transpose()?.map(NamedTempFile::into_temp_path);
        if let Some(old) = &old {
            fs::rename(target, old)?;
        }
        let name = |file: TempPath, target: &Path| file.persist(target).map_err(|e| e.error);
        name(weights, target).and_then(|()| name(card, &self.card)).inspect_err(|_| {
            // The first error is the one to tell.
            let _ = match old {
                Some(old) => name(old, target),
                None => fs::remove_file(target),
            };
        })
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
        fs::create_dir(path.with_extension("toml")).unwrap();
        assert!(output.write(b"new", "card").is_err());
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
