//! Identity encoders: from a face in a photo to its embeddings.

use std::sync::Arc;

use glam::{Affine2, Vec2};
use image::RgbImage;

use super::Embedding;
use super::photo::{from_planes, resize, view};
use crate::align::{EncoderCrop, arcface_from_frame, crop_from_frame, scale};
use crate::engine::cpu::Net;
use crate::error::{Error, Result};
use crate::face::Landmarks;
use crate::models::Model;
use crate::nets::faceres;
use crate::path::cpu::sample::{Border, Sampler};

/// Side of FaceRes's square over the longer side of the mesh's box (the same as in the encoder's training data).
const ENCODER_BOX: f32 = 1.15;
/// Side of AlphaFace's aligned photos, which it makes ArcFace's input of.
const ALPHAFACE_SIDE: usize = 256;

/// An encoder, on the CPU: it runs once per photo.
pub(super) struct Encoder {
    /// Its name in identities and in the cards of generators.
    pub name: String,
    sha256: String,
    net: Net,
    crops: &'static [EncoderCrop],
}

impl Encoder {
    /// Plans the encoder of a model file.
    ///
    /// # Errors
    /// [`Error::Model`] when it is another kind of network.
    pub fn new(model: &Model) -> Result<Self> {
        let (name, crops): (_, &[_]) = match model.card.network.as_str() {
            "faceres_224" => (&model.card.network, &[EncoderCrop::MeshBox]),
            "arcface" => (&model.card.name, &[EncoderCrop::Arcface112, EncoderCrop::Arcface128]),
            other => {
                let reason = format!(
                    "this is no identity encoder, its card says network = {other:?}; an encoder has network = \
                     \"arcface\", for example an imported w600k_r50"
                );
                return Err(Error::model(&model.name, reason));
            }
        };
        let net = Net::new(Arc::new(model.spec()?), &model.weights)?;
        Ok(Self { name: name.clone(), sha256: model.sha256.clone(), net, crops })
    }

    /// The raw embedding of each of its crops.
    pub fn embed(&mut self, picture: &RgbImage, landmarks: &Landmarks) -> Result<Vec<Embedding>> {
        let crops = self.crops.iter();
        crops.map(|&crop| self.embed_crop(picture, landmarks, crop)).collect()
    }

    fn embed_crop(&mut self, picture: &RgbImage, landmarks: &Landmarks, crop: EncoderCrop) -> Result<Embedding> {
        let input = self.net.input_mut("input");
        let side = (input.len() / 3).isqrt();
        match crop {
            EncoderCrop::MeshBox => mesh_box(picture, landmarks, input, side)?,
            EncoderCrop::Arcface112 => {
                arcface_input(&aligned(picture, arcface_from_frame(landmarks, side), side)?, input);
            }
            EncoderCrop::Arcface128 => {
                let wide = aligned(picture, crop_from_frame(landmarks), ALPHAFACE_SIDE)?;
                arcface_input(&resize(&wide, side as f32 / ALPHAFACE_SIDE as f32).0, input);
            }
        }
        self.net.run();
        let values = self.net.output("embedding").to_vec();
        Ok(Embedding { encoder: self.name.clone(), crop, sha256: Some(self.sha256.clone()), values })
    }
}

/// FaceRes's `input` `[3, side, side]`: a square around the mesh, not rotated, BGR minus the mean.
fn mesh_box(picture: &RgbImage, landmarks: &Landmarks, input: &mut [f32], side: usize) -> Result<()> {
    let (lo, hi) = landmarks.bounds();
    let size = (hi - lo).max_element() * ENCODER_BOX;
    let corner = (lo + hi - size) / 2.0;
    let picture_from_input = Affine2::from_scale_angle_translation(Vec2::splat(size / side as f32), 0.0, corner);
    let area = side * side;
    let mut rgb = vec![0.0; 3 * area];
    Sampler::new(&view(picture)?).warp(picture_from_input, side, Border::Black, &mut rgb);
    for (channel, mean) in faceres::MEAN_BGR.into_iter().enumerate() {
        let plane = &rgb[(2 - channel) * area..][..area];
        input[channel * area..][..area].iter_mut().zip(plane).for_each(|(v, p)| *v = p * 255.0 - mean);
    }
    Ok(())
}

/// The square of `side` pixels that `square_from_picture` shows, black beyond the picture.
fn aligned(picture: &RgbImage, square_from_picture: Affine2, side: usize) -> Result<RgbImage> {
    /// Bilinear sampling skips pixels beyond this reduction.
    const MOST: f32 = 2.0;
    let reduction = 1.0 / scale(square_from_picture);
    let shrunk = (reduction > MOST).then(|| resize(picture, MOST / reduction));
    let (picture, picture_from_square) = match &shrunk {
        Some((smaller, smaller_from_larger)) => (smaller, *smaller_from_larger * square_from_picture.inverse()),
        None => (picture, square_from_picture.inverse()),
    };
    let mut planes = vec![0.0; 3 * side * side];
    Sampler::new(&view(picture)?).warp(picture_from_square, side, Border::Black, &mut planes);
    Ok(from_planes(&planes, side))
}

/// ArcFace's `input` `[3, side, side]`: RGB, code / 127.5 - 1 (insightface, and AlphaFace's eval.py).
fn arcface_input(picture: &RgbImage, input: &mut [f32]) {
    let area = input.len() / 3;
    for (i, pixel) in picture.pixels().enumerate() {
        for (channel, &code) in pixel.0.iter().enumerate() {
            input[channel * area + i] = f32::from(code) / 127.5 - 1.0;
        }
    }
}
