//! [`Padding`]: what a convolution sees around a map.

/// How a convolution sees pixels beyond the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edge {
    /// They are zero.
    Zero,
    /// Mirrored without repeating the edge pixel.
    Reflect,
}

impl Edge {
    /// Which of an axis's `len` pixels stands at `at`, counted from the first of the `before` that are added; none for
    /// zero.
    pub fn source(self, at: usize, before: usize, len: usize) -> Option<usize> {
        match self {
            _ if (before..before + len).contains(&at) => Some(at - before),
            Self::Zero => None,
            Self::Reflect if at < before => Some((before - at).min(len - 1)),
            Self::Reflect => Some((2 * len - 2).saturating_sub(at - before)),
        }
    }
}

/// Pixels added around a map before a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Padding {
    /// What they hold.
    pub edge: Edge,
    /// Rows above.
    pub top: usize,
    /// Columns to the left.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the right.
    pub right: usize,
}

impl Padding {
    /// `n` pixels on every side.
    pub const fn all(edge: Edge, n: usize) -> Self {
        Self { edge, top: n, left: n, bottom: n, right: n }
    }

    /// Whether there is none.
    pub const fn is_none(&self) -> bool {
        self.top + self.left + self.bottom + self.right == 0
    }

    /// No padding.
    pub const fn none() -> Self {
        Self::all(Edge::Zero, 0)
    }

    /// TensorFlow's SAME padding of one axis pair for an `h x w` map: the odd pixel goes below and right.
    pub const fn same(h: usize, w: usize, kernel: usize, stride: usize) -> Self {
        const fn total(n: usize, k: usize, s: usize) -> usize {
            let out = n.div_ceil(s);
            ((out - 1) * s + k).saturating_sub(n)
        }
        let (v, u) = (total(h, kernel, stride), total(w, kernel, stride));
        Self { edge: Edge::Zero, top: v / 2, left: u / 2, bottom: v - v / 2, right: u - u / 2 }
    }
}
