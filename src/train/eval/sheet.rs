//! A picture of some swaps: a row for each pair, source, target, then what each model made of it.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

/// Side of each picture on the sheet, and the space between them, in pixels.
const SIDE: u32 = 160;
const SPACE: u32 = 4;

/// Collects the pictures of some pairs.
#[derive(Clone, Debug)]
pub struct Sheet {
    rows: Vec<(usize, usize)>,
    columns: usize,
    picture: RgbImage,
}

impl Sheet {
    /// An empty sheet for at most `most` of `pairs`, spread evenly over them, and `models` columns of outputs.
    pub fn new(pairs: &[(usize, usize)], most: usize, models: usize) -> Self {
        let count = pairs.len().min(most.max(1));
        // A step that is no divisor of the targets' number walks through sources and targets at once.
        let rows: Vec<_> = (0..count).map(|i| pairs[(i * pairs.len() + pairs.len() / 2) / count.max(1)]).collect();
        let columns = 2 + models;
        let size = |n: usize| n as u32 * (SIDE + SPACE) + SPACE;
        let picture = RgbImage::from_pixel(size(columns), size(rows.len()), Rgb([255; 3]));
        Self { rows, columns, picture }
    }

    /// The pairs of source and target that are shown, from the top.
    pub fn rows(&self) -> &[(usize, usize)] {
        &self.rows
    }

    /// Shows `picture` in each row of that pair; columns 0 and 1 are source and target.
    pub fn put(&mut self, pair: (usize, usize), column: usize, picture: &RgbImage) {
        for (row, _) in self.rows.iter().enumerate().filter(|(_, p)| **p == pair && column < self.columns) {
            let small = imageops::resize(picture, SIDE, SIDE, FilterType::Triangle);
            let place = |n: usize| i64::from(n as u32 * (SIDE + SPACE) + SPACE);
            imageops::replace(&mut self.picture, &small, place(column), place(row));
        }
    }

    /// The sheet as it is now.
    pub fn picture(&self) -> &RgbImage {
        &self.picture
    }
}
