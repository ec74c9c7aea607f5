//! Pictures to read a watermark from: luma, made small enough that any part of it is averaged at once.

use super::key::{COLUMNS, ROWS};
use super::search::Geometry;

/// Columns and rows that are kept at most: four pixels a fine cell.
const MOST: [usize; 2] = [8 * COLUMNS, 8 * ROWS];
/// Black bars are at most this bright, in codes...
const BLACK: f32 = 24.0;
/// ...and their pixels differ at most by this.
const EVEN: f32 = 6.0;

/// One picture as the reader keeps it: sums of luma codes over all rectangles that begin in its upper left corner.
#[derive(Clone, Debug)]
pub struct Picture {
    width: usize,
    height: usize,
    /// `[height + 1, width + 1]`.
    sums: Vec<f64>,
}

impl Picture {
    /// From luma codes, `stride` bytes from row to row. None for a picture without pixels.
    pub fn new(luma: &[u8], width: usize, height: usize, stride: usize) -> Option<Self> {
        if width == 0 || height == 0 || luma.len() < stride * (height - 1) + width || stride < width {
            return None;
        }
        let row = |y: usize| luma[y * stride..][..width].iter().map(|v| f32::from(*v));
        let [w, h] = [width.min(MOST[0]), height.min(MOST[1])];
        if [w, h] == [width, height] {
            return Some(Self::sum(width, height, row));
        }
        let small = shrunk([width, height], [w, h], row);
        Some(Self::sum(w, h, |y| small[y * w..][..w].iter().copied()))
    }

    fn sum<I: Iterator<Item = f32>>(width: usize, height: usize, row: impl Fn(usize) -> I) -> Self {
        let stride = width + 1;
        let mut sums = vec![0.0; stride * (height + 1)];
        for y in 0..height {
            let (above, here) = sums[y * stride..].split_at_mut(stride);
            let mut line = 0.0;
            for (x, value) in row(y).enumerate() {
                line += f64::from(value);
                here[x + 1] = above[x + 1] + line;
            }
        }
        Self { width, height, sums }
    }

    /// Means over a grid of `count` cells of `size` pixels that begins at `start`, rows top down. What lies outside the
    /// picture counts as its edge.
    pub(super) fn grid(&self, start: [f32; 2], size: [f32; 2], count: [usize; 2]) -> Vec<f32> {
        let side = [self.width, self.height];
        let edges = |axis: usize| -> Vec<(usize, f64)> {
            let edge = |i: usize| {
                let at = f64::from(start[axis] + size[axis] * i as f32).clamp(0.0, side[axis] as f64);
                let whole = (at as usize).min(side[axis] - 1);
                (whole, at - whole as f64)
            };
            (0..=count[axis]).map(edge).collect()
        };
        let (xs, ys) = (edges(0), edges(1));
        let stride = self.width + 1;
        // Sums over everything above `y`, at each edge.
        let line = |&(y, f): &(usize, f64)| -> Vec<f64> {
            let (above, below) = (&self.sums[y * stride..], &self.sums[(y + 1) * stride..]);
            let at = |x: usize| above[x] + (below[x] - above[x]) * f;
            xs.iter().map(|&(x, g)| at(x) + (at(x + 1) - at(x)) * g).collect()
        };
        let length = |edges: &[(usize, f64)], i: usize| {
            let at = |(whole, f): (usize, f64)| whole as f64 + f;
            (at(edges[i + 1]) - at(edges[i])).max(1e-3)
        };
        let mut means = Vec::with_capacity(count[0] * count[1]);
        let mut above = line(&ys[0]);
        for y in 0..count[1] {
            let below = line(&ys[y + 1]);
            let sum = |x: usize| (below[x + 1] - below[x]) - (above[x + 1] - above[x]);
            means.extend((0..count[0]).map(|x| (sum(x) / (length(&xs, x) * length(&ys, y))) as f32));
            above = below;
        }
        means
    }

    /// Columns and rows as kept.
    pub(super) const fn size(&self) -> [usize; 2] {
        [self.width, self.height]
    }

    /// Where the picture stands without black bars above and below or at its sides.
    pub(super) fn without_bars(&self) -> Geometry {
        let line = |row: bool, i: usize| {
            let (start, size, count) = if row {
                ([0.0, i as f32], [1.0, 1.0], [self.width, 1])
            } else {
                ([i as f32, 0.0], [1.0, 1.0], [1, self.height])
            };
            let values = self.grid(start, size, count);
            let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
            high <= BLACK && high - low <= EVEN
        };
        let bars = |row: bool, side: usize| {
            let before = (0..side / 3).take_while(|i| line(row, *i)).count();
            let after = (0..side / 3).take_while(|i| line(row, side - 1 - i)).count();
            [before as f32 / side as f32, after as f32 / side as f32]
        };
        let ([left, right], [top, bottom]) = (bars(false, self.width), bars(true, self.height));
        let (wide, high) = (COLUMNS as f32 / (1.0 - left - right), ROWS as f32 / (1.0 - top - bottom));
        Geometry { left: -left * wide, top: -top * high, width: wide, height: high, mirrored: false }
    }
}

/// Means over a grid of `count` cells that covers a picture of `size` pixels, rows top down.
fn shrunk<I: Iterator<Item = f32>>(size: [usize; 2], count: [usize; 2], row: impl Fn(usize) -> I) -> Vec<f32> {
    let ratio = [0, 1].map(|axis| size[axis] as f64 / count[axis] as f64);
    let edges: Vec<f64> = (0..=count[0]).map(|i| i as f64 * ratio[0]).collect();
    let (mut sums, mut line) = (vec![0.0; count[0] * count[1]], vec![0.0; size[0] + 1]);
    for y in 0..size[1] {
        let mut sum = 0.0;
        line[1..].iter_mut().zip(row(y)).for_each(|(out, value)| {
            sum += f64::from(value);
            *out = sum;
        });
        let before = |edge: f64| {
            let whole = (edge as usize).min(size[0] - 1);
            line[whole] + (line[whole + 1] - line[whole]) * (edge - whole as f64)
        };
        let (top, bottom) = (y as f64 / ratio[1], (y + 1) as f64 / ratio[1]);
        for cells in top as usize..(bottom.ceil() as usize).min(count[1]) {
            let share = bottom.min((cells + 1) as f64) - top.max(cells as f64);
            let sums = sums[cells * count[0]..][..count[0]].iter_mut();
            sums.zip(edges.windows(2)).for_each(|(sum, edge)| *sum += share * (before(edge[1]) - before(edge[0])));
        }
    }
    // `share` is in cells already.
    sums.into_iter().map(|sum| (sum / ratio[0]) as f32).collect()
}
