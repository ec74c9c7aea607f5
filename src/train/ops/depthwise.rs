//! Convolutions that look at each channel by itself.
//!
//! Rows of small maps are shorter than a vector is worth, so with stride 1 several are taken as one run over the padded
//! plane, the few values between them included.

use rayon::prelude::*;

use super::edged::Edged;
use super::geometry::Geometry;
use super::vector::{add, dot};

/// `[batch, channels, out]` of `x`, weights `w` and a bias per channel.
pub fn forward(g: &Geometry, x: &[f32], w: &[f32], bias: &[f32], y: &mut [f32]) {
    let runs = Runs::new(g);
    let jobs = y.par_chunks_mut(g.out_plane()).zip(x.par_chunks(g.plane())).enumerate();
    jobs.for_each_init(
        || runs.scratch(),
        |[padded, run], (i, (y, x))| {
            let channel = i % g.channels;
            runs.edged.fill(x, padded);
            for (first, y) in (0..).step_by(runs.rows).zip(y.chunks_mut(runs.rows * runs.width)) {
                let run = &mut run[..runs.len(y)];
                run.fill(bias[channel]);
                for (w, at) in runs.taps(&w[channel * g.taps()..], first) {
                    add(run, &padded[at..], *w);
                }
                runs.take_out(run, y);
            }
        },
    );
}

/// The gradient of the input, `dx` (zeros at first), from that of the output.
pub fn input_gradient(g: &Geometry, w: &[f32], dy: &[f32], dx: &mut [f32]) {
    let runs = Runs::new(g);
    let jobs = dx.par_chunks_mut(g.plane()).zip(dy.par_chunks(g.out_plane())).enumerate();
    jobs.for_each_init(
        || runs.scratch(),
        |[padded, run], (i, (dx, dy))| {
            padded.fill(0.0);
            for (first, dy) in (0..).step_by(runs.rows).zip(dy.chunks(runs.rows * runs.width)) {
                let run = &mut run[..runs.len(dy)];
                runs.put_in(dy, run);
                for (w, at) in runs.taps(&w[i % g.channels * g.taps()..], first) {
                    add(&mut padded[at..][..run.len()], run, *w);
                }
            }
            runs.edged.fold(padded, dx);
        },
    );
}

/// The gradient of the weights, `dw` (zeros at first), summed over the pictures in their order.
pub fn weight_gradient(g: &Geometry, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    let runs = Runs::new(g);
    dw.par_chunks_mut(g.taps()).enumerate().for_each_init(
        || runs.scratch(),
        |[padded, run], (channel, dw)| {
            for plane in (channel..g.batch * g.channels).step_by(g.channels) {
                runs.edged.fill(&x[plane * g.plane()..][..g.plane()], padded);
                let dy = &dy[plane * g.out_plane()..][..g.out_plane()];
                for (first, dy) in (0..).step_by(runs.rows).zip(dy.chunks(runs.rows * runs.width)) {
                    let run = &mut run[..runs.len(dy)];
                    runs.put_in(dy, run);
                    for (t, dw) in dw.iter_mut().enumerate() {
                        *dw += dot(run, &padded[runs.tap(first, t)..]);
                    }
                }
            }
        },
    );
}

/// How a map's rows are taken together.
struct Runs {
    edged: Edged,
    kernel: usize,
    /// Columns of the output.
    width: usize,
    /// Rows of the output in a run.
    rows: usize,
    /// Values from one of them to the next.
    step: usize,
}

impl Runs {
    fn new(g: &Geometry) -> Self {
        /// Values of a run that fill the vectors and stay in the first cache.
        const VALUES: usize = 512;
        let (edged, width) = (Edged::new(g), g.out[1]);
        let step = edged.tap(1, 0, 0);
        let rows = if g.stride == 1 { (VALUES / step).clamp(1, g.out[0]) } else { 1 };
        Self { edged, kernel: g.kernel, width, rows, step }
    }

    /// A padded plane and a run.
    fn scratch(&self) -> [Vec<f32>; 2] {
        [self.edged.len(), self.rows * self.step.max(self.width)].map(|len| vec![0.0; len])
    }

    /// Values of the run over the rows `y`.
    fn len(&self, y: &[f32]) -> usize {
        (y.len() / self.width - 1) * self.step + self.width
    }

    /// Where the run from row `first` on starts for kernel element `t`.
    fn tap(&self, first: usize, t: usize) -> usize {
        self.edged.tap(first, t / self.kernel, t % self.kernel)
    }

    /// The channel's weights, each with its start.
    fn taps<'a>(&self, w: &'a [f32], first: usize) -> impl Iterator<Item = (&'a f32, usize)> {
        w[..self.kernel * self.kernel].iter().enumerate().map(move |(t, w)| (w, self.tap(first, t)))
    }

    /// The rows of a run.
    fn take_out(&self, run: &[f32], y: &mut [f32]) {
        run.chunks(self.step).zip(y.chunks_mut(self.width)).for_each(|(run, y)| y.copy_from_slice(&run[..self.width]));
    }

    /// A run of rows, with zeros between them.
    fn put_in(&self, y: &[f32], run: &mut [f32]) {
        run.fill(0.0);
        run.chunks_mut(self.step).zip(y.chunks(self.width)).for_each(|(run, y)| run[..self.width].copy_from_slice(y));
    }
}
