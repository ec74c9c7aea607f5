//! A picture that shows at a glance what was taken, how the mesh and the mask lie on it, and what was skipped.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::imageops::{self, FilterType};
use image::{GenericImage, Rgb, RgbImage};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use super::Summary;
use crate::error::Result;
use crate::identity::photo::decode;
use crate::train::data::{Dataset, Header, Item, Skipped};

/// Photos shown at most, how many of them are the most turned ones, and how many stand side by side.
const TAKEN: usize = 96;
const TURNED: usize = 24;
const SKIPPED: usize = 36;
const COLUMNS: usize = 12;
/// Side of a photo in pixels, and lines of text below it.
const SIDE: u32 = 160;
const LINES: u32 = 2;
const FONT: RasterHeight = RasterHeight::Size16;
const TILE: u32 = SIDE + LINES * FONT.val() as u32;
const DOT: Rgb<u8> = Rgb([80, 255, 120]);
const OUTLINE: Rgb<u8> = Rgb([255, 60, 60]);

/// Draws photos of all yaws from left to right with their meshes as dots and their masks as outlines, then skipped ones
/// with the reason. The same data set gives the same picture.
///
/// # Errors
/// As [`Dataset::canvas`].
pub fn draw(folder: &Path, summary: &Summary) -> Result<RgbImage> {
    let mut tiles = Vec::new();
    if !summary.items.is_empty() {
        let data = Dataset::open(folder)?;
        let shown = shown(&data.items).into_iter();
        tiles.extend(shown.map(|item| taken(&data, item)).collect::<Result<Vec<_>>>()?);
    }
    tiles.resize(tiles.len().next_multiple_of(COLUMNS), blank());
    let sets = Header::read(folder)?.sets;
    let folders: HashMap<_, _> = sets.into_iter().map(|set| (set.name, set.folder)).collect();
    let place = |s: &Skipped| folders.get(&s.set).map(|folder| folder.join(&s.photo)).unwrap_or_default();
    let left_out: Vec<&Skipped> = summary.skipped.iter().collect();
    tiles.extend(spread(&left_out, SKIPPED).map(|s| skipped(&place(s), s)));
    let rows = tiles.len().div_ceil(COLUMNS).max(1);
    let mut sheet = RgbImage::new(COLUMNS as u32 * SIDE, rows as u32 * TILE);
    for (i, tile) in tiles.iter().enumerate() {
        imageops::replace(
            &mut sheet,
            tile,
            (i % COLUMNS) as i64 * i64::from(SIDE),
            (i / COLUMNS) as i64 * i64::from(TILE),
        );
    }
    Ok(sheet)
}

/// The most turned photos, where things go wrong first, and others evenly spread; from left to right by yaw.
fn shown(items: &[Item]) -> Vec<&Item> {
    let mut items: Vec<&Item> = items.iter().collect();
    items.sort_by(|a, b| b.pose.yaw.abs().total_cmp(&a.pose.yaw.abs()));
    let (turned, others) = items.split_at(items.len().min(TURNED));
    let mut shown: Vec<&Item> = turned.iter().copied().chain(spread(others, TAKEN - TURNED)).collect();
    shown.sort_by(|a, b| a.pose.yaw.total_cmp(&b.pose.yaw));
    shown
}

/// At most `most` of `all`, evenly spread, the first and the last among them.
fn spread<'a, T: Copy>(all: &'a [T], most: usize) -> impl Iterator<Item = T> + 'a {
    let count = all.len().min(most);
    (0..count).map(move |i| all[i * (all.len() - 1) / (count - 1).max(1)])
}

fn blank() -> RgbImage {
    RgbImage::new(SIDE, TILE)
}

fn taken(data: &Dataset, item: &Item) -> Result<RgbImage> {
    let (canvas, mask, features) = (data.canvas(item)?, data.mask(item)?, data.features(item)?);
    let mut tile = blank();
    imageops::replace(&mut tile, &imageops::resize(&canvas, SIDE, SIDE, FilterType::Triangle), 0, 0);
    let mask = imageops::resize(&mask, SIDE, SIDE, FilterType::Nearest);
    let is_face = |x: u32, y: u32| mask.get_pixel(x, y).0[0] > 127;
    for (x, y) in (1..SIDE).flat_map(|y| (1..SIDE).map(move |x| (x, y))) {
        if is_face(x, y) != is_face(x - 1, y) || is_face(x, y) != is_face(x, y - 1) {
            tile.put_pixel(x, y, OUTLINE);
        }
    }
    for point in &features.points.0 {
        let place = (point.truncate() + 0.5) * (SIDE as f32 / canvas.width() as f32);
        if (0.0..SIDE as f32).contains(&place.x) && (0.0..SIDE as f32).contains(&place.y) {
            tile.put_pixel(place.x as u32, place.y as u32, DOT);
        }
    }
    write(&mut tile, 0, &item.person);
    write(&mut tile, 1, &format!("yaw {:.0}, {:.0} px", item.pose.yaw, item.crop_pixels));
    Ok(tile)
}

/// The photo if it can be read, and why it was skipped.
fn skipped(path: &Path, skipped: &Skipped) -> RgbImage {
    let mut tile = blank();
    let picture = File::open(path).ok().and_then(|file| decode(BufReader::new(file)).ok());
    if let Some(picture) = picture {
        let small = picture.thumbnail(SIDE, SIDE).into_rgb8();
        // It is no larger than the tile.
        let _ = tile.copy_from(&small, (SIDE - small.width()) / 2, (SIDE - small.height()) / 2);
    }
    let letters = SIDE as usize / get_raster_width(FontWeight::Bold, FONT);
    let (first, rest) = skipped.reason.split_at_checked(letters).unwrap_or((&skipped.reason, ""));
    write(&mut tile, 0, first);
    write(&mut tile, 1, rest);
    tile
}

/// Writes one line below the photo; what does not fit is cut off.
fn write(tile: &mut RgbImage, line: u32, text: &str) {
    let advance = get_raster_width(FontWeight::Bold, FONT) as u32;
    for (i, letter) in text.chars().take((SIDE / advance) as usize).enumerate() {
        let Some(glyph) = get_raster(letter, FontWeight::Bold, FONT) else { continue };
        for (x, y) in (0..FONT.val() as u32).flat_map(|y| (0..advance).map(move |x| (x, y))) {
            let ink = glyph.pixel(x as usize, y as usize).unwrap_or(0);
            tile.put_pixel(i as u32 * advance + x, SIDE + line * FONT.val() as u32 + y, Rgb([ink; 3]));
        }
    }
}
