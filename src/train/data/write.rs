//! Writing a data set. Every file appears complete or not at all.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use image::{GrayImage, ImageBuffer, ImageFormat, PixelWithColorType, RgbImage};
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, TensorView};

use super::store::item_file;
use super::{Caption, Features, Header};
use crate::error::{Error, Result};
use crate::files::replace;
use crate::train::lines;

/// The files of one item.
#[derive(Clone, Debug)]
pub struct Files {
    /// The aligned photo, `canvas_side(crop)` pixels square.
    pub canvas: RgbImage,
    /// 255 where the face's skin is seen; the same size.
    pub mask: GrayImage,
    /// What the networks saw.
    pub features: Features,
}

impl Files {
    /// Writes the files of the item `id` into a data set's folder.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn write(&self, folder: &Path, id: &str) -> Result<()> {
        let canvas = item_file(folder, id, "png");
        let parent = canvas.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(Error::io(parent))?;
        replace(&item_file(folder, id, "safetensors"), &self.features.to_bytes(id)?)?;
        replace(&item_file(folder, id, "mask.png"), &png(id, &self.mask)?)?;
        replace(&canvas, &png(id, &self.canvas)?)
    }
}

/// A picture as a PNG file; `what` names it in errors.
///
/// # Errors
/// [`Error::Training`] for one that has no pixels.
pub fn png<P>(what: &str, picture: &ImageBuffer<P, Vec<u8>>) -> Result<Vec<u8>>
where
    P: PixelWithColorType<Subpixel = u8>,
{
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png).map_err(|e| Error::training(what, e.to_string()))?;
    Ok(file.into_inner())
}

impl Features {
    /// As a safetensors file: `points` `[468, 3]`, `embedding.NAME` `[n]`.
    fn to_bytes(&self, id: &str) -> Result<Vec<u8>> {
        let bytes = |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
        let points: Vec<f32> = self.points.0.iter().flat_map(|p| p.to_array()).collect();
        let mut tensors = vec![("points".to_string(), vec![self.points.0.len(), 3], bytes(&points))];
        let embedding = |(name, v): (&String, &Vec<f32>)| (format!("embedding.{name}"), vec![v.len()], bytes(v));
        tensors.extend(self.embeddings.iter().map(embedding));
        let view = |(name, shape, data)| Ok((name, TensorView::new(Dtype::F32, shape, data)?));
        let views = tensors.iter().map(|(name, shape, data)| view((name, shape.clone(), data.as_slice())));
        let file = views.collect::<Result<Vec<_>, SafeTensorError>>().and_then(|v| safetensors::serialize(v, None));
        file.map_err(|e| Error::training(id, e.to_string()))
    }
}

/// Writes the header.
///
/// # Errors
/// [`Error::Io`] naming the file, [`Error::Training`] for what TOML has no words for.
pub fn write_header(folder: &Path, header: &Header) -> Result<()> {
    let path = folder.join("dataset.toml");
    let text = toml::to_string(header).map_err(|e| Error::training(path.display(), e.to_string()))?;
    replace(&path, text.as_bytes())
}

/// Adds captions to those of a data set and keeps its own where both have one; in the order of ids.
///
/// # Errors
/// [`Error::Io`] naming the file, [`Error::Training`] when the old file is damaged.
pub fn add_captions(folder: &Path, captions: Vec<Caption>) -> Result<()> {
    let path = folder.join("captions.jsonl");
    let old: Vec<Caption> = if path.exists() { lines::read(&path)? } else { Vec::new() };
    let all: BTreeMap<_, _> = captions.into_iter().chain(old).map(|c| (c.id, c.text)).collect();
    let all: Vec<_> = all.into_iter().map(|(id, text)| Caption { id, text }).collect();
    if all.is_empty() { Ok(()) } else { lines::write(&path, &all) }
}
