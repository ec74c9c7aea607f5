//! What is read of a cell: how much brighter it is than its neighbours, in units of what is usual around it. Where much
//! is usual little is learnt, so such cells also count less.

/// Half the side of the square over which "usual" is measured, in cells.
const AROUND: usize = 3;
/// Larger contrasts count as this.
const MOST: f32 = 2.0;
/// How much of the mark a cell can take without showing it, in codes: it grows with the texture's deviation.
const BASE: f32 = 1.0;
const GAIN: f32 = 0.05;

/// Codes that a cell whose pixels deviate by `texture` codes may be changed by, up to a common factor.
pub(super) fn room(texture: f32) -> f32 {
    BASE + GAIN * texture
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
        residual(mean, columns, rows, value);
        value.iter().zip(&mut *slope).for_each(|(r, square)| *square = r * r);
        box_mean(slope, columns, rows);
        for (value, slope) in value.iter_mut().zip(slope) {
            let usual = (*slope + floor).sqrt();
            *slope = room(usual) / (usual * usual);
            *value = (*value / usual).clamp(-MOST, MOST) * room(usual) / usual;
        }
    }
}

/// Second differences along both axes: of what a picture has, neither slopes nor straight edges along rows or columns
/// pass, but a change of one cell does.
fn residual(mean: &[f32], columns: usize, across: &mut [f32], out: &mut [f32]) {
    let last = columns - 1;
    for (row, across) in mean.chunks_exact(columns).zip(across.chunks_exact_mut(columns)) {
        for (x, out) in across.iter_mut().enumerate() {
            *out = row[x] - 0.5 * (row[x.saturating_sub(1)] + row[(x + 1).min(last)]);
        }
    }
    let bottom = mean.len() / columns - 1;
    for (y, out) in out.chunks_exact_mut(columns).enumerate() {
        let row = |y: usize| &across[y * columns..][..columns];
        let (above, here, below) = (row(y.saturating_sub(1)), row(y), row((y + 1).min(bottom)));
        out.iter_mut().enumerate().for_each(|(x, out)| *out = here[x] - 0.5 * (above[x] + below[x]));
    }
}

/// Means over squares, cut at the edges.
fn box_mean(cells: &mut [f32], columns: usize, across: &mut [f32]) {
    for (row, across) in cells.chunks_exact(columns).zip(across.chunks_exact_mut(columns)) {
        for (x, out) in across.iter_mut().enumerate() {
            let near = &row[x.saturating_sub(AROUND)..(x + AROUND + 1).min(columns)];
            *out = near.iter().sum::<f32>() / near.len() as f32;
        }
    }
    let rows = cells.len() / columns;
    for (y, out) in cells.chunks_exact_mut(columns).enumerate() {
        let near = y.saturating_sub(AROUND)..(y + AROUND + 1).min(rows);
        let share = 1.0 / near.len() as f32;
        out.fill(0.0);
        for y in near {
            out.iter_mut().zip(&across[y * columns..]).for_each(|(o, v)| *o += v * share);
        }
    }
}
