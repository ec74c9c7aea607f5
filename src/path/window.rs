//! Where a generator's window lies on the canvas, and how large a canvas a face gets.
//!
//! A canvas at crop size c has a margin of c/8 on each side. Canvases of different sizes show the same square, so
//! pixel centres relate by `x_a = (x_b + .5) * a / b - .5`.

use crate::nets::GeneratorConfig;

/// Crop sizes that are used, smallest first, in pixels.
pub const CROPS: [usize; 3] = [128, 256, 512];

/// The smallest crop size between `least` and `most` that does not shrink a face whose crop measures `native` frame
/// pixels; a tenth of shrinking is let pass.
pub fn choose_crop(native: f32, least: usize, most: usize) -> usize {
    let fits = |c: &usize| *c >= least && *c <= most && native <= *c as f32 * 1.1;
    CROPS.into_iter().find(fits).unwrap_or(most.max(least))
}

/// A generator's window, placed on a canvas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Canvas pixels per window pixel along each axis.
    pub ratio: usize,
    /// Upper left canvas pixel.
    pub start: [usize; 2],
    /// Columns and rows in window pixels.
    pub size: [usize; 2],
}

impl Window {
    /// The window `start`, `size` (pixels of the generator's own crop of `base` pixels) on the canvas of size `crop`,
    /// a multiple of `base`.
    pub fn new(base: usize, start: [usize; 2], size: [usize; 2], crop: usize) -> Self {
        debug_assert!(crop >= base && crop.is_multiple_of(base), "a crop of {crop} on one of {base}");
        let ratio = crop / base;
        Self { ratio, start: start.map(|v| (v + base / 8) * ratio), size }
    }

    /// The window of a generator on the canvas of size `crop`.
    pub fn of(config: &GeneratorConfig, crop: usize) -> Self {
        let w = config.window();
        Self::new(config.crop, [w.x, w.y], [w.width, w.height], crop)
    }

    /// Number of window pixels.
    pub const fn area(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Means over `ratio x ratio` canvas pixels.
    ///
    /// # Shapes
    /// `canvas` planar `[3, side, side]`, `out` planar `[3, height, width]` of the window.
    pub fn read(&self, canvas: &[f32], side: usize, out: &mut [f32]) {
        let (r, [w, _]) = (self.ratio, self.size);
        let scale = 1.0 / (r * r) as f32;
        for (canvas, out) in canvas.chunks_exact(side * side).zip(out.chunks_exact_mut(self.area())) {
            for (y, row) in out.chunks_exact_mut(w).enumerate() {
                row.fill(0.0);
                for dy in 0..r {
                    let line = &canvas[(self.start[1] + y * r + dy) * side + self.start[0]..][..w * r];
                    row.iter_mut().zip(line.chunks_exact(r)).for_each(|(v, c)| *v += c.iter().sum::<f32>() * scale);
                }
            }
        }
    }

    /// Bilinear places of canvas column (axis 0) or row (axis 1) `at` in the window: two indices, the weight of the
    /// second, and how much of the window is there at all (it ends half a window pixel outside the outer centres).
    pub fn tap(&self, axis: usize, at: usize) -> (usize, usize, f32, f32) {
        let n = self.size[axis] as f32;
        let v = (at as f32 + 0.5 - self.start[axis] as f32) / self.ratio as f32 - 0.5;
        let cover = (v + 1.0).clamp(0.0, 1.0) * (n - v).clamp(0.0, 1.0);
        let v = v.clamp(0.0, n - 1.0);
        let i = (v as usize).min(self.size[axis] - 1);
        (i, (i + 1).min(self.size[axis] - 1), v - i as f32, cover)
    }
}
