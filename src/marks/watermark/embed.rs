//! Putting the watermark into a frame: measure the cells, decide how strong each group must be, add.

use multiversion::multiversion;
use rayon::prelude::*;

use super::contrast::{Contrast, room};
use super::key::{CELLS, COARSE, DATA, FINE, GROUPS, KEY, LEVELS, Level};
use super::payload::Payload;
use super::taps::Taps;
use crate::frame::{FrameInfo, FrameViewMut, PixelFormat};

/// What the mark may cost: peak signal-to-noise ratio of a marked frame's luma against the same frame without it, in dB.
pub const PSNR: f32 = 44.3;
/// Strength of a group at one level: a factor on the room of its cells. The least keeps the mark where it needs none.
const STRENGTH: [f32; 2] = [0.1, 4.0];
/// A level that reaches the frame less than this is reckoned with this.
const LEAST_RESPONSE: f32 = 0.05;
/// Halvings of the interval in which the common margin is sought.
const HALVINGS: usize = 20;
/// No margin that a picture can have is larger.
const MOST_MARGIN: f32 = 256.0;

/// Marks frames with one payload. Buffers are planned once for each frame size.
#[derive(Debug)]
pub struct Embedder {
    payload: Payload,
    /// Wanted sign of each group: data, then pilots.
    wanted: [f32; GROUPS],
    plan: Option<Plan>,
    cells: Cells,
}

/// What depends on the frame's size.
#[derive(Debug)]
struct Plan {
    info: FrameInfo,
    across: Taps,
    down: Taps,
    /// Fine and coarse.
    gains: [Gain; 2],
    /// By row of cells, the sums and the sums of squares of each column's codes.
    columns: Vec<[u32; 2]>,
    /// The mark, with pixels across and cells down.
    wide: Vec<f32>,
}

/// What becomes of a level's mark.
#[derive(Clone, Copy, Debug, Default)]
struct Gain {
    /// By how much a cell's residual changes with its mark.
    response: f32,
    /// Mean square of the frame's change beside that of the cells'.
    energy: f32,
}

/// What was measured and decided for each cell.
#[derive(Debug, Default)]
struct Cells {
    mean: Vec<f32>,
    room: Vec<f32>,
    contrast: [Contrast; 2],
    /// Codes to add.
    mark: Vec<f32>,
    /// Coarse cells to fine ones.
    halves: [Taps; 2],
}

impl Embedder {
    /// For frames that say `payload`.
    pub fn new(payload: Payload) -> Self {
        let empty = || vec![0.0; CELLS];
        let halves = [Taps::new(FINE.columns(), COARSE.columns()), Taps::new(FINE.rows(), COARSE.rows())];
        let cells = Cells { mean: empty(), room: empty(), mark: empty(), contrast: Default::default(), halves };
        let mut embedder = Self { payload, wanted: [1.0; GROUPS], plan: None, cells };
        embedder.set_payload(payload);
        embedder
    }

    /// What the next frames say.
    pub fn set_payload(&mut self, payload: Payload) {
        self.payload = payload;
        self.wanted[..DATA].copy_from_slice(&payload.encode());
    }

    /// What frames say.
    pub const fn payload(&self) -> Payload {
        self.payload
    }

    /// Adds the mark to the luma of `frame`; R, G and B change alike.
    pub fn embed(&mut self, frame: &mut FrameViewMut<'_>) {
        let kept = self.plan.take().filter(|plan| plan.info == frame.info);
        let mut plan = kept.unwrap_or_else(|| Plan::new(frame.info));
        plan.measure(frame, &mut self.cells);
        self.cells.halve();
        self.decide(plan.gains);
        self.cells.merge();
        plan.add(frame, &self.cells.mark[FINE.range()]);
        self.plan = Some(plan);
    }

