//! A picture of some swaps: a row for each pair, source, target, then what each model made of it.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

/// Side of each picture on the sheet, and the space between them, in pixels.
const SIDE: u32 = 160;
const SPACE: u32 = 4;
/// Rows that stand below each other; more stand beside them.
const ROWS: usize = 10;

/// Collects the pictures of some pairs.
#[derive(Clone, Debug)]
pub struct Sheet {
    rows: Vec<(usize, usize)>,
    columns: usize,
    picture: RgbImage,
}

impl Sheet {
    /// An empty sheet for at most `most` of `pairs`, from all over them, and `models` columns of outputs.
    pub fn new(pairs: &[(usize, usize)], most: usize, models: usize) -> Self {
        let mut rows = spread(pairs, most.max(1));
        rows.sort_unstable();
        let columns = 2 + models;
        let size = |n: usize| n as u32 * (SIDE + SPACE) + SPACE;
        let blocks = rows.len().div_ceil(ROWS);
        let picture = RgbImage::from_pixel(size(columns * blocks), size(rows.len().min(ROWS)), Rgb([255; 3]));
        Self { rows, columns, picture }
    }

    /// The pairs of source and target that are shown, from the top.
    pub fn rows(&self) -> &[(usize, usize)] {
        &self.rows
    }

    /// Shows `picture` in the row of that pair, if it has one; columns 0 and 1 are source and target.
    pub fn put(&mut self, pair: (usize, usize), column: usize, picture: &RgbImage) {
        let Some(row) = self.rows.iter().position(|p| *p == pair).filter(|_| column < self.columns) else { return };
        let small = imageops::resize(picture, SIDE, SIDE, FilterType::Triangle);
        let place = |n: usize| i64::from(n as u32 * (SIDE + SPACE) + SPACE);
        imageops::replace(&mut self.picture, &small, place(row / ROWS * self.columns + column), place(row % ROWS));
    }

    /// The sheet as it is now.
    pub fn picture(&self) -> &RgbImage {
        &self.picture
    }
}

/// `most` of the pairs. Steps of the golden ratio are near no fraction, so they meet sources and targets in turn.
fn spread(pairs: &[(usize, usize)], most: usize) -> Vec<(usize, usize)> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    if most >= pairs.len() {
        return pairs.to_vec();
    }
    let mut chosen = Vec::new();
    for i in 0..pairs.len() * 4 {
        let pair = pairs[((i as f64 * GOLDEN).fract() * pairs.len() as f64) as usize];
        if chosen.len() < most && !chosen.contains(&pair) {
            chosen.push(pair);
        }
    }
    chosen
}
