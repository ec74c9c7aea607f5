//! The inner loops of sampling, over short runs of pixels and one channel at a time, so that the compiler vectorises
//! them.

use glam::Vec2;
use multiversion::multiversion;

use crate::color::{Component, Conversion};

/// Pixels in a run.
pub const SEGMENT: usize = 64;

/// 0, 1, 2, ...: the pixels' numbers, ready to be multiplied.
const RAMP: [f32; SEGMENT] = {
    let mut ramp = [0.0; SEGMENT];
    let mut i = 0;
    while i < SEGMENT {
        ramp[i] = i as f32;
        i += 1;
    }
    ramp
};

/// Whole numbers from 2^23 to 2^24 stand in the lowest bits of an f32.
const WHOLE: f32 = 8_388_608.0;

/// `x` rounded to an integer, for `x` from 0 to 2^23: a conversion that the compiler vectorises, unlike `as`.
#[inline(always)]
fn integer(x: f32) -> u32 {
    (x + WHOLE).to_bits() & 0x7f_ffff
}

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

    /// Places all taps of a plain `side x side` picture at `start + i * step`. Those that are read must lie inside.
    pub fn place_inside(&mut self, side: usize, start: Vec2, step: Vec2) {
        place_inside(self, side as u32, start.into(), step.into());
    }

    /// The interpolated values of a plain picture of `side` columns, one for each of `out`.
    pub fn read_inside(&self, picture: &[f32], side: usize, out: &mut [f32]) {
        read_inside(self, picture, side, out);
    }

    /// The interpolated samples (0 to 255) of the channel whose bytes begin at `bytes`, one for each of `out`.
    pub fn read(&self, bytes: &[u8], out: &mut [f32]) {
        read(self, bytes, out);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn place(taps: &mut Taps, start: [f32; 2], step: [f32; 2], last: [f32; 2], jump: [u32; 2], n: usize) {
    for (i, &ahead) in RAMP.iter().enumerate().take(n) {
        // NaN becomes 0 here.
        let x = (start[0] + step[0] * ahead).max(0.0).min(last[0]);
        let y = (start[1] + step[1] * ahead).max(0.0).min(last[1]);
        let (column, row) = (x.floor(), y.floor());
        taps.across[i] = x - column;
        taps.down[i] = y - row;
        taps.first[i] = integer(row) * jump[1] + integer(column) * jump[0];
        taps.right[i] = if column < last[0] { jump[0] } else { 0 };
        taps.below[i] = if row < last[1] { jump[1] } else { 0 };
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

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn place_inside(taps: &mut Taps, side: u32, start: [f32; 2], step: [f32; 2]) {
    let last = side as f32 - 1.001;
    for (i, &ahead) in RAMP.iter().enumerate() {
        // Rounding may have put a place a hair before the first pixel, or behind the last one that has a neighbour.
        let [x, y] = [0, 1].map(|axis| (start[axis] + step[axis] * ahead).max(0.0).min(last));
        let (column, row) = (x.floor(), y.floor());
        taps.across[i] = x - column;
        taps.down[i] = y - row;
        taps.first[i] = integer(row).wrapping_mul(side).wrapping_add(integer(column));
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn read_inside(taps: &Taps, picture: &[f32], side: usize, out: &mut [f32]) {
    for (i, out) in out.iter_mut().enumerate().take(SEGMENT) {
        let square = &picture[taps.first[i] as usize..][..side + 2];
        let top = square[0] + (square[1] - square[0]) * taps.across[i];
        let bottom = square[side] + (square[side + 1] - square[side]) * taps.across[i];
        *out = top + (bottom - top) * taps.down[i];
    }
}

/// Applies `conversion` in place to three planes; the results are clamped to `bounds`.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn convert(conversion: &Conversion, [least, most]: [f32; 2], [a, b, c]: [&mut [f32]; 3]) {
    let [x, y, z] = conversion.matrix.to_cols_array_2d();
    let offset = conversion.offset.to_array();
    for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
        let v = [*a, *b, *c];
        let out = |k: usize| (x[k] * v[0] + y[k] * v[1] + z[k] * v[2] + offset[k]).clamp(least, most);
        (*a, *b, *c) = (out(0), out(1), out(2));
    }
}

/// `code += weight * (value - code)`, rounded to nearest, for every `step`th byte of `row`.
pub fn mix(row: &mut [u8], step: usize, values: &[f32], weights: &[f32]) {
    match step {
        1 => mix_all(row, values, weights),
        _ => mix_every(row, step, values, weights),
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn mix_all(row: &mut [u8], values: &[f32], weights: &[f32]) {
    row.iter_mut().zip(values).zip(weights).for_each(|((byte, &value), &weight)| *byte = mixed(*byte, value, weight));
}

fn mix_every(row: &mut [u8], step: usize, values: &[f32], weights: &[f32]) {
    let bytes = row.iter_mut().step_by(step).zip(values).zip(weights);
    bytes.for_each(|((byte, &value), &weight)| *byte = mixed(*byte, value, weight));
}

/// A weight of 0 gives the old code back; codes outside 0 to 255 are clamped, no number at all becomes 0.
#[inline(always)]
#[expect(clippy::manual_clamp, reason = "`clamp` would pass NaN on")]
fn mixed(code: u8, value: f32, weight: f32) -> u8 {
    let old = f32::from(code);
    integer((old + (value - old) * weight).max(0.0).min(255.0)) as u8
}
