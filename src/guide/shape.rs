//! Shape exchange: the target's mesh takes on the identity's face shape, but neither its pose nor its outline.

use std::sync::LazyLock;

use glam::{Vec2, Vec3};

use crate::face::Landmarks;
use crate::mesh::topology::FACE_OVAL;
use crate::mesh::{Fit, canonical};

/// Standard deviation of the smoothing over the canonical head, cm.
const SIGMA: f32 = 1.2;
/// Distance from the silhouette over which the exchange grows from nothing to all, cm.
const TAPER: f32 = 2.0;
/// How much of the shape is exchanged at mouth and chin, where it would fight the target's expression.
const MOUTH: f32 = 0.3;
/// Canonical height below which a point belongs to mouth and chin, and half the width of the passage, cm.
const MOUTH_BELOW: (f32, f32) = (-2.5, 0.5);

/// For each point its neighbours and their weights; smoothing, taper and mouth factor in one.
static KERNEL: LazyLock<Vec<Vec<(u16, f32)>>> = LazyLock::new(kernel);

/// The rows of the matrix K of [`smoothed`], `[POINTS]` times (point, weight).
pub fn kernel_rows() -> &'static [Vec<(u16, f32)>] {
    &KERNEL
}

/// The smoothed, tapered shape `K N` of a pose-normalised mesh `[POINTS]`, cm. Linear: the exchange of two shapes is
/// the difference of their smoothed ones, so the identity's is made once.
pub fn smoothed(normalised: &Landmarks) -> Vec<Vec3> {
    let row = |row: &Vec<(u16, f32)>| row.iter().map(|&(j, w)| normalised.0[j as usize] * w).sum();
    KERNEL.iter().map(row).collect()
}

/// The target's points moved towards the identity's shape by `strength` (0 to 1): `points` and the result in canvas
/// pixels, `identity` from [`smoothed`].
pub fn exchange(points: &Landmarks, fit: &Fit, identity: &[Vec3], strength: f32) -> Landmarks {
    let own = smoothed(&fit.normalised);
    let moved = |((p, own), other): ((&Vec3, &Vec3), &Vec3)| {
        let shift = fit.rotation * ((*other - *own) * (strength * fit.scale));
        *p + shift * Vec3::new(1.0, -1.0, -1.0)
    };
    Landmarks(points.0.iter().zip(&own).zip(identity).map(moved).collect())
}

fn kernel() -> Vec<Vec<(u16, f32)>> {
    let points = &canonical().points;
    let row = |centre: &Vec3| {
        let weight = |p: &Vec3| (-p.distance_squared(*centre) / (2.0 * SIGMA * SIGMA)).exp();
        let near = points.iter().enumerate().filter(|(_, p)| p.distance(*centre) < 3.0 * SIGMA);
        let near: Vec<(u16, f32)> = near.map(|(i, p)| (i as u16, weight(p))).collect();
        let factor = taper(centre.truncate()) * mouth(centre.y) / near.iter().map(|n| n.1).sum::<f32>();
        near.into_iter().map(|(i, w)| (i, w * factor)).collect()
    };
    points.iter().map(row).collect()
}

/// 0 on the silhouette of the canonical face, 1 from [`TAPER`] inwards.
fn taper(p: Vec2) -> f32 {
    let corner = |i: u16| canonical().points[i as usize].truncate();
    let ring = FACE_OVAL.iter().zip(FACE_OVAL.iter().cycle().skip(1));
    let distance = ring.map(|(&a, &b)| segment_distance(p, corner(a), corner(b))).fold(f32::MAX, f32::min);
    smoothstep(0.0, TAPER, distance)
}

fn mouth(y: f32) -> f32 {
    let (centre, half) = MOUTH_BELOW;
    MOUTH + (1.0 - MOUTH) * smoothstep(centre - half, centre + half, y)
}

/// Distance from `p` to the segment from `a` to `b`.
fn segment_distance(p: Vec2, a: Vec2, b: Vec2) -> f32 {
    let (edge, to) = (b - a, p - a);
    let along = (to.dot(edge) / edge.length_squared().max(f32::MIN_POSITIVE)).clamp(0.0, 1.0);
    (to - edge * along).length()
}

/// 0 up to `low`, 1 from `high` on, smooth between.
pub(crate) fn smoothstep(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
