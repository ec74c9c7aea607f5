//! Photos as pictures: read upright, sampled, shrunk and kept.

use std::borrow::Cow;
use std::io::{BufRead, Seek};

use glam::{Affine2, Vec2};
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder, ImageReader, ImageResult, Limits, Rgb, RgbImage, RgbaImage};

use crate::align::native_crop;
use crate::error::Result;
use crate::face::Landmarks;
use crate::frame::{ColorSpace, FrameInfo, FrameView, PixelFormat};

/// Bytes that a decoded picture takes at most: 16384 x 16384 RGB.
const MAX_BYTES: u64 = 768 << 20;

/// Decodes a picture and turns it upright. Its format is told by its first bytes, not by its name.
///
/// # Errors
/// What is wrong with the file, or that its pixels take more than 768 MiB.
pub fn decode(file: impl BufRead + Seek) -> ImageResult<DynamicImage> {
    Ok(decode_with_profile(file)?.0)
}

/// [`decode`], and the ICC profile that says what the picture's colours mean, if it has one that can be read.
///
/// # Errors
/// As [`decode`].
pub fn decode_with_profile(file: impl BufRead + Seek) -> ImageResult<(DynamicImage, Option<Vec<u8>>)> {
    let mut reader = ImageReader::new(file).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let profile = decoder.icc_profile().ok().flatten();
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok((picture, profile))
}

/// The picture laid over white.
pub fn over_white(picture: &RgbaImage) -> RgbImage {
    let over = |code: u8, alpha: u8| {
        let (code, alpha) = (u32::from(code), u32::from(alpha));
        ((code * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [r, g, b, alpha] = picture.get_pixel(x, y).0;
        Rgb([r, g, b].map(|code| over(code, alpha)))
    })
}

/// A picture as a frame.
///
/// # Errors
/// [`crate::Error::Frame`] for a side beyond [`FrameInfo::SIDE`].
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

/// The picture of a side that fits [`FrameInfo::SIDE`].
pub fn fitted(picture: &RgbImage) -> Cow<'_, RgbImage> {
    let fitting = *FrameInfo::SIDE.end() as f32 / picture.width().max(picture.height()) as f32;
    if fitting < 1.0 { Cow::Owned(resize(picture, fitting).0) } else { Cow::Borrowed(picture) }
}

/// Picture and mesh, shrunk where the face is larger than a crop of `crop` pixels shows it: sampling it bilinearly
/// would skip pixels. A tenth of shrinking is let pass.
pub fn no_larger<'a>(picture: &'a RgbImage, landmarks: &Landmarks, crop: usize) -> (Cow<'a, RgbImage>, Landmarks) {
    let shrink = crop as f32 / native_crop(landmarks);
    if shrink >= 0.9 {
        return (Cow::Borrowed(picture), landmarks.clone());
    }
    let (smaller, smaller_from_larger) = resize(picture, shrink);
    (Cow::Owned(smaller), landmarks.mapped(smaller_from_larger))
}

/// Planar RGB `[3, height, width]` of a picture.
pub fn planar(picture: &RgbImage) -> Vec<u8> {
    (0..3).flat_map(|c| picture.as_raw().iter().skip(c).step_by(3).copied()).collect()
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
