//! What both paths show a network of a frame that does not fill its square input: what stands beyond the frame's edge,
//! and where the whole frame lies in the square.

use glam::{Affine2, Vec2};

use crate::frame::FrameInfo;

/// What is seen beyond the frame's edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// Black, as the detector and the landmark network were trained with.
    Black,
    /// The edge's pixels again, so that a face at the edge keeps its colours.
    Repeat,
}

/// The map from a letterboxed picture ([`Sampler::letterbox`](super::cpu::sample::Sampler::letterbox)) to frame pixels.
pub fn letterbox_map(info: &FrameInfo, side: usize) -> Affine2 {
    let (_, scale, bars) = letterbox_place(info, side);
    let shift = Vec2::splat(0.5 * scale - 0.5) - bars;
    Affine2::from_scale_angle_translation(Vec2::splat(scale), 0.0, shift)
}

/// The longer side, frame pixels per output pixel, and the width of the bars on the left and above, in frame pixels.
pub(super) fn letterbox_place(info: &FrameInfo, side: usize) -> (usize, f32, Vec2) {
    let (w, h) = (info.width, info.height);
    let long = w.max(h);
    (long, long as f32 / side as f32, Vec2::new(((long - w) / 2) as f32, ((long - h) / 2) as f32))
}
