//! Pasting a canvas back into the frame's own planes, touching only bytes where the mask is above zero.

use glam::{Affine2, Vec2, Vec3, Vec4};
use rayon::prelude::*;

use crate::color::{Component, Conversion};
use crate::frame::{FrameInfo, FrameViewMut};

/// A square picture with a mask, interleaved: x, y, z are the frame's codes (0 to 255), w is how much is shown.
#[derive(Clone, Copy, Debug)]
pub struct Patch<'a> {
    /// `side * side` pixels.
    pub pixels: &'a [Vec4],
    /// Columns and rows.
    pub side: usize,
    /// The pixels that are shown at all lie between these, in patch pixels.
    pub shown: (Vec2, Vec2),
}

impl Patch<'_> {
    /// Bilinear pixel at `p`, which lies inside.
    #[inline(always)]
    fn at(&self, p: Vec2) -> Vec4 {
        let (x, y) = (p.x as u32, p.y as u32);
        let (fx, fy) = (p.x - x as f32, p.y - y as f32);
        let i = y as usize * self.side + x as usize;
        let (top, bottom) = (&self.pixels[i..i + 2], &self.pixels[i + self.side..i + self.side + 2]);
        let (left, right) = (top[0] + (bottom[0] - top[0]) * fy, top[1] + (bottom[1] - top[1]) * fy);
        left + (right - left) * fx
    }
}

/// Interleaves planar RGB `[3, n]` (0 to 1), as codes of `info`, with the mask `[n]`.
pub fn compose(info: &FrameInfo, rgb: &[f32], mask: &[f32], out: &mut [Vec4]) {
    let codes_from_rgb = Conversion::rgb_from_codes(info).inverse();
    let n = out.len();
    for (i, pixel) in out.iter_mut().enumerate() {
        // Colours beyond the mask's edge weigh nothing, but bilinear sampling needs the first ones.
        let code = codes_from_rgb.apply(Vec3::new(rgb[i], rgb[n + i], rgb[2 * n + i]));
        *pixel = code.extend(mask[i]);
    }
}

/// Blends `patch` into `frame`: `code += mask * strength * (patch - code)`, rounded to nearest.
pub fn blend(frame: &mut FrameViewMut<'_>, patch: &Patch<'_>, patch_from_frame: Affine2, strength: f32) {
    let info = frame.info;
    let components = info.format.components();
    for site in info.format.sites() {
        let place = components[site[0]];
        let Some(area) = covered(patch, patch_from_frame, place, place.size(info.width, info.height)) else { continue };
        for plane in planes_of(site, &components) {
            let channels: Vec<usize> = site.iter().copied().filter(|&c| components[c].plane == plane).collect();
            let stride = frame.strides[plane];
            let rows = frame.planes[plane].par_chunks_mut(stride).enumerate().skip(area.y0).take(area.y1 - area.y0);
            rows.with_min_len(16).for_each(|(y, row)| {
                let line = Line::new(patch, patch_from_frame, place, y, &area);
                match channels[..] {
                    [a] => line.mix([(a, components[a])], row, strength),
                    [a, b] => line.mix([a, b].map(|c| (c, components[c])), row, strength),
                    _ => line.mix([0, 1, 2].map(|c| (c, components[c])), row, strength),
                }
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
    #[inline(always)]
    fn mix<const N: usize>(&self, channels: [(usize, Component); N], row: &mut [u8], strength: f32) {
        for x in self.columns.clone() {
            let p = self.start + self.step * x as f32;
            // Rounding may have put the outermost sample a hair outside.
            let pixel = self.patch.at(p.clamp(Vec2::ZERO, Vec2::splat(self.patch.side as f32 - 1.001)));
            let weight = pixel.w * strength;
            if weight > 0.0 {
                for (channel, component) in channels {
                    let byte = &mut row[component.offset + x * component.step];
                    let old = f32::from(*byte);
                    // `as` saturates, so codes outside 0..=255 are clamped.
                    *byte = (old + (pixel[channel] - old) * weight + 0.5) as u8;
                }
            }
        }
    }
}

impl Component {
    /// Frame position of sample (x, y).
    pub fn position(self, x: usize, y: usize) -> Vec2 {
        Vec2::from(self.origin()) + Vec2::from(self.pitch()) * Vec2::new(x as f32, y as f32)
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
