//! The watermark: what it says comes back, whatever platforms do to the picture; nothing else is changed; pictures without
//! one say nothing.

use std::sync::Arc;
use std::time::Duration;

use alphaswap::Pipeline;
use alphaswap::frame::{ColorSpace, FrameInfo, PixelFormat};
use alphaswap::marks::watermark::{Embedder, Geometry, PSNR, Payload, Picture as Seen, Reader, Reading, Window};
use alphaswap::settings::{DeviceChoice, Look, ModelChoice};
use image::GrayImage;
use image::imageops::{self, FilterType};

use crate::support::{Picture, clip, identity, photo};

const PAYLOAD: Payload = Payload { consent: 0xc0ffee, session: 0x5e5510 };

fn marked(mut picture: Picture) -> Picture {
    Embedder::new(PAYLOAD).embed(&mut picture.view_mut());
    picture
}

/// Luma of a frame: its own or BT.601's of R, G, B.
pub fn luma(picture: &Picture) -> GrayImage {
    let (info, components) = (picture.info, picture.info.format.components());
    GrayImage::from_fn(info.width as u32, info.height as u32, |x, y| {
        let code = |channel: usize| {
            let c = components[channel];
            let at = y as usize * picture.strides[c.plane] + c.offset + x as usize * c.step;
            f32::from(picture.planes[c.plane][at])
        };
        let rgb = || 0.299 * code(0) + 0.587 * code(1) + 0.114 * code(2);
        image::Luma([if info.format.is_yuv() { code(0) } else { rgb() }.round() as u8])
    })
}

fn seen(picture: &GrayImage) -> Seen {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Seen::new(picture, width, height, width).unwrap()
}

fn window(pictures: &[GrayImage]) -> Window {
    let mut window = Window::default();
    pictures.iter().for_each(|picture| window.push(seen(picture)));
    window
}

pub fn read(picture: GrayImage) -> Reading {
    window(&[picture]).read().unwrap()
}

/// A marked portrait, 511 x 511.
fn portrait() -> GrayImage {
    luma(&marked(photo("kai.jpg", PixelFormat::Nv12, 3)))
}

#[track_caller]
fn says_it(reading: &Reading) {
    assert_eq!(reading.evidence.payload, Some(PAYLOAD), "{:?}", reading.evidence.agreement(PAYLOAD));
    assert!(reading.evidence.found(), "{}", reading.evidence.log10_p);
}

#[test]
fn every_format_carries_it_in_its_luma_alone() {
    for format in PixelFormat::ALL {
        let before = photo("ada.jpg", format, 5);
        let after = marked(before.clone());
        says_it(&read(luma(&after)));
        let square = |(a, b): (&u8, &u8)| f64::from(a.abs_diff(*b)).powi(2);
        let (one, two) = (luma(&before), luma(&after));
        let error = one.iter().zip(two.iter()).map(square).sum::<f64>() / one.len() as f64;
        let psnr = 10.0 * (255.0 * 255.0 / error).log10();
        // Rounding to whole codes costs a little.
        assert!(psnr >= 44.0 && psnr < f64::from(PSNR) + 1.5, "{format:?}: {psnr}");
        // Everything that is not luma stays: chroma, alpha, the ends of rows.
        let mut other = before.clone();
        for (channel, c) in format.components().into_iter().enumerate().filter(|(i, _)| *i == 0 || !format.is_yuv()) {
            let [columns, rows] = c.size(before.info.width, before.info.height);
            assert!(channel == 0 || !format.is_yuv());
            for (x, y) in (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y))) {
                let at = y * before.strides[c.plane] + c.offset + x * c.step;
                other.planes[c.plane][at] = after.planes[c.plane][at];
            }
        }
        assert_eq!(other, after, "{format:?}");
    }
}

#[test]
fn it_outlives_what_platforms_do_to_a_picture() {
    let (portrait, all) = (portrait(), 511);
    let small = imageops::resize(&portrait, all * 11 / 20, all * 11 / 20, FilterType::Triangle);
    let wide = imageops::resize(&portrait, 900, 400, FilterType::CatmullRom);
    let dark = GrayImage::from_fn(all, all, |x, y| image::Luma([portrait.get_pixel(x, y).0[0] / 2]));
    let mut bars = GrayImage::from_pixel(all, all + 200, image::Luma([16]));
    imageops::replace(&mut bars, &portrait, 0, 100);
    for (what, picture) in [("small", small), ("wide", wide), ("dark", dark), ("bars", bars)] {
        let reading = read(picture);
        assert_eq!(reading.evidence.payload, Some(PAYLOAD), "{what}: {}", reading.evidence.agreement(PAYLOAD));
    }
    let mirrored = read(imageops::flip_horizontal(&portrait));
    says_it(&mirrored);
    assert!(mirrored.geometry.mirrored);
    for quality in [80, 50] {
        let mut jpeg = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, quality).encode_image(&portrait).unwrap();
        says_it(&read(image::load_from_memory(&jpeg).unwrap().into_luma8()));
    }
}

