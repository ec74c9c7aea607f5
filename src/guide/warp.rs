//! The identity's pixels at the places that the raster found.

use glam::Vec2;

use super::raster::{Texel, UNCOVERED};
use super::source::{Candidate, Level, Photo};
use crate::mesh::canonical;

/// Reads `candidate`'s photo at each covered pixel and writes, or adds, `weight` times R, G, B (0 to 1) to the three
/// `planes`. `side` is the target canvas', which decides the photo's level.
pub fn sample(
    texels: &[Texel],
    (candidate, photo): (&Candidate, &Photo),
    side: usize,
    weight: f32,
    add: bool,
    planes: [&mut [f32]; 3],
) {
    let (level, halvings) = photo.level(side);
    // Centres: a pixel of the halved picture lies between two of the larger.
    let shrink = 1.0 / (1usize << halvings) as f32;
    let places: Vec<Vec2> = candidate.places.iter().map(|p| (*p + 0.5) * shrink - 0.5).collect();
    let weight = weight / 255.0;
    let [red, green, blue] = planes;
    for (i, texel) in texels.iter().enumerate().filter(|(_, t)| t.triangle != UNCOVERED) {
        let [a, b, c] = canonical().triangles[texel.triangle as usize].map(|i| places[i as usize]);
        let [r, g, b] = bilinear(level, a + (b - a) * texel.weights[0] + (c - a) * texel.weights[1]);
        let keep = if add { 1.0 } else { 0.0 };
        red[i] = red[i] * keep + r * weight;
        green[i] = green[i] * keep + g * weight;
        blue[i] = blue[i] * keep + b * weight;
    }
}

/// The picture at `p` (pixels), 0 to 255, edges repeated.
#[inline]
fn bilinear(level: &Level, p: Vec2) -> [f32; 3] {
    let last = (level.side - 1) as f32;
    let (x, y) = (p.x.clamp(0.0, last), p.y.clamp(0.0, last));
    let (left, top) = (x as usize, y as usize);
    let (fx, fy) = (x - left as f32, y - top as f32);
    let at = |x: usize, y: usize| level.texels[y.min(level.side - 1) * level.side + x.min(level.side - 1)];
    let (p00, p10, p01, p11) = (at(left, top), at(left + 1, top), at(left, top + 1), at(left + 1, top + 1));
    std::array::from_fn(|c| {
        let lerp = |a: u8, b: u8| f32::from(a) + (f32::from(b) - f32::from(a)) * fx;
        let (upper, lower) = (lerp(p00[c], p10[c]), lerp(p01[c], p11[c]));
        upper + (lower - upper) * fy
    })
}
