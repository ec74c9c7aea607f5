//! Convolutions over all channels as matrix products: strip by strip, so that what is unrolled stays in the cache.

use std::ops::Range;

use rayon::prelude::*;

use super::edged::Edged;
use super::geometry::Geometry;
use super::matrix::{Columns, Matrix};

/// Parts of the input's channels that gradients are computed in. It says in which order sums run, so it is the same on
/// every machine.
const SHARES: usize = 8;

/// `[batch, filters, out]` of `x`, weights `w` and a bias per filter.
pub fn forward(g: &Geometry, x: &[f32], w: &[f32], bias: &[f32], y: &mut [f32]) {
    let weights = Matrix::new(w, g.channels * g.taps());
    let unroll = Unroll::new(g);
    let padded = unroll.pad(x);
    let picture = unroll.plane * g.channels;
    let jobs = y.chunks_mut(g.filters * g.out_plane()).zip(padded.chunks(picture));
    let jobs: Vec<_> = jobs.flat_map(|(y, x)| unroll.strips(y, g.channels).map(move |part| (x, part))).collect();
    jobs.into_par_iter().for_each_init(Vec::new, |scratch, (x, (columns, mut part))| {
        part.fill(bias);
        part.add_product(weights, unroll.matrix(x, columns, scratch));
    });
}

/// The gradient of the input, `dx` (zeros at first), from that of the output.
pub fn input_gradient(g: &Geometry, w: &[f32], dy: &[f32], dx: &mut [f32]) {
    let (weights, unroll) = (Matrix::new(w, g.channels * g.taps()), Unroll::new(g));
    let share = g.channels.div_ceil(SHARES);
    let jobs: Vec<_> = dx
        .chunks_mut(g.channels * g.plane())
        .zip(dy.chunks(g.filters * g.out_plane()))
        .flat_map(|(dx, dy)| dx.chunks_mut(share * g.plane()).enumerate().map(move |(i, dx)| (i * share, dx, dy)))
        .collect();
    jobs.into_par_iter().for_each_init(Vec::new, |scratch, (first, dx, dy)| {
        let channels = dx.len() / g.plane();
        let weights = weights.columns(first * g.taps()..(first + channels) * g.taps()).transposed();
        let dy = Matrix::new(dy, g.out_plane());
        match &unroll.edged {
            None => Columns::new(dx, g.plane()).add_product(weights, dy),
            Some(edged) => unroll.fold(edged, weights, dy, dx, scratch),
        }
    });
}

/// The gradient of the weights, `dw` (zeros at first). Sums run over the pictures in their order, whatever the threads.
pub fn weight_gradient(g: &Geometry, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    let unroll = Unroll::new(g);
    let share = g.channels.div_ceil(SHARES);
    let jobs: Vec<_> = Columns::new(dw, g.channels * g.taps()).split(share * g.taps()).collect();
    jobs.into_par_iter().for_each_init(Vec::new, |scratch, (columns, mut part)| {
        let channels = columns.start / g.taps()..columns.end / g.taps();
        let mut padded = Vec::new();
        for (x, dy) in x.chunks(g.channels * g.plane()).zip(dy.chunks(g.filters * g.out_plane())) {
            let planes = &x[channels.start * g.plane()..channels.end * g.plane()];
            let planes = unroll.pad_planes(planes, &mut padded);
            let dy = Matrix::new(dy, g.out_plane());
            for strip in unroll.ranges(channels.len()) {
                part.add_product(dy.columns(strip.clone()), unroll.matrix(planes, strip, scratch).transposed());
            }
        }
    });
}

/// The input as a matrix: a row for each channel and kernel element, a column for each output pixel.
struct Unroll {
    /// None when the input is that matrix.
    edged: Option<Edged>,
    /// Values of a padded channel.
    plane: usize,
    geometry: Geometry,
}

impl Unroll {
    fn new(g: &Geometry) -> Self {
        let edged = (!g.is_pointwise()).then(|| Edged::new(g));
        Self { plane: edged.as_ref().map_or(g.plane(), Edged::len), edged, geometry: *g }
    }

