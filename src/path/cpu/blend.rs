//! Pasting a canvas back into the frame's own planes, touching only bytes where the mask is above zero.

use glam::{Affine2, Vec2, Vec3, Vec4};
use rayon::prelude::*;

use crate::color::{Component, Conversion};
use crate::frame::FrameViewMut;

/// A square picture with a mask, interleaved: x, y, z are R, G, B (0 to 1), w is how much of it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Patch<'a> {
    /// `side * side` pixels.
    pub pixels: &'a [Vec4],
    /// Columns and rows.
    pub side: usize,
}

impl Patch<'_> {
    /// Bilinear pixel at `p`; nothing is shown outside.
    #[inline]
    fn at(&self, p: Vec2) -> Vec4 {
        let last = (self.side - 1) as f32;
        if !(p.x >= 0.0 && p.y >= 0.0 && p.x < last && p.y < last) {
            return Vec4::ZERO;
        }
        let (x, y) = (p.x as usize, p.y as usize);
        let (fx, fy) = (p.x - x as f32, p.y - y as f32);
        let i = y * self.side + x;
        let top = self.pixels[i].lerp(self.pixels[i + 1], fx);
        let bottom = self.pixels[i + self.side].lerp(self.pixels[i + self.side + 1], fx);
        top.lerp(bottom, fy)
    }
}

/// Blends `patch` into `frame`: `code += mask * strength * (patch - code)`, rounded to nearest.
pub fn blend(frame: &mut FrameViewMut<'_>, patch: &Patch<'_>, patch_from_frame: Affine2, strength: f32) {
    let info = frame.info;
    let codes_from_rgb = Conversion::rgb_from_codes(&info).inverse();
    let components = info.format.components();
    for site in info.format.sites() {
        let place = components[site[0]];
        let Some(area) = covered(patch, patch_from_frame, place, place.size(info.width, info.height)) else { continue };
        for plane in planes_of(site, &components) {
            let channels: Vec<usize> = site.iter().copied().filter(|&c| components[c].plane == plane).collect();
            let stride = frame.strides[plane];
            let rows = frame.planes[plane].par_chunks_mut(stride).enumerate().skip(area.y0).take(area.y1 - area.y0);
            rows.with_min_len(16).for_each(|(y, row)| {
                for x in area.x0..area.x1 {
                    let at = place.position(x, y);
                    let pixel = patch.at(patch_from_frame.transform_point2(at));
                    let weight = pixel.w * strength;
                    if weight <= 0.0 {
                        continue;
                    }
                    let code = codes_from_rgb.apply(pixel.truncate());
                    channels.iter().for_each(|&c| mix(row, &components[c], x, code, c, weight));
                }
            });
        }
    }
}

impl Component {
    /// Frame position of sample (x, y).
    pub fn position(self, x: usize, y: usize) -> Vec2 {
        Vec2::from(self.origin()) + Vec2::from(self.pitch()) * Vec2::new(x as f32, y as f32)
    }
}

#[inline]
fn mix(row: &mut [u8], component: &Component, x: usize, code: Vec3, channel: usize, weight: f32) {
    let byte = &mut row[component.offset + x * component.step];
    let old = f32::from(*byte);
    // `as` saturates, so codes outside 0..=255 are clamped.
    *byte = (old + (code[channel] - old) * weight + 0.5) as u8;
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
    let (frame_from_patch, last) = (patch_from_frame.inverse(), (patch.side - 1) as f32);
    let corners = [Vec2::ZERO, Vec2::new(last, 0.0), Vec2::new(0.0, last), Vec2::splat(last)];
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
