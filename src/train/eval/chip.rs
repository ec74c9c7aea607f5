//! dlib's face chip: what its encoder sees of a face (`get_face_chip_details` and `extract_image_chip` of dlib 20).

use glam::{Affine2, Mat2, Vec2};
use image::RgbImage;

use crate::align::{scale, similarity};
use crate::error::Result;
use crate::face::Landmarks;
use crate::identity::photo::{resize, view};
use crate::nets::dlib::{MEAN_RGB, SCALE, SIDE};
use crate::path::cpu::sample::{Border, Sampler};

/// The five points of dlib's shape predictor on our mesh: outer and inner corner of the left eye, of the right eye, base
/// of the nose.
const POINTS: [usize; 5] = [263, 362, 33, 133, 2];
/// Where they stand on average, as fractions of a face without padding (dlib's `mean_face_shape` of 5 points).
const SHAPE: [Vec2; 5] = [
    Vec2::new(0.859_567_5, 0.213_498_15),
    Vec2::new(0.646_060_5, 0.228_967_44),
    Vec2::new(0.120_575_06, 0.213_727_45),
    Vec2::new(0.334_085_06, 0.229_064_23),
    Vec2::new(0.490_112_3, 0.627_797_5),
];
/// Room on each side of the face, as a fraction of its size (the encoder was trained with it).
const PADDING: f32 = 0.25;

/// The encoder's input `[3, SIDE, SIDE]`, see [`crate::nets::dlib::dlib`].
pub fn input(picture: &RgbImage, landmarks: &Landmarks) -> Result<Vec<f32>> {
    let picture_from_chip = picture_from_chip(landmarks);
    // dlib halves the picture until its chip is less than twice too small.
    let halvings = scale(picture_from_chip).log2().floor().max(0.0);
    let shrunk = (halvings >= 1.0).then(|| resize(picture, 0.5f32.powf(halvings)));
    let (picture, picture_from_chip) = match &shrunk {
        Some((smaller, smaller_from_larger)) => (smaller, *smaller_from_larger * picture_from_chip),
        None => (picture, picture_from_chip),
    };
    let mut planes = vec![0.0; 3 * SIDE * SIDE];
    Sampler::new(&view(picture)?).warp(picture_from_chip, SIDE, Border::Black, &mut planes);
    for (plane, mean) in planes.chunks_exact_mut(SIDE * SIDE).zip(MEAN_RGB) {
        plane.iter_mut().for_each(|v| *v = (code(*v) - mean) / SCALE);
    }
    Ok(planes)
}

/// dlib's chips hold whole codes, cut off.
fn code(value: f32) -> f32 {
    /// Keeps what is a whole code from falling below it by rounding.
    const SLACK: f32 = 1e-3;
    (value * 255.0 + SLACK).floor()
}

/// The similarity from the chip's pixels to the picture's. As in dlib the points are whole pixels, and the chip's corners
/// lie on the first and last pixel of a rectangle whose middle is that of the mapped chip.
fn picture_from_chip(landmarks: &Landmarks) -> Affine2 {
    let side = SIDE as f32;
    let chip = SHAPE.map(|p| (p + PADDING) / (1.0 + 2.0 * PADDING) * side);
    let seen = POINTS.map(|i| landmarks.0[i].truncate().round());
    let fit = similarity(&chip, &seen);
    let middle = fit.transform_point2(Vec2::splat(side / 2.0));
    let size = scale(fit);
    let matrix: Mat2 = fit.matrix2 * ((side * size - 1.0) / (side - 1.0) / size);
    Affine2::from_mat2_translation(matrix, middle - matrix * Vec2::splat((side - 1.0) / 2.0))
}
