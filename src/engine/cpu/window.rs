//! [`Window`]: a strip of a convolution's input with its edge filled in, ready for kernels that never look aside.
//!
//! Columns are sorted by their remainder modulo the stride (`[row][block][phase][column][lane]`): so neighbouring
//! output pixels always read neighbouring input pixels, whatever the stride.

use super::layout::Layout;
use crate::nets::{Padding, Shape};

/// How a convolution looks at its input.
#[derive(Clone, Debug)]
pub struct Window {
    /// Layout of the input.
    pub input: Layout,
    /// Rows and columns of the output.
    pub out: Shape,
    /// Kernel size.
    pub kernel: usize,
    /// Step.
    pub stride: usize,
    /// Edge handling.
    pub pad: Padding,
}

impl Window {
    /// Whether kernels can read the input itself.
    pub fn is_direct(&self) -> bool {
        self.stride == 1 && self.pad.is_none()
    }

    /// Columns that the kernels touch.
    fn width(&self) -> usize {
        if self.is_direct() { self.input.shape.w } else { (self.out.w - 1) * self.stride + self.kernel }
    }

    /// Values between the phases of a block.
    fn phase_len(&self) -> usize {
        self.width().div_ceil(self.stride) * self.input.lanes
    }

    /// Values between blocks.
    pub fn block_len(&self) -> usize {
        self.stride * self.phase_len()
    }

    /// Values between rows.
    pub fn row_len(&self) -> usize {
        self.input.blocks() * self.block_len()
    }

    /// Rows below `rows` output rows.
    pub fn rows(&self, rows: usize) -> usize {
        (rows - 1) * self.stride + self.kernel
    }

    /// Values of scratch memory for a strip of `rows` output rows.
    pub fn scratch_len(&self, rows: usize) -> usize {
        if self.is_direct() { 0 } else { self.rows(rows) * self.row_len() }
    }

    /// Place of kernel element (`ky`, `kx`) of the first output pixel in block 0.
    pub fn tap(&self, ky: usize, kx: usize) -> usize {
        ky * self.row_len() + kx % self.stride * self.phase_len() + kx / self.stride * self.input.lanes
    }

    /// The strip below output rows `first..first + rows`: a slice of `input`, or `scratch` filled from it.
    pub fn strip<'a>(&self, input: &'a [f32], first: usize, rows: usize, scratch: &'a mut [f32]) -> &'a [f32] {
        if self.is_direct() {
            return &input[first * self.row_len()..][..self.rows(rows) * self.row_len()];
        }
        let (row_len, count) = (self.row_len(), self.rows(rows));
        for (i, target) in scratch[..count * row_len].chunks_mut(row_len).enumerate() {
            let y = first * self.stride + i;
            match self.pad.edge.source(y, self.pad.top, self.input.shape.h) {
                Some(y) => self.fill_row(&input[y * self.input.row_len()..][..self.input.row_len()], target),
                None => target.fill(0.0),
            }
        }
        scratch
    }

    fn fill_row(&self, source: &[f32], target: &mut [f32]) {
        let (lanes, phase_len) = (self.input.lanes, self.phase_len());
        let blocks = target.chunks_mut(self.block_len()).zip(source.chunks(self.input.block_len()));
        for (target, source) in blocks {
            for (phase, target) in target.chunks_mut(phase_len).enumerate() {
                if self.stride == 1 {
                    self.copy_middle(source, target);
                } else if lanes == 4 {
                    self.fill_phase::<4>(source, phase, target);
                } else {
                    self.fill_phase::<16>(source, phase, target);
                }
            }
        }
    }

    /// Stride 1: the middle is one copy, the edges are few.
    fn copy_middle(&self, source: &[f32], target: &mut [f32]) {
        let lanes = self.input.lanes;
        let (left, columns) = (self.pad.left, target.len() / lanes);
        let middle = self.input.shape.w.min(columns - left);
        target[left * lanes..][..middle * lanes].copy_from_slice(&source[..middle * lanes]);
        for at in (0..left).chain(left + middle..columns) {
            let pixel = &mut target[at * lanes..][..lanes];
            match self.pad.edge.source(at, left, self.input.shape.w) {
                Some(x) => pixel.copy_from_slice(&source[x * lanes..][..lanes]),
                None => pixel.fill(0.0),
            }
        }
    }

    fn fill_phase<const L: usize>(&self, source: &[f32], phase: usize, target: &mut [f32]) {
        let (pixels, width) = (source.as_chunks::<L>().0, self.input.shape.w);
        for (column, target) in target.as_chunks_mut::<L>().0.iter_mut().enumerate() {
            let at = self.pad.edge.source(column * self.stride + phase, self.pad.left, width);
            *target = at.map_or([0.0; L], |x| pixels[x]);
        }
    }
}
