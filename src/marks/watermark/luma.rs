//! The luma of a frame's rows: read, and changed.

use multiversion::multiversion;

use super::taps::weigh;
use crate::frame::PixelFormat;

/// The sum of all weights.
const WHOLE: u32 = 256;
/// BT.601's weights of R, G and B: near enough for every matrix.
const WEIGHTS: [u32; 3] = [77, 150, 29];
/// Pixels that are changed at once.
const BLOCK: usize = 256;

/// By channel of frames of `format`, its weight in the luma, of 256; 0 where the mark leaves it alone.
pub(super) const fn weights(format: PixelFormat) -> [u32; 3] {
    if format.is_yuv() { [WHOLE, 0, 0] } else { WEIGHTS }
}

/// Where the luma of a frame's first plane is.
#[derive(Clone, Copy)]
pub(super) struct Luma {
    /// Bytes of a pixel: 1 to 4.
    step: usize,
    /// By byte of a pixel.
    weights: [u32; 4],
}

impl Luma {
    pub fn of(format: PixelFormat) -> Self {
        let (components, mut weights) = (format.components(), [0; 4]);
        for (component, weight) in components.iter().zip(self::weights(format)).filter(|(_, weight)| *weight > 0) {
            weights[component.offset] = weight;
        }
        Self { step: components[0].step, weights }
    }

    /// Adds a row to its columns' `sums` and sums of `squares`.
    pub fn sum(self, row: &[u8], sums: &mut [u32], squares: &mut [u32]) {
        sum(self, row, sums, squares);
    }

    /// Adds the weighted sum of `rows`, in codes, to a row.
    pub fn add(self, row: &mut [u8], rows: [&[f32]; 4], weights: [f32; 4]) {
        let (width, mut marks) = (rows[0].len(), [0.0; BLOCK]);
        for (start, row) in (0..width).step_by(BLOCK).zip(row.chunks_mut(self.step * BLOCK)) {
            let marks = &mut marks[..BLOCK.min(width - start)];
            weigh(rows.map(|row| &row[start..start + marks.len()]), weights, marks);
            add(self, row, marks);
        }
    }
}

#[multiversion(targets = "simd")]
fn sum(luma: Luma, row: &[u8], sums: &mut [u32], squares: &mut [u32]) {
    match luma.step {
        1 => sum_pixels::<1>(luma.weights, row, sums, squares),
        2 => sum_pixels::<2>(luma.weights, row, sums, squares),
        3 => sum_pixels::<3>(luma.weights, row, sums, squares),
        _ => sum_pixels::<4>(luma.weights, row, sums, squares),
    }
}

#[inline(always)]
fn sum_pixels<const STEP: usize>(weights: [u32; 4], row: &[u8], sums: &mut [u32], squares: &mut [u32]) {
    let (pixels, _) = row.as_chunks::<STEP>();
    for ((sum, square), pixel) in sums.iter_mut().zip(squares).zip(pixels) {
        let luma: u32 = pixel.iter().zip(weights).map(|(code, weight)| weight * u32::from(*code)).sum();
        let code = (luma + WHOLE / 2) / WHOLE;
        *sum += code;
        *square += code * code;
    }
}

#[multiversion(targets = "simd")]
fn add(luma: Luma, row: &mut [u8], marks: &[f32]) {
    let shares = luma.weights.map(|weight| if weight > 0 { 1.0 } else { 0.0 });
    match luma.step {
        1 => add_pixels::<1>(shares, row, marks),
        2 => add_pixels::<2>(shares, row, marks),
        3 => add_pixels::<3>(shares, row, marks),
        _ => add_pixels::<4>(shares, row, marks),
    }
}

/// Adds to each byte of a pixel its share of the pixel's mark.
#[inline(always)]
fn add_pixels<const STEP: usize>(shares: [f32; 4], row: &mut [u8], marks: &[f32]) {
    let (pixels, _) = row.as_chunks_mut::<STEP>();
    for (pixel, mark) in pixels.iter_mut().zip(marks) {
        pixel.iter_mut().zip(shares).for_each(|(code, share)| *code = rounded(f32::from(*code) + share * mark));
    }
}

/// The nearest code. In single precision numbers from 2^23 on are whole, and the last byte is the code; a cast would
/// not become vector instructions.
#[inline(always)]
fn rounded(value: f32) -> u8 {
    (value.clamp(0.0, 255.0) + 8_388_608.0).to_bits() as u8
}
