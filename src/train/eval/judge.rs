//! The judge: what networks that nothing was trained on say of a face.

use std::sync::Arc;

use image::RgbImage;

use super::chip;
use crate::engine::cpu::Net;
use crate::error::{Error, Result};
use crate::face::Detection;
use crate::identity::encoder::Encoder;
use crate::identity::enroll::read_mesh;
use crate::identity::photo::view;
use crate::mesh::{self, Fit};
use crate::models::{Model, Weights};
use crate::path::cpu::CpuPath;
use crate::path::{FramePath, MeshReading};
use crate::settings::Look;

/// The encoders that identities are compared by: dlib's, which no generator here has ever seen, and FaceRes, which is
/// the condition and the loss.
pub const ENCODERS: [&str; 2] = ["dlib", "faceres"];

/// dlib's encoder. It is for measuring only, and so no part of the filter.
///
/// # Errors
/// [`Error::Model`] when the files in `models/` do not belong together.
pub fn dlib() -> Result<Model> {
    let weights = include_bytes!("../../../models/judge.safetensors");
    Model::from_bytes("judge", weights, include_str!("../../../models/judge.toml"))
}

/// All networks that look at a picture.
pub struct Judge {
    path: CpuPath,
    dlib: Net,
    faceres: Encoder,
    /// Mean embedding of a population, by [`ENCODERS`].
    means: [Vec<f32>; 2],
}

/// What was read of a face.
#[derive(Clone, Debug)]
pub struct Face {
    /// The mesh in the picture's pixels, and how sure the network is of it.
    pub mesh: MeshReading,
    /// How the mesh stands.
    pub fit: Fit,
    /// Ten ratios, see [`mesh::expression`].
    pub expression: [f32; 10],
    /// Raw embeddings, by [`ENCODERS`]: `[128]` and `[1024]`.
    pub embeddings: [Vec<f32>; 2],
}

impl Judge {
    /// Loads the networks.
    ///
    /// # Errors
    /// [`Error::Model`] when a file that ships is broken.
    pub fn new() -> Result<Self> {
        let dlib = dlib()?;
        let population = include_bytes!("../../../models/population.safetensors");
        let mut population = Weights::from_bytes("population", population)?.0;
        let mut mean = |network: &str| {
            let mean = population.remove(network).map(|t| t.data);
            mean.ok_or_else(|| Error::model("population", format!("has no mean for {network}")))
        };
        Ok(Self {
            path: CpuPath::new(None)?,
            means: [mean(&dlib.card.network)?, mean("faceres_224")?],
            dlib: Net::new(Arc::new(dlib.spec()?), &dlib.weights)?,
            faceres: Encoder::new(&Model::builtin("identity")?)?,
        })
    }

    /// The mesh of the largest face in a picture: a look at the detected place, and one from there that tightens eyes and
    /// lips. None where there is no face.
    pub fn find(&mut self, picture: &RgbImage) -> Result<Option<MeshReading>> {
        let area = |face: &Detection| (face.max - face.min).element_product();
        let faces = self.path.detect(&view(picture)?, Look::default().threshold)?;
        let Some(face) = faces.iter().max_by(|a, b| area(a).total_cmp(&area(b))) else { return Ok(None) };
        read_mesh(&mut self.path, picture, face).map(Some)
    }

    /// Reads the largest face in a picture; none where there is no face.
    pub fn read(&mut self, picture: &RgbImage) -> Result<Option<Face>> {
        let Some(mesh) = self.find(picture)? else { return Ok(None) };
        let fit = mesh::pose(&mesh.landmarks);
        let expression = mesh::expression(&fit.normalised);
        self.dlib.input_mut("input").copy_from_slice(&chip::input(picture, &mesh.landmarks)?);
        self.dlib.run();
        let dlib = self.dlib.output("embedding").to_vec();
        let seen = self.faceres.look(picture, &mesh.landmarks)?;
        let faceres = self.faceres.embed([&seen].into_iter()).swap_remove(0).values;
        Ok(Some(Face { mesh, fit, expression, embeddings: [dlib, faceres] }))
    }

    /// How alike two faces are, by [`ENCODERS`]: the cosine of their embeddings after the population's mean is taken off.
    pub fn likeness(&self, a: &Face, b: &Face) -> [f32; 2] {
        [0, 1].map(|i| centred_cosine(&a.embeddings[i], &b.embeddings[i], &self.means[i]))
    }
}

fn centred_cosine(a: &[f32], b: &[f32], mean: &[f32]) -> f32 {
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for ((a, b), m) in a.iter().zip(b).zip(mean) {
        let (a, b) = (f64::from(a - m), f64::from(b - m));
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    (ab / (aa * bb).sqrt().max(f64::MIN_POSITIVE)) as f32
}
