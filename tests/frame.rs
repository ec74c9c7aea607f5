//! Frames: colour conversion, sampling, blending, badge and fallback in every pixel format.

use alphaswap::color::Conversion;
use alphaswap::conceal::{self, Ellipse, Still};
use alphaswap::frame::{ColorSpace, FrameInfo, FrameView, Matrix, PixelFormat, Range};
use alphaswap::marks::badge::{Badge, Label, Language};
use alphaswap::path::cpu::blend::{Patch, blend};
use alphaswap::path::cpu::sample::{Border, Sampler};
use alphaswap::settings::Corner;
use glam::{Affine2, Vec2, Vec3};
use proptest::prelude::*;

use crate::support::{Picture, any_info};

fn info(format: PixelFormat, width: usize, height: usize) -> FrameInfo {
    FrameInfo { format, width, height, color: ColorSpace { matrix: Matrix::Bt709, range: Range::Limited } }
}

#[test]
fn known_colours_have_their_codes() {
    // ITU-R BT.709 and BT.601, limited range: 8-bit codes of the 100 % colour bars.
    let cases = [
        (Matrix::Bt709, Vec3::ONE, [235, 128, 128]),
        (Matrix::Bt709, Vec3::ZERO, [16, 128, 128]),
        (Matrix::Bt709, Vec3::X, [63, 102, 240]),
        (Matrix::Bt709, Vec3::Y, [173, 42, 26]),
        (Matrix::Bt709, Vec3::Z, [32, 240, 118]),
        (Matrix::Bt601, Vec3::X, [81, 90, 240]),
        (Matrix::Bt601, Vec3::Y, [145, 54, 34]),
        (Matrix::Bt601, Vec3::Z, [41, 240, 110]),
    ];
    for (matrix, rgb, codes) in cases {
        let color = ColorSpace { matrix, range: Range::Limited };
        let info = FrameInfo { format: PixelFormat::Nv12, width: 16, height: 16, color };
        let conversion = Conversion::rgb_from_codes(&info);
        let got = conversion.inverse().apply(rgb).round();
        assert_eq!(got, Vec3::from(codes.map(|c| c as f32)), "{matrix:?} {rgb}");
        assert!((conversion.apply(got) - rgb).abs().max_element() < 0.01);
    }
}

#[test]
fn planes_that_are_too_small_are_refused() {
    let info = info(PixelFormat::Nv12, 17, 17);
    let (luma, chroma) = (vec![0; 17 * 17], vec![0; 18 * 9]);
    assert!(FrameView::new(info, [&luma, &chroma, &[]], [17, 18, 0]).is_ok());
    for (planes, strides) in
        [([&luma[1..], &chroma], [17, 18, 0]), ([&luma, &chroma[2..]], [17, 18, 0]), ([&luma, &chroma], [16, 18, 0])]
    {
        let error = FrameView::new(info, [planes[0], planes[1], &[]], strides).unwrap_err();
        assert!(error.to_string().contains("plane"), "{error}");
    }
}

