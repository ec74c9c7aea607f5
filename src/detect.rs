//! From the detector network's raw outputs to faces: anchors, decoding, weighted non-maximum suppression.
//!
//! BlazeFace "back" model of MediaPipe, 256 px: 16x16 cells with 2 anchors, then 8x8 cells with 6 (its card in
//! `models/`).

use glam::{Affine2, Vec2};

use crate::face::{Detection, probability};
use crate::nets::blazeface::BOX_VALUES;
pub use crate::nets::blazeface::SIDE;

/// Boxes that overlap more than this are one face (MediaPipe's face detection graph).
const SAME_FACE_IOU: f32 = 0.3;

/// Anchor centre `index` as a fraction of the input's side.
fn anchor(index: usize) -> Vec2 {
    let (cell, grid) = if index < 512 { (index / 2, 16) } else { ((index - 512) / 6, 8) };
    (Vec2::new((cell % grid) as f32, (cell / grid) as f32) + 0.5) / grid as f32
}

/// Faces above `threshold`, best first, mapped to frame pixels.
///
/// # Shapes
/// `boxes` `[896, 16]` in input pixels relative to the anchor, `scores` `[896]` logits.
pub fn decode(boxes: &[f32], scores: &[f32], threshold: f32, frame_from_input: Affine2) -> Vec<Detection> {
    let mut candidates: Vec<Detection> = (scores.iter().zip(boxes.chunks_exact(BOX_VALUES)).enumerate())
        .map(|(i, (&logit, row))| (i, probability(logit), row))
        .filter(|(_, score, row)| *score > threshold && row.iter().all(|v| v.is_finite()))
        .map(|(i, score, row)| candidate(anchor(i), score, row, frame_from_input))
        .collect();
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    merge(candidates)
}

fn candidate(anchor: Vec2, score: f32, row: &[f32], frame_from_input: Affine2) -> Detection {
    // Fractions of the side count from the picture's corner, pixel coordinates from the first pixel's centre.
    let side = SIDE as f32;
    let place = |x: f32, y: f32| frame_from_input.transform_point2(Vec2::new(x, y) + anchor * side - 0.5);
    let half = Vec2::new(row[2], row[3]) / 2.0;
    let keys = std::array::from_fn(|k| place(row[4 + 2 * k], row[5 + 2 * k]));
    Detection {
        score,
        min: place(row[0] - half.x, row[1] - half.y),
        max: place(row[0] + half.x, row[1] + half.y),
        keys,
    }
}

/// Weighted non-maximum suppression: each group of overlapping boxes becomes their mean, weighted by score.
fn merge(mut candidates: Vec<Detection>) -> Vec<Detection> {
    let mut faces = Vec::new();
    while let Some(best) = candidates.first().copied() {
        let (group, rest): (Vec<_>, Vec<_>) = candidates
            .into_iter()
            .partition(|c| iou((best.min, best.max), (c.min, c.max)) > SAME_FACE_IOU || *c == best);
        candidates = rest;
        let total: f32 = group.iter().map(|c| c.score).sum();
        let mean = |of: &dyn Fn(&Detection) -> Vec2| group.iter().map(|c| of(c) * c.score).sum::<Vec2>() / total;
        faces.push(Detection {
            score: best.score,
            min: mean(&|c| c.min),
            max: mean(&|c| c.max),
            keys: std::array::from_fn(|k| mean(&|c| c.keys[k])),
        });
    }
    faces
}

/// Intersection over union of two boxes (lower corner, upper corner).
pub fn iou(a: (Vec2, Vec2), b: (Vec2, Vec2)) -> f32 {
    let size = |lo: Vec2, hi: Vec2| (hi - lo).max(Vec2::ZERO).element_product();
    let common = size(a.0.max(b.0), a.1.min(b.1));
    common / (size(a.0, a.1) + size(b.0, b.1) - common).max(f32::MIN_POSITIVE)
}
