//! The mesh on the pixel grid: which triangle is seen at each pixel, and where in it.

use glam::Vec2;

use super::window::Window;
use crate::face::Landmarks;
use crate::mesh::{TRIANGLES, canonical};

/// Marks a pixel that no triangle covers.
pub const UNCOVERED: u16 = u16::MAX;

/// What is seen at one pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Texel {
    /// Weights of the triangle's second and third corner; the first has the rest.
    pub weights: [f32; 2],
    /// Triangle number or [`UNCOVERED`].
    pub triangle: u16,
}

/// Reused buffers of the rasteriser.
#[derive(Clone, Debug)]
pub struct Raster {
    /// Window pixels, rows top down.
    pub texels: Vec<Texel>,
    order: Vec<u16>,
    /// Sum of each triangle's z.
    depths: Vec<f32>,
}

impl Raster {
    /// Buffers for windows of up to `pixels` pixels.
    pub fn new(pixels: usize) -> Self {
        let empty = Texel { weights: [0.0; 2], triangle: UNCOVERED };
        Self { texels: vec![empty; pixels], order: (0..TRIANGLES as u16).collect(), depths: vec![0.0; TRIANGLES] }
    }

    /// Draws the mesh `points` (canvas pixels) into `window`, far to near by each triangle's mean z, so that what is
    /// near hides what is far. A pixel belongs to a triangle when its centre lies in it; edges are inclusive, hence a
    /// mesh without holes leaves none.
    pub fn draw(&mut self, points: &Landmarks, window: Window) {
        let depth = |t: &[u16; 3]| -> f32 { t.iter().map(|&i| points.0[i as usize].z).sum() };
        let depths = canonical().triangles.iter().map(depth);
        self.depths.iter_mut().zip(depths).for_each(|(kept, depth)| *kept = depth);
        let depths = &self.depths;
        self.order.sort_unstable_by(|&a, &b| depths[b as usize].total_cmp(&depths[a as usize]).then(a.cmp(&b)));
        self.cover(points, window);
    }

    /// Like [`Self::draw`], but where triangles overlap any of them is seen: for those who only ask what is covered.
    pub fn cover(&mut self, points: &Landmarks, window: Window) {
        self.texels[..window.len()].iter_mut().for_each(|t| t.triangle = UNCOVERED);
        let triangles = &canonical().triangles;
        let origin = window.origin();
        for &t in &self.order {
            let corners = triangles[t as usize].map(|i| points.0[i as usize].truncate() - origin);
            fill(&mut self.texels, window, corners, t);
        }
    }
}

/// Writes one triangle (corners in window pixels).
fn fill(texels: &mut [Texel], window: Window, [a, b, c]: [Vec2; 3], triangle: u16) {
    /// Keeps pixel centres on a shared edge from falling between two triangles by rounding.
    const INCLUSIVE: f32 = -1e-4;
    let (ab, ac) = (b - a, c - a);
    let area = ab.perp_dot(ac);
    if area.abs() < 1e-6 || !area.is_finite() {
        return;
    }
    let (lo, hi) = (a.min(b).min(c), a.max(b).max(c));
    let rows = clip(lo.y, hi.y, window.height);
    let columns = clip(lo.x, hi.x, window.width);
    // u and v are affine in x and y: value at the row's start and step per pixel.
    let step = [ac.y / area, -ab.y / area];
    for y in rows {
        let p = Vec2::new(columns.start as f32, y as f32) - a;
        let (mut u, mut v) = (p.perp_dot(ac) / area, ab.perp_dot(p) / area);
        let row = y * window.width;
        for texel in &mut texels[row + columns.start..row + columns.end] {
            if u >= INCLUSIVE && v >= INCLUSIVE && u + v <= 1.0 - INCLUSIVE {
                *texel = Texel { weights: [u, v], triangle };
            }
            u += step[0];
            v += step[1];
        }
    }
}

/// Pixels whose centres lie between `lo` and `hi`, within `0..limit`.
fn clip(lo: f32, hi: f32, limit: usize) -> std::ops::Range<usize> {
    let start = lo.ceil().max(0.0) as usize;
    let end = ((hi.floor() + 1.0).max(0.0) as usize).min(limit);
    start.min(end)..end
}