/// The plain way to read RGB at a place of an RGB picture: black outside, bilinear.
fn naive(picture: &Picture, p: Vec2) -> Vec3 {
    let (w, h) = (picture.info.width as i64, picture.info.height as i64);
    let pixel = |x: i64, y: i64| {
        if x < 0 || y < 0 || x >= w || y >= h {
            return Vec3::ZERO;
        }
        let at = (y * w + x) as usize * 3;
        Vec3::from_array(std::array::from_fn(|c| f32::from(picture.planes[0][at + c]) / 255.0))
    };
    let (x, y) = (p.x.floor() as i64, p.y.floor() as i64);
    let (fx, fy) = (p.x - p.x.floor(), p.y - p.y.floor());
    pixel(x, y).lerp(pixel(x + 1, y), fx).lerp(pixel(x, y + 1).lerp(pixel(x + 1, y + 1), fx), fy)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn warping_is_bilinear_and_black_outside(seed: u64, w in 2usize..40, h in 2usize..40, scale in 0.2f32..3.0, angle in -3.0f32..3.0, x in -20.0f32..40.0, y in -20.0f32..40.0) {
        let picture = Picture { info: info(PixelFormat::Rgb, w, h), ..Picture::noise(info(PixelFormat::Rgb, w, h), 0, seed) };
        let map = Affine2::from_scale_angle_translation(Vec2::splat(scale), angle, Vec2::new(x, y));
        let side = 9;
        let mut out = vec![0.0; 3 * side * side];
        Sampler::new(&picture.view()).warp(map, side, Border::Black, &mut out);
        for i in 0..side * side {
            let expected = naive(&picture, map.transform_point2(Vec2::new((i % side) as f32, (i / side) as f32)));
            for c in 0..3 {
                prop_assert!((out[c * side * side + i] - expected[c]).abs() < 2e-4);
            }
        }
    }

    #[test]
    fn letterboxing_keeps_the_mean(info in any_info(300..400), seed: u64) {
        let picture = Picture::noise(info, 3, seed);
        let side = 64;
        let mut out = vec![0.0; 3 * side * side];
        let map = Sampler::new(&picture.view()).letterbox(side, &mut out);
        let corner = map.transform_point2(Vec2::splat(-0.5));
        let long = info.width.max(info.height);
        let bars = Vec2::new(((long - info.width) / 2) as f32, ((long - info.height) / 2) as f32);
        prop_assert!((corner - (-bars - 0.5)).abs().max_element() < 1e-3, "{corner}");
        if !info.format.is_yuv() {
            // Noise of mean 127.5 over the picture's part of the square; clamping does nothing to RGB.
            let share = (info.width * info.height) as f32 / (long * long) as f32;
            let mean = out.iter().sum::<f32>() / out.len() as f32;
            prop_assert!((mean - 0.5 * share).abs() < 0.02, "{mean} {share}");
        }
    }

    #[test]
    fn blending_touches_only_what_the_mask_covers(info in any_info(16..70), seed: u64, padding in 0usize..9, angle in -3.0f32..3.0, strength in 0.0f32..=1.0) {
        let before = Picture::noise(info, padding, seed);
        let side = 20;
        let hole = |i: usize| (i % side) < 10;
let codes = [229.0, 25.0, 51.0].map(|c| [c; 400]).concat();
        let mask: Vec<f32> = (0..side * side).map(|i| if hole(i) { 0.0 } else { 1.0 }).collect();
        let frame_from_patch = Affine2::from_scale_angle_translation(Vec2::splat(1.3), angle, Vec2::new(20.0, 20.0));
        let patch_from_frame = frame_from_patch.inverse();
        let mut after = before.clone();
        blend(&mut after.view_mut(), &Patch { codes: &codes, mask: &mask, side, shown: (Vec2::ZERO, Vec2::splat(side as f32)) }, patch_from_frame, strength);
        let covered = |p: Vec2| { let q = patch_from_frame.transform_point2(p); q.x > 8.99 && q.x < 19.01 && q.y > -0.01 && q.y < 19.01 };
        assert_untouched(&before, &after, covered)?;
        if strength == 0.0 { prop_assert_eq!(&before, &after); }
    }

    #[test]
    fn badge_and_blur_stay_in_their_places(info in any_info(16..400), seed: u64, padding in 0usize..9, corner in 0usize..4) {
        let before = Picture::noise(info, padding, seed);
        let corner = [Corner::TopLeft, Corner::TopRight, Corner::BottomLeft, Corner::BottomRight][corner];
        let mut after = before.clone();
        let label = Label { corner, language: Language::ENGLISH, note: seed % 2 == 0 };
        Badge::new(info, label).paint(&mut after.view_mut(), 0.0);
        let (right, bottom) = (matches!(corner, Corner::TopRight | Corner::BottomRight), matches!(corner, Corner::BottomLeft | Corner::BottomRight));
        let (w, h) = (info.width as f32, info.height as f32);
        // Inside the title-safe area, 90 % of width and height, and in its corner of that; its place there is rounded to
        // even pixels.
        let safe = |at: f32, side: f32, far: bool, most: f32| {
            let inside = at > 0.05 * side - 1.0 && at < 0.95 * side;
            inside && if far { at > (0.95 - most) * side - 4.0 } else { at < (0.05 + most) * side + 3.0 }
        };
        assert_untouched(&before, &after, |p| safe(p.x, w, right, 0.6) && safe(p.y, h, bottom, 0.5))?;
        if info.width >= 120 && info.height >= 60 { prop_assert_ne!(&before, &after); }

        let mut hidden = before.clone();
        let ellipse = Ellipse::around(Vec2::new(w * 0.3, h * 0.4), Vec2::new(w * 0.5, h * 0.6));
        conceal::blur(&mut hidden.view_mut(), &ellipse);
        prop_assert_ne!(&before, &hidden);
        assert_untouched(&before, &hidden, |p| p.x > w * 0.2 && p.x < w * 0.6 && p.y > h * 0.2 && p.y < h * 0.75)?;

        let still = Still::take(&before.clone().view_mut(), ellipse, None);
        let mut shown = hidden.clone();
        prop_assert!(still.show(&mut shown.view_mut()));
        assert_untouched(&before, &shown, |p| p.x > w * 0.2 && p.x < w * 0.6 && p.y > h * 0.2 && p.y < h * 0.75)?;
    }
}

/// Every byte whose sample lies outside `may_change` (frame pixels) must be the same, row padding included.
fn assert_untouched(before: &Picture, after: &Picture, may_change: impl Fn(Vec2) -> bool) -> Result<(), TestCaseError> {
    let info = before.info;
    let mut allowed: [Vec<bool>; 3] = std::array::from_fn(|p| vec![false; before.planes[p].len()]);
    for c in info.format.components().into_iter().chain(info.format.alpha()) {
        let [columns, rows] = c.size(info.width, info.height);
        for y in 0..rows {
            for x in 0..columns {
                allowed[c.plane][y * before.strides[c.plane] + c.offset + x * c.step] = may_change(c.position(x, y));
            }
        }
    }
    for (plane, allowed) in allowed.iter().enumerate() {
        for (i, (a, b)) in before.planes[plane].iter().zip(&after.planes[plane]).enumerate() {
            prop_assert!(a == b || allowed[i], "{:?} plane {} byte {}: {} became {}", info, plane, i, a, b);
        }
    }
    Ok(())
}

#[test]
fn repeated_borders_have_no_black() {
    let grey = Picture {
        planes: [vec![200; 30 * 30 * 3], Vec::new(), Vec::new()],
        ..Picture::noise(info(PixelFormat::Rgb, 30, 30), 0, 0)
    };
    let mut out = vec![0.0; 3 * 20 * 20];
    let map = Affine2::from_translation(Vec2::new(-10.0, 20.0));
    Sampler::new(&grey.view()).warp(map, 20, Border::Repeat, &mut out);
    assert!(out.iter().all(|v| (v - 200.0 / 255.0).abs() < 1e-5));
}
