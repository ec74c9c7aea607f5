//! Photos as pictures that can be sampled, shrunk and kept.

use glam::{Affine2, Vec2};
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use crate::error::Result;
use crate::frame::{ColorSpace, FrameInfo, FrameView, PixelFormat};

/// A picture as a frame.
pub fn view(picture: &RgbImage) -> Result<FrameView<'_>> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let info = FrameInfo { format: PixelFormat::Rgb, width, height, color: ColorSpace::default() };
    FrameView::new(info, [picture.as_raw(), &[], &[]], [width * 3, 0, 0])
}

/// The picture made smaller by area-weighted averaging, and the map into it.
pub fn resize(picture: &RgbImage, scale: f32) -> (RgbImage, Affine2) {
    let size = |n: u32| ((n as f32 * scale).round() as u32).max(1);
    let (width, height) = (size(picture.width()), size(picture.height()));
    let smaller = imageops::resize(picture, width, height, FilterType::Triangle);
    let ratio = Vec2::new(width as f32 / picture.width() as f32, height as f32 / picture.height() as f32);
    // Pixel centres: (x + .5) * ratio - .5.
    (smaller, Affine2::from_scale_angle_translation(ratio, 0.0, (ratio - 1.0) / 2.0))
}

/// A square picture from planar RGB `[3, side, side]`, 0 to 1.
pub fn from_planes(planes: &[f32], side: usize) -> RgbImage {
    let code = |v: f32| (v * 255.0).round() as u8;
    let pixel = |x: u32, y: u32| {
        let i = y as usize * side + x as usize;
        Rgb([0, 1, 2].map(|c| code(planes[c * side * side + i])))
    };
    RgbImage::from_fn(side as u32, side as u32, pixel)
}
