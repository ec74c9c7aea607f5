//! Samples to look at.

use image::{GenericImage, Rgb, RgbImage, imageops};

use super::{Shards, canvas_at};
use crate::align::canvas_side;
use crate::error::Result;
use crate::train::data::Dataset;

/// Samples that stand side by side, and the space between them in pixels.
const COLUMNS: u32 = 2;
const SPACE: u32 = 8;
/// Side of a tile.
const TILE: u32 = canvas_side(128) as u32;
/// Tiles of a sample.
const TILES: u32 = 5;

/// `count` samples from all over the shards. Each shows, from left to right: whose face was put on (B), where A's face
/// came back from (C), the input, the guide, the target A; grey where there is none.
///
/// # Errors
/// As [`Shards::sample`] and [`canvas_at`].
pub fn sheet(shards: &Shards, data: &Dataset, count: usize) -> Result<RgbImage> {
    /// Steps by the golden section visit all kinds evenly, however they alternate.
    const GOLDEN: f64 = 0.618_033_988_749_895;
    let count = count.min(shards.len()) as u32;
    let size = |n: u32, of: u32| (n * (of + SPACE)).saturating_sub(SPACE).max(1);
    let (width, height) = (size(COLUMNS, TILES * TILE), size(count.div_ceil(COLUMNS), TILE));
    let mut picture = RgbImage::from_pixel(width, height, Rgb([255; 3]));
    for k in 0..count {
        let i = ((f64::from(k) * GOLDEN).fract() * shards.len() as f64) as usize;
        let corner = [k % COLUMNS * (TILES * TILE + SPACE), k / COLUMNS * (TILE + SPACE)];
        for (n, tile) in (0..).zip(tiles(shards, data, i)?) {
            let tile = tile.unwrap_or_else(|| RgbImage::from_pixel(TILE, TILE, Rgb([128; 3])));
            // A tile always lies within the sheet.
            let _ = picture.copy_from(&tile, corner[0] + n * TILE, corner[1]);
        }
    }
    Ok(picture)
}

fn tiles(shards: &Shards, data: &Dataset, i: usize) -> Result<[Option<RgbImage>; TILES as usize]> {
    let sample = shards.sample(i)?;
    let photo = |id: Option<&String>| -> Result<Option<RgbImage>> {
        let Some(item) = id.and_then(|id| data.item(id)) else { return Ok(None) };
        Ok(Some(fitted(canvas_at(data, item, shards.header.crop)?)))
    };
    let made = |planes: &Option<Vec<u8>>| planes.as_ref().map(|p| fitted(interleaved(p, shards.header.side())));
    let [b, c] = [0, 1].map(|k| photo(sample.record.from.get(k)));
    let real = photo(Some(&sample.record.photo))?;
    let input = made(&sample.input);
    let (input, target) = if input.is_some() { (input, real) } else { (real, None) };
    Ok([b?, c?, input, made(&sample.guide), target])
}

fn fitted(picture: RgbImage) -> RgbImage {
    if picture.width() == TILE { picture } else { imageops::resize(&picture, TILE, TILE, imageops::Triangle) }
}

fn interleaved(planes: &[u8], side: usize) -> RgbImage {
    let at = |x: u32, y: u32| y as usize * side + x as usize;
    RgbImage::from_fn(side as u32, side as u32, |x, y| Rgb([0, 1, 2].map(|c| planes[c * side * side + at(x, y)])))
}
