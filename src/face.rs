//! What is known of a face: a detection, 468 landmarks, a pose.

use glam::{Affine2, Vec2, Vec3};

use crate::align;
pub use crate::nets::facemesh::POINTS;

/// The 468 mesh points of one face: x right, y down, z away from the viewer is positive, all three in pixels of the
/// picture that the owner names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Landmarks(pub Vec<Vec3>);

impl Landmarks {
    /// Maps x and y by `map` and scales z by the map's scale.
    pub fn mapped(&self, map: Affine2) -> Self {
        let mut mapped = Self::default();
        mapped.map_from(self.0.iter().copied(), map);
        mapped
    }

    /// Becomes `points`, mapped as by [`Self::mapped`].
    pub fn map_from(&mut self, points: impl Iterator<Item = Vec3>, map: Affine2) {
        let scale = align::scale(map);
        self.0.clear();
        self.0.extend(points.map(|p| map.transform_point2(p.truncate()).extend(p.z * scale)));
    }

    /// Smallest and largest x and y.
    pub fn bounds(&self) -> (Vec2, Vec2) {
        let start = (Vec2::MAX, Vec2::MIN);
        self.0.iter().fold(start, |(lo, hi), p| (lo.min(p.truncate()), hi.max(p.truncate())))
    }

    /// Both eyes' centres, nose tip, both mouth corners: the five points of the alignment template, the viewer's left
    /// first.
    pub fn five(&self) -> [Vec2; 5] {
        let at = |i: usize| self.0[i].truncate();
        [(at(33) + at(133)) / 2.0, (at(362) + at(263)) / 2.0, at(1), at(61), at(291)]
    }
}

/// What the detector says of one face, in frame pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Probability, 0 to 1.
    pub score: f32,
    /// Upper left corner of the box.
    pub min: Vec2,
    /// Lower right corner of the box.
    pub max: Vec2,
    /// The person's right eye, left eye, nose tip, mouth, right ear, left ear.
    pub keys: [Vec2; 6],
}

/// Head pose in degrees; zero looks into the camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pose {
    /// Turn to the side.
    pub yaw: f32,
    /// Nod.
    pub pitch: f32,
    /// Tilt.
    pub roll: f32,
}

/// The probability that a network's logit stands for.
pub fn probability(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}
