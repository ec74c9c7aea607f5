//! Step 4's cut-outs: eyes and lips as soft polygons.

use glam::Vec2;

use super::shape::{segment_distance, smoothstep};
use super::window::Window;
use crate::face::Landmarks;

/// How a polygon's edge fades, in canvas pixels of signed distance (inside is positive): 0 up to `from`, 1 from `to`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// Where the fade begins.
    pub from: f32,
    /// Where it ends.
    pub to: f32,
}

/// Calls `paint(pixel index in the window, coverage 0 to 1)` for each window pixel that the closed polygon over the
/// mesh points `ring` covers at all.
pub fn polygon(points: &Landmarks, ring: &[u16], edge: Edge, window: Window, mut paint: impl FnMut(usize, f32)) {
    let corners: Vec<Vec2> = ring.iter().map(|&i| points.0[i as usize].truncate() - window.origin()).collect();
    let (lo, hi) = corners.iter().fold((Vec2::MAX, Vec2::MIN), |(lo, hi), p| (lo.min(*p), hi.max(*p)));
    let reach = (-edge.from).max(0.0).ceil();
    let span = |lo: f32, hi: f32, limit: usize| {
        let end = ((hi + reach).max(-1.0).floor() as i64 + 1).clamp(0, limit as i64) as usize;
        ((lo - reach).max(0.0) as usize).min(end)..end
    };
    for y in span(lo.y, hi.y, window.height) {
        for x in span(lo.x, hi.x, window.width) {
            let coverage = smoothstep(edge.from, edge.to, signed_distance(Vec2::new(x as f32, y as f32), &corners));
            if coverage > 0.0 {
                paint(y * window.width + x, coverage);
            }
        }
    }
}

/// Distance to the polygon's edge, positive inside (non-zero winding).
fn signed_distance(p: Vec2, corners: &[Vec2]) -> f32 {
    let mut distance = f32::MAX;
    let mut winding = 0;
    for (&a, &b) in corners.iter().zip(corners.iter().cycle().skip(1)) {
        distance = distance.min(segment_distance(p, a, b));
        let side = (b - a).perp_dot(p - a);
        if a.y <= p.y && b.y > p.y && side > 0.0 {
            winding += 1;
        } else if a.y > p.y && b.y <= p.y && side < 0.0 {
            winding -= 1;
        }
    }
    if winding == 0 { -distance } else { distance }
}