    /// All channels of all pictures with their edge.
    fn pad<'a>(&self, x: &'a [f32]) -> std::borrow::Cow<'a, [f32]> {
        let (g, Some(edged)) = (&self.geometry, &self.edged) else { return x.into() };
        let mut padded = vec![0.0; g.batch * g.channels * self.plane];
        padded.par_chunks_mut(self.plane).zip(x.par_chunks(g.plane())).for_each(|(to, from)| edged.fill(from, to));
        padded.into()
    }

    /// Some channels with their edge, in `padded` unless they need none.
    fn pad_planes<'a>(&self, planes: &'a [f32], padded: &'a mut Vec<f32>) -> &'a [f32] {
        let (g, Some(edged)) = (&self.geometry, &self.edged) else { return planes };
        padded.resize(planes.len() / g.plane() * self.plane, 0.0);
        padded.chunks_mut(self.plane).zip(planes.chunks(g.plane())).for_each(|(to, from)| edged.fill(from, to));
        padded
    }

    /// Output pixels of a strip, in whole rows, whose unrolled values stay in the second cache.
    fn strip(&self, channels: usize) -> usize {
        const VALUES: usize = 1 << 18;
        let (g, rows) = (&self.geometry, channels * self.geometry.taps());
        (VALUES / (rows * g.out[1])).clamp(1, g.out[0]) * g.out[1]
    }

    /// Output pixels, strip by strip, when `channels` are unrolled.
    fn ranges(&self, channels: usize) -> impl Iterator<Item = Range<usize>> {
        let g = &self.geometry;
        let strip = self.strip(channels);
        (0..g.out_plane()).step_by(strip).map(move |start| start..(start + strip).min(g.out_plane()))
    }

    /// One picture's output, dealt out.
    fn strips<'a>(&self, y: &'a mut [f32], channels: usize) -> impl Iterator<Item = (Range<usize>, Columns<'a>)> {
        let g = &self.geometry;
        Columns::new(y, g.out_plane()).split(self.strip(channels))
    }

    /// What the output pixels in `columns` (whole rows) see of some padded channels.
    fn matrix<'a>(&self, padded: &'a [f32], columns: Range<usize>, scratch: &'a mut Vec<f32>) -> Matrix<'a> {
        let (g, pixels) = (&self.geometry, columns.len());
        let Some(edged) = &self.edged else { return Matrix::new(padded, g.plane()).columns(columns) };
        let width = g.out[1];
        scratch.resize(padded.len() / self.plane * g.taps() * pixels, 0.0);
        let rows = scratch.chunks_mut(pixels).zip(taps(padded.len() / self.plane, g.kernel));
        for (row, [channel, ky, kx]) in rows {
            let plane = &padded[channel * self.plane..][..self.plane];
            for (y, run) in (columns.start / width..).zip(row.chunks_mut(width)) {
                run.copy_from_slice(&plane[edged.tap(y, ky, kx)..][..width]);
            }
        }
        Matrix::new(scratch, pixels)
    }

    /// Adds `weights dy`, the gradient of the unrolled matrix, to the channels `dx` that it was unrolled from.
    fn fold(&self, edged: &Edged, weights: Matrix<'_>, dy: Matrix<'_>, dx: &mut [f32], scratch: &mut Vec<f32>) {
        let (g, channels) = (&self.geometry, dx.len() / self.geometry.plane());
        let (width, rows) = (g.out[1], channels * g.taps());
        let mut padded = vec![0.0; channels * self.plane];
        for strip in self.ranges(channels) {
            scratch.clear();
            scratch.resize(rows * strip.len(), 0.0);
            Columns::new(scratch, strip.len()).add_product(weights, dy.columns(strip.clone()));
            for (row, [channel, ky, kx]) in scratch.chunks(strip.len()).zip(taps(channels, g.kernel)) {
                let plane = &mut padded[channel * self.plane..][..self.plane];
                for (y, run) in (strip.start / width..).zip(row.chunks(width)) {
                    plane[edged.tap(y, ky, kx)..][..width].iter_mut().zip(run).for_each(|(t, v)| *t += v);
                }
            }
        }
        padded.chunks(self.plane).zip(dx.chunks_mut(g.plane())).for_each(|(from, to)| edged.fold(from, to));
    }
}

/// Channel, row and column of each kernel element, in the order of the weights.
fn taps(channels: usize, kernel: usize) -> impl Iterator<Item = [usize; 3]> {
    (0..channels).flat_map(move |c| (0..kernel * kernel).map(move |t| [c, t / kernel, t % kernel]))
}
