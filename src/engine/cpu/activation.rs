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

    /// Applies what fits a register to a vector that starts at channel `channel`; tanh is left to [`Self::finish`].
    #[inline(always)]
    pub fn apply<S: Simd>(&self, simd: S, v: S::f32s, channel: usize) -> S::f32s {
        let zero = simd.splat_f32s(0.0);
        // Comparisons, not min and max: a NaN must come out as NaN on every architecture.
        match self {
            Self::None | Self::Tanh | Self::TanhUnit => v,
            Self::Relu => simd.select_f32s(simd.less_than_f32s(v, zero), zero, v),
            Self::Relu6 => {
                let six = simd.splat_f32s(6.0);
                let v = simd.select_f32s(simd.less_than_f32s(v, zero), zero, v);
                simd.select_f32s(simd.less_than_f32s(six, v), six, v)
            }
            Self::Slope(slopes) => {
                let slope = S::as_simd_f32s(&slopes[channel..channel + S::F32_LANES]).0[0];
                simd.select_f32s(simd.less_than_f32s(v, zero), simd.mul_f32s(v, slope), v)
            }
        }
    }

    /// Applies [`Self::apply`] to pixels of channel block `block`, `[n][LANES]`.
    #[inline(always)]
    pub fn pixels<S: Simd>(&self, simd: S, values: &mut [f32], block: usize) {
        if matches!(self, Self::None | Self::Tanh | Self::TanhUnit) {
            return;
        }
        for pixel in values.as_chunks_mut::<LANES>().0 {
            for (i, v) in S::as_mut_simd_f32s(pixel).0.iter_mut().enumerate() {
                *v = self.apply(simd, *v, block * LANES + i * S::F32_LANES);
            }
        }
    }

    /// Applies what [`Self::apply`] left out to a finished strip.
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

/// `scale * tanh x + shift` in place, as 1 - 2 / (exp 2x + 1): the absolute error stays below 3e-7.
fn tanh(values: &mut [f32], scale: f32, shift: f32) {
    values.iter_mut().for_each(|v| *v = scale * v.tanh() + shift);
}
