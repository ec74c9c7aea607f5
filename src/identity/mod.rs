//! Identities: the person whose face is put on, made once by enrolling ([`enroll`]) and kept in a file ([`mod@file`]).

pub mod consent;
pub(crate) mod encoder;
pub mod enroll;
pub mod file;
pub mod key;
pub mod photo;
pub mod quality;
pub mod revocations;
mod validate;

use std::fmt::Display;
use std::path::Path;

use glam::Vec3;
pub use jiff::civil::Date;

pub use self::consent::Consent;
pub use self::key::Key;
pub use self::revocations::Revocations;
pub use self::validate::MAX_TEXT;

use crate::align::EncoderCrop;
use crate::error::{Error, Result};
use crate::face::{Landmarks, Pose};
use crate::nets::IdentityConfig;

/// The time by this machine's clock.
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// One aligned photo of the identity.
#[derive(Clone, Debug, PartialEq)]
pub struct Texture {
    /// Side of the square canvas in pixels: 1.25 times the crop it holds (a margin of an eighth on each side).
    pub side: usize,
    /// `side * side` pixels, R G B, rows top down.
    pub rgb: Vec<u8>,
    /// The mesh in canvas pixels.
    pub points: Landmarks,
    /// Head pose in the photo.
    pub pose: Pose,
}

/// What an encoder made of a face.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// Name of the encoder: `faceres_224`, `arcface_w600k_r50`.
    pub encoder: String,
    /// What of the photo it saw.
    pub crop: EncoderCrop,
    /// SHA-256 of its weights file in hexadecimal digits; older identity files do not tell it.
    pub sha256: Option<String>,
    /// As the encoder gave it (not normalised, not mapped), averaged over the photos: `[1024]` for `faceres_224`,
    /// `[512]` for ArcFace.
    pub values: Vec<f32>,
}

/// The person whose face is put on.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Name given at enrolment.
    pub name: String,
    /// Consent record.
    pub consent: Consent,
    /// One for each encoder and crop.
    pub embeddings: Vec<Embedding>,
    /// Aligned photos, at least one.
    pub textures: Vec<Texture>,
}

impl Identity {
    /// Reads an identity file. Whether the face may be put on it does not ask: see [`Self::open_permitted`].
    ///
    /// # Errors
    /// [`Error::Identity`] says what the file is instead (a photo, a model, a text file, a folder, nothing at all) or
    /// what is broken in it; [`Error::Io`] when it cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        file::open(path.as_ref())
    }

    /// Reads the bytes of an identity file.
    ///
    /// # Errors
    /// What they are instead, or what is broken.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        file::parse(bytes)
    }

    /// Reads an identity file for use: its consent record must be signed, in force, and not in `revoked`.
    ///
    /// # Errors
    /// As [`Self::open`], and [`Error::Consent`] when the face may not be put on today.
    pub fn open_permitted(path: impl AsRef<Path>, revoked: &Revocations) -> Result<Self> {
        let path = path.as_ref();
        let identity = Self::open(path)?;
        let permit = identity.permit(now(), revoked);
        permit.map(|()| identity).map_err(|reason| Error::Consent { path: path.into(), reason })
    }

    /// The embedding that a generator `wants`, `[wants.width]`.
    ///
    /// # Errors
    /// [`Error::Model`] (of a generator) when the person was not enrolled with this encoder: of another name, crop,
    /// width or, where `wants` names them, of other weights.
    pub fn embedding(&self, wants: &IdentityConfig) -> Result<&[f32]> {
        let refuse = |need: String, have: &dyn Display| {
            let how = if wants.encoder_crop.is_default() { "" } else { " with --encoder FILE" };
            let reason = format!("it needs {need}, {:?} has {have}: enroll the person again{how}", self.name);
            Err(Error::model("generator", reason))
        };
        let kind = |encoder: &str, crop: EncoderCrop| format!("{encoder} on {}", crop.name());
        let need = kind(&wants.encoder, wants.encoder_crop);
        let fits = |e: &&Embedding| e.encoder == wants.encoder && e.crop == wants.encoder_crop;
        let Some(embedding) = self.embeddings.iter().find(fits) else {
            let have: Vec<_> = self.embeddings.iter().map(|e| kind(&e.encoder, e.crop)).collect();
            return refuse(format!("an embedding by {need}"), &have.join(", "));
        };
        if embedding.values.len() != wants.width {
            return refuse(format!("{} values by {need}", wants.width), &embedding.values.len());
        }
        match (&wants.encoder_sha256, &embedding.sha256) {
            (Some(need), Some(have)) if need == have => Ok(&embedding.values),
            (Some(sha256), have) => {
                let have = have.as_ref().map_or("one of unknown weights".into(), |have| format!("one of {have}"));
                refuse(format!("an embedding by {need} of the weights with sha256 {sha256}"), &have)
            }
            (None, _) => Ok(&embedding.values),
        }
    }

    /// Writes an identity file that only its owner can read. It appears under its name only when it is complete.
    ///
    /// # Errors
    /// [`Error::Identity`] when the value cannot be a valid file, [`Error::Io`] when it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        file::save(self, path.as_ref())
    }
}

impl Texture {
    /// The texture seen in a mirror: pixels flipped, left and right points exchanged, yaw and roll negated.
    pub fn mirrored(&self) -> Self {
        let row = self.side * 3;
        let flip = |r: &[u8]| r.chunks_exact(3).rev().flatten().copied().collect::<Vec<u8>>();
        let rgb = self.rgb.chunks_exact(row).flat_map(flip).collect();
        let point = |&i: &u16| {
            let p = self.points.0[i as usize];
            Vec3::new((self.side - 1) as f32 - p.x, p.y, p.z)
        };
        let points = Landmarks(crate::mesh::mirror().iter().map(point).collect());
        let pose = Pose { yaw: -self.pose.yaw, pitch: self.pose.pitch, roll: -self.pose.roll };
        Self { side: self.side, rgb, points, pose }
    }
}