    /// Fills `mark`. All groups get the same margin, the largest that the budget allows; a group's levels share what it
    /// costs so that it gets most for it.
    fn decide(&mut self, gains: [Gain; 2]) {
        let (key, wanted, Cells { mean, room, contrast, mark, .. }) = (&*KEY, &self.wanted, &mut self.cells);
        let (mut have, mut gain, mut cost) = ([0.0; GROUPS], [[0.0; GROUPS]; 2], [[0.0; GROUPS]; 2]);
        for (l, level) in LEVELS.into_iter().enumerate() {
            let (contrast, first, Gain { response, energy }) = (&mut contrast[l], level.first, gains[l]);
            contrast.measure(&mean[level.range()], level.columns(), level.floor);
            let sums = key.sums(level.range(), |i| key.sign[i] * contrast.value[i - first]);
            have.iter_mut().zip(sums).for_each(|(have, sum)| *have += sum);
            gain[l] = key.sums(level.range(), |i| room[i] * contrast.slope[i - first] * response);
            cost[l] = key.sums(level.range(), |i| room[i] * room[i] * energy / level.cells() as f32);
        }
        let value: [f32; GROUPS] = std::array::from_fn(|g| (0..2).map(|l| gain[l][g] * gain[l][g] / cost[l][g]).sum());
        let strength = |margin: f32, l: usize, g: usize| {
            let need = (margin - wanted[g] * have[g]) / value[g];
            (need * gain[l][g] / cost[l][g]).clamp(STRENGTH[0], STRENGTH[1])
        };
        let spent = |margin: f32| -> f32 {
            let each = (0..2).flat_map(|l| (0..GROUPS).map(move |g| (l, g)));
            each.map(|(l, g)| strength(margin, l, g).powi(2) * cost[l][g]).sum()
        };
        let budget = 255.0 * 255.0 / 10_f32.powf(PSNR / 10.0);
        let (mut low, mut high) = (0.0, MOST_MARGIN);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if spent(middle) > budget { high = middle } else { low = middle }
        }
        for (l, level) in LEVELS.into_iter().enumerate() {
            let strength: [f32; GROUPS] = std::array::from_fn(|g| wanted[g] * strength(low, l, g));
            level.range().for_each(|i| mark[i] = strength[usize::from(key.group[i])] * key.sign[i] * room[i]);
        }
    }
}

impl Cells {
    /// Means and rooms of the coarse cells.
    fn halve(&mut self) {
        for values in [&mut self.mean, &mut self.room] {
            let (fine, coarse) = values.split_at_mut(COARSE.first);
            for (i, out) in coarse.iter_mut().enumerate() {
                let at = 2 * (i / COARSE.columns()) * FINE.columns() + 2 * (i % COARSE.columns());
                *out = 0.25 * (fine[at] + fine[at + 1] + fine[at + FINE.columns()] + fine[at + FINE.columns() + 1]);
            }
        }
    }

    /// Adds the coarse cells' mark to that of the fine ones.
    fn merge(&mut self) {
        let (fine, coarse) = self.mark.split_at_mut(COARSE.first);
        let [across, down] = &self.halves;
        fine.par_chunks_mut(FINE.columns()).zip(&down.taps).for_each(|(out, (rows, tall))| {
            for (out, (columns, wide)) in out.iter_mut().zip(&across.taps) {
                let cell =
                    |k: usize, j: usize| coarse[usize::from(rows[k]) * COARSE.columns() + usize::from(columns[j])];
                let row = |k: usize| (0..4).map(|j| cell(k, j) * wide[j]).sum::<f32>();
                *out += (0..4).map(|k| row(k) * tall[k]).sum::<f32>();
            }
        });
    }
}

impl Plan {
    fn new(info: FrameInfo) -> Self {
        let (across, down) = (Taps::new(info.width, FINE.columns()), Taps::new(info.height, FINE.rows()));
        let direct =
            |level: Level| Gain::of(&Taps::new(info.width, level.columns()), &Taps::new(info.height, level.rows()));
        let size = FINE.rows() * info.width;
        Self { info, across, down, gains: LEVELS.map(direct), columns: vec![[0; 2]; size], wide: vec![0.0; size] }
    }

    /// Mean and room of each cell.
    fn measure(&mut self, frame: &FrameViewMut<'_>, cells: &mut Cells) {
        let Self { info, across, down, columns, .. } = self;
        let luma = Luma::of(info.format);
        let by_row = cells.mean[FINE.range()].par_chunks_mut(FINE.columns());
        let by_row = by_row.zip(cells.room[FINE.range()].par_chunks_mut(FINE.columns()));
        let by_row = by_row.zip(columns.par_chunks_mut(info.width)).enumerate();
        by_row.for_each(|(cell_row, ((means, rooms), columns))| {
            let rows = down.pixels(cell_row);
            let height = rows.len();
            columns.fill([0; 2]);
            for y in rows {
                luma.sum(&frame.planes[0][y * frame.strides[0]..], columns);
            }
            for (x, (mean, around)) in means.iter_mut().zip(rooms).enumerate() {
                let columns = &columns[across.pixels(x)];
                let pixels = (columns.len() * height) as f32;
                let [sum, squares] = columns.iter().fold([0; 2], |[a, b], [c, d]| [a + c, b + d]);
                *mean = sum as f32 / pixels;
                *around = room((squares as f32 / pixels - *mean * *mean).max(0.0).sqrt());
            }
        });
    }

