//! What is read from the canvas' pixels: light, irises, the background.

use glam::Vec2;
use image::RgbImage;

use super::facts::Backdrop;
use crate::align::canvas_side;
use crate::face::Landmarks;
use crate::mask::HullMask;

/// Side of the canvas that lengths in pixels below are meant for.
const REFERENCE: f32 = canvas_side(256) as f32;

/// Difference of a colour's channels from which on it is one, and not white, gray or black.
const COLOURFUL: f32 = 24.0;

/// Luma of a canvas.
pub struct Luma {
    side: usize,
    /// `[side, side]`, 0 to 255, BT.601 weights.
    values: Vec<f32>,
}

/// The darkest disc of an eye.
#[derive(Clone, Copy, Debug)]
pub struct Iris {
    /// Luma of the white beside it less its own, over the eye's mean.
    pub contrast: f32,
    /// Its middle from the eye's left corner to the right one, 0 to 1.
    pub place: f32,
}

impl Luma {
    /// Of a square canvas.
    pub fn of(canvas: &RgbImage) -> Self {
        let luma = |p: &image::Rgb<u8>| luma(p.0.map(f32::from));
        Self { side: canvas.width().min(canvas.height()) as usize, values: canvas.pixels().map(luma).collect() }
    }

    /// The value that a share of `share` of the pixels stays below.
    pub fn percentile(&self, share: f32) -> f32 {
        percentile(&mut self.values.clone(), share).unwrap_or(0.0)
    }

    /// Median luma of the face's left and right half, as the viewer sees it; None when a half is hardly seen.
    pub fn halves(&self, points: &Landmarks) -> Option<(f32, f32)> {
        /// Pixels that a half must have.
        const LEAST: usize = 400;
        let rim = 4.0 * self.side as f32 / REFERENCE;
        let mut hull = HullMask::new(self.side);
        let face = hull.run(points, self.side, rim);
        let (top, chin) = (points.0[10].truncate(), points.0[152].truncate());
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (i, value) in self.values.iter().enumerate().filter(|(i, _)| face[*i] >= 1.0) {
            let p = Vec2::new((i % self.side) as f32, (i / self.side) as f32);
            let half = if (chin - top).perp_dot(p - top) > 0.0 { &mut left } else { &mut right };
            half.push(*value);
        }
        let least = (LEAST as f32 * (self.side as f32 / REFERENCE).powi(2)) as usize;
        (left.len().min(right.len()) > least).then_some(())?;
        Some((percentile(&mut left, 0.5)?, percentile(&mut right, 0.5)?))
    }

    /// Finds the iris between the eye's corners `left` and `right`, mesh points as the viewer sees them: the disc that
    /// differs most from what stands to its side at the same height.
    pub fn iris(&self, points: &Landmarks, left: usize, right: usize) -> Iris {
        let patch = Patch::of(self, points.0[left].truncate(), points.0[right].truncate());
        let places = (0..=28).map(|i| 0.22 + 0.02 * i as f32);
        let heights = (-2..=2).map(|i| 0.04 * i as f32);
        let candidates = places.flat_map(|u| heights.clone().map(move |v| Vec2::new(u, v)));
        let irises = candidates.map(|middle| Iris { contrast: patch.contrast(middle), place: middle.x });
        let none = Iris { contrast: 0.0, place: 0.5 };
        irises.fold(none, |best, iris| if iris.contrast > best.contrast { iris } else { best })
    }

    /// Bilinear, the edge's values beyond it.
    fn at(&self, p: Vec2) -> f32 {
        let p = p.clamp(Vec2::ZERO, Vec2::splat(self.side as f32 - 1.0));
        let (x, y) = (p.x as usize, p.y as usize);
        let (right, below) = ((x + 1).min(self.side - 1), (y + 1).min(self.side - 1));
        let f = p.fract();
        let row = |y: usize| {
            let row = &self.values[y * self.side..];
            row[x] + (row[right] - row[x]) * f.x
        };
        row(y) + (row(below) - row(y)) * f.y
    }
}

/// An eye on a grid of its own: x from corner to corner, 0 to 1, y down in the same unit from the line between them.
struct Patch {
    samples: Vec<(Vec2, f32)>,
    mean: f32,
}

impl Patch {
    fn of(luma: &Luma, left: Vec2, right: Vec2) -> Self {
        const STEP: f32 = 1.0 / 40.0;
        let along = right - left;
        let sample = |(i, j): (usize, usize)| {
            let p = Vec2::new((i as f32 + 0.5) * STEP, (j as f32 - 12.0) * STEP);
            (p, luma.at(left + along * p.x + along.perp() * p.y))
        };
        let samples: Vec<_> = (0..25).flat_map(|j| (0..40).map(move |i| (i, j))).map(sample).collect();
        let mean = samples.iter().map(|(_, value)| value).sum::<f32>() / samples.len() as f32;
        Self { samples, mean }
    }

