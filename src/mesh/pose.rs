//! Head pose by weighted Procrustes analysis, and the expression that is left once the pose is taken out.

use glam::{DMat3, DQuat, DVec3, Mat3};

use super::canonical;
use crate::face::{Landmarks, Pose};

/// How a mesh stands relative to the canonical head.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Angles of `rotation`.
    pub pose: Pose,
    /// Canonical axes to camera axes (x right, y up, z towards the viewer).
    pub rotation: Mat3,
    /// Pixels per cm.
    pub scale: f32,
    /// The mesh turned, scaled and moved into the canonical head's space (cm, y up, z towards the viewer).
    pub normalised: Landmarks,
}

/// Picture axes (y down, z away) to camera axes, and back.
const FLIP: DVec3 = DVec3::new(1.0, -1.0, -1.0);

/// Fits the canonical head onto `landmarks` (any picture's pixels): the similarity with the least weighted squared
/// error over the basis points.
pub fn pose(landmarks: &Landmarks) -> Fit {
    let head = canonical();
    let seen = |i: usize| landmarks.0[i].as_dvec3() * FLIP;
    let pairs = head.basis.iter().map(|&(i, w)| (head.points[i as usize].as_dvec3(), seen(i as usize), f64::from(w)));
    let pairs: Vec<_> = pairs.collect();
    let head_mean: DVec3 = pairs.iter().map(|(a, _, w)| *a * *w).sum();
    let seen_mean: DVec3 = pairs.iter().map(|(_, b, w)| *b * *w).sum();
    // Columns of the covariance: sum over w a b_j.
    let mut covariance = DMat3::ZERO;
    let mut spread = 0.0;
    for (a, b, w) in pairs {
        let (a, b) = (a - head_mean, (b - seen_mean) * w);
        covariance += DMat3::from_cols(a * b.x, a * b.y, a * b.z);
        spread += w * a.length_squared();
    }
    let rotation = best_rotation(&covariance);
    let product = rotation * covariance;
    let scale = (product.x_axis.x + product.y_axis.y + product.z_axis.z) / spread;
    let back = rotation.transpose() * (1.0 / scale);
    let normalised = |i: usize| (back * (seen(i) - seen_mean) + head_mean).as_vec3();
    let normalised = Landmarks((0..landmarks.0.len()).map(normalised).collect());
    Fit { pose: angles(&rotation), rotation: rotation.as_mat3(), scale: scale as f32, normalised }
}

/// Yaw, pitch and roll in degrees of a rotation from canonical to camera axes.
fn angles(r: &DMat3) -> Pose {
    let (yaw, pitch) = (r.z_axis.x.atan2(r.z_axis.z), (-r.z_axis.y.clamp(-1.0, 1.0)).asin());
    let roll = r.x_axis.y.atan2(r.y_axis.y);
    let degrees = |a: f64| a.to_degrees() as f32;
    Pose { yaw: degrees(yaw), pitch: degrees(pitch), roll: degrees(roll) }
}

/// The rotation R with the largest trace of `R c`, where `c` = sum of w a b^T and R takes a to b.
///
/// Horn, "Closed-form solution of absolute orientation using unit quaternions" (1987): the eigenvector of the largest
/// eigenvalue of a symmetric 4x4 matrix.
fn best_rotation(c: &DMat3) -> DMat3 {
    let s = |row: usize, col: usize| c.col(col)[row];
    let (xx, yy, zz) = (s(0, 0), s(1, 1), s(2, 2));
    let (x, y, z) = (s(1, 2) - s(2, 1), s(2, 0) - s(0, 2), s(0, 1) - s(1, 0));
    let (xy, zx, yz) = (s(0, 1) + s(1, 0), s(2, 0) + s(0, 2), s(1, 2) + s(2, 1));
    let matrix =
        [[xx + yy + zz, x, y, z], [x, xx - yy - zz, xy, zx], [y, xy, yy - xx - zz, yz], [z, zx, yz, zz - xx - yy]];
    let [w, x, y, z] = largest_eigenvector(matrix);
    DMat3::from_quat(DQuat::from_xyzw(x, y, z, w).normalize())
}

/// Cyclic Jacobi rotations on a symmetric 4x4 matrix; the eigenvector of the largest eigenvalue.
fn largest_eigenvector(mut a: [[f64; 4]; 4]) -> [f64; 4] {
    /// Jacobi converges quadratically; six sweeps leave nothing off the diagonal in double precision.
    const SWEEPS: usize = 6;
    let mut vectors = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
    for _ in 0..SWEEPS {
        for p in 0..3 {
            for q in p + 1..4 {
                rotate(&mut a, &mut vectors, p, q);
            }
        }
    }
    let best = (0..4).max_by(|&i, &j| a[i][i].total_cmp(&a[j][j])).unwrap_or(0);
    vectors[best]
}

/// One Jacobi rotation that makes `a[p][q]` zero; `vectors` holds the eigenvectors as rows.
fn rotate(a: &mut [[f64; 4]; 4], vectors: &mut [[f64; 4]; 4], p: usize, q: usize) {
    if a[p][q].abs() < f64::MIN_POSITIVE {
        return;
    }
    let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for row in a.iter_mut() {
        (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
    }
    for k in 0..4 {
        (a[p][k], a[q][k]) = (c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]);
        (vectors[p][k], vectors[q][k]) = (c * vectors[p][k] - s * vectors[q][k], s * vectors[p][k] + c * vectors[q][k]);
    }
}

/// A ratio of distances between points of the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// What it tells.
    pub name: &'static str,
    /// Pairs of points; the mean of their distances is what is divided.
    pub over: &'static [[usize; 2]],
    /// The pair of points whose distance divides.
    pub under: [usize; 2],
}

const fn ratio(name: &'static str, over: &'static [[usize; 2]], under: [usize; 2]) -> Ratio {
    Ratio { name, over, under }
}

/// The outer eye corners.
const EYES: [usize; 2] = [33, 263];

/// What [`expression`] measures. Eye openings are lid distance over the eye's width (open about .25 to .4, closed below
/// .12); the others are in units of the distance between the outer eye corners.
pub const EXPRESSIONS: [Ratio; 10] = [
    ratio("eye_open_right", &[[159, 145], [158, 153], [160, 144]], [33, 133]),
    ratio("eye_open_left", &[[386, 374], [385, 380], [387, 373]], [263, 362]),
    ratio("mouth_open", &[[13, 14]], EYES),
    ratio("mouth_width", &[[61, 291]], EYES),
    ratio("lip_height", &[[0, 17]], EYES),
    ratio("brow_right", &[[105, 33]], EYES),
    ratio("brow_left", &[[334, 263]], EYES),
    ratio("brow_outer_right", &[[70, 33]], EYES),
    ratio("brow_outer_left", &[[300, 263]], EYES),
    ratio("nose_chin", &[[1, 152]], EYES),
];

/// The [`EXPRESSIONS`] of a mesh: ten ratios that do not depend on its place, size or pose.
pub fn expression(mesh: &Landmarks) -> [f32; 10] {
    let distance = |[a, b]: [usize; 2]| mesh.0[a].distance(mesh.0[b]);
    EXPRESSIONS.map(|Ratio { over, under, .. }| {
        over.iter().copied().map(distance).sum::<f32>() / over.len() as f32 / distance(under)
    })
}
