//! The fallback: hides a face that was swapped a moment ago and cannot be swapped now.

use glam::Vec2;

use crate::color::Component;
use crate::frame::{FrameInfo, FrameViewMut};

/// Cells per side of the blur: too few to know a person by.
const CELLS: usize = 6;
/// How much larger than the mesh the hidden ellipse is: forehead, ears and a frame's motion.
const ENLARGE: f32 = 1.35;

/// An upright ellipse around a face in frame pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ellipse {
    centre: Vec2,
    radius: Vec2,
}

impl Ellipse {
    /// Around the box from `lo` to `hi`.
    pub fn around(lo: Vec2, hi: Vec2) -> Self {
        // A mesh ends at the brow: the head goes on above it.
        let size = (hi - lo) / 2.0;
        Self {
            centre: (lo + hi) / 2.0 - Vec2::new(0.0, size.y * 0.15),
            radius: (size * ENLARGE * Vec2::new(1.0, 1.1)).max(Vec2::splat(2.0)),
        }
    }

    /// 1 inside, falling to 0 over the outer fifth.
    fn cover(&self, p: Vec2) -> f32 {
        ((1.2 - ((p - self.centre) / self.radius).length()) * 5.0).clamp(0.0, 1.0)
    }

    /// The samples of `component` that it can touch: x range, y range.
    fn samples(&self, component: Component, info: &FrameInfo) -> [std::ops::Range<usize>; 2] {
        let (pitch, size) = (component.pitch(), component.size(info.width, info.height));
        std::array::from_fn(|i| {
            let (lo, hi) = (self.centre[i] - 1.2 * self.radius[i], self.centre[i] + 1.2 * self.radius[i]);
            let index = |v: f32| ((v / pitch[i]).max(0.0) as usize).min(size[i]);
            index(lo)..index(hi + pitch[i]).max(index(lo))
        })
    }
}

/// Replaces the ellipse by a few soft patches of its mean colours.
pub fn blur(frame: &mut FrameViewMut<'_>, ellipse: &Ellipse) {
    let info = frame.info;
    for component in info.format.components() {
        let [xs, ys] = ellipse.samples(component, &info);
        if xs.is_empty() || ys.is_empty() {
            continue;
        }
        let (stride, plane) = (frame.strides[component.plane], &mut *frame.planes[component.plane]);
        let at = |x: usize, y: usize| y * stride + component.offset + x * component.step;
        let cells = Cells::mean(&xs, &ys, |x, y| f32::from(plane[at(x, y)]));
        for y in ys.clone() {
            for x in xs.clone() {
                let cover = ellipse.cover(component.position(x, y));
                if cover > 0.0 {
                    let byte = &mut plane[at(x, y)];
                    let old = f32::from(*byte);
                    *byte = (old + (cells.at(x, y) - old) * cover + 0.5) as u8;
                }
            }
        }
    }
}

/// A coarse grid of means, read back bilinearly.
struct Cells {
    start: [usize; 2],
    size: [f32; 2],
    values: [[f32; CELLS]; CELLS],
}

impl Cells {
    fn mean(xs: &std::ops::Range<usize>, ys: &std::ops::Range<usize>, code: impl Fn(usize, usize) -> f32) -> Self {
        let size = [xs.len() as f32 / CELLS as f32, ys.len() as f32 / CELLS as f32];
        let cell = |v: usize, start: usize, size: f32| (((v - start) as f32 / size) as usize).min(CELLS - 1);
        let (mut sums, mut counts) = ([[0.0; CELLS]; CELLS], [[0.0f32; CELLS]; CELLS]);
        for y in ys.clone() {
            for x in xs.clone() {
                let (i, j) = (cell(y, ys.start, size[1]), cell(x, xs.start, size[0]));
                sums[i][j] += code(x, y);
                counts[i][j] += 1.0;
            }
        }
        let overall = sums.iter().flatten().sum::<f32>() / counts.iter().flatten().sum::<f32>().max(1.0);
        let value = |i: usize, j: usize| if counts[i][j] > 0.0 { sums[i][j] / counts[i][j] } else { overall };
        let values = std::array::from_fn(|i| std::array::from_fn(|j| value(i, j)));
        Self { start: [xs.start, ys.start], size, values }
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        let axis = |v: usize, i: usize| {
            let v = (((v - self.start[i]) as f32 + 0.5) / self.size[i] - 0.5).clamp(0.0, (CELLS - 1) as f32);
            let cell = (v as usize).min(CELLS - 2);
            (cell, v - cell as f32)
        };
        let ((x, fx), (y, fy)) = (axis(x, 0), axis(y, 1));
        let mix = |row: &[f32; CELLS]| row[x] + (row[x + 1] - row[x]) * fx;
        let (top, bottom) = (mix(&self.values[y]), mix(&self.values[y + 1]));
        top + (bottom - top) * fy
    }
}

/// The bytes of a region as they were last shown swapped.
#[derive(Clone, Debug)]
pub struct Still {
    info: FrameInfo,
    ellipse: Ellipse,
    bytes: Vec<u8>,
}

impl Still {
    /// Copies the ellipse's box out of `frame`; what `old` allocated is used again.
    pub fn take(frame: &FrameViewMut<'_>, ellipse: Ellipse, old: Option<Self>) -> Self {
        let mut bytes = old.map_or_else(Vec::new, |old| old.bytes);
        bytes.clear();
        for_each_sample(&frame.info, &ellipse, &frame.strides, |plane, at, _| bytes.push(frame.planes[plane][at]));
        Self { info: frame.info, ellipse, bytes }
    }

    /// Whether `ellipse` stands nearly where the picture was taken.
    pub fn is_near(&self, ellipse: &Ellipse) -> bool {
        ((ellipse.centre - self.ellipse.centre) / self.ellipse.radius).length() < 0.25
    }

    /// Shows it again at the same place. False when the frame's format has changed since.
    pub fn show(&self, frame: &mut FrameViewMut<'_>) -> bool {
        if self.info != frame.info {
            return false;
        }
        let mut old = self.bytes.iter();
        let strides = frame.strides;
        for_each_sample(&self.info, &self.ellipse, &strides, |plane, at, cover| {
            let byte = &mut frame.planes[plane][at];
            let (now, then) = (f32::from(*byte), old.next().map_or(0.0, |&b| f32::from(b)));
            *byte = (now + (then - now) * cover + 0.5) as u8;
        });
        true
    }
}

/// Calls `visit(plane, byte index, coverage)` for every sample of the ellipse's box in a fixed order.
fn for_each_sample(
    info: &FrameInfo,
    ellipse: &Ellipse,
    strides: &[usize; 3],
    mut visit: impl FnMut(usize, usize, f32),
) {
    for c in info.format.components() {
        let [xs, ys] = ellipse.samples(c, info);
        for y in ys {
            for x in xs.clone() {
                visit(c.plane, y * strides[c.plane] + c.offset + x * c.step, ellipse.cover(c.position(x, y)));
            }
        }
    }
}
