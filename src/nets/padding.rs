//! [`Padding`]: what a convolution sees around a map.

/// How a convolution sees pixels beyond the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edge {
    /// They are zero.
    Zero,
    /// Mirrored without repeating the edge pixel.
    Reflect,
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
