//! The mask's cut-outs: eyes and lips as soft polygons.

use glam::Vec2;

use super::shape::smoothstep;
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

/// A polygon's side, prepared for distances.
struct Side {
    from: Vec2,
    to: Vec2,
    along: Vec2,
    inverse_length_squared: f32,
}

/// Calls `paint(pixel index in the window, coverage 0 to 1)` for each window pixel that the closed polygon over the
/// mesh points `ring` covers at all.
pub fn polygon(points: &Landmarks, ring: &[u16], edge: Edge, window: Window, mut paint: impl FnMut(usize, f32)) {
    let corner = |i: &u16| points.0[*i as usize].truncate() - window.origin();
    let sides: Vec<Side> =
        ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| side(corner(a), corner(b))).collect();
    let (lo, hi) = sides.iter().fold((Vec2::MAX, Vec2::MIN), |(lo, hi), s| (lo.min(s.from), hi.max(s.from)));
    let reach = (-edge.from).max(0.0).ceil();
    let span = |lo: f32, hi: f32, limit: usize| {
        let end = ((hi + reach).max(-1.0).floor() as i64 + 1).clamp(0, limit as i64) as usize;
        ((lo - reach).max(0.0) as usize).min(end)..end
    };
    for y in span(lo.y, hi.y, window.height) {
        for x in span(lo.x, hi.x, window.width) {
            let coverage = smoothstep(edge.from, edge.to, signed_distance(Vec2::new(x as f32, y as f32), &sides));
            if coverage > 0.0 {
                paint(y * window.width + x, coverage);
            }
        }
    }
}

fn side(from: Vec2, to: Vec2) -> Side {
    let along = to - from;
    Side { from, to, along, inverse_length_squared: 1.0 / along.length_squared().max(1e-12) }
}

/// Distance to the polygon's edge, positive inside (non-zero winding).
fn signed_distance(p: Vec2, sides: &[Side]) -> f32 {
    let mut squared = f32::MAX;
    let mut winding = 0;
    for side in sides {
        let to = p - side.from;
        let t = (to.dot(side.along) * side.inverse_length_squared).clamp(0.0, 1.0);
        squared = squared.min((to - side.along * t).length_squared());
        let left = side.along.perp_dot(to) > 0.0;
        let (upward, downward) = (side.from.y <= p.y && side.to.y > p.y, side.from.y > p.y && side.to.y <= p.y);
        winding += i32::from(upward && left) - i32::from(downward && !left);
    }
    let distance = squared.sqrt();
    if winding == 0 { -distance } else { distance }
}
