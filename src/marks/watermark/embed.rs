//! Putting the watermark into a frame: measure the cells, decide how strong each group must be, add.

use rayon::prelude::*;

use super::contrast::{Contrast, room, share};
use super::key::{CELLS, COARSE, FINE, GROUPS, KEY, LEVELS};
use super::luma::Luma;
use super::payload::Payload;
use super::taps::{ROWS_AT_ONCE, Taps, weigh};
use crate::frame::{FrameInfo, FrameViewMut};

/// What the mark may cost in a bright frame: peak signal-to-noise ratio of its luma against the same frame without it,
/// in dB. Dark places take less.
pub const PSNR: f32 = 44.2;
/// Mean square share of the room in frames that are bright enough to spend all of that: what their dark places leave, the
/// others take.
pub(super) const LIT: f32 = 0.7;
/// Strength of a group at one level: a factor on the room of its cells. The least keeps the mark where it needs none.
pub(super) const STRENGTH: [f32; 2] = [0.1, 4.0];
/// A level that reaches the frame less than this is reckoned with this.
const LEAST_RESPONSE: f32 = 0.05;
/// Side of a cell, in pixels, of whose mark compression is reckoned to leave half; larger ones keep more. Measured: in
/// small frames the fine cells drown, and cost most of the structural similarity.
const HALF_KEPT: f32 = 7.0;
/// Halvings of the interval in which the common margin is sought.
pub(super) const HALVINGS: usize = 20;
/// No margin that a picture can have is larger.
pub(super) const MOST_MARGIN: f32 = 256.0;

/// What the mark may cost: mean square change of the luma in a bright frame, squared codes.
pub(super) fn budget() -> f32 {
    255.0 * 255.0 / 10_f32.powf(PSNR / 10.0)
}

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
    /// By row of cells, the sums of each column's codes, then the sums of their squares.
    columns: Vec<u32>,
    /// The mark, with pixels across and cells down.
    wide: Vec<f32>,
}

/// What becomes of a level's mark.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gain {
    /// By how much a cell's residual changes with its mark.
    pub response: f32,
    /// Mean square of the frame's change beside that of the cells'.
    pub energy: f32,
    /// What compression is reckoned to leave of it.
    pub kept: f32,
}

/// What was measured and decided for each cell.
#[derive(Debug, Default)]
struct Cells {
    mean: Vec<f32>,
    room: Vec<f32>,
    contrast: [Contrast; 2],
    /// Codes to add.
    mark: Vec<f32>,
    /// The coarse cells' mark, with fine cells across and coarse ones down.
    wide: Vec<f32>,
    /// Coarse cells to fine ones.
    halves: [Taps; 2],
}

impl Embedder {
    /// For frames that say `payload`.
    pub fn new(payload: Payload) -> Self {
        let empty = || vec![0.0; CELLS];
        let halves = [Taps::new(FINE.columns(), COARSE.columns()), Taps::new(FINE.rows(), COARSE.rows())];
        let wide = vec![0.0; COARSE.rows() * FINE.columns()];
        let cells = Cells { mean: empty(), room: empty(), mark: empty(), contrast: Default::default(), wide, halves };
        Self { payload, wanted: payload.wanted(), plan: None, cells }
    }

