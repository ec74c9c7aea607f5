//! The inner loops of sampling, over short runs of pixels and one channel at a time, so that the compiler vectorises
//! them.

use glam::Vec2;
use multiversion::multiversion;

use crate::color::{Component, Conversion};

/// Pixels in a run.
pub const SEGMENT: usize = 64;

/// For each pixel of a run the four samples around it.
pub struct Taps {
    /// Byte of the upper left sample.
    first: [u32; SEGMENT],
    /// Bytes to the right and to the lower neighbour; 0 at the last column and row.
    right: [u32; SEGMENT],
    below: [u32; SEGMENT],
    /// Shares of the right and of the lower neighbour.
    across: [f32; SEGMENT],
    down: [f32; SEGMENT],
}

impl Default for Taps {
    fn default() -> Self {
        let (zero, none) = ([0; SEGMENT], [0.0; SEGMENT]);
        Self { first: zero, right: zero, below: zero, across: none, down: none }
    }
}

impl Taps {
    /// Places the first `n` taps of a channel of `size` samples at frame positions `start + i * step`, edges continued.
    pub fn place(&mut self, component: Component, size: [usize; 2], stride: usize, start: Vec2, step: Vec2, n: usize) {
        let scale = Vec2::from(component.pitch()).recip();
        let start = (start - Vec2::from(component.origin())) * scale;
        let last = [(size[0] - 1) as f32, (size[1] - 1) as f32];
        let jump = [component.step as u32, stride as u32];
        place(self, start.into(), (step * scale).into(), last, jump, n);
    }

    /// The interpolated samples (0 to 255) of the channel whose bytes begin at `bytes`, one for each of `out`.
    pub fn read(&self, bytes: &[u8], out: &mut [f32]) {
        read(self, bytes, out);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn place(taps: &mut Taps, start: [f32; 2], step: [f32; 2], last: [f32; 2], jump: [u32; 2], n: usize) {
    for i in 0..n.min(SEGMENT) {
        // NaN becomes 0 here.
        let x = (start[0] + step[0] * i as f32).max(0.0).min(last[0]);
        let y = (start[1] + step[1] * i as f32).max(0.0).min(last[1]);
        let (column, row) = (x as i32, y as i32);
        taps.across[i] = x - column as f32;
        taps.down[i] = y - row as f32;
        taps.first[i] = row as u32 * jump[1] + column as u32 * jump[0];
        taps.right[i] = if (column as f32) < last[0] { jump[0] } else { 0 };
        taps.below[i] = if (row as f32) < last[1] { jump[1] } else { 0 };
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn read(taps: &Taps, bytes: &[u8], out: &mut [f32]) {
    for (i, out) in out.iter_mut().enumerate().take(SEGMENT) {
        let (first, right) = (taps.first[i] as usize, taps.right[i] as usize);
        let second = first + taps.below[i] as usize;
        let at = |i: usize| f32::from(bytes[i]);
        let top = at(first) + (at(first + right) - at(first)) * taps.across[i];
        let bottom = at(second) + (at(second + right) - at(second)) * taps.across[i];
        *out = top + (bottom - top) * taps.down[i];
    }
}

/// Codes to RGB in place, clamped to 0 to 1.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn convert(rgb_from_codes: &Conversion, a: &mut [f32], b: &mut [f32], c: &mut [f32]) {
    let [x, y, z] = rgb_from_codes.matrix.to_cols_array_2d();
    let offset = rgb_from_codes.offset.to_array();
    for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
        let code = [*a, *b, *c];
        let rgb = |k: usize| (x[k] * code[0] + y[k] * code[1] + z[k] * code[2] + offset[k]).clamp(0.0, 1.0);
        (*a, *b, *c) = (rgb(0), rgb(1), rgb(2));
    }
}
