//! Reading a data set, and the one place that knows its file names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use glam::Vec3;
use image::{GrayImage, RgbImage};

use super::{Caption, Header, Item};
use crate::align::EncoderCrop;
use crate::error::{Error, Result};
use crate::face::{Landmarks, POINTS};
use crate::models::Weights;
use crate::train::lines;

/// Version of the layout that is written and read.
pub const VERSION: u32 = 1;

/// A data set that was prepared.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Its folder.
    pub folder: PathBuf,
    /// What holds for all of it.
    pub header: Header,
    /// Its photos, in the order of ids.
    pub items: Vec<Item>,
}

/// What the networks saw in a photo.
#[derive(Clone, Debug)]
pub struct Features {
    /// The mesh in canvas pixels.
    pub points: Landmarks,
    /// Raw embedding by its name ([`embedding_name`]).
    pub embeddings: HashMap<String, Vec<f32>>,
}

impl Header {
    /// Reads the header of the data set in `folder`.
    ///
    /// # Errors
    /// [`Error::Io`] for a missing file, [`Error::Training`] for one that is damaged or of another version.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("dataset.toml");
        let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
        let header: Self = toml::from_str(&text).map_err(|e| Error::training(path.display(), e.to_string()))?;
        match header.version {
            VERSION => Ok(header),
            other => {
                let reason = format!("version {other} of the layout, this program reads {VERSION}; prepare anew");
                Err(Error::training(path.display(), reason))
            }
        }
    }
}

impl Dataset {
    /// Reads header and index.
    ///
    /// # Errors
    /// [`Error::Io`] for a missing file, [`Error::Training`] for one that is damaged or of another version, or an
    /// index without a photo.
    pub fn open(folder: &Path) -> Result<Self> {
        let header = Header::read(folder)?;
        let index = folder.join("index.jsonl");
        let items = lines::read(&index)?;
        if items.is_empty() {
            return Err(Error::training(index.display(), "no photo was taken; skipped.jsonl says why"));
        }
        Ok(Self { folder: folder.into(), header, items })
    }

    /// The item of that id.
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.binary_search_by(|i| i.id.as_str().cmp(id)).ok().map(|at| &self.items[at])
    }

    /// The aligned photo, `canvas_side(crop)` pixels square.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Training`] for a missing or damaged file.
    pub fn canvas(&self, item: &Item) -> Result<RgbImage> {
        Ok(open_image(&self.file(item, "png"))?.into_rgb8())
    }

    /// 255 where the face's skin is seen; the same size as the canvas.
    ///
    /// # Errors
    /// As [`Self::canvas`].
    pub fn mask(&self, item: &Item) -> Result<GrayImage> {
        Ok(open_image(&self.file(item, "mask.png"))?.into_luma8())
    }

    /// Mesh and embeddings.
    ///
    /// # Errors
    /// As [`Self::canvas`].
    pub fn features(&self, item: &Item) -> Result<Features> {
        let path = self.file(item, "safetensors");
        let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
        let mut tensors = Weights::from_bytes(&path.display().to_string(), &bytes)?.0;
        let points = tensors.remove("points").filter(|t| t.shape == [POINTS, 3]);
        let points = points.ok_or_else(|| Error::training(path.display(), "has no points; prepare anew"))?;
        let points = points.data.as_chunks().0.iter().map(|&p| Vec3::from_array(p)).collect();
        let embedding = |(name, t): (String, crate::tensor::Tensor)| {
            name.strip_prefix("embedding.").map(|encoder| (encoder.to_string(), t.data))
        };
        Ok(Features { points: Landmarks(points), embeddings: tensors.into_iter().filter_map(embedding).collect() })
    }

    /// Captions by item id; empty when none were made.
    ///
    /// # Errors
    /// [`Error::Training`] for a damaged file.
    pub fn captions(&self) -> Result<HashMap<String, String>> {
        let path = self.folder.join("captions.jsonl");
        if !path.exists() {
            return Ok(HashMap::new());
        }
        Ok(lines::read::<Caption>(&path)?.into_iter().map(|c| (c.id, c.text)).collect())
    }

    /// A file of an item, by its ending.
    pub fn file(&self, item: &Item, ending: &str) -> PathBuf {
        item_file(&self.folder, &item.id, ending)
    }
}

/// Name of what `encoder` makes of `crop`: the encoder's, followed by `.` and the crop where it sees another than the box
/// around the mesh.
pub fn embedding_name(encoder: &str, crop: EncoderCrop) -> String {
    if crop.is_default() { encoder.into() } else { format!("{encoder}.{}", crop.name()) }
}

/// A file of the item `id` in a data set's folder, by its ending.
pub fn item_file(folder: &Path, id: &str, ending: &str) -> PathBuf {
    folder.join("items").join(&id[..2]).join(format!("{id}.{ending}"))
}

fn open_image(path: &Path) -> Result<image::DynamicImage> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    image::load_from_memory(&bytes).map_err(|e| Error::training(path.display(), e.to_string()))
}
