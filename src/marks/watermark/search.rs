//! Where a picture lies in the frame that was marked, when it was cut out of it: found by the groups whose bit is known.

use rustfft::FftPlanner;
use rustfft::num_complex::Complex32;

use super::contrast::Contrast;
use super::key::{CELLS, COARSE, COLUMNS, GROUPS, KEY, LEVELS, Level, PILOTS, ROWS};
use super::picture::Picture;
use super::read::known;

/// Smallest share of the frame's sides that is sought, where the picture has the frame's shape...
const SMALLEST: f32 = 0.45;
/// ...and of one side where the other is whole: an upright picture of 9:16 takes .316 of the width of a frame of 16:9.
const NARROWEST: f32 = 0.3;
/// From one size to the next: half a cell at the edges.
const STEP: f32 = 1.0 / 128.0;
/// Places between two cells that are tried, along each axis.
const PHASES: usize = 3;
/// Pictures that the first look takes.
const PICTURES: usize = 12;
/// Places that are looked at closely.
const CANDIDATES: usize = 12;
/// Cells of the level that the first look takes.
const COARSE_CELLS: usize = COARSE.cells();
/// Steps of the closer look, in cells.
const CLOSER: [f32; 4] = [0.3, 0.15, 0.08, 0.04];

/// Where a picture lies on the canvas, in cells: its left and upper edges, width and height. A whole frame lies at
/// (0, 0) and is [`COLUMNS`] wide and [`ROWS`] high.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Geometry {
    /// Left edge.
    pub left: f32,
    /// Upper edge.
    pub top: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
    /// Whether the picture is seen in a mirror; the other numbers are those before that.
    pub mirrored: bool,
}

impl Geometry {
    /// A whole frame.
    pub const WHOLE: Self = Self { left: 0.0, top: 0.0, width: COLUMNS as f32, height: ROWS as f32, mirrored: false };

    /// The same, seen in a mirror.
    pub(super) fn mirror(self) -> Self {
        Self { left: COLUMNS as f32 - self.left - self.width, mirrored: !self.mirrored, ..self }
    }

    /// Contrasts of the cells of all levels, 0 where the picture does not reach.
    pub(super) fn contrasts(&self, picture: &Picture, contrast: &mut Contrast) -> Vec<f32> {
        let mut cells = vec![0.0; CELLS];
        LEVELS.iter().for_each(|level| self.level(*level, picture, contrast, &mut cells[level.range()]));
        cells
    }

    fn level(&self, level: Level, picture: &Picture, contrast: &mut Contrast, cells: &mut [f32]) {
        let [left, top, width, height] = [self.left, self.top, self.width, self.height].map(|v| v * level.scale as f32);
        let [columns, rows] = [inside(left, width, level.columns()), inside(top, height, level.rows())];
        if columns.len() < 3 || rows.len() < 3 {
            return;
        }
        let [w, h] = picture.size().map(|v| v as f32);
        let cell = [w / width, h / height];
        let before = if self.mirrored { left + width - columns.end as f32 } else { columns.start as f32 - left };
        let start = [before * cell[0], (rows.start as f32 - top) * cell[1]];
        let means = picture.grid(start, cell, [columns.len(), rows.len()]);
        contrast.measure(&means, columns.len(), level.floor);
        for (row, seen) in rows.zip(contrast.value.chunks_exact(columns.len())) {
            let out = &mut cells[row * level.columns()..][columns.clone()];
            out.copy_from_slice(seen);
            if self.mirrored {
                out.reverse();
            }
        }
    }
}

/// The cells that lie wholly inside, a hundredth of a cell forgiven.
fn inside(start: f32, length: f32, cells: usize) -> std::ops::Range<usize> {
    let first = (start - 0.01).ceil().max(0.0) as usize;
    let end = ((start + length + 0.01).floor().max(0.0) as usize).min(cells);
    first.min(end)..end
}

