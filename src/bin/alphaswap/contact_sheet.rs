//! A picture of some moments of a clip, before and after: what a user looks at first.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use image::{GenericImage, RgbImage};

use crate::decode;

/// Moments shown, and how many stand side by side.
const MOMENTS: u32 = 12;
const COLUMNS: u32 = 4;
/// Size of one picture in pixels, and the space between pairs of rows.
const SIZE: (u32, u32) = (320, 240);
const SPACE: u32 = 8;

/// Writes the sheet to `sheet`: each row of moments of `before` stands above the same moments of `after`. `length` is
/// the clip's.
pub fn write(before: &Path, after: &Path, length: Duration, sheet: &Path) -> Result<()> {
    let (above, below) = (moments(before, length)?, moments(after, length)?);
    let rows = MOMENTS.div_ceil(COLUMNS);
    let (width, pair) = (COLUMNS * SIZE.0, 2 * SIZE.1 + SPACE);
    let mut picture = RgbImage::from_pixel(width, rows * pair - SPACE, image::Rgb([255; 3]));
    for (row, pictures) in [above, below].iter().enumerate() {
        for (i, moment) in (0..).zip(pictures) {
            let (x, y) = (i % COLUMNS * SIZE.0, i / COLUMNS * pair + row as u32 * SIZE.1);
            picture.copy_from(moment, x, y).context("a picture is larger than asked for")?;
        }
    }
    picture.save(sheet).with_context(|| sheet.display().to_string())
}

fn moments(clip: &Path, length: Duration) -> Result<Vec<RgbImage>> {
    let mut pictures = Vec::new();
    decode::pictures(clip, length / MOMENTS, Some(SIZE), |picture| {
        pictures.push(picture);
        Ok(if pictures.len() == MOMENTS as usize { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(pictures)
}