    /// Adds the fine cells' `mark` to the frame.
    fn add(&mut self, frame: &mut FrameViewMut<'_>, mark: &[f32]) {
        let Self { info, across, down, wide, .. } = self;
        wide.par_chunks_mut(info.width).zip(mark.par_chunks(FINE.columns())).for_each(|(wide, cells)| {
            for (out, (near, weight)) in wide.iter_mut().zip(&across.taps) {
                *out = (0..4).map(|k| cells[usize::from(near[k])] * weight[k]).sum();
            }
        });
        let (luma, wide, stride) = (Luma::of(info.format), &*wide, frame.strides[0]);
        let rows = frame.planes[0].par_chunks_mut(stride).zip(&down.taps);
        rows.with_min_len(16).for_each(|(row, (near, weights))| {
            let rows = near.map(|n| &wide[usize::from(n) * info.width..][..info.width]);
            luma.add(row, rows, *weights);
        });
    }
}

impl Gain {
    fn of(across: &Taps, down: &Taps) -> Self {
        let (x, y) = (across.response(), down.response());
        // Along each axis: what a cell adds to itself, less half of what it adds to its two neighbours. In frames with
        // fewer pixels than cells there may be nothing left of that.
        Self { response: ((x[0] - x[1]) * (y[0] - y[1])).max(LEAST_RESPONSE), energy: across.energy() * down.energy() }
    }
}

/// Where the luma of a row is.
#[derive(Clone, Copy)]
enum Luma {
    /// A sample every so many bytes.
    Plane(usize),
    /// R, G and B in pixels of so many bytes.
    Rgb([usize; 3], usize),
}

/// BT.601's weights of R, G and B, of 256: near enough for every matrix.
const WEIGHTS: [u32; 3] = [77, 150, 29];

impl Luma {
    const fn of(format: PixelFormat) -> Self {
        match (format.rgb_layout(), format) {
            (Some((offsets, step)), _) => Self::Rgb(offsets, step),
            (None, PixelFormat::Yuy2) => Self::Plane(2),
            (None, _) => Self::Plane(1),
        }
    }

    /// Adds a row to its columns' sums and sums of squares.
    fn sum(self, row: &[u8], columns: &mut [[u32; 2]]) {
        match self {
            Self::Plane(1) => sum_plane(row, columns),
            Self::Plane(step) => {
                columns.iter_mut().zip(row.iter().step_by(step)).for_each(|(c, v)| count(c, (*v).into()));
            }
            Self::Rgb(offsets, step) => {
                for (column, pixel) in columns.iter_mut().zip(row.chunks(step)) {
                    let sum = (0..3).map(|c| WEIGHTS[c] * u32::from(pixel[offsets[c]])).sum::<u32>();
                    count(column, (sum + 128) >> 8);
                }
            }
        }
    }

    /// Adds the weighted sum of `rows` to a row of codes.
    fn add(self, row: &mut [u8], rows: [&[f32]; 4], weights: [f32; 4]) {
        match self {
            Self::Plane(1) => add_plane(row, rows, weights),
            Self::Plane(step) => {
                for (x, code) in row.iter_mut().step_by(step).take(rows[0].len()).enumerate() {
                    *code = added(*code, rows, weights, x);
                }
            }
            Self::Rgb(offsets, step) => {
                for (x, pixel) in row.chunks_mut(step).take(rows[0].len()).enumerate() {
                    offsets.iter().for_each(|at| pixel[*at] = added(pixel[*at], rows, weights, x));
                }
            }
        }
    }
}

#[inline(always)]
fn count(column: &mut [u32; 2], code: u32) {
    column[0] += code;
    column[1] += code * code;
}

#[inline(always)]
fn added(code: u8, rows: [&[f32]; 4], weights: [f32; 4], x: usize) -> u8 {
    let mark: f32 = (0..4).map(|k| rows[k][x] * weights[k]).sum();
    // `as` cuts off below 0 and above 255.
    (f32::from(code) + mark + 0.5) as u8
}

#[multiversion(targets = "simd")]
fn sum_plane(row: &[u8], columns: &mut [[u32; 2]]) {
    columns.iter_mut().zip(row).for_each(|(column, code)| count(column, (*code).into()));
}

#[multiversion(targets = "simd")]
fn add_plane(row: &mut [u8], rows: [&[f32]; 4], weights: [f32; 4]) {
    let width = rows[0].len();
    let rows = rows.map(|row| &row[..width]);
    row[..width].iter_mut().enumerate().for_each(|(x, code)| *code = added(*code, rows, weights, x));
}
