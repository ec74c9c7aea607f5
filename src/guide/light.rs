//! Colour match in CIELAB: the guide takes on the target's mean colour, contrast and light.

use super::window::Window;

/// Bounds of the contrast gain.
const GAIN: (f32, f32) = (0.7, 1.4);
/// The lower bound falls to 0 below this standard deviation of the target's skin, in units of L*, a*, b*: a black and white
/// picture has no colour, and fog no contrast. Skin in colour deviates by more.
const NONE: f32 = 2.0;
/// A pixel whose lightness is this many standard deviations from the mean is no skin: beard, brow, fringe, highlight.
const OUTLIER: f32 = 1.6;
/// Standard deviation of the low-pass filter that carries the light, in crop 256ths.
const LIGHT_SIGMA: f32 = 18.0;
/// How much of the light's difference is taken over (on the GPU always: shaders/shared/light.wgsl).
pub const LIGHT: f32 = 0.5;
/// Standard deviation of the filter that carries colour at the rim, in crop 256ths.
const RIM_SIGMA: f32 = 8.0;
/// Depth over which the rim's correction falls to 1/e, in crop 256ths.
const RIM_DEPTH: f32 = 22.0;
/// The low-pass filters work on cells of this many crop 256ths.
const CELL: f32 = 4.0;
/// Summed skin weight below which there is nothing to compare.
const LEAST_SKIN: f32 = 16.0;

/// One channel of guide and target, each `window.len()` long.
#[derive(Debug)]
pub struct Channel<'a> {
    /// The target's values.
    pub target: &'a [f32],
    /// The guide's, changed in place.
    pub guide: &'a mut [f32],
    /// How much of the rim's correction applies: 1 at the guide's edge, see [`rim`].
    pub rim: &'a [f32],
}

/// Reused low-resolution buffers.
#[derive(Clone, Debug)]
pub struct Light {
    /// How much of the light's difference is taken over, 0 to 1; [`LIGHT`] in the filter.
    pub strength: f32,
    target_skin: Vec<f32>,
    guide_skin: Vec<f32>,
    weight: Vec<f32>,
    difference: Vec<f32>,
    scratch: Vec<f32>,
    wide: Field,
    near: Field,
}

/// A mask-normalised low-pass of one channel: numerator and weight, then their quotient.
#[derive(Clone, Debug, Default)]
struct Field {
    value: Vec<f32>,
    weight: Vec<f32>,
}

/// The coarse grid of a window.
#[derive(Clone, Copy, Debug)]
struct Grid {
    window: Window,
    cell: usize,
    columns: usize,
    rows: usize,
}

impl Light {
    /// Buffers for windows of up to `pixels` pixels.
    pub fn new(pixels: usize) -> Self {
        let plane = || Vec::with_capacity(pixels / 2);
        let field = || Field { value: plane(), weight: plane() };
        let full = || Vec::with_capacity(pixels);
        Self {
            strength: LIGHT,
            target_skin: full(),
            guide_skin: full(),
            weight: plane(),
            difference: plane(),
            scratch: plane(),
            wide: field(),
            near: field(),
        }
    }

    /// Finds the skin of both for the next [`Self::run`]s: `skin` (1 where both may show some, 0 on eyes, mouth and
    /// beyond the edge) without the pixels whose lightness L* sticks out. What is usual is read from the first `upper`
    /// pixels, the rows above the nose's tip, where there is no beard.
    pub fn weigh(&mut self, target: &[f32], guide: &[f32], skin: &[f32], upper: usize) {
        for (out, lightness) in [(&mut self.target_skin, target), (&mut self.guide_skin, guide)] {
            let (mean, deviation) = moments(&lightness[..upper], &skin[..upper]).unwrap_or((0.0, f32::MAX));
            let usual = |l: f32| if (l - mean).abs() <= OUTLIER * deviation { 1.0 } else { 0.0 };
            out.clear();
            out.extend(lightness.iter().zip(skin).map(|(&l, &s)| s * usual(l)));
        }
    }