#[test]
fn it_is_found_in_a_part_of_the_picture() {
    let cut = imageops::crop_imm(&portrait(), 71, 37, 370, 370).to_image();
    for (mirrored, cut) in [(false, cut.clone()), (true, imageops::flip_horizontal(&cut))] {
        let reading = window(&[cut]).search().unwrap();
        says_it(&reading);
        let place = reading.geometry;
        assert_eq!(place.mirrored, mirrored);
        let cells = [(place.left, 71.0), (place.width, 370.0)].map(|(cells, pixels)| cells - pixels / 511.0 * 128.0);
        assert!(cells.iter().all(|c| c.abs() < 0.3), "{place:?}");
    }
}

/// Squares and upright pictures of wide frames: one side is whole, the other is not.
#[test]
fn it_is_found_where_one_side_was_cut() {
    let portrait = portrait();
    for (x, y, width, height) in [(90, 0, 290, 511), (0, 40, 511, 400), (170, 0, 170, 511)] {
        let cut = imageops::crop_imm(&portrait, x, y, width, height).to_image();
        let reading = window(&[cut]).search().unwrap();
        says_it(&reading);
        let Geometry { left, top, width: wide, height: high, .. } = reading.geometry;
        let cells = [(left, x), (wide, width)].map(|(cells, pixels)| cells - pixels as f32 / 511.0 * 128.0);
        let rows = [(top, y), (high, height)].map(|(cells, pixels)| cells - pixels as f32 / 511.0 * 72.0);
        assert!(cells.iter().chain(&rows).all(|c| c.abs() < 0.3), "{:?}", reading.geometry);
    }
}

/// A marked portrait under noise of its own, up to `most` codes.
fn noisy(most: i16, seed: u64) -> GrayImage {
    let mut frame = marked(photo("kai.jpg", PixelFormat::Nv12, 0));
    let noise = Picture::noise(frame.info, 0, seed);
    for (code, noise) in frame.planes[0].iter_mut().zip(&noise.planes[0]) {
        *code = code.saturating_add_signed(((i16::from(*noise) - 128) * most / 128) as i8);
    }
    luma(&frame)
}

#[test]
fn frames_of_a_second_say_more_than_one() {
    let one = read(noisy(42, 1)).evidence.log10_p;
    let many = window(&(0..12).map(|seed| noisy(42, seed)).collect::<Vec<_>>()).read().unwrap().evidence.log10_p;
    assert!(many < 2.0 * one && many < -20.0, "{one} {many}");
}

#[test]
fn seconds_say_together_what_none_says_alone() {
    let video = |count: u64, picture: &dyn Fn(u64) -> GrayImage| {
        let mut reader = Reader::new(Vec::new());
        for second in 0..count {
            reader.push(seen(&picture(second)), Duration::from_secs(second));
        }
        reader.finish().0
    };
    let verdict = video(12, &|seed| noisy(64, seed));
    assert_eq!((verdict.seconds, verdict.marked), (12, 0), "{verdict:?}");
    assert!(verdict.found(), "{verdict:?}");
    assert_eq!(verdict.payloads, [(PAYLOAD, 0)]);
    // One second is not asked twice. (Whoever finds none may look once more.)
    let once = video(1, &|_| portrait());
    assert!((once.log10_p - read(portrait()).evidence.log10_p - 2_f64.log10()).abs() < 1e-6);
}

/// Frames that are all alike say no more than one; nor do many seconds of them, whichever way they are turned.
#[test]
fn unmarked_stills_stay_unmarked_however_long_they_are_shown() {
    for name in ["ada.jpg", "kai.jpg"] {
        let still = luma(&photo(name, PixelFormat::Nv12, 0));
        for (left, top) in [(0, 0), (31, 17), (90, 55)] {
            let part = imageops::crop_imm(&still, left, top, 400, 300).to_image();
            for picture in [imageops::flip_horizontal(&part), part] {
                let one = read(picture.clone()).evidence.log10_p;
                let mut reader = Reader::new(Vec::new());
                for frame in 0..30 {
                    reader.push(seen(&picture), Duration::from_millis(100 * frame));
                }
                let verdict = reader.finish().0;
                assert!(!verdict.found() && verdict.payloads.is_empty(), "{name} {left}: {verdict:?}");
                assert!(verdict.log10_p >= one, "{name} {left}: {one} {}", verdict.log10_p);
            }
        }
    }
}

