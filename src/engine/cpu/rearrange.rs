//! Operations that only move values: concatenation, zeros appended, pixel (un)shuffle, channel-last rows.

use super::kernel::{Kernel, for_rows};
use super::layout::Layout;
use crate::nets::Op;

/// Marks a lane that is zero.
const ZERO: u32 = u32::MAX;

/// A planned rearrangement: where each value of the output comes from.
#[derive(Debug)]
pub struct Rearrange {
    /// Index into the inputs laid end to end, or [`ZERO`].
    sources: Vec<u32>,
    /// Where each input begins in that numbering.
    starts: Vec<usize>,
    out: Layout,
}

impl Rearrange {
    /// Plans `op`, one of the moving operations, from values of layouts `inputs`.
    pub fn new(op: &Op, inputs: &[Layout], out: Layout) -> Self {
        let mut starts = vec![0];
        for input in inputs {
            starts.push(starts[starts.len() - 1] + input.len());
        }
        let mut sources = vec![ZERO; out.len()];
        let mut link = |target: (usize, usize, usize), k: usize, (c, y, x): (usize, usize, usize)| {
            sources[out.index(target.0, target.1, target.2)] = (starts[k] + inputs[k].index(c, y, x)) as u32;
        };
        match op {
            Op::Concat => {
                let split = inputs[0].shape.c;
                each(&inputs[0], |c, y, x| link((c, y, x), 0, (c, y, x)));
                each(&inputs[1], |c, y, x| link((split + c, y, x), 1, (c, y, x)));
            }
            &Op::SpaceToDepth { r } => {
                each(&inputs[0], |c, y, x| link((c * r * r + y % r * r + x % r, y / r, x / r), 0, (c, y, x)));
            }
            &Op::DepthToSpace { r } => {
                each(&out, |c, y, x| link((c, y, x), 0, (c * r * r + y % r * r + x % r, y / r, x / r)));
            }
            &Op::Rows { n } => {
                let mut first = 0;
                for (k, input) in inputs.iter().enumerate() {
                    let shape = input.shape;
                    each(input, |c, y, x| {
                        let at = first + (y * shape.w + x) * shape.c + c;
                        link((0, at / n, at % n), k, (c, y, x));
                    });
                    first += shape.len();
                }
            }
            _ => each(&inputs[0], |c, y, x| link((c, y, x), 0, (c, y, x))),
        }
        Self { sources, starts, out }
    }
}

impl Kernel for Rearrange {
    fn run(&self, inputs: &[&[f32]], out: &mut [f32], _scratch: &mut [f32]) {
        let row_len = self.out.row_len();
        for_rows(self.out.shape.h, self.out.len(), out, row_len, |first, out| {
            let sources = &self.sources[first * row_len..][..out.len()];
            // Neighbours mostly come from one input.
            let mut k = 0;
            for (value, &source) in out.iter_mut().zip(sources) {
                if source == ZERO {
                    *value = 0.0;
                    continue;
                }
                let source = source as usize;
                while source < self.starts[k] {
                    k -= 1;
                }
                while source >= self.starts[k + 1] {
                    k += 1;
                }
                *value = inputs[k][source - self.starts[k]];
            }
        });
    }
}

/// Calls `f(c, y, x)` for every element.
fn each(layout: &Layout, mut f: impl FnMut(usize, usize, usize)) {
    for y in 0..layout.shape.h {
        for x in 0..layout.shape.w {
            (0..layout.shape.c).for_each(|c| f(c, y, x));
        }
    }
}
