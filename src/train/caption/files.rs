//! Captions that exist: one text file per photo.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{Captioner, Failure, Origin, Photo, Stop, one_line};
use crate::error::{Error, Result};
use crate::train::data::{Dataset, Item};

/// Takes the first line that is not blank of a photo's text file: `FOLDER/id/photo.txt` for the photo `id/photo.png`,
/// else `FOLDER/photo.txt`.
#[derive(Clone, Debug)]
pub struct Files {
    folder: PathBuf,
    /// Names that several photos share: without their folders they cannot be told apart.
    ambiguous: HashSet<String>,
}

impl Files {
    /// Captions of `dataset` in `folder`.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no such folder, [`Error::Training`] when it is something else.
    pub fn new(folder: &Path, dataset: &Dataset) -> Result<Self> {
        let folder = folder.canonicalize().map_err(Error::io(folder))?;
        if !folder.is_dir() {
            return Err(Error::training(folder.display(), "is no folder; name the one that holds the text files"));
        }
        let mut seen = HashSet::new();
        let names = dataset.items.iter().filter_map(stem);
        let ambiguous = names.filter(|name| !seen.insert(name.clone())).collect();
        Ok(Self { folder, ambiguous })
    }

    /// The photo's text file.
    fn path(&self, item: &Item) -> Result<PathBuf, Failure> {
        let same_place = self.folder.join(Path::new(&item.photo).with_extension("txt"));
        if same_place.is_file() {
            return Ok(same_place);
        }
        let flat = stem(item).map(|name| (self.folder.join(format!("{name}.txt")), name));
        match flat {
            Some((path, name)) if path.is_file() => match self.ambiguous.contains(&name) {
                false => Ok(path),
                true => Err(Failure::Skip("several photos have its text's name; sort texts into folders too".into())),
            },
            _ => Err(Failure::Skip("no text file of its name".into())),
        }
    }
}

impl Captioner for Files {
    fn origin(&self) -> Origin {
        Origin { folder: Some(self.folder.clone()), ..Origin::new("files") }
    }

    fn caption(&self, photo: Photo<'_>, _: &Stop<'_>) -> Result<String, Failure> {
        let path = self.path(photo.item)?;
        let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
        let text = String::from_utf8(bytes).map_err(|_| Failure::Skip("its text file is not UTF-8".into()))?;
        let line = text.trim_start_matches('\u{feff}').lines().map(one_line).find(|line| !line.is_empty());
        line.ok_or_else(|| Failure::Skip("its text file is blank".into()))
    }
}

/// The photo's file name without its extension.
fn stem(item: &Item) -> Option<String> {
    Some(Path::new(&item.photo).file_stem()?.to_string_lossy().into_owned())
}
