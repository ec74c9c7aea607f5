//! Square pictures as planes of floats, on the way from files to tensors.

use glam::{Affine2, Vec2};
use image::imageops::{self, FilterType};
use image::{GrayImage, Luma, RgbImage};

use crate::identity::photo::{from_planes, planar};

/// Planes of a square picture, `[n, side, side]`, 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Planes {
    /// Columns, and rows.
    pub side: usize,
    /// All values, plane by plane, rows top down.
    pub data: Vec<f32>,
}

impl Planes {
    /// Bytes `[n, side, side]` over 255.
    pub fn from_bytes(bytes: &[u8], side: usize) -> Self {
        Self { side, data: bytes.iter().map(|&b| f32::from(b) / 255.0).collect() }
    }

    /// A square picture: three planes.
    pub fn from_rgb(picture: &RgbImage) -> Self {
        Self::from_bytes(&planar(picture), picture.width() as usize)
    }

    /// A square mask at `side` pixels: one plane.
    pub fn from_gray(mask: &GrayImage, side: usize) -> Self {
        // A triangle as wide as the reduction keeps half-pixel centres, as the canvas of a smaller crop has them.
        let mask = match mask.width() as usize == side {
            true => mask,
            false => &imageops::resize(mask, side as u32, side as u32, FilterType::Triangle),
        };
        Self { side, data: mask.pixels().map(|&Luma([v])| f32::from(v) / 255.0).collect() }
    }

    /// What is seen through `self_from_out` in a square of `side` pixels: bilinear, the edge's pixels repeated.
    pub fn warp(&self, self_from_out: Affine2, side: usize) -> Self {
        let mut data = Vec::with_capacity(self.data.len() / (self.side * self.side) * side * side);
        for plane in self.data.chunks_exact(self.side * self.side) {
            for y in 0..side {
                let place = |x| self_from_out.transform_point2(Vec2::new(x as f32, y as f32));
                data.extend((0..side).map(|x| bilinear(plane, self.side, place(x))));
            }
        }
        Self { side, data }
    }

    /// The larger of both values at each pixel.
    pub fn max(mut self, other: &Self) -> Self {
        self.data.iter_mut().zip(&other.data).for_each(|(a, b)| *a = a.max(*b));
        self
    }

    /// Three planes as a picture.
    pub fn to_rgb(&self) -> RgbImage {
        from_planes(&self.data, self.side)
    }
}

fn bilinear(plane: &[f32], side: usize, at: Vec2) -> f32 {
    let at = at.clamp(Vec2::ZERO, Vec2::splat(side as f32 - 1.0));
    let (x, y) = (at.x as usize, at.y as usize);
    let (right, below) = ((x + 1).min(side - 1), (y + 1).min(side - 1));
    let (u, v) = (at.x - x as f32, at.y - y as f32);
    let row = |y: usize| plane[y * side + x] * (1.0 - u) + plane[y * side + right] * u;
    row(y) * (1.0 - v) + row(below) * v
}
