//! A small picture of one value per pixel.

/// How much of each pixel something covers, 0 to 1, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mask {
    width: usize,
    height: usize,
    cover: Vec<f32>,
}

impl Mask {
    /// Covers nothing.
    pub fn new([width, height]: [usize; 2]) -> Self {
        Self { width, height, cover: vec![0.0; width * height] }
    }

    /// Covers `cover` more of a pixel; what lies outside is cut off.
    pub fn add(&mut self, x: isize, y: isize, cover: f32) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x < self.width && y < self.height {
            let at = &mut self.cover[y * self.width + x];
            *at = (*at + cover).min(1.0);
        }
    }

    /// Adds a rectangle in the upper left corner whose corners are rounded with `radius` pixels; its edges there are soft.
    pub fn add_rounded(&mut self, size: [usize; 2], radius: f32) {
        for (y, x) in (0..size[1]).flat_map(|y| (0..size[0]).map(move |x| (y, x))) {
            // How far the pixel's centre lies inside the square around the corner's circle, from the circle's centre.
            let into = |at: usize, side: usize| {
                let from_edge = (at as f32 + 0.5).min(side as f32 - at as f32 - 0.5);
                (radius - from_edge).max(0.0)
            };
            let outside = into(x, size[0]).hypot(into(y, size[1])) - radius;
            self.add(x as isize, y as isize, (0.5 - outside).clamp(0.0, 1.0));
        }
    }

    /// Covers what `other` covers in its first `columns` columns.
    pub fn add_left_part(&mut self, other: &Self, columns: usize) {
        for (own, other) in self.cover.chunks_mut(self.width.max(1)).zip(other.cover.chunks(other.width.max(1))) {
            own[..columns].copy_from_slice(&other[..columns]);
        }
    }

    /// Mean over the block of `step` pixels whose upper left one is (`x`, `y`).
    pub fn mean(&self, at: [usize; 2], step: [usize; 2]) -> f32 {
        self.block(at, step).sum::<f32>() / (step[0] * step[1]) as f32
    }

    /// Maximum over the same block.
    pub fn most(&self, at: [usize; 2], step: [usize; 2]) -> f32 {
        self.block(at, step).fold(0.0, f32::max)
    }

    fn block(&self, [x, y]: [usize; 2], step: [usize; 2]) -> impl Iterator<Item = f32> {
        (y..y + step[1]).flat_map(move |y| self.cover[y * self.width + x..][..step[0]].iter().copied())
    }
}
