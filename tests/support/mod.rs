//! What several test modules need: owned frames, the scene clip's first pictures.

pub mod clip;
pub mod counting;
pub mod process;

use std::sync::LazyLock;

use alphaswap::color::Conversion;
use alphaswap::frame::{ColorSpace, FrameInfo, FrameView, FrameViewMut, Matrix, PixelFormat, Range};
use alphaswap::identity::enroll::Enroller;
use alphaswap::identity::{Consent, Date, Identity};
use glam::Vec3;
use proptest::prelude::*;

/// A frame that owns its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    pub info: FrameInfo,
    pub strides: [usize; 3],
    pub planes: [Vec<u8>; 3],
}

impl Picture {
    /// A frame whose bytes come from a small generator, with `padding` bytes at each row's end.
    pub fn noise(info: FrameInfo, padding: usize, seed: u64) -> Self {
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        let mut byte = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 56) as u8
        };
        let (mut strides, mut planes) = ([0; 3], [const { Vec::new() }; 3]);
        for plane in 0..info.format.planes() {
            let (row, rows) = info.format.plane_size(plane, info.width, info.height);
            strides[plane] = row + padding;
            planes[plane] = (0..rows * (row + padding)).map(|_| byte()).collect();
        }
        Self { info, strides, planes }
    }

    pub fn view(&self) -> FrameView<'_> {
        let [a, b, c] = &self.planes;
        FrameView::new(self.info, [a, b, c], self.strides).unwrap()
    }

    pub fn view_mut(&mut self) -> FrameViewMut<'_> {
        let [a, b, c] = &mut self.planes;
        FrameViewMut::new(self.info, [a, b, c], self.strides).unwrap()
    }
}

/// Any format, colour space and a size in `sides`.
pub fn any_info(sides: std::ops::Range<usize>) -> impl Strategy<Value = FrameInfo> {
    let format = prop::sample::select(PixelFormat::ALL.to_vec());
    let matrix = prop::sample::select(vec![Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020]);
    let range = prop::sample::select(vec![Range::Limited, Range::Full]);
    (format, matrix, range, sides.clone(), sides).prop_map(|(format, matrix, range, width, height)| FrameInfo {
        format,
        width,
        height,
        color: ColorSpace { matrix, range },
    })
}

/// The demo's Kai, enrolled once for all tests.
pub fn identity() -> Identity {
    static KAI: LazyLock<Identity> = LazyLock::new(|| {
        let path = clip::media("kai.jpg");
        let photo = image::open(&path).unwrap().to_rgb8();
        let mut enroller = Enroller::new().unwrap();
        let sample = enroller.sample(&path, &photo, None).unwrap();
        let consent = Consent::new("nobody's face", Date::constant(2026, 11, 21));
        enroller.identity("Kai", consent, vec![sample]).unwrap()
    });
    KAI.clone()
}

/// A photo of the demo as a frame of `format`, its last column and row cut off so that the sides are odd, with
/// `padding` bytes at each row's end; bytes that are no colour (alpha, padding) are noise.
pub fn photo(name: &str, format: PixelFormat, padding: usize) -> Picture {
    let rgb = image::open(clip::media(name)).unwrap().into_rgb8();
    let (width, height) = (rgb.width() as usize - 1, rgb.height() as usize - 1);
    let mut picture = Picture::noise(FrameInfo { format, width, height, color: ColorSpace::default() }, padding, 7);
    let codes_from_rgb = Conversion::rgb_from_codes(&picture.info).inverse();
    for (channel, c) in format.components().into_iter().enumerate() {
        let [columns, rows] = c.size(width, height);
        for (x, y) in (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y))) {
            let at = c.position(x, y);
            let pixel = rgb.get_pixel(at.x as u32, at.y as u32).0.map(|v| f32::from(v) / 255.0);
            let code = codes_from_rgb.apply(Vec3::from(pixel))[channel].round() as u8;
            picture.planes[c.plane][y * picture.strides[c.plane] + c.offset + x * c.step] = code;
        }
    }
    picture
}
