//! Cells to pixels along one axis: Catmull-Rom interpolation (Keys, "Cubic convolution interpolation", 1981, a = -1/2).

use multiversion::multiversion;
use rayon::prelude::*;

/// Rows that are worth handing to another thread.
pub(super) const ROWS_AT_ONCE: usize = 16;

/// For each pixel of an axis the four cells around it and their weights.
#[derive(Debug, Default)]
pub(super) struct Taps {
    /// First cell of each pixel's four; may lie outside (-1 and beyond the last): the edge cell stands for those.
    pub taps: Vec<([u16; 4], [f32; 4])>,
    /// First pixel of each cell, and the end.
    pub bounds: Vec<usize>,
}

impl Taps {
    /// For `pixels` pixels over `cells` cells.
    pub fn new(pixels: usize, cells: usize) -> Self {
        let taps = (0..pixels).map(|x| {
            let at = (x as f32 + 0.5) * cells as f32 / pixels as f32 - 0.5;
            let (first, f) = (at.floor() as isize - 1, at - at.floor());
            let near = std::array::from_fn(|k| (first + k as isize).clamp(0, cells as isize - 1) as u16);
            (near, weights(f))
        });
        Self { taps: taps.collect(), bounds: (0..=cells).map(|i| i * pixels / cells).collect() }
    }

    /// The pixels of a cell: at least one, though it be its neighbour's.
    pub fn pixels(&self, cell: usize) -> std::ops::Range<usize> {
        let start = self.bounds[cell].min(self.taps.len() - 1);
        start..self.bounds[cell + 1].max(start + 1)
    }

    /// Rows of cells, one after the other, to as many rows of pixels.
    pub fn stretch(&self, cells: &[f32], out: &mut [f32]) {
        let rows = out.par_chunks_mut(self.taps.len()).zip(cells.par_chunks(self.bounds.len() - 1));
        rows.with_min_len(ROWS_AT_ONCE).for_each(|(out, cells)| {
            for (out, (near, weights)) in out.iter_mut().zip(&self.taps) {
                *out = (0..4).map(|k| cells[usize::from(near[k])] * weights[k]).sum();
            }
        });
    }

    /// Mean over the pixels of the sum of squared weights: how much of independent cells' energy arrives.
    pub fn energy(&self) -> f32 {
        let square = |(_, w): &([u16; 4], [f32; 4])| w.iter().map(|w| w * w).sum::<f32>();
        self.taps.iter().map(square).sum::<f32>() / self.taps.len() as f32
    }

    /// What a cell in the middle adds to its own mean and to the mean of its right neighbour.
    pub fn response(&self) -> [f32; 2] {
        let cell = self.bounds.len() / 2;
        [cell, cell + 1].map(|seen| {
            let pixels = self.pixels(seen.min(self.bounds.len() - 2));
            let count = pixels.len() as f32;
            let weight = |(near, w): &([u16; 4], [f32; 4])| {
                near.iter().zip(w).filter(|(n, _)| usize::from(**n) == cell).map(|(_, w)| w).sum::<f32>()
            };
            self.taps[pixels].iter().map(weight).sum::<f32>() / count
        })
    }
}

/// The weighted sum of `rows`, which are as long as `out`.
#[multiversion(targets = "simd")]
pub(super) fn weigh(rows: [&[f32]; 4], weights: [f32; 4], out: &mut [f32]) {
    let rows = rows.map(|row| &row[..out.len()]);
    out.iter_mut().enumerate().for_each(|(x, out)| *out = (0..4).map(|k| rows[k][x] * weights[k]).sum());
}

fn weights(f: f32) -> [f32; 4] {
    let near = |t: f32| (1.5 * t - 2.5) * t * t + 1.0;
    let far = |t: f32| ((2.5 - 0.5 * t) * t - 4.0) * t + 2.0;
    [far(1.0 + f), near(f), near(1.0 - f), far(2.0 - f)]
}
