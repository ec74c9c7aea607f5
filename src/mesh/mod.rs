//! The face mesh: canonical geometry, topology, pose and expression.

mod pose;
pub mod topology;

use std::sync::LazyLock;

use glam::Vec3;
use safetensors::SafeTensors;

pub use pose::{EXPRESSIONS, Fit, Ratio, expression, pose};

use crate::face::POINTS;
use crate::models;

/// Triangles of the mesh; together they cover the face without a hole, eyes and mouth included.
pub const TRIANGLES: usize = 898;

/// MediaPipe's canonical head: shape, triangles, and the points that tell its pose.
#[derive(Clone, Debug, PartialEq)]
pub struct Canonical {
    /// `[POINTS]` in cm: x right as the viewer sees it, y up, z towards the viewer.
    pub points: Vec<Vec3>,
    /// `[TRIANGLES]` of point indices, counter-clockwise seen from the front with y up.
    pub triangles: Vec<[u16; 3]>,
    /// Points that a pose is fitted on and their weights (sum 1).
    pub basis: Vec<(u16, f32)>,
}

static CANONICAL: LazyLock<Canonical> =
    LazyLock::new(|| Canonical::parse(models::CANONICAL).expect("the canonical face is part of this binary"));

static MIRROR: LazyLock<Vec<u16>> = LazyLock::new(|| mirror_of(&CANONICAL.points));

/// The canonical head that ships with the library.
pub fn canonical() -> &'static Canonical {
    &CANONICAL
}

/// For each mesh point the one on the other side of the face.
pub fn mirror() -> &'static [u16] {
    &MIRROR
}

impl Canonical {
    /// Reads `points`, `triangles`, `basis_index` and `basis_weight`.
    fn parse(file: &[u8]) -> Option<Self> {
        let tensors = SafeTensors::deserialize(file).ok()?;
        let words = |name: &str| {
            let data = tensors.tensor(name).ok()?.data().to_vec();
            Some(data.chunks_exact(4).map(|b| [b[0], b[1], b[2], b[3]]).collect::<Vec<_>>())
        };
        let floats = |name: &str| Some(words(name)?.into_iter().map(f32::from_le_bytes).collect::<Vec<_>>());
        let indices = |name: &str| {
            let index = |b| u16::try_from(i32::from_le_bytes(b)).ok().filter(|i| usize::from(*i) < POINTS);
            words(name)?.into_iter().map(index).collect::<Option<Vec<_>>>()
        };
        let weights = floats("basis_weight")?;
        let total: f32 = weights.iter().sum();
        let basis = indices("basis_index")?.into_iter().zip(weights.iter().map(|w| w / total)).collect();
        let points: Vec<_> = floats("points")?.chunks_exact(3).map(Vec3::from_slice).collect();
        let triangles: Vec<_> = indices("triangles")?.chunks_exact(3).map(|t| [t[0], t[1], t[2]]).collect();
        (points.len() == POINTS && triangles.len() == TRIANGLES).then_some(Self { points, triangles, basis })
    }
}

/// Pairs each point with the one nearest to its mirror image in the plane x = 0.
fn mirror_of(points: &[Vec3]) -> Vec<u16> {
    let twin = |p: &Vec3| {
        let image = Vec3::new(-p.x, p.y, p.z);
        let distance = |i: &usize| points[*i].distance_squared(image);
        (0..points.len()).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0) as u16
    };
    points.iter().map(twin).collect()
}