#[test]
fn still_pictures_are_marked_alike() {
    let frame = photo("ada.jpg", PixelFormat::Nv12, 0);
    let mut embedder = Embedder::new(PAYLOAD);
    let mut marks = || {
        let mut frame = frame.clone();
        embedder.embed(&mut frame.view_mut());
        frame
    };
    assert_eq!(marks(), marks());
    // Another payload is another picture.
    let other = Payload { session: 1, ..PAYLOAD };
    let mut second = frame.clone();
    Embedder::new(other).embed(&mut second.view_mut());
    assert_ne!(marks(), second);
    assert_eq!(read(luma(&second)).evidence.payload, Some(other));
}

#[test]
fn pictures_without_one_say_nothing() {
    let unmarked = ["ada.jpg", "kai.jpg"].map(|name| luma(&photo(name, PixelFormat::Nv12, 0)));
    for picture in unmarked {
        let reading = window(&[picture]).search().unwrap();
        assert!(!reading.evidence.found() && reading.evidence.payload.is_none(), "{reading:?}");
    }
    for (width, height) in [(1, 1), (1, 40), (7, 3), (640, 480)] {
        for code in [0, 128, 255] {
            let flat = GrayImage::from_pixel(width, height, image::Luma([code]));
            assert!(!window(&[flat]).search().unwrap().evidence.found(), "{width}x{height} {code}");
        }
    }
    assert!(Window::default().search().is_none());
    assert!(Seen::new(&[], 0, 0, 0).is_none() && Seen::new(&[1, 2, 3], 2, 2, 2).is_none());
}

/// The bound is one: of 600 pictures of noise no more than a part of what it allows seem marked at any level.
#[test]
fn chance_is_not_called_a_mark() {
    let info = FrameInfo { format: PixelFormat::Nv12, width: 256, height: 144, color: ColorSpace::default() };
    let p = |seed| read(luma(&Picture::noise(info, 0, seed))).evidence.log10_p;
    let all: Vec<f64> = (0..600).map(p).collect();
    for (level, most) in [(-1.0, 60), (-2.0, 6), (-3.0, 1)] {
        assert!(all.iter().filter(|p| **p <= level).count() <= most, "{level}");
    }
}

#[test]
fn any_size_can_be_marked() {
    for format in [PixelFormat::Nv12, PixelFormat::Yuy2, PixelFormat::Bgr] {
        for (width, height) in [(1, 1), (16, 16), (17, 300), (257, 31), (640, 1)] {
            let before = Picture::noise(FrameInfo { format, width, height, color: ColorSpace::default() }, 5, 1);
            let after = marked(before.clone());
            let most =
                before.planes.iter().flatten().zip(after.planes.iter().flatten()).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(most.unwrap() < 64, "{format:?} {width}x{height}: {most:?}");
        }
    }
}

#[test]
fn swapped_frames_say_whose_consent_they_had_and_others_nothing() {
    let person = identity();
    let mut pipeline =
        Pipeline::new(&DeviceChoice::Cpu, &ModelChoice::Mesh, Arc::new(person.clone()), Look::default()).unwrap();
    pipeline.set_session(77);
    let (mut reader, mut swapped) = (Reader::new(Vec::new()), 0);
    clip::for_each_frame(5, |index, _, mut frame| {
        let report = pipeline.process(&mut frame.view_mut(), Some(Duration::from_millis(200 * index as u64))).unwrap();
        assert_eq!(report.marked.is_some(), report.faces.iter().any(|f| f.swapped));
        let picture = luma(&frame);
        reader.push(seen(&picture), Duration::from_millis(200 * index as u64));
        let evidence = read(picture).evidence;
        assert_eq!(evidence.found(), report.marked.is_some(), "frame {index}: {}", evidence.log10_p);
        swapped += usize::from(report.marked.is_some());
    });
    let (verdict, spread) = reader.finish();
    assert!(swapped > 40 && verdict.found() && !spread.is_empty() && spread.len() <= 12, "{swapped} {verdict:?}");
    let said = Payload { consent: person.consent_id(), session: 77 };
    assert_eq!(verdict.payloads.iter().map(|(p, _)| *p).collect::<Vec<_>>(), [said]);
    assert!(verdict.marked < verdict.seconds && verdict.marked * 4 > verdict.seconds * 3, "{verdict:?}");
}
