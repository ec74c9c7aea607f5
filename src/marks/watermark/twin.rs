//! What the embedder's twin on a GPU must be told (`path::gpu::mark`, shaders/marks): the same facts, from where they
//! stand.

use super::contrast::{AROUND, BASE, BRIGHT, DARK_SHARE, GAIN, MOST};
use super::embed::{Gain, HALVINGS, LIT, MOST_MARGIN, STRENGTH, budget};
use super::key::{CELLS, COARSE, COLUMNS, FINE, GROUPS, KEY, LEVELS, ROWS};
use super::luma;
use crate::frame::{FrameInfo, PixelFormat};

/// Cells of all levels; and of the fine one, which come first in every list.
pub const COUNTS: [usize; 2] = [CELLS, FINE.cells()];

/// Columns and rows of the fine cells.
pub const FINE_SIZE: [usize; 2] = [FINE.columns(), FINE.rows()];

/// Names and values of the kernels' constants.
pub fn constants() -> [(&'static str, f64); 17] {
    [
        ("COLUMNS", COLUMNS as f64),
        ("ROWS", ROWS as f64),
        ("GROUPS", GROUPS as f64),
        ("FINE_FLOOR", FINE.floor.into()),
        ("COARSE_FLOOR", COARSE.floor.into()),
        ("AROUND", AROUND as f64),
        ("MOST_CONTRAST", MOST.into()),
        ("ROOM_BASE", BASE.into()),
        ("ROOM_GAIN", GAIN.into()),
        ("BRIGHT", BRIGHT.into()),
        ("DARK_SHARE", DARK_SHARE.into()),
        ("LEAST_STRENGTH", STRENGTH[0].into()),
        ("MOST_STRENGTH", STRENGTH[1].into()),
        ("MOST_MARGIN", MOST_MARGIN.into()),
        ("HALVINGS", HALVINGS as f64),
        ("BUDGET", budget().into()),
        ("LIT", LIT.into()),
    ]
}

/// By channel of a frame of `format`, its weight in the luma, of 256; 0 where the mark leaves it alone.
pub fn weights(format: PixelFormat) -> [u32; 3] {
    luma::weights(format)
}

/// By level (fine, coarse), for frames like `info`: by how much a cell's residual changes with its mark, what the square
/// of a cell's mark adds to the frame's mean square change, and how much of it compression leaves.
pub fn gains(info: &FrameInfo) -> [[f32; 3]; 2] {
    let gains = Gain::of_frame(info);
    [0, 1].map(|l| [gains[l].response, gains[l].energy / LEVELS[l].cells() as f32, gains[l].kept])
}

/// By cell, its group, twice, and one more if its sign is negative.
pub fn key() -> Vec<u32> {
    (0..CELLS).map(|cell| signed(usize::from(KEY.group[cell]), cell)).collect()
}

/// Where each group's cells begin in the second list, by level and group, and the end of the last; and the cells'
/// numbers, each twice, and one more if its sign is negative.
pub fn members() -> (Vec<u32>, Vec<u32>) {
    let (mut starts, mut members) = (vec![0], Vec::with_capacity(CELLS));
    for (level, group) in LEVELS.into_iter().flat_map(|level| (0..GROUPS).map(move |group| (level, group))) {
        let own = level.range().filter(|cell| usize::from(KEY.group[*cell]) == group);
        members.extend(own.map(|cell| signed(cell, cell)));
        starts.push(members.len() as u32);
    }
    (starts, members)
}

fn signed(number: usize, cell: usize) -> u32 {
    2 * number as u32 + u32::from(KEY.sign[cell] < 0.0)
}