/// Where pictures that were cut out of larger frames alike may lie (they have the frame's shape, or one of its sides is
/// whole): places that the known groups speak for. The more
/// the pictures differ (frames from all of a video), the surer. Takes seconds.
pub fn locate(pictures: &[Picture]) -> Vec<Geometry> {
    let every = pictures.len().div_ceil(PICTURES).max(1);
    let few: Vec<&Picture> = pictures.iter().step_by(every).collect();
    let mut correlation = Correlation::new();
    let mut found: Vec<(f32, Geometry)> = Vec::new();
    for shares in sizes() {
        let size = [COLUMNS as f32 * shares[0], ROWS as f32 * shares[1]];
        // A side that is whole begins where the frame does.
        let phases = shares.map(|share| if share < 1.0 { PHASES } else { 1 });
        for phase in 0..phases[0] * phases[1] {
            let phase = [phase % phases[0], phase / phases[0]].map(|p| p as f32 / PHASES as f32);
            correlation.look(&few, size, phase, &mut found);
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.truncate(CANDIDATES);
    }
    let mut close = Vec::new();
    for (_, geometry) in found {
        let place = closer(geometry, &few);
        if !close.contains(&place) {
            close.push(place);
        }
    }
    close
}

/// Shares of the frame's width and height that are sought: of its shape, or with one side whole.
fn sizes() -> impl Iterator<Item = [f32; 2]> {
    let shares = |least| (1..).map(|i| (1.0 - STEP).powi(i)).take_while(move |share| *share >= least);
    let one_side = shares(NARROWEST).flat_map(|share| [[share, 1.0], [1.0, share]]);
    shares(SMALLEST).map(|share| [share, share]).chain(one_side)
}

/// Climbs to the place nearby where the known groups are strongest.
fn closer(mut at: Geometry, pictures: &[&Picture]) -> Geometry {
    let mut contrast = Contrast::default();
    let mut strength = |g: &Geometry| -> f32 {
        let mut sum = vec![0.0; CELLS];
        for picture in pictures {
            sum.iter_mut().zip(g.contrasts(picture, &mut contrast)).for_each(|(s, c)| *s += c);
        }
        known(&sum) / sum.iter().map(|c| c * c).sum::<f32>().sqrt().max(f32::MIN_POSITIVE)
    };
    let mut best = strength(&at);
    for step in CLOSER {
        loop {
            let moves = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [-0.5, 0.0, 1.0, 0.0], [0.0, -0.5, 0.0, 1.0]];
            let near = moves.iter().flat_map(|m| [step, -step].map(|s| m.map(|v| v * s)));
            let near = near.map(|[x, y, w, h]| Geometry {
                left: at.left + x,
                top: at.top + y,
                width: at.width + w,
                height: at.height + h,
                ..at
            });
            let better = near.map(|g| (strength(&g), g)).max_by(|a, b| a.0.total_cmp(&b.0));
            match better.filter(|(s, _)| *s > best) {
                Some((s, g)) => (best, at) = (s, g),
                None => break,
            }
        }
    }
    at
}

/// Correlates pictures with the known groups' signs, in all places at once.
struct Correlation {
    forward: [std::sync::Arc<dyn rustfft::Fft<f32>>; 2],
    inverse: [std::sync::Arc<dyn rustfft::Fft<f32>>; 2],
    /// Spectrum of the signs.
    known: Vec<Complex32>,
    contrast: Contrast,
}

impl Correlation {
    fn new() -> Self {
        let mut planner = FftPlanner::new();
        let forward = [COLUMNS, ROWS].map(|n| planner.plan_fft_forward(n));
        let inverse = [COLUMNS, ROWS].map(|n| planner.plan_fft_inverse(n));
        let mut known: Vec<_> = COARSE.range().map(|cell| Complex32::new(KEY.known(cell), 0.0)).collect();
        transform(&forward, &mut known);
        Self { forward, inverse, known, contrast: Contrast::default() }
    }

    /// Looks at pictures of `size` cells whose first whole cell begins `phase` cells inside.
    fn look(&mut self, pictures: &[&Picture], size: [f32; 2], phase: [f32; 2], found: &mut Vec<(f32, Geometry)>) {
        let count = [0, 1].map(|axis| (size[axis] - phase[axis] + 0.01) as usize);
        let mut sum = vec![0.0_f32; count[0] * count[1]];
        for picture in pictures {
            let [w, h] = picture.size().map(|v| v as f32);
            let cell = [w / size[0], h / size[1]];
            let means = picture.grid([phase[0] * cell[0], phase[1] * cell[1]], cell, count);
            self.contrast.measure(&means, count[0], COARSE.floor);
            sum.iter_mut().zip(&self.contrast.value).for_each(|(s, c)| *s += c);
        }
        let share = (PILOTS as f32 / GROUPS as f32).sqrt();
        let scale =
            1.0 / (COARSE_CELLS as f32 * share * sum.iter().map(|c| c * c).sum::<f32>().sqrt().max(f32::MIN_POSITIVE));
        for mirrored in [false, true] {
            let mut field = vec![Complex32::default(); COARSE_CELLS];
            for (row, seen) in field.chunks_exact_mut(COLUMNS).zip(sum.chunks_exact(count[0])) {
                for (x, c) in seen.iter().enumerate() {
                    row[if mirrored { count[0] - 1 - x } else { x }].re = *c;
                }
            }
            transform(&self.forward, &mut field);
            field.iter_mut().zip(&self.known).for_each(|(f, k)| *f = k * f.conj());
            transform(&self.inverse, &mut field);
            for y in 0..=ROWS - count[1] {
                for x in 0..=COLUMNS - count[0] {
                    let z = field[y * COLUMNS + x].re * scale;
                    let weakest = if found.len() < CANDIDATES { 3.0 } else { found[CANDIDATES - 1].0 };
                    if z > weakest {
                        let before = if mirrored { size[0] - phase[0] - count[0] as f32 } else { phase[0] };
                        let (left, top) = (x as f32 - before, y as f32 - phase[1]);
                        found.push((z, Geometry { left, top, width: size[0], height: size[1], mirrored }));
                    }
                }
            }
        }
    }
}

/// Along rows, then along columns, by way of a transposed copy.
fn transform(plans: &[std::sync::Arc<dyn rustfft::Fft<f32>>; 2], field: &mut [Complex32]) {
    plans[0].process(field);
    let mut turned: Vec<Complex32> = (0..COARSE_CELLS).map(|i| field[i % ROWS * COLUMNS + i / ROWS]).collect();
    plans[1].process(&mut turned);
    (0..COARSE_CELLS).for_each(|i| field[i] = turned[i % COLUMNS * ROWS + i / COLUMNS]);
}
