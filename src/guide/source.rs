//! The identity's side of the guide: everything that can be made once.

use glam::{Vec2, Vec3};

use super::{density, select, shape};
use crate::face::Landmarks;
use crate::identity::{Identity, Texture};
use crate::mesh::{self, expression, mirror};

/// A photo's pixels at several sizes.
#[derive(Clone, Debug, PartialEq)]
pub struct Photo {
    /// Native size, unfiltered: used when the target is nearly as large.
    pub sharp: Level,
    /// Native size and its halves, each after a small Gaussian: used when the target is smaller.
    pub soft: Vec<Level>,
}

/// A square picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// Side in pixels.
    pub side: usize,
    /// `side * side` pixels R G B 0.
    pub texels: Vec<[u8; 4]>,
}

/// A photo or its mirror image, ready to be warped.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Which photo.
    pub photo: usize,
    /// Turn, and whether left and right are exchanged.
    pub view: select::View,
    /// Where each mesh point finds its texture, in the photo's own pixels, `[POINTS]`. A mirror image reads the same
    /// photo at the places of the points on the other side.
    pub places: Vec<Vec2>,
    /// Smoothed shape (see [`shape::smoothed`]), `[POINTS]`.
    pub shape: Vec<Vec3>,
    /// Signed triangle areas in canvas sides squared, `[TRIANGLES]`.
    pub areas: Vec<f32>,
    /// Openings of the right and the left eye (see [`expression`]).
    pub eyes: [f32; 2],
}

/// What is made once per identity.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Pixels of each photo.
    pub photos: Vec<Photo>,
    /// Photos and mirror images to choose from.
    pub candidates: Vec<Candidate>,
}

impl Source {
    /// Prepares all photos of `identity`, which must have at least one.
    pub fn new(identity: &Identity) -> Self {
        Self::of(&identity.textures)
    }

    /// Prepares aligned photos of one person, at least one.
    pub fn of(textures: &[Texture]) -> Self {
        let photos = textures.iter().map(Photo::new).collect();
        let mut candidates: Vec<Candidate> = Vec::new();
        // Photos first: a mirror image is taken only where no photo is.
        for mirrored in [false, true] {
            for (i, texture) in textures.iter().enumerate() {
                let candidate = Candidate::new(i, texture, mirrored);
                if select::worthwhile(candidate.view, candidates.iter().map(|c| c.view)) {
                    candidates.push(candidate);
                }
            }
        }
        Self { photos, candidates }
    }

    /// The first photo (that of `texture`) as it is, or its mirror image, for every target whatever its turn.
    pub fn only(&self, texture: &Texture, mirrored: bool) -> Self {
        Self { photos: self.photos[..1].to_vec(), candidates: vec![Candidate::new(0, texture, mirrored)] }
    }
}

impl Candidate {
    fn new(photo: usize, texture: &Texture, mirrored: bool) -> Self {
        let twin = |i: usize| if mirrored { mirror()[i] as usize } else { i };
        let at = |i: usize| texture.points.0[twin(i)];
        let flip = |p: Vec3| if mirrored { Vec3::new((texture.side - 1) as f32 - p.x, p.y, p.z) } else { p };
        let shown = Landmarks((0..texture.points.0.len()).map(|i| flip(at(i))).collect());
        let fit = mesh::pose(&shown);
        let [right, left, ..] = expression(&fit.normalised);
        Self {
            photo,
            view: select::View { yaw: fit.pose.yaw, mirrored },
            places: (0..shown.0.len()).map(|i| at(i).truncate()).collect(),
            shape: shape::smoothed(&fit.normalised),
            areas: density::areas(|i| shown.0[i].truncate(), texture.side as f32),
            eyes: [right, left],
        }
    }
}

impl Photo {
    /// The smallest side down to which halves are made.
    const SMALLEST: usize = 80;
    /// Standard deviation of the Gaussian before a texture is read at half its size, pixels.
    const SIGMA: f32 = 0.7;
    /// A level must be at least this much larger than the target to be read softened.
    const SOFT_FROM: f32 = 1.5;

    fn new(texture: &Texture) -> Self {
        let texels = texture.rgb.chunks_exact(3).map(|p| [p[0], p[1], p[2], 0]).collect();
        let sharp = Level { side: texture.side, texels };
        let mut soft = vec![sharp.blurred(Self::SIGMA)];
        let mut level = sharp.clone();
        while level.side / 2 >= Self::SMALLEST {
            level = level.halved();
            soft.push(level.blurred(Self::SIGMA));
        }
        Self { sharp, soft }
    }

    /// The level to read for a canvas of side `side`, and how often it was halved.
    pub fn level(&self, side: usize) -> (&Level, usize) {
        let fits = |l: &Level| l.side as f32 >= Self::SOFT_FROM * side as f32;
        match self.soft.iter().rposition(fits) {
            Some(k) => (&self.soft[k], k),
            None => (&self.sharp, 0),
        }
    }
}

impl Level {
    /// Means of 2 x 2 pixels; an odd last row or column is dropped.
    fn halved(&self) -> Self {
        let side = self.side / 2;
        let pixel = |i: usize| {
            let at = |dx, dy| self.texels[(i / side * 2 + dy) * self.side + i % side * 2 + dx];
            let four = [at(0, 0), at(1, 0), at(0, 1), at(1, 1)];
            std::array::from_fn(|c| ((four.iter().map(|p| u32::from(p[c])).sum::<u32>() + 2) / 4) as u8)
        };
        Self { side, texels: (0..side * side).map(pixel).collect() }
    }

    /// A 5 x 5 Gaussian, edges repeated.
    fn blurred(&self, sigma: f32) -> Self {
        let taps: [f32; 5] = std::array::from_fn(|k| (-(k as f32 - 2.0).powi(2) / (2.0 * sigma * sigma)).exp());
        let total: f32 = taps.iter().sum();
        let n = self.side;
        let near = |i: usize, k: usize| (i + k).saturating_sub(2).min(n - 1);
        let sum = |value: &dyn Fn(usize) -> [f32; 3]| {
            taps.iter().enumerate().fold([0.0; 3], |s, (k, w)| {
                let v = value(k);
                std::array::from_fn(|c| s[c] + v[c] * w / total)
            })
        };
        let texel = |i: usize| [0, 1, 2].map(|c| f32::from(self.texels[i][c]));
        let rows: Vec<[f32; 3]> = (0..n * n).map(|i| sum(&|k| texel(i / n * n + near(i % n, k)))).collect();
        let pixel = |i: usize| {
            let [r, g, b] = sum(&|k| rows[near(i / n, k) * n + i % n]).map(|v| (v + 0.5) as u8);
            [r, g, b, 0]
        };
        Self { side: n, texels: (0..n * n).map(pixel).collect() }
    }
}
