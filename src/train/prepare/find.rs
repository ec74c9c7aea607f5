//! Which photos there are, and who is on them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use walkdir::{DirEntry, WalkDir};

use crate::error::{Error, Result};
use crate::train::data::PhotoSet;

/// Endings of files that count as photos; what is in them is told by their first bytes.
pub const ENDINGS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// What names a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum People {
    /// The folder that a photo lies in (VGGFace2-HQ: `id/photo`); photos in no folder are one person each.
    #[default]
    Folders,
    /// Each photo is another person, whatever its folder (FFHQ, CelebA-HQ).
    Photos,
}

/// A photo that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// Name of its set.
    pub set: String,
    /// Path within the set's folder, with `/`.
    pub photo: String,
    /// Who is seen, see [`crate::train::data::Item::person`].
    pub person: String,
    /// Where it is.
    pub path: PathBuf,
    /// A mask that came with it, white where the face's skin is seen.
    pub mask: Option<PathBuf>,
    /// A text that came with it, whose first line with words is the caption.
    pub caption: Option<PathBuf>,
}

/// All photos of a set, in the order of their paths. Hidden files and folders, folders called `checkpoints` and data
/// sets that were prepared are passed over; links are followed. A folder within that cannot be read and a link that leads
/// nowhere are in the list, as photos that nobody can read.
///
/// A folder with `img/` and `mask/` in it holds AlphaFace's triplets: `img/NAME.png`, `mask/NAME.png`, `txt/NAME.txt`.
///
/// # Errors
/// [`Error::Io`] for a folder that cannot be read, [`Error::Training`] for one without a photo.
pub fn photos(set: &PhotoSet, people: People) -> Result<Vec<Photo>> {
    let folder = &set.folder;
    std::fs::read_dir(folder).map_err(Error::io(folder))?;
    let triplets = folder.join("img").is_dir() && folder.join("mask").is_dir();
    let root = if triplets { folder.join("img") } else { folder.clone() };
    let mut found = Vec::new();
    for entry in WalkDir::new(&root).follow_links(true).into_iter().filter_entry(is_wanted) {
        let path = match entry {
            Ok(entry) if entry.file_type().is_file() && is_photo(entry.path()) => entry.into_path(),
            Ok(_) => continue,
            Err(e) => match e.path().filter(|_| e.depth() > 0) {
                Some(path) if is_hidden(path) => continue,
                Some(path) => path.into(),
                None => return Err(Error::io(&root)(e.into())),
            },
        };
        found.push(photo(set, people, &root, &path, triplets));
    }
    if found.is_empty() {
        let reason = format!("there is no photo in this folder; photos end in .{}", ENDINGS.join(", ."));
        return Err(Error::training(folder.display(), reason));
    }
    found.sort_by(|a, b| a.photo.cmp(&b.photo));
    Ok(found)
}

fn is_wanted(entry: &DirEntry) -> bool {
    let path = entry.path();
    let passed_over = is_hidden(path) || entry.file_name() == "checkpoints" || path.join("dataset.toml").is_file();
    entry.depth() == 0 || !passed_over
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn is_photo(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    ENDINGS.contains(&ending.as_str())
}

fn photo(set: &PhotoSet, people: People, root: &Path, path: &Path, triplets: bool) -> Photo {
    let within = |folder: &Path| slashed(path.strip_prefix(folder).unwrap_or(path));
    let inner = within(root);
    let stem = inner.rsplit_once('.').map_or(inner.as_str(), |(stem, _)| stem);
    let person = match stem.rsplit_once('/') {
        Some((folder, _)) if people == People::Folders => folder,
        _ => stem,
    };
    let beside = |folder: &str, endings: &[&str]| {
        let places = endings.iter().map(|ending| set.folder.join(folder).join(format!("{stem}.{ending}")));
        places.filter(|_| triplets).find(|place| place.is_file())
    };
    Photo {
        set: set.name.clone(),
        photo: within(&set.folder),
        person: format!("{}/{person}", set.name),
        path: path.into(),
        mask: beside("mask", &ENDINGS),
        caption: beside("txt", &["txt"]),
    }
}

/// The path with `/` between its parts.
fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}
