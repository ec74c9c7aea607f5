//! Photos that lie on their side or stand on their head. Meshes are found in any position, but an encoder knows
//! upright faces only; and upside down, the detector takes the brows for a mouth.

use std::borrow::Cow;
use std::f32::consts::FRAC_PI_2;

use glam::{Affine2, Mat2, Vec2};
use image::{RgbImage, imageops};

use super::read_mesh;
use crate::error::Result;
use crate::face::Detection;
use crate::identity::photo::view;
use crate::path::cpu::CpuPath;
use crate::path::{FramePath, LANDMARK_SIDE, MeshReading};
use crate::region;

/// A face in a picture in which it stands upright.
pub struct Upright<'a> {
    pub picture: Cow<'a, RgbImage>,
    pub reading: MeshReading,
    /// Quarter turns to the left that the picture was given, 0 to 3.
    pub quarter_turns: u8,
}

/// Reads a detected face, in the picture as it is if the face is less than 45 degrees away from upright.
///
/// It is upside down if the landmark network believes more in the mesh that it finds the other way up. The logits were
/// never closer than 2.4 on 677 upright photos; of 415 photos turned by 180 degrees 99 in 100 were told, by 2.7 or more.
pub fn upright<'a>(path: &mut CpuPath, picture: &'a RgbImage, detection: &Detection) -> Result<Upright<'a>> {
    let reading = read_mesh(path, picture, detection)?;
    let middle = Affine2::from_translation(Vec2::splat(LANDMARK_SIDE as f32 / 2.0));
    let half_turn = middle * Affine2::from_scale(Vec2::NEG_ONE) * middle.inverse();
    let region = region::from_landmarks(&reading.landmarks);
    let other = path.landmarks(&view(picture)?, region * half_turn)?;
    let nearer = if other.presence > reading.presence { other } else { reading };
    let eyes = (nearer.landmarks.0[263] - nearer.landmarks.0[33]).truncate();
    let quarter_turns = (eyes.y.atan2(eyes.x) / FRAC_PI_2).round().rem_euclid(4.0) as u8;
    if quarter_turns == 0 {
        return Ok(Upright { picture: Cow::Borrowed(picture), reading: nearer, quarter_turns });
    }
    let (right, bottom) = (picture.width() as f32 - 1.0, picture.height() as f32 - 1.0);
    let (turned, corner) = match quarter_turns {
        1 => (imageops::rotate270(picture), Vec2::new(0.0, right)),
        2 => (imageops::rotate180(picture), Vec2::new(right, bottom)),
        _ => (imageops::rotate90(picture), Vec2::new(bottom, 0.0)),
    };
    let turned_from_picture =
        Affine2 { matrix2: Mat2::from_angle(-f32::from(quarter_turns) * FRAC_PI_2), translation: corner };
    let landmarks = nearer.landmarks.mapped(turned_from_picture);
    let reading = path.landmarks(&view(&turned)?, region::from_landmarks(&landmarks))?;
    Ok(Upright { picture: Cow::Owned(turned), reading, quarter_turns })
}
