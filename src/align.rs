//! Alignment: the similarity that brings a face from the frame onto the generator's canvas.
//!
//! A crop of side `c` is the arcface_128_v2 frame that AlphaFace and inswapper were trained on. Everything is worked
//! on a canvas with a margin of `c / 8` on each side, so that the mesh's rim and the filters' reach fit: its side is
//! [`canvas_side`].

use glam::{Affine2, Mat2, Vec2};
use serde::{Deserialize, Serialize};

use crate::face::Landmarks;

/// Both eyes, nose, both mouth corners in the template, as fractions of the crop's side: arcface_128_v2 of insightface
/// (the 112-px ArcFace template moved by 8 px in x, in a picture of 128 px).
pub const TEMPLATE: [Vec2; 5] = [
    Vec2::new(0.36168, 0.40388),
    Vec2::new(0.63697, 0.40235),
    Vec2::new(0.50020, 0.56044),
    Vec2::new(0.38710, 0.72161),
    Vec2::new(0.61508, 0.72034),
];

/// The crop's side for which the template is used without a half-pixel correction.
const REFERENCE_CROP: f32 = 256.0;

/// What of a photo an identity encoder sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum EncoderCrop {
    /// An upright square around the mesh (FaceRes).
    #[default]
    MeshBox,
    /// The template arcface_112_v2, on which ArcFace was trained (inswapper).
    Arcface112,
    /// The whole crop of the template arcface_128_v2, so a wider view (AlphaFace).
    Arcface128,
}

impl EncoderCrop {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::MeshBox, Self::Arcface112, Self::Arcface128];

    /// Name in cards and identity files.
    pub const fn name(self) -> &'static str {
        ["mesh_box", "arcface_112", "arcface_128"][self as usize]
    }

    /// Whether it is the one that cards need not name.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl From<EncoderCrop> for &'static str {
    fn from(crop: EncoderCrop) -> Self {
        crop.name()
    }
}

impl TryFrom<String> for EncoderCrop {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        let crop = Self::ALL.into_iter().find(|crop| crop.name() == name);
        crop.ok_or_else(|| format!("there is no encoder crop `{name}`; there are {}", known()))
    }
}

/// Side of the canvas around a crop of side `crop`, both in pixels.
pub const fn canvas_side(crop: usize) -> usize {
    crop + 2 * (crop / 8)
}

/// The similarity from frame pixels to the canvas of a crop of side `crop`, least squares over the five points.
///
/// At `crop` = 256 the template point `t` stands at canvas pixel `256 t + 32`; other sizes show the same picture
/// resampled, with pixel centres at `x_c = (x_256 + 0.5) c / 256 - 0.5`.
pub fn canvas_from_frame(landmarks: &Landmarks, crop: usize) -> Affine2 {
    let ratio = crop as f32 / REFERENCE_CROP;
    let place = |t: Vec2| (t * REFERENCE_CROP + REFERENCE_CROP / 8.0 + 0.5) * ratio - 0.5;
    similarity(&landmarks.five(), &TEMPLATE.map(place))
}

/// The similarity from frame pixels to the crop of 256 px itself, without the canvas around it.
pub fn crop_from_frame(landmarks: &Landmarks) -> Affine2 {
    similarity(&landmarks.five(), &TEMPLATE.map(|t| t * REFERENCE_CROP))
}

/// The similarity from frame pixels to ArcFace's square of `side` px: template arcface_112_v2, that is [`TEMPLATE`] moved
/// back by 8 of 128 px, in a picture of 112. As in insightface, the template point `t` stands at pixel `side t`.
pub fn arcface_from_frame(landmarks: &Landmarks, side: usize) -> Affine2 {
    let place = |t: Vec2| (t * 128.0 - Vec2::new(8.0, 0.0)) * (side as f32 / 112.0);
    similarity(&landmarks.five(), &TEMPLATE.map(place))
}

/// Pixels of a picture that the side of a crop covers on these landmarks: the crop's size at which nothing is resampled.
pub fn native_crop(landmarks: &Landmarks) -> f32 {
    // A face in one point has no size; the bound keeps the quotient finite.
    REFERENCE_CROP / scale(canvas_from_frame(landmarks, REFERENCE_CROP as usize)).max(1e-6)
}

/// Target pixels per source pixel of a similarity.
pub fn scale(target_from_source: Affine2) -> f32 {
    target_from_source.matrix2.determinant().abs().sqrt()
}

/// Least-squares rotation, uniform scale and shift with `target = map(source)` (Umeyama 1991, closed form in two
/// dimensions, reflections excluded). All source points in one place give the shift alone.
pub fn similarity(source: &[Vec2], target: &[Vec2]) -> Affine2 {
    let mean = |p: &[Vec2]| p.iter().sum::<Vec2>() / p.len() as f32;
    let (source_mean, target_mean) = (mean(source), mean(target));
    let (mut dot, mut cross, mut spread) = (0.0, 0.0, 0.0);
    for (s, t) in source.iter().zip(target) {
        let (s, t) = (*s - source_mean, *t - target_mean);
        dot += s.dot(t);
        cross += s.perp_dot(t);
        spread += s.length_squared();
    }
    let (a, b) = if spread > 0.0 { (dot / spread, cross / spread) } else { (1.0, 0.0) };
    let matrix = Mat2::from_cols(Vec2::new(a, b), Vec2::new(-b, a));
    Affine2::from_mat2_translation(matrix, target_mean - matrix * source_mean)
}
