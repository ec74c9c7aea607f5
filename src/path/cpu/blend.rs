//! Pasting a canvas back into the frame's own planes, touching only bytes where the mask is above zero.

use glam::{Affine2, Vec2};
use rayon::prelude::*;

use super::taps::{SEGMENT, Taps, convert, mix};
use crate::color::{Component, Conversion};
use crate::frame::{FrameInfo, FrameViewMut};

/// A square picture with a mask.
#[derive(Clone, Copy, Debug)]
pub struct Patch<'a> {
    /// Planar `[3, side, side]` in the frame's codes (0 to 255), see [`to_codes`].
    pub codes: &'a [f32],
    /// `[side, side]`: how much of each pixel is shown, 0 to 1.
    pub mask: &'a [f32],
    /// Columns and rows.
    pub side: usize,
    /// The pixels that are shown at all lie between these, in patch pixels.
    pub shown: (Vec2, Vec2),
}

/// Turns planar RGB (0 to 1) into codes of `info` in place.
pub fn to_codes(info: &FrameInfo, [r, g, b]: [&mut [f32]; 3]) {
    convert(&Conversion::rgb_from_codes(info).inverse(), [f32::MIN, f32::MAX], [r, g, b]);
}

/// Blends `patch` into `frame`: `code += mask * strength * (patch - code)`, rounded to nearest.
pub fn blend(frame: &mut FrameViewMut<'_>, patch: &Patch<'_>, patch_from_frame: Affine2, strength: f32) {
    let info = frame.info;
    let components = info.format.components();
    for site in info.format.sites() {
        let place = components[site[0]];
        let Some(area) = covered(patch, patch_from_frame, place, place.size(info.width, info.height)) else { continue };
        for plane in planes_of(site, &components) {
            let of_plane = site.iter().filter(|&&c| components[c].plane == plane);
            let channels: Vec<(usize, Component)> = of_plane.map(|&c| (c, components[c])).collect();
            let stride = frame.strides[plane];
            let rows = frame.planes[plane].par_chunks_mut(stride).enumerate().skip(area.y0).take(area.y1 - area.y0);
            rows.with_min_len(16).for_each(|(y, row)| {
                Line::new(patch, patch_from_frame, place, y, &area).mix(&channels, row, strength);
            });
        }
    }
}

/// One row of samples and where they lie on the patch.
struct Line<'a> {
    patch: &'a Patch<'a>,
    start: Vec2,
    step: Vec2,
    columns: std::ops::Range<usize>,
}

impl<'a> Line<'a> {
    /// The samples of row `y` that lie on the shown part of the patch.
    fn new(patch: &'a Patch<'a>, patch_from_frame: Affine2, place: Component, y: usize, area: &Area) -> Self {
        let start = patch_from_frame.transform_point2(place.position(0, y));
        let step = patch_from_frame.transform_vector2(Vec2::new(place.pitch()[0], 0.0));
        let (lo, hi) = (patch.shown.0.max(Vec2::ZERO), patch.shown.1.min(Vec2::splat(patch.side as f32 - 1.001)));
        let (mut first, mut last) = (area.x0 as f32, area.x1 as f32 - 1.0);
        for axis in 0..2 {
            if step[axis].abs() < 1e-9 {
                if start[axis] < lo[axis] || start[axis] > hi[axis] {
                    last = -1.0;
                }
                continue;
            }
            let (a, b) = ((lo[axis] - start[axis]) / step[axis], (hi[axis] - start[axis]) / step[axis]);
            (first, last) = (first.max(a.min(b)), last.min(a.max(b)));
        }
        let columns = if last < first { 0..0 } else { first.ceil() as usize..(last.floor() as usize + 1).min(area.x1) };
        Self { patch, start, step, columns }
    }

    /// Blends `channels` of the row.
    fn mix(&self, channels: &[(usize, Component)], row: &mut [u8], strength: f32) {
        let Patch { codes, mask, side, .. } = *self.patch;
        let (mut taps, mut weights, mut values) = (Taps::default(), [0.0; SEGMENT], [0.0; SEGMENT]);
        for first in self.columns.clone().step_by(SEGMENT) {
            let n = (self.columns.end - first).min(SEGMENT);
            taps.place_inside(side, self.start + self.step * first as f32, self.step);
            taps.read_inside(mask, side, &mut weights[..n]);
            if weights[..n].iter().all(|w| *w <= 0.0) {
                continue;
            }
            weights[..n].iter_mut().for_each(|w| *w *= strength);
            for (channel, component) in channels {
                taps.read_inside(&codes[channel * side * side..][..side * side], side, &mut values[..n]);
                mix(&mut row[component.offset + first * component.step..], component.step, &values[..n], &weights[..n]);
            }
        }
    }
}

fn planes_of(site: &[usize], components: &[Component; 3]) -> impl Iterator<Item = usize> {
    let mut planes: Vec<usize> = site.iter().map(|&c| components[c].plane).collect();
    planes.dedup();
    planes.into_iter()
}

/// Sample indices, ends excluded.
struct Area {
    x0: usize,
    x1: usize,
    y0: usize,
    y1: usize,
}

/// The samples of `place` that the patch can reach.
fn covered(patch: &Patch<'_>, patch_from_frame: Affine2, place: Component, size: [usize; 2]) -> Option<Area> {
    let (frame_from_patch, (lo, hi)) = (patch_from_frame.inverse(), patch.shown);
    let corners = [lo, Vec2::new(hi.x, lo.y), Vec2::new(lo.x, hi.y), hi];
    let corners = corners.map(|c| frame_from_patch.transform_point2(c));
    let lo = corners.into_iter().reduce(Vec2::min)?;
    let hi = corners.into_iter().reduce(Vec2::max)?;
    let sample = |p: Vec2| (p - Vec2::from(place.origin())) / Vec2::from(place.pitch());
    let (lo, hi) = (sample(lo).floor(), sample(hi).ceil() + 1.0);
    let index = |v: f32, n: usize| (v.max(0.0) as usize).min(n);
    let area =
        Area { x0: index(lo.x, size[0]), x1: index(hi.x, size[0]), y0: index(lo.y, size[1]), y1: index(hi.y, size[1]) };
    (area.x0 < area.x1 && area.y0 < area.y1).then_some(area)
}
