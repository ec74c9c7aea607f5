//! Identities: the person whose face is put on, made once by enrolling ([`enroll`]) and kept in a file ([`mod@file`]).

pub mod enroll;
pub mod file;
pub mod quality;

use std::path::Path;

use glam::Vec3;

use crate::error::Result;
use crate::face::{Landmarks, Pose};

/// Who agreed to what, and when.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Consent {
    /// Free text: who agreed, to what, until when.
    pub text: String,
    /// Day of the enrolment, `YYYY-MM-DD`.
    pub date: String,
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

/// The person whose face is put on.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Name given at enrolment.
    pub name: String,
    /// Consent record.
    pub consent: Consent,
    /// Name of the network that made the embedding: `faceres_224`.
    pub encoder: String,
    /// Raw embedding, averaged over the photos, `[1024]` for `faceres_224`.
    pub embedding: Vec<f32>,
    /// Aligned photos, at least one.
    pub textures: Vec<Texture>,
}

impl Identity {
    /// Reads an identity file.
    ///
    /// # Errors
    /// [`Error::Identity`](crate::Error::Identity) says what the file is instead (a photo, a model, a text file, a folder, nothing at all) or
    /// what is broken in it; [`Error::Io`](crate::Error::Io) when it cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        file::open(path.as_ref())
    }

    /// Writes an identity file that only its owner can read. It appears under its name only when it is complete.
    ///
    /// # Errors
    /// [`Error::Identity`](crate::Error::Identity) when the value cannot be a valid file, [`Error::Io`](crate::Error::Io) when it cannot be written.
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
