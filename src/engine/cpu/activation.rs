//! Epilogues: resolved from the description to packed slopes, applied in registers or over a finished strip.

use multiversion::multiversion;
use pulp::Simd;

use super::layout::LANES;
use super::pack::{Params, padded};
use crate::error::Result;
use crate::nets::Activation;

/// An [`Activation`] with its parameters packed by block.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// The value itself.
    None,
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// x where positive, else x times the channel's slope; padded to whole blocks.
    Slope(Vec<f32>),
    /// tanh x.
    Tanh,
    /// (tanh x + 1) / 2.
    TanhUnit,
}

impl Act {
    /// Reads the parameters of `act` for a value of `channels` channels.
    pub fn new(act: &Activation, channels: usize, params: &Params<'_>) -> Result<Self> {
        Ok(match act {
            Activation::None => Self::None,
            Activation::Relu => Self::Relu,
            Activation::Relu6 => Self::Relu6,
            Activation::LeakyRelu(slope) => Self::Slope(padded(&vec![*slope; channels])),
            Activation::PRelu(name) => Self::Slope(padded(params.get(name, &[channels])?)),
            Activation::Tanh => Self::Tanh,
            Activation::TanhUnit => Self::TanhUnit,
        })
    }

    /// Applies what takes a few instructions to pixels of channel block `block`, `[n][LANES]`; tanh is left to
    /// [`Self::finish`]. Comparisons, not min and max: a NaN must come out as NaN on every architecture.
    #[inline(always)]
    pub fn pixels<S: Simd>(&self, simd: S, values: &mut [f32], block: usize) {
        let zero = simd.splat_f32s(0.0);
        match self {
            Self::None | Self::Tanh | Self::TanhUnit => {}
            Self::Relu => {
                for v in S::as_mut_simd_f32s(values).0 {
                    *v = simd.select_f32s(simd.less_than_f32s(*v, zero), zero, *v);
                }
            }
            Self::Relu6 => {
                let six = simd.splat_f32s(6.0);
                for v in S::as_mut_simd_f32s(values).0 {
                    let y = simd.select_f32s(simd.less_than_f32s(*v, zero), zero, *v);
                    *v = simd.select_f32s(simd.less_than_f32s(six, y), six, y);
                }
            }
            Self::Slope(slopes) => {
                let slopes = S::as_simd_f32s(&slopes[block * LANES..][..LANES]).0;
                for pixel in S::as_mut_simd_f32s(values).0.chunks_exact_mut(LANES / S::F32_LANES) {
                    for (v, &slope) in pixel.iter_mut().zip(slopes) {
                        *v = simd.select_f32s(simd.less_than_f32s(*v, zero), simd.mul_f32s(*v, slope), *v);
                    }
                }
            }
        }
    }

    /// Applies what [`Self::pixels`] left out to a finished strip.
    pub fn finish(&self, values: &mut [f32]) {
        match self {
            Self::Tanh => tanh(values, 1.0, 0.0),
            Self::TanhUnit => tanh(values, 0.5, 0.5),
            _ => {}
        }
    }

    /// Applies the whole epilogue to the `w` pixels of channel block `block`, `[w][LANES]`.
    pub fn block(&self, block: usize, values: &mut [f32]) {
        match self {
            Self::None => {}
            Self::Relu => each(values, &[0.0; LANES], f32::INFINITY),
            Self::Relu6 => each(values, &[0.0; LANES], 6.0),
            Self::Slope(slopes) => {
                let mut slope = [0.0; LANES];
                slope.copy_from_slice(&slopes[block * LANES..][..LANES]);
                each(values, &slope, f32::INFINITY);
            }
            Self::Tanh | Self::TanhUnit => self.finish(values),
        }
    }
}

#[multiversion(targets = "simd")]
fn each(values: &mut [f32], slope: &[f32; LANES], top: f32) {
    for pixel in values.as_chunks_mut::<LANES>().0 {
        for (v, &s) in pixel.iter_mut().zip(slope) {
            let negative = if s == 0.0 { 0.0 } else { *v * s };
            let y = if *v < 0.0 { negative } else { *v };
            *v = if y > top { top } else { y };
        }
    }
}

/// `scale * tanh x + shift` in place, as 1 - 2 / (exp 2x + 1). exp is 2^k times the power series of 2^f for |f| <= 1/2;
/// seven terms leave a relative error of 1.2e-7, so the result is within 3e-7 of the truth.
#[multiversion(targets = "simd")]
fn tanh(values: &mut [f32], scale: f32, shift: f32) {
    use std::f32::consts::{LN_2, LOG2_E};
    // 1.5 * 2^23: adding and taking it away rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    for v in values {
        // Beyond +-20 bits tanh is 1 to the last place; a NaN passes both comparisons.
        let bits = *v * 2.0 * LOG2_E;
        let bits = if bits > 40.0 { 40.0 } else { bits };
        let bits = if bits < -40.0 { -40.0 } else { bits };
        let whole = (bits + ROUND) - ROUND;
        let x = (bits - whole) * LN_2;
        let series = x / 6.0 + 1.0;
        let series = x / 5.0 * series + 1.0;
        let series = x / 4.0 * series + 1.0;
        let series = x / 3.0 * series + 1.0;
        let series = x / 2.0 * series + 1.0;
        let exp = (x * series + 1.0) * f32::from_bits(((whole as i32 + 127) << 23) as u32);
        *v = scale * (1.0 - 2.0 / (exp + 1.0)) + shift;
    }
}
