//! Which photos an evaluation takes: folders, files, or people of a data set.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use image::RgbImage;
use walkdir::WalkDir;

use crate::error::{Error, Result};
use crate::identity::photo::decode;
use crate::train::data::{Dataset, Item};
use crate::train::people::People;
use crate::train::prepare::find::ENDINGS;

/// A picture on disk, and who is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// Its name in tables: the file's, without its ending.
    pub name: String,
    /// Nobody is swapped onto a photo of theirs.
    pub person: String,
    /// The file.
    pub path: PathBuf,
}

/// A picture that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Unusable {
    /// The picture's name.
    pub photo: String,
    /// Why.
    pub reason: String,
}

impl Unusable {
    /// A photo that was refused with that error, which need not name it again.
    pub fn new(photo: &Photo, error: Error) -> Self {
        let reason = match error {
            Error::Enroll { reason, .. } | Error::Training { reason, .. } => reason,
            other => other.to_string(),
        };
        Self { photo: photo.name.clone(), reason }
    }
}

impl Photo {
    /// The photo in a file of its own; who is seen is told by the file alone.
    pub fn new(path: &Path) -> Self {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let person = path.canonicalize().unwrap_or_else(|_| path.into()).display().to_string();
        Self { name, person, path: path.into() }
    }

    /// The picture, upright.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Training`] for a file that holds no picture.
    pub fn open(&self) -> Result<RgbImage> {
        let file = File::open(&self.path).map_err(Error::io(&self.path))?;
        let picture = decode(BufReader::new(file));
        Ok(picture.map_err(|e| Error::training(self.path.display(), format!("cannot be read: {e}")))?.into_rgb8())
    }
}

/// The photos that `paths` name: files, and all pictures below folders, in the order of their paths.
///
/// # Errors
/// [`Error::Io`] for a path that is not there, [`Error::Training`] when two have one name, or there is none at all.
pub fn find(paths: &[PathBuf]) -> Result<Vec<Photo>> {
    let mut photos = Vec::new();
    for path in paths {
        for entry in WalkDir::new(path).sort_by_file_name() {
            let entry = entry.map_err(|e| Error::io(path)(e.into()))?;
            let ending = entry.path().extension().unwrap_or_default().to_ascii_lowercase();
            let given = entry.depth() == 0;
            if entry.file_type().is_file() && (given || ENDINGS.iter().any(|e| *e == ending)) {
                photos.push(Photo::new(entry.path()));
            }
        }
    }
    let shown = || paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
    if photos.is_empty() {
        return Err(Error::training(shown(), format!("there is no picture ({})", ENDINGS.join(", "))));
    }
    rename_twins(&mut photos);
    Ok(photos)
}

/// Photos of one name are told apart by the folders above.
fn rename_twins(photos: &mut [Photo]) {
    let names: Vec<String> = photos.iter().map(|p| p.name.clone()).collect();
    for (i, photo) in photos.iter_mut().enumerate() {
        if names.iter().enumerate().any(|(j, name)| j != i && *name == names[i]) {
            let folder = photo.path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
            photo.name = format!("{folder}-{}", photo.name);
        }
    }
}

/// People of a data set: as sources the photo of each that looks most into the camera, as targets all of them. See
/// [`People`] for the patterns.
///
/// # Errors
/// [`Error::Training`] for a pattern that fits nobody.
pub fn of_people(data: &Dataset, patterns: &[String]) -> Result<(Vec<Photo>, Vec<Photo>)> {
    let people = People { only: patterns.to_vec(), without: Vec::new() };
    let mut items = people.choose(&data.items)?;
    items.sort_by(|a, b| (&a.person, &a.photo).cmp(&(&b.person, &b.photo)));
    let photo = |item: &Item| {
        let path = item.photo.rsplit_once('.').map_or(&*item.photo, |(path, _)| path).replace('/', "-");
        Photo { name: format!("{}-{path}", item.set), person: item.person.clone(), path: data.file(item, "png") }
    };
    let of_one = items.chunk_by(|a, b| a.person == b.person);
    let frontal = of_one.filter_map(|own| own.iter().min_by(|a, b| a.pose.yaw.abs().total_cmp(&b.pose.yaw.abs())));
    Ok((frontal.map(|item| photo(item)).collect(), items.iter().map(|item| photo(item)).collect()))
}
