//! What is measured on a source, a target and the output of a swap.

use glam::{Mat3, Vec2};
use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::judge::{Face, Judge};
use crate::face::Landmarks;

/// The distance between two embeddings of dlib's encoder below which they are of one person (its documentation).
pub const SAME_PERSON: f32 = 0.6;
/// Pixels by which the face's hull is widened before what lies outside is compared: the reach of a soft edge.
const MARGIN: f32 = 4.0;

/// One swap.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pair {
    /// Name of the source's photo.
    pub source: String,
    /// Name of the target's photo.
    pub target: String,
    /// How sure the landmark network is of target and output.
    pub presence: [f32; 2],
    /// The target's turn in degrees.
    pub yaw: f32,
    /// Cosine of the centred embeddings, by [`super::ENCODERS`]: source and output.
    pub source_output: [f32; 2],
    /// Source and target: what there is without a swap.
    pub source_target: [f32; 2],
    /// Target and output: what is left of the person.
    pub target_output: [f32; 2],
    /// Distance of the raw embeddings of source and output by dlib.
    pub distance: f32,
    /// Whether the output is more like its source than like any other source, by dlib.
    pub retrieved: bool,
    /// Angle of the rotation between the heads of target and output, in degrees.
    pub pose: f32,
    /// Mean absolute difference of ten ratios, see [`crate::mesh::expression`].
    pub expression: f32,
    /// Mean distance of the pose-free meshes of target and output, in distances between the outer eye corners.
    pub landmarks: f32,
    /// Mean absolute difference of target and output outside the hull of both faces, in codes of 255; none where the
    /// hull leaves nothing.
    pub outside: Option<f32>,
    /// The output's embedding by FaceRes, for the Fréchet distance.
    #[serde(skip)]
    pub features: Vec<f32>,
}

/// A photo in the common frame, and what was read of it.
#[derive(Clone, Debug)]
pub struct Framed {
    /// Its name.
    pub name: String,
    /// Who is seen.
    pub person: String,
    /// The picture.
    pub picture: RgbImage,
    /// Its face.
    pub face: Face,
}

/// Compares an output with its source and target; `sources` are all of the set, for the retrieval. Definitions as in
/// the project's reference evaluation (tests/fixtures/eval/record.py).
pub fn measure(judge: &Judge, sources: &[Framed], source: &Framed, target: &Framed, output: (&RgbImage, Face)) -> Pair {
    let (picture, face) = output;
    let (s, t) = (&source.face, &target.face);
    let source_output = judge.likeness(s, &face);
    let better = |other: &Framed| judge.likeness(&other.face, &face)[0] > source_output[0];
    Pair {
        source: source.name.clone(),
        target: target.name.clone(),
        presence: [t.mesh.presence, face.mesh.presence],
        yaw: t.fit.pose.yaw,
        source_output,
        source_target: judge.likeness(s, t),
        target_output: judge.likeness(t, &face),
        distance: distance(&s.embeddings[0], &face.embeddings[0]),
        retrieved: !sources.iter().any(better),
        pose: angle(t.fit.rotation, face.fit.rotation),
        expression: t.expression.iter().zip(&face.expression).map(|(a, b)| (a - b).abs()).sum::<f32>() / 10.0,
        landmarks: mesh_distance(&t.fit.normalised, &face.fit.normalised),
        outside: outside(&target.picture, picture, [&t.mesh.landmarks, &face.mesh.landmarks]),
        features: face.embeddings.into_iter().next_back().unwrap_or_default(),
    }
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
}

/// Angle in degrees between two rotations: of the one that takes the first to the second.
fn angle(a: Mat3, b: Mat3) -> f32 {
    let trace = a.x_axis.dot(b.x_axis) + a.y_axis.dot(b.y_axis) + a.z_axis.dot(b.z_axis);
    ((trace - 1.0) / 2.0).clamp(-1.0, 1.0).acos().to_degrees()
}

/// See [`Pair::landmarks`]; the eye corners are the first mesh's.
fn mesh_distance(a: &Landmarks, b: &Landmarks) -> f32 {
    let unit = a.0[33].distance(a.0[263]);
    let sum: f32 = a.0.iter().zip(&b.0).map(|(a, b)| a.distance(*b)).sum();
    sum / a.0.len() as f32 / unit
}

/// See [`Pair::outside`]. The hull widened by a square is the hull of all points moved to the square's corners.
fn outside(a: &RgbImage, b: &RgbImage, meshes: [&Landmarks; 2]) -> Option<f32> {
    let corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].map(|(x, y)| Vec2::new(x, y) * MARGIN);
    let points = meshes.into_iter().flat_map(|mesh| &mesh.0).map(|p| p.truncate().trunc());
    let hull = convex_hull(points.flat_map(|p| corners.map(|c| p + c)).collect());
    let (mut sum, mut count) = (0_u64, 0_u64);
    for y in 0..a.height().min(b.height()) {
        let covered = span(&hull, y as f32);
        for x in (0..a.width().min(b.width())).filter(|x| !covered.contains(&(*x as f32))) {
            let (p, q) = (a.get_pixel(x, y).0, b.get_pixel(x, y).0);
            sum += p.iter().zip(q).map(|(p, q)| u64::from(p.abs_diff(q))).sum::<u64>();
            count += 3;
        }
    }
    (count > 0).then(|| (sum as f64 / count as f64) as f32)
}

/// The convex hull in order (Andrew's monotone chain).
fn convex_hull(mut points: Vec<Vec2>) -> Vec<Vec2> {
    points.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    let chain = |points: &mut dyn Iterator<Item = Vec2>| {
        let mut chain: Vec<Vec2> = Vec::new();
        for p in points {
            while let [.., a, b] = chain[..] {
                if (b - a).perp_dot(p - a) > 0.0 {
                    break;
                }
                chain.pop();
            }
            chain.push(p);
        }
        chain.pop();
        chain
    };
    let lower = chain(&mut points.iter().copied());
    [lower, chain(&mut points.iter().rev().copied())].concat()
}

/// The columns that a convex polygon covers in a row; an empty range where it covers none.
fn span(polygon: &[Vec2], y: f32) -> std::ops::RangeInclusive<f32> {
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    for (i, &a) in polygon.iter().enumerate() {
        let b = polygon[(i + 1) % polygon.len()];
        if (a.y.min(b.y)..=a.y.max(b.y)).contains(&y) {
            let ends = if a.y == b.y { [a.x, b.x] } else { [a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y); 2] };
            (low, high) = (low.min(ends[0].min(ends[1])), high.max(ends[0].max(ends[1])));
        }
    }
    low..=high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hull_of_a_square_with_points_inside() {
        let points = [(0., 0.), (4., 0.), (2., 2.), (4., 4.), (0., 4.), (1., 3.)].map(|(x, y)| Vec2::new(x, y));
        let hull = convex_hull(points.to_vec());
        assert_eq!(hull.len(), 4);
        assert_eq!(span(&hull, 2.0), 0.0..=4.0);
        assert_eq!(span(&hull, 4.0), 0.0..=4.0);
        assert!(span(&hull, 5.0).is_empty());
    }

    #[test]
    fn angle_of_a_turn() {
        let turned = Mat3::from_rotation_y(20f32.to_radians());
        assert!((angle(Mat3::IDENTITY, turned) - 20.0).abs() < 1e-3);
    }
}
