//! The part of the canvas that is worked on, and the canvas' scale.

use glam::Vec2;

/// A rectangle of whole canvas pixels. Per-pixel buffers of the guide are `width * height`, rows top down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// First column on the canvas.
    pub left: usize,
    /// First row on the canvas.
    pub top: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Window {
    /// The smallest window around `points` (canvas pixels), one pixel wider on each side, inside a canvas of side
    /// `side` without its outermost ring: nothing is ever painted on the ring. Empty when no point comes near.
    pub fn around(points: impl Iterator<Item = Vec2>, side: usize) -> Self {
        let (lo, hi) = points.fold((Vec2::MAX, Vec2::MIN), |(lo, hi), p| (lo.min(p), hi.max(p)));
        let limit = side.saturating_sub(1) as i32;
        // `as` saturates, and turns NaN into 0.
        let first = |v: f32| (v.floor() as i32).saturating_sub(1).clamp(1, limit.max(1)) as usize;
        let last = |v: f32| (v.ceil() as i32).saturating_add(2).clamp(1, limit.max(1)) as usize;
        let (left, top) = (first(lo.x), first(lo.y));
        Self { left, top, width: last(hi.x).saturating_sub(left), height: last(hi.y).saturating_sub(top) }
    }

    /// Number of pixels.
    pub const fn len(&self) -> usize {
        self.width * self.height
    }

    /// Whether there is nothing to do.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Canvas pixels to window pixels: subtract this.
    pub fn origin(&self) -> Vec2 {
        Vec2::new(self.left as f32, self.top as f32)
    }

    /// Indices of row `y` of the window on a canvas of side `side`.
    pub fn canvas_row(&self, y: usize, side: usize) -> std::ops::Range<usize> {
        let start = (self.top + y) * side + self.left;
        start..start + self.width
    }
}