    /// Matches one channel. `scale` is canvas pixels per crop 256th.
    ///
    /// The light's difference is read where the guide shows skin: a beard that comes with the photo stays dark, while a
    /// shadow on the target is taken over.
    pub fn run(&mut self, channel: Channel<'_>, window: Window, scale: f32) {
        let Channel { target, guide, rim } = channel;
        let target_moments = moments(target, &self.target_skin);
        let (Some(own), Some(other)) = (target_moments, moments(guide, &self.guide_skin)) else { return };
        let least = GAIN.0 * (own.1 / NONE).min(1.0);
        let gain = (own.1 / other.1.max(1e-6)).clamp(least, GAIN.1);
        let offset = own.0 - gain * other.0;
        guide.iter_mut().for_each(|g| *g = *g * gain + offset);
        let cell = ((CELL * scale).round() as usize).max(1);
        let (columns, rows) = (window.width.div_ceil(cell), window.height.div_ceil(cell));
        let grid = Grid { window, cell, columns, rows };
        let per_cell = scale / cell as f32;
        self.shrink(target, guide, grid);
        self.wide.filter(&self.difference, &self.weight, LIGHT_SIGMA * per_cell, grid, &mut self.scratch);
        let strength = self.strength;
        let rest = self.difference.iter_mut().zip(&self.weight).zip(&self.wide.value);
        rest.for_each(|((difference, weight), light)| *difference -= strength * light * weight);
        self.near.filter(&self.difference, &self.weight, RIM_SIGMA * per_cell, grid, &mut self.scratch);
        self.apply(guide, rim, grid);
    }

    /// Sums skin weight and weighted difference target - guide over cells.
    fn shrink(&mut self, target: &[f32], guide: &[f32], grid: Grid) {
        for plane in [&mut self.weight, &mut self.difference] {
            plane.clear();
            plane.resize(grid.columns * grid.rows, 0.0);
        }
        let Grid { window, cell, columns, .. } = grid;
        for y in 0..window.height {
            let row = y * window.width..(y + 1) * window.width;
            let chunks = target[row.clone()].chunks(cell).zip(guide[row.clone()].chunks(cell));
            let chunks = chunks.zip(self.guide_skin[row].chunks(cell));
            for (x, ((target, guide), skin)) in chunks.enumerate() {
                let i = y / cell * columns + x;
                for ((t, g), s) in target.iter().zip(guide).zip(skin) {
                    self.weight[i] += s;
                    self.difference[i] += s * (t - g);
                }
            }
        }
    }

    /// Adds the light's share everywhere and the rim's near the edge.
    fn apply(&mut self, guide: &mut [f32], rim: &[f32], grid: Grid) {
        let width = grid.window.width;
        let columns: Vec<(usize, usize, f32)> = (0..width).map(|x| position(x, grid.cell, grid.columns)).collect();
        for (y, (guide, rim)) in guide.chunks_exact_mut(width).zip(rim.chunks_exact(width)).enumerate() {
            let (top, bottom, fy) = position(y, grid.cell, grid.rows);
            self.scratch.clear();
            for field in [&self.wide.value, &self.near.value] {
                let row = |r: usize| field[r * grid.columns..(r + 1) * grid.columns].iter();
                self.scratch.extend(row(top).zip(row(bottom)).map(|(a, b)| a + (b - a) * fy));
            }
            let (wide, near) = self.scratch.split_at(grid.columns);
            for ((guide, rim), &(left, right, fx)) in guide.iter_mut().zip(rim).zip(&columns) {
                let light = wide[left] + (wide[right] - wide[left]) * fx;
                let edge = near[left] + (near[right] - near[left]) * fx;
                *guide += self.strength * light + rim * edge;
            }
        }
    }
}

impl Field {
    fn filter(&mut self, numerator: &[f32], weight: &[f32], sigma: f32, grid: Grid, scratch: &mut Vec<f32>) {
        /// Keeps the quotient finite (and near 0) where no skin is within reach.
        const TINY: f32 = 1e-3;
        gaussian(numerator, sigma, grid, scratch, &mut self.value);
        gaussian(weight, sigma, grid, scratch, &mut self.weight);
        self.value.iter_mut().zip(&self.weight).for_each(|(v, w)| *v /= w.max(TINY));
    }
}

