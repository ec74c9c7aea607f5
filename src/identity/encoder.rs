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
pub struct Encoder {
    /// Its name in identities and in the cards of generators.
    pub name: String,
    /// SHA-256 of its weights file.
    pub sha256: String,
    net: Net,
    /// Side of its square input, in pixels.
    side: usize,
    /// What of a photo it sees.
    pub crops: &'static [EncoderCrop],
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
        let side = net.spec().inputs.first().map_or(0, |input| net.spec().shape(input.value).w);
        Ok(Self { name: name.clone(), sha256: model.sha256.clone(), net, side, crops })
    }

    /// What it sees of a face: its network's input for each of its crops.
    pub fn look(&self, picture: &RgbImage, landmarks: &Landmarks) -> Result<Vec<Vec<f32>>> {
        self.crops.iter().map(|&crop| look(picture, landmarks, crop, self.side)).collect()
    }

    /// The raw embedding of each of its crops, averaged over what it saw of some photos.
    pub fn embed<'a>(&mut self, seen: impl ExactSizeIterator<Item = &'a Vec<Vec<f32>>> + Clone) -> Vec<Embedding> {
        let weight = 1.0 / seen.len() as f32;
        let embedding = |(i, &crop): (usize, &EncoderCrop)| {
            let mut values = vec![0.0; self.net.output("embedding").len()];
            for inputs in seen.clone() {
                self.net.input_mut("input").copy_from_slice(&inputs[i]);
                self.net.run();
                values.iter_mut().zip(self.net.output("embedding")).for_each(|(mean, v)| *mean += v * weight);
            }
            Embedding { encoder: self.name.clone(), crop, sha256: Some(self.sha256.clone()), values }
        };
        self.crops.iter().enumerate().map(embedding).collect()
    }
}

/// What `crop` shows of a face as a network's input `[3, side, side]`.
fn look(picture: &RgbImage, landmarks: &Landmarks, crop: EncoderCrop, side: usize) -> Result<Vec<f32>> {
    match crop {
        EncoderCrop::MeshBox => mesh_box(picture, landmarks, side),
        EncoderCrop::Arcface112 => Ok(arcface_input(&aligned(picture, arcface_from_frame(landmarks, side), side)?)),
        EncoderCrop::Arcface128 => {
            let wide = aligned(picture, crop_from_frame(landmarks), ALPHAFACE_SIDE)?;
            Ok(arcface_input(&resize(&wide, side as f32 / ALPHAFACE_SIDE as f32).0))
        }
    }
}

/// FaceRes's input: a square around the mesh, not rotated, BGR minus the mean.
fn mesh_box(picture: &RgbImage, landmarks: &Landmarks, side: usize) -> Result<Vec<f32>> {
    let (lo, hi) = landmarks.bounds();
    let size = (hi - lo).max_element() * ENCODER_BOX;
    let corner = (lo + hi - size) / 2.0;
    let picture_from_input = Affine2::from_scale_angle_translation(Vec2::splat(size / side as f32), 0.0, corner);
    let mut rgb = vec![0.0; 3 * side * side];
    Sampler::new(&view(picture)?).warp(picture_from_input, side, Border::Black, &mut rgb);
    let planes = rgb.chunks_exact(side * side).rev().zip(faceres::MEAN_BGR);
    Ok(planes.flat_map(|(plane, mean)| plane.iter().map(move |v| v * 255.0 - mean)).collect())
}

/// The square of `side` pixels that `square_from_picture` shows, black beyond the picture.
pub fn aligned(picture: &RgbImage, square_from_picture: Affine2, side: usize) -> Result<RgbImage> {
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

/// ArcFace's input: RGB, code / 127.5 - 1 (insightface, and AlphaFace's eval.py).
fn arcface_input(picture: &RgbImage) -> Vec<f32> {
    (0..3).flat_map(|channel| picture.pixels().map(move |p| f32::from(p.0[channel]) / 127.5 - 1.0)).collect()
}