    /// What the next frames say.
    pub fn set_payload(&mut self, payload: Payload) {
        if self.payload != payload {
            (self.payload, self.wanted) = (payload, payload.wanted());
        }
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
    /// costs so that most of it is kept.
    fn decide(&mut self, gains: [Gain; 2]) {
        let (key, wanted, Cells { mean, room, contrast, mark, .. }) = (&*KEY, &self.wanted, &mut self.cells);
        let (mut have, mut gain, mut cost) = ([0.0; GROUPS], [[0.0; GROUPS]; 2], [[0.0; GROUPS]; 2]);
        for (l, level) in LEVELS.into_iter().enumerate() {
            let (contrast, first, Gain { response, energy, .. }) = (&mut contrast[l], level.first, gains[l]);
            contrast.measure(&mean[level.range()], level.columns(), level.floor);
            let sums = key.sums(level.range(), |i| key.sign[i] * contrast.value[i - first]);
            have.iter_mut().zip(sums).for_each(|(have, sum)| *have += sum);
            gain[l] = key.sums(level.range(), |i| room[i] * contrast.slope[i - first] * response);
            cost[l] = key.sums(level.range(), |i| room[i] * room[i] * energy / level.cells() as f32);
        }
        let part = |l: usize, g: usize| gains[l].kept * gain[l][g] / cost[l][g];
        let value: [f32; GROUPS] = std::array::from_fn(|g| (0..2).map(|l| part(l, g) * gain[l][g]).sum());
        let strength = |margin: f32, l: usize, g: usize| {
            let need = (margin - wanted[g] * have[g]) / value[g];
            (need * part(l, g)).clamp(STRENGTH[0], STRENGTH[1])
        };
        let spent = |margin: f32| -> f32 {
            let each = (0..2).flat_map(|l| (0..GROUPS).map(move |g| (l, g)));
            each.map(|(l, g)| strength(margin, l, g).powi(2) * cost[l][g]).sum()
        };
        let lit = mean[FINE.range()].iter().map(|m| share(*m).powi(2)).sum::<f32>() / FINE.cells() as f32;
        let budget = budget() * (lit / LIT).min(1.0);
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
        let ([across, down], columns) = (&self.halves, FINE.columns());
        across.stretch(coarse, &mut self.wide);
        let (rows, wide) = (fine.par_chunks_mut(columns).zip(&down.taps), &self.wide);
        rows.with_min_len(ROWS_AT_ONCE).for_each(|(out, (near, weights))| {
            let mut sums = [0.0; FINE.columns()];
            weigh(near.map(|n| &wide[usize::from(n) * columns..][..columns]), *weights, &mut sums);
            out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
        });
    }
}

impl Plan {
    fn new(info: FrameInfo) -> Self {
        let (across, down) = (Taps::new(info.width, FINE.columns()), Taps::new(info.height, FINE.rows()));
        let size = FINE.rows() * info.width;
        Self { info, across, down, gains: Gain::of_frame(&info), columns: vec![0; 2 * size], wide: vec![0.0; size] }
    }

    /// Mean and room of each cell.
    fn measure(&mut self, frame: &FrameViewMut<'_>, cells: &mut Cells) {
        let Self { info, across, down, columns, .. } = self;
        let luma = Luma::of(info.format);
        let by_row = cells.mean[FINE.range()].par_chunks_mut(FINE.columns());
        let by_row = by_row.zip(cells.room[FINE.range()].par_chunks_mut(FINE.columns()));
        let by_row = by_row.zip(columns.par_chunks_mut(2 * info.width)).enumerate();
        by_row.for_each(|(cell_row, ((means, rooms), columns))| {
            let rows = down.pixels(cell_row);
            let height = rows.len();
            columns.fill(0);
            let (sums, squares) = columns.split_at_mut(info.width);
            for y in rows {
                luma.sum(&frame.planes[0][y * frame.strides[0]..], sums, squares);
            }
            for (x, (mean, around)) in means.iter_mut().zip(rooms).enumerate() {
                let own = across.pixels(x);
                let pixels = (own.len() * height) as f32;
                let total = |columns: &[u32]| columns[own.clone()].iter().sum::<u32>() as f32;
                *mean = total(sums) / pixels;
                *around = share(*mean) * room((total(squares) / pixels - *mean * *mean).max(0.0).sqrt());
            }
        });
    }

    /// Adds the fine cells' `mark` to the frame.
    fn add(&mut self, frame: &mut FrameViewMut<'_>, mark: &[f32]) {
        let Self { info, across, down, wide, .. } = self;
        across.stretch(mark, wide);
        let (luma, wide, stride) = (Luma::of(info.format), &*wide, frame.strides[0]);
        let rows = frame.planes[0].par_chunks_mut(stride).zip(&down.taps);
        rows.with_min_len(ROWS_AT_ONCE).for_each(|(row, (near, weights))| {
            let rows = near.map(|n| &wide[usize::from(n) * info.width..][..info.width]);
            luma.add(row, rows, *weights);
        });
    }
}

impl Gain {
    /// Fine and coarse, for frames like `info`.
    pub fn of_frame(info: &FrameInfo) -> [Self; 2] {
        LEVELS.map(|level| {
            let (across, down) = (Taps::new(info.width, level.columns()), Taps::new(info.height, level.rows()));
            // Along each axis: what a cell adds to itself, less half of what it adds to its two neighbours. In frames
            // with fewer pixels than cells there may be nothing left of that.
            let (x, y) = (across.response(), down.response());
            let response = ((x[0] - x[1]) * (y[0] - y[1])).max(LEAST_RESPONSE);
            let pixels = (info.width * info.height) as f32 / level.cells() as f32;
            let kept = pixels / (pixels + HALF_KEPT * HALF_KEPT);
            Self { response, energy: across.energy() * down.energy(), kept }
        })
    }
}