/// The rim's share at `depth` canvas pixels below the guide's edge. `scale` is canvas pixels per crop 256th.
pub fn rim(depth: f32, scale: f32) -> f32 {
    (depth * (-1.0 / (RIM_DEPTH * scale))).exp()
}

/// Weighted mean and standard deviation; none with too little weight.
fn moments(values: &[f32], weights: &[f32]) -> Option<(f32, f32)> {
    // Runs are summed in f32 lanes, their sums in f64.
    const RUN: usize = 256;
    let mut sums = [0.0f64; 3];
    for (values, weights) in values.chunks(RUN).zip(weights.chunks(RUN)) {
        let part = lane_sums(values, weights);
        sums.iter_mut().zip(part).for_each(|(s, p)| *s += f64::from(p));
    }
    let [weight, sum, squares] = sums;
    if weight < f64::from(LEAST_SKIN) {
        return None;
    }
    let mean = sum / weight;
    Some((mean as f32, (squares / weight - mean * mean).max(0.0).sqrt() as f32))
}

/// Sums of w, w v, w v^2 in independent lanes, which the compiler turns into vectors.
fn lane_sums(values: &[f32], weights: &[f32]) -> [f32; 3] {
    const LANES: usize = 16;
    let mut lanes = [[0.0f32; LANES]; 3];
    let ((values, values_rest), (weights, weights_rest)) = (values.as_chunks::<LANES>(), weights.as_chunks::<LANES>());
    for (v, w) in values.iter().zip(weights) {
        for i in 0..LANES {
            lanes[0][i] += w[i];
            lanes[1][i] += w[i] * v[i];
            lanes[2][i] += w[i] * v[i] * v[i];
        }
    }
    for (v, w) in values_rest.iter().zip(weights_rest) {
        [*w, w * v, w * v * v].into_iter().zip(&mut lanes).for_each(|(term, lane)| lane[0] += term);
    }
    lanes.map(|l| l.iter().sum())
}

/// Separable Gaussian over the grid, zero outside.
fn gaussian(input: &[f32], sigma: f32, grid: Grid, scratch: &mut Vec<f32>, out: &mut Vec<f32>) {
    let radius = (2.5 * sigma).ceil() as usize;
    let taps: Vec<f32> = (0..=radius).map(|k| (-((k * k) as f32) / (2.0 * sigma * sigma)).exp()).collect();
    let total = 2.0 * taps.iter().sum::<f32>() - taps[0];
    let Grid { columns, rows, .. } = grid;
    for buffer in [&mut *scratch, &mut *out] {
        buffer.clear();
        buffer.resize(columns * rows, 0.0);
    }
    for (row, out) in input.chunks_exact(columns).zip(scratch.chunks_exact_mut(columns)) {
        add_scaled(out, row, taps[0]);
        for (shift, &tap) in taps.iter().enumerate().skip(1).take_while(|(shift, _)| *shift < columns) {
            add_scaled(&mut out[..columns - shift], &row[shift..], tap);
            add_scaled(&mut out[shift..], &row[..columns - shift], tap);
        }
    }
    for (y, out) in out.chunks_exact_mut(columns).enumerate() {
        for other in y.saturating_sub(radius)..(y + radius + 1).min(rows) {
            let row = &scratch[other * columns..(other + 1) * columns];
            add_scaled(out, row, taps[y.abs_diff(other)] / (total * total));
        }
    }
}

/// `out += factor * row`.
fn add_scaled(out: &mut [f32], row: &[f32], factor: f32) {
    out.iter_mut().zip(row).for_each(|(o, v)| *o += factor * v);
}

/// The two cells around pixel `i` and the second one's share, centres at half cells, edges repeated.
fn position(i: usize, cell: usize, cells: usize) -> (usize, usize, f32) {
    let at = ((i as f32 + 0.5) / cell as f32 - 0.5).clamp(0.0, (cells - 1) as f32);
    let first = at as usize;
    (first, (first + 1).min(cells - 1), at - first as f32)
}
