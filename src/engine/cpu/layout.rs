//! [`Layout`]: how the CPU engine stores a value.
//!
//! Rows outermost, then blocks of channels, then columns, then the channels of a block: `[h][c / lanes][w][lanes]`.
//! A strip of rows is one piece of memory (so that threads own disjoint slices), neighbouring pixels stand a constant
//! distance apart (so that kernels need one pointer), and the innermost axis fills a vector register. Lanes beyond the
//! last channel are written by every kernel; they hold zero unless the epilogue maps zero elsewhere.

use crate::nets::Shape;

/// Channels in a block of an ordinary value.
pub const LANES: usize = 16;

/// Place of each element of a value in its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Channels, rows, columns.
    pub shape: Shape,
    /// Channels in a block: [`LANES`], 4 for pictures, 1 for plain row-major lists.
    pub lanes: usize,
}

impl Layout {
    /// The ordinary layout.
    pub fn blocked(shape: Shape) -> Self {
        Self { shape, lanes: LANES }
    }

    /// Blocks of channels.
    pub fn blocks(&self) -> usize {
        self.shape.c.div_ceil(self.lanes)
    }

    /// Values between neighbouring blocks of a row.
    pub fn block_len(&self) -> usize {
        self.shape.w * self.lanes
    }

    /// Values between neighbouring rows.
    pub fn row_len(&self) -> usize {
        self.blocks() * self.block_len()
    }

    /// Values in the buffer, unused lanes included.
    pub fn len(&self) -> usize {
        self.shape.h * self.row_len()
    }

    /// Place of channel `c`, row `y`, column `x`.
    pub fn index(&self, c: usize, y: usize, x: usize) -> usize {
        y * self.row_len() + (c / self.lanes * self.shape.w + x) * self.lanes + c % self.lanes
    }

    /// Reads a planar `[c, h, w]` tensor into a buffer of this layout.
    pub fn import(&self, planar: &[f32], buffer: &mut [f32]) {
        let Shape { c, h, w } = self.shape;
        if c % self.lanes != 0 {
            buffer.fill(0.0);
        }
        for channel in 0..c {
            for y in 0..h {
                let source = &planar[(channel * h + y) * w..][..w];
                let target = &mut buffer[self.index(channel, y, 0)..];
                for (&value, pixel) in source.iter().zip(target.chunks_mut(self.lanes)) {
                    pixel[0] = value;
                }
            }
        }
    }

    /// Writes a buffer of this layout as a planar `[c, h, w]` tensor.
    pub fn export(&self, buffer: &[f32], planar: &mut [f32]) {
        let Shape { c, h, w } = self.shape;
        for channel in 0..c {
            for y in 0..h {
                let source = &buffer[self.index(channel, y, 0)..];
                let target = &mut planar[(channel * h + y) * w..][..w];
                for (pixel, value) in source.chunks(self.lanes).zip(target) {
                    *value = pixel[0];
                }
            }
        }
    }
}
