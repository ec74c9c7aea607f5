//! What is read of a cell: how much brighter it is than its neighbours, in units of what is usual around it. Where much
//! is usual little is learnt, so such cells also count less.

use rayon::prelude::*;

use super::taps::ROWS_AT_ONCE;

/// Half the side of the square over which "usual" is measured, in cells.
pub(super) const AROUND: usize = 2;
/// Larger contrasts count as this.
pub(super) const MOST: f32 = 1.3;
/// How much of the mark a cell can take without showing it, in codes: it grows with the texture's deviation.
pub(super) const BASE: f32 = 1.0;
pub(super) const GAIN: f32 = 0.04;

/// A cell that is this bright, in codes, or brighter takes all of its room. On a screen, brightness grows faster than
/// codes do, so that a code more is seen more easily the darker the place. Chosen by eye: without it, even walls of 20 to
/// 40 codes looked mottled. It is about codes as they are: black is 16 where a stream's range is limited.
pub(super) const BRIGHT: f32 = 80.0;
/// Share of its room that a cell of code 0 takes.
pub(super) const DARK_SHARE: f32 = 0.2;

/// Codes that a cell whose pixels deviate by `texture` codes may be changed by, up to a common factor.
pub(super) fn room(texture: f32) -> f32 {
    BASE + GAIN * texture
}

/// Share of its room that a cell of brightness `mean` takes.
pub(super) fn share(mean: f32) -> f32 {
    (DARK_SHARE + (1.0 - DARK_SHARE) / BRIGHT * mean).min(1.0)
}

/// Contrasts of a grid of cells.
#[derive(Debug, Default)]
pub(super) struct Contrast {
    /// By cell.
    pub value: Vec<f32>,
    /// How much it grows with each code that the cell's residual grows.
    pub slope: Vec<f32>,
    rows: Vec<f32>,
}

impl Contrast {
    /// Measures cells of brightness `mean`, `columns` to a row, rows top down, of a level with `floor`.
    pub fn measure(&mut self, mean: &[f32], columns: usize, floor: f32) {
        let Self { value, slope, rows } = self;
        for buffer in [&mut *value, slope, rows] {
            buffer.resize(mean.len(), 0.0);
        }
        let residuals = value.par_chunks_mut(columns).zip(slope.par_chunks_mut(columns));
        let residuals = residuals.zip(rows.par_chunks_mut(columns)).enumerate().with_min_len(ROWS_AT_ONCE);
        residuals.for_each(|(y, ((value, between), square))| {
            residual(mean, y, between, value);
            mean_squares(value, square);
        });
        let contrasts = value.par_chunks_mut(columns).zip(slope.par_chunks_mut(columns));
        contrasts.enumerate().with_min_len(ROWS_AT_ONCE).for_each(|(y, (value, slope))| {
            mean_of_rows(rows, y, slope);
            for (value, slope) in value.iter_mut().zip(slope) {
                let usual = (*slope + floor).sqrt();
                *slope = room(usual) / (usual * usual);
                *value = (*value / usual).clamp(-MOST, MOST) * room(usual) / usual;
            }
        });
    }
}

/// Second differences along both axes, of row `y`: of what a picture has, neither slopes nor straight edges along rows or
/// columns pass, but a change of one cell does. `between` gets those along the columns alone.
fn residual(mean: &[f32], y: usize, between: &mut [f32], out: &mut [f32]) {
    let (columns, bottom) = (out.len(), mean.len() / out.len() - 1);
    let row = |y: usize| &mean[y * columns..][..columns];
    let (above, here, below) = (row(y.saturating_sub(1)), row(y), row((y + 1).min(bottom)));
    between.iter_mut().enumerate().for_each(|(x, out)| *out = here[x] - 0.5 * (above[x] + below[x]));
    for (x, out) in out.iter_mut().enumerate() {
        *out = between[x] - 0.5 * (between[x.saturating_sub(1)] + between[(x + 1).min(columns - 1)]);
    }
}

/// Means of squares along a row, cut at its ends.
fn mean_squares(row: &[f32], out: &mut [f32]) {
    for (x, out) in out.iter_mut().enumerate() {
        let near = &row[x.saturating_sub(AROUND)..(x + AROUND + 1).min(row.len())];
        *out = near.iter().map(|r| r * r).sum::<f32>() / near.len() as f32;
    }
}

/// Means of the rows around row `y`, cut at the edges.
fn mean_of_rows(rows: &[f32], y: usize, out: &mut [f32]) {
    let columns = out.len();
    let near = y.saturating_sub(AROUND)..(y + AROUND + 1).min(rows.len() / columns);
    let share = 1.0 / near.len() as f32;
    out.fill(0.0);
    for y in near {
        out.iter_mut().zip(&rows[y * columns..]).for_each(|(o, v)| *o += v * share);
    }
}
