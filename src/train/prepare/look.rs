//! One photo: found face, mesh, canvas, mask, embeddings.

use std::collections::HashMap;
use std::io::Cursor;

use image::{GrayImage, ImageError, RgbImage};

use super::filter::Filter;
use super::find::Photo;
use super::mask;
use crate::align::{canvas_from_frame, canvas_side, native_crop};
use crate::error::{Error, Result};
use crate::face::{Detection, Landmarks};
use crate::frame::FrameInfo;
use crate::identity::encoder::Encoder;
use crate::identity::enroll::{CROPS, read_mesh, warp_canvas};
use crate::identity::photo::{decode, fitted, from_planes, no_larger, view};
use crate::identity::quality::{self, Quality};
use crate::mesh;
use crate::models::Model;
use crate::path::cpu::CpuPath;
use crate::path::{FramePath, MeshReading};
use crate::settings::Look;
use crate::train::data::write::Files;
use crate::train::data::{Features, Item, embedding_name};

/// Shorter side of a picture in pixels from which on a face is looked for.
const SMALLEST: u32 = *FrameInfo::SIDE.start() as u32;

/// The networks that look at photos, with buffers of their own: each thread has one.
pub struct Looker {
    path: CpuPath,
    encoders: Vec<Encoder>,
    crop: usize,
    filter: Option<Filter>,
}

/// A photo that is good enough.
pub struct Seen {
    /// Faces in it; the largest was looked at.
    pub faces: usize,
    /// What is told of it.
    pub item: Item,
    /// What is kept of it.
    pub files: Files,
}

/// Why there is nothing to be had from a photo.
enum Stop {
    /// What is wrong with it.
    Photo(String),
    /// What is wrong here.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Looker {
    /// Plans the networks for canvases of a crop of `crop` pixels; the first of `encoders` is FaceRes.
    ///
    /// # Errors
    /// [`Error::Model`] for a model that is no encoder.
    pub fn new(crop: usize, encoders: &[Model], filter: Option<Filter>) -> Result<Self> {
        let encoders = encoders.iter().map(Encoder::new).collect::<Result<_>>()?;
        Ok(Self { path: CpuPath::new(None)?, encoders, crop, filter })
    }

    /// Names of the embeddings that are stored.
    pub fn embeddings(&self) -> Vec<String> {
        let named = |e: &Encoder| e.crops.iter().map(|crop| embedding_name(&e.name, *crop)).collect::<Vec<_>>();
        self.encoders.iter().flat_map(named).collect()
    }

    /// Name and SHA-256 of the encoders.
    pub fn encoders(&self) -> Vec<(String, String)> {
        self.encoders.iter().map(|e| (e.name.clone(), e.sha256.clone())).collect()
    }

    /// Looks at the photo in `file`; its item gets the name `id`. `Ok(Err(reason))` says why the photo is not taken.
    ///
    /// # Errors
    /// [`Error::Frame`] when a network cannot work on the picture.
    pub fn look(&mut self, photo: &Photo, id: &str, file: &[u8]) -> Result<Result<Seen, String>> {
        match self.try_look(photo, id, file) {
            Ok(seen) => Ok(Ok(seen)),
            Err(Stop::Photo(reason)) => Ok(Err(reason)),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    fn try_look(&mut self, photo: &Photo, id: &str, file: &[u8]) -> Result<Seen, Stop> {
        let picture = decode(Cursor::new(file)).map_err(|e| Stop::Photo(format!("unreadable: {e}")))?.into_rgb8();
        let picture = fitted(&picture);
        if picture.width().min(picture.height()) < SMALLEST {
            let (width, height) = picture.dimensions();
            return Err(Stop::Photo(format!("too small: a picture of {width} x {height} px")));
        }
        let faces = self.path.detect(&view(&picture)?, Look::default().threshold)?;
        let size = |face: &&Detection| (face.max - face.min).max_element();
        let face = faces.iter().max_by(|a, b| size(a).total_cmp(&size(b)));
        let face = face.ok_or_else(|| Stop::Photo("no face".into()))?;
        let MeshReading { landmarks, presence } = read_mesh(&mut self.path, &picture, face)?;
        let (near, near_landmarks) = no_larger(&picture, &landmarks, CROPS.1);
        let (canvas, points) = warp_canvas(&near, &near_landmarks, quality::CROP)?;
        let quality = Quality::measure(&canvas, &points, native_crop(&landmarks), presence);
        tracing::debug!(photo = photo.photo, ?quality, "measured");
        if let Some(reason) = self.filter.and_then(|filter| filter.refusal(&quality)) {
            return Err(Stop::Photo(reason));
        }
        let embeddings = self.embed(&near, &near_landmarks)?;
        let (canvas, mask, points) = self.pictures(photo, &picture, &landmarks)?;
        let item = item(photo, id, &points, &quality);
        let files = Files { canvas, mask, features: Features { points, embeddings } };
        if !is_finite(&item, &files.features) {
            return Err(Stop::Photo("face not readable: its mesh is degenerate".into()));
        }
        Ok(Seen { faces: faces.len(), item, files })
    }

    fn embed(&mut self, picture: &RgbImage, landmarks: &Landmarks) -> Result<HashMap<String, Vec<f32>>> {
        let mut embeddings = HashMap::new();
        for encoder in &mut self.encoders {
            let seen = encoder.look(picture, landmarks)?;
            let made = encoder.embed(std::iter::once(&seen));
            embeddings.extend(made.into_iter().map(|e| (embedding_name(&e.encoder, e.crop), e.values)));
        }
        Ok(embeddings)
    }

    /// Canvas, mask, and the mesh in canvas pixels.
    fn pictures(
        &self,
        photo: &Photo,
        picture: &RgbImage,
        landmarks: &Landmarks,
    ) -> Result<(RgbImage, GrayImage, Landmarks), Stop> {
        let side = canvas_side(self.crop);
        let (near, near_landmarks) = no_larger(picture, landmarks, self.crop);
        let (canvas, points) = warp_canvas(&near, &near_landmarks, self.crop)?;
        let photo_from_canvas = canvas_from_frame(landmarks, self.crop).inverse();
        let size = picture.dimensions();
        let mask = match &photo.mask {
            None => mask::of_mesh(&canvas, &points, side, size, photo_from_canvas),
            Some(path) => {
                let unreadable = |e: ImageError| Stop::Photo(format!("mask unreadable: {e}"));
                let file = std::fs::read(path).map_err(|e| unreadable(e.into()))?;
                let white = decode(Cursor::new(file)).map_err(unreadable)?.into_rgb8();
                mask::given(&fitted(&white), size, photo_from_canvas, side)?
            }
        };
        Ok((from_planes(&canvas, side), mask, points))
    }
}

fn item(photo: &Photo, id: &str, points: &Landmarks, quality: &Quality) -> Item {
    Item {
        id: id.into(),
        set: photo.set.clone(),
        photo: photo.photo.clone(),
        person: photo.person.clone(),
        pose: quality.pose,
        expression: mesh::expression(&mesh::pose(points).normalised),
        crop_pixels: quality.crop_pixels,
        presence: quality.presence,
    }
}

/// Whether every number is one: a mesh in one point has no pose.
fn is_finite(item: &Item, features: &Features) -> bool {
    let pose = [item.pose.yaw, item.pose.pitch, item.pose.roll, item.crop_pixels];
    let values = pose.iter().chain(&item.expression).chain(features.embeddings.values().flatten());
    values.into_iter().all(|v| v.is_finite()) && features.points.0.iter().all(|p| p.is_finite())
}