    /// How much darker the disc around `middle` is than the brighter side of it. The iris is 11.7 mm wide, an eye about
    /// 30; the disc lies inside of it, the sides begin where it ends.
    fn contrast(&self, middle: Vec2) -> f32 {
        const DISC: f32 = 0.16;
        const SIDES: std::ops::Range<f32> = 0.24..0.36;
        const SIDE_HEIGHT: f32 = 0.06;
        let mut sums = [(0.0, 0.0); 3];
        for (p, value) in &self.samples {
            let d = *p - middle;
            let part = match () {
                () if d.length_squared() < DISC * DISC => 0,
                () if d.y.abs() < SIDE_HEIGHT && SIDES.contains(&d.x.abs()) && (0.06..0.94).contains(&p.x) => {
                    if d.x < 0.0 { 1 } else { 2 }
                }
                () => continue,
            };
            sums[part].0 += value;
            sums[part].1 += 1.0;
        }
        // Few samples beyond the corners are skin, no white.
        let [disc, a, b] = sums.map(|(sum, n)| if n > 4.0 { sum / n } else { 0.0 });
        (a.max(b) - disc) / self.mean.max(1.0)
    }
}

/// What the upper corners of the canvas show; None when they lie outside the photo or hair and background mix there.
pub fn backdrop(canvas: &RgbImage) -> Option<Backdrop> {
    /// Width of the strips at both sides and their height from the top, as shares of the side.
    const STRIP: (f32, f32) = (0.094, 0.406);
    /// Share of the strips' pixels that must lie in the photo (the rest of a canvas is black).
    const SEEN: f32 = 0.25;
    /// Mean distance of a pixel's channels from the median within which it has the same colour, and the shares of such
    /// pixels from which on a background is plain and below which it is busy.
    const SAME: f32 = 22.0;
    const SHARES: (f32, f32) = (0.9, 0.5);
    let side = canvas.width() as f32;
    let (width, height) = ((side * STRIP.0) as u32, (side * STRIP.1) as u32);
    let columns = (0..width).chain(canvas.width() - width..canvas.width());
    let strips = columns.flat_map(|x| (0..height).map(move |y| canvas.get_pixel(x, y).0));
    let pixels: Vec<[f32; 3]> = strips.filter(|p| p.iter().any(|&v| v > 3)).map(|p| p.map(f32::from)).collect();
    if (pixels.len() as f32) < SEEN * (2 * width * height) as f32 {
        return None;
    }
    let mut median = [0.0; 3];
    for (channel, value) in median.iter_mut().enumerate() {
        *value = percentile(&mut pixels.iter().map(|p| p[channel]).collect::<Vec<_>>(), 0.5)?;
    }
    let distance = |p: &&[f32; 3]| p.iter().zip(&median).map(|(a, b)| (a - b).abs()).sum::<f32>() / 3.0;
    match pixels.iter().filter(|p| distance(p) < SAME).count() as f32 / pixels.len() as f32 {
        share if share > SHARES.0 => Some(Backdrop::Plain(colour(median))),
        // Hair before a plain wall is as uneven as a busy background, but seldom as colourful.
        share if share < SHARES.1 && chroma(median) > COLOURFUL => Some(Backdrop::Busy),
        _ => None,
    }
}

/// The name of an RGB colour, 0 to 255.
fn colour(rgb: [f32; 3]) -> &'static str {
    let [r, g, b] = rgb;
    let (most, chroma) = (r.max(g).max(b), chroma(rgb));
    if chroma < COLOURFUL {
        return match luma(rgb) {
            y if y > 205.0 => "white",
            y if y < 45.0 => "black",
            _ => "gray",
        };
    }
    let hue = 60.0
        * match () {
            () if most == r => (g - b) / chroma,
            () if most == g => 2.0 + (b - r) / chroma,
            () => 4.0 + (r - g) / chroma,
        };
    match hue.rem_euclid(360.0) {
        h if !(15.0..330.0).contains(&h) => "red",
        h if h < 50.0 && most < 153.0 => "brown",
        h if h < 70.0 && chroma < 0.45 * most => "beige",
        h if h < 70.0 => "yellow",
        h if h < 165.0 => "green",
        h if h < 265.0 => "blue",
        _ => "purple",
    }
}

/// The largest difference of two channels.
fn chroma([r, g, b]: [f32; 3]) -> f32 {
    r.max(g).max(b) - r.min(g).min(b)
}

fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// The value that a share of `share` of `values` stays below; they change their order.
fn percentile(values: &mut [f32], share: f32) -> Option<f32> {
    let last = values.len().checked_sub(1)?;
    Some(*values.select_nth_unstable_by((last as f32 * share) as usize, f32::total_cmp).1)
}
