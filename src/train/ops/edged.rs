//! [`Edged`]: planes with their edge filled in, and back.

use super::geometry::Geometry;

/// How a plane's values stand in its padded copy, whose columns are sorted by their remainder modulo the stride
/// (`[row][phase][column]`): so neighbouring outputs read neighbouring values, whatever the stride.
#[derive(Clone, Debug)]
pub struct Edged {
    /// The input's row at each padded row.
    rows: Vec<Option<usize>>,
    /// Columns that stand in a run.
    runs: Vec<Run>,
    /// Mirrored columns: place, the input's column.
    mirrored: Vec<[usize; 2]>,
    width: usize,
    phase_len: usize,
    row_len: usize,
    stride: usize,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    at: usize,
    from: usize,
    len: usize,
}

impl Edged {
    /// The padded copy that a convolution reads.
    pub fn new(g: &Geometry) -> Self {
        let ([h, w], s) = (g.input, g.stride);
        let [rows, columns] = g.out.map(|n| (n - 1) * s + g.kernel);
        let phase_len = columns.div_ceil(s);
        let (mut runs, mut mirrored) = (Vec::<Run>::new(), Vec::new());
        for phase in 0..s {
            let mut run: Option<Run> = None;
            for column in 0..phase_len {
                let (at, padded) = (phase * phase_len + column, column * s + phase);
                match g.pad.edge.source(padded, g.pad.left, w) {
                    Some(from) if (g.pad.left..g.pad.left + w).contains(&padded) => {
                        run.get_or_insert(Run { at, from, len: 0 }).len += 1;
                    }
                    Some(from) => mirrored.push([at, from]),
                    None => {}
                }
            }
            runs.extend(run);
        }
        let rows = (0..rows).map(|y| g.pad.edge.source(y, g.pad.top, h)).collect();
        Self { rows, runs, mirrored, width: w, phase_len, row_len: s * phase_len, stride: s }
    }

    /// Values of a padded plane.
    pub fn len(&self) -> usize {
        self.rows.len() * self.row_len
    }

    /// Where the run of outputs of row `y` finds its values for kernel element (`ky`, `kx`).
    pub fn tap(&self, y: usize, ky: usize, kx: usize) -> usize {
        (y * self.stride + ky) * self.row_len + kx % self.stride * self.phase_len + kx / self.stride
    }

    /// Fills `padded`, which is zeros or another plane's, from `plane`.
    pub fn fill(&self, plane: &[f32], padded: &mut [f32]) {
        for (row, target) in self.rows.iter().zip(padded.chunks_mut(self.row_len)) {
            let Some(row) = row else { continue };
            let source = &plane[row * self.width..][..self.width];
            for run in &self.runs {
                let target = &mut target[run.at..][..run.len];
                match self.stride {
                    1 => target.copy_from_slice(&source[run.from..][..run.len]),
                    s => target.iter_mut().zip(source[run.from..].iter().step_by(s)).for_each(|(t, s)| *t = *s),
                }
            }
            self.mirrored.iter().for_each(|&[at, from]| target[at] = source[from]);
        }
    }

    /// Adds each value of `padded` where it came from in `plane`.
    pub fn fold(&self, padded: &[f32], plane: &mut [f32]) {
        for (row, source) in self.rows.iter().zip(padded.chunks(self.row_len)) {
            let Some(row) = row else { continue };
            let target = &mut plane[row * self.width..][..self.width];
            for run in &self.runs {
                let source = &source[run.at..][..run.len];
                match self.stride {
                    1 => target[run.from..][..run.len].iter_mut().zip(source).for_each(|(t, s)| *t += s),
                    s => target[run.from..].iter_mut().step_by(s).zip(source).for_each(|(t, s)| *t += s),
                }
            }
            self.mirrored.iter().for_each(|&[at, from]| target[from] += source[at]);
        }
    }
}
