//! Where the landmark network looks: a square around the face, turned so that the eyes are level.

use glam::{Affine2, Vec2};

use crate::face::{Detection, Landmarks};
use crate::path::LANDMARK_SIDE;

/// The region is this much larger than the face's box (MediaPipe's face landmark graph).
const ENLARGE: f32 = 1.5;

/// The region of a new face. Maps landmark-net input pixels to frame pixels.
pub fn from_detection(face: &Detection) -> Affine2 {
    let eyes = face.keys[1] - face.keys[0];
    let size = (face.max - face.min).max_element();
    square((face.min + face.max) / 2.0, size * ENLARGE, eyes.y.atan2(eyes.x))
}

/// The region of a followed face. Maps landmark-net input pixels to frame pixels.
pub fn from_landmarks(landmarks: &Landmarks) -> Affine2 {
    let eyes = (landmarks.0[263] - landmarks.0[33]).truncate();
    let angle = eyes.y.atan2(eyes.x);
    let level = Vec2::from_angle(-angle);
    let start = (Vec2::MAX, Vec2::MIN);
    let (lo, hi) =
        landmarks.0.iter().map(|p| level.rotate(p.truncate())).fold(start, |(lo, hi), p| (lo.min(p), hi.max(p)));
    let centre = Vec2::from_angle(angle).rotate((lo + hi) / 2.0);
    square(centre, (hi - lo).max_element() * ENLARGE, angle)
}

fn square(centre: Vec2, size: f32, angle: f32) -> Affine2 {
    let side = LANDMARK_SIDE as f32;
    let turn = Affine2::from_scale_angle_translation(Vec2::splat(size / side), angle, Vec2::ZERO);
    let middle = turn.transform_vector2(Vec2::splat(side / 2.0));
    Affine2 { translation: centre - middle, ..turn }
}
