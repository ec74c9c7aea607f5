//! The badge: its letters, its languages, its place and size, its contrast over any picture and over time.

use ab_glyph::{Font, FontRef};
use alphaswap::color::Conversion;
use alphaswap::frame::{ColorSpace, FrameInfo, PixelFormat};
use alphaswap::marks::badge::{Badge, Label, Language};
use alphaswap::settings::{Corner, LanguageChoice, Look};
use glam::Vec3;
use proptest::prelude::*;

use crate::support::counting::allocated;
use crate::support::{Picture, any_info};

const ENGLISH: Label = Label { corner: Corner::BottomLeft, language: Language::ENGLISH, note: false };
/// Seconds from frame to frame.
const STEP: f32 = 0.04;

fn info(format: PixelFormat, width: usize, height: usize) -> FrameInfo {
    FrameInfo { format, width, height, color: ColorSpace::default() }
}

/// A picture of one colour.
fn flat(info: FrameInfo, rgb: Vec3) -> Picture {
    let mut picture = Picture::noise(info, 0, 0);
    let codes = Conversion::rgb_from_codes(&info).inverse().apply(rgb);
    for (channel, c) in info.format.components().into_iter().enumerate() {
        let [columns, rows] = c.size(info.width, info.height);
        for (x, y) in (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y))) {
            picture.planes[c.plane][y * picture.strides[c.plane] + c.offset + x * c.step] =
                codes[channel].round() as u8;
        }
    }
    picture
}

fn grey(info: FrameInfo, grey: f32) -> Picture {
    flat(info, Vec3::splat(grey))
}

/// A pixel's colour as a display shows it.
fn shown(picture: &Picture, x: usize, y: usize) -> Vec3 {
    let components = picture.info.format.components();
    let codes = components.map(|c| {
        let [column, row] = [x / c.pitch()[0] as usize, y / c.pitch()[1] as usize];
        f32::from(picture.planes[c.plane][row * picture.strides[c.plane] + c.offset + column * c.step])
    });
    Conversion::rgb_from_codes(&picture.info).apply(Vec3::from(codes)).clamp(Vec3::ZERO, Vec3::ONE)
}

/// Relative luminance, WCAG 2.2.
fn luminance(rgb: Vec3) -> f32 {
    let linear = |v: f32| if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
    0.2126 * linear(rgb.x) + 0.7152 * linear(rgb.y) + 0.0722 * linear(rgb.z)
}

/// Where a badge's letters are, and where its plate is under and between them.
struct Places {
    letters: Vec<(usize, usize)>,
    plate: Vec<(usize, usize)>,
}

impl Places {
    fn of(info: FrameInfo, label: Label) -> Self {
        let mut black = grey(info, 0.0);
        Badge::new(info, label).paint(&mut black.view_mut(), 0.0);
        let all = (0..info.height).flat_map(|y| (0..info.width).map(move |x| (x, y)));
        let lights: Vec<_> = all.map(|at| (at, luminance(shown(&black, at.0, at.1)))).collect();
        let letters: Vec<_> = lights.iter().filter(|(_, light)| *light > 0.97).map(|(at, _)| *at).collect();
        let range = |axis: fn(&(usize, usize)) -> usize| {
            letters.iter().map(axis).min().unwrap_or(1)..=letters.iter().map(axis).max().unwrap_or(0)
        };
        let (columns, rows) = (range(|at| at.0), range(|at| at.1));
        let inside = |at: &(usize, usize)| columns.contains(&at.0) && rows.contains(&at.1);
        let darkest = lights.iter().filter(|(at, _)| inside(at)).map(|(_, light)| *light).fold(1.0, f32::min);
        let plate = lights.iter().filter(|(at, light)| inside(at) && *light <= darkest).map(|(at, _)| *at).collect();
        Self { letters, plate }
    }

    /// The least contrast of any of the plate's pixels to the letters' white; their soft edges do not count (as in WCAG).
    fn contrast(&self, picture: &Picture) -> f32 {
        let light = |at: &(usize, usize)| luminance(shown(picture, at.0, at.1));
        let (letters, plate) = (self.letters.iter().map(light), self.plate.iter().map(light));
        assert!(letters.fold(0.0, f32::max) > 0.9, "the letters are white");
        1.05 / (plate.fold(0.0, f32::max) + 0.05)
    }
}

fn any_label() -> impl Strategy<Value = Label> {
    let corners = vec![Corner::TopLeft, Corner::TopRight, Corner::BottomLeft, Corner::BottomRight];
    let languages = prop::sample::select(Language::all().collect::<Vec<_>>());
    (prop::sample::select(corners), languages, any::<bool>()).prop_map(|(corner, language, note)| Label {
        corner,
        language,
        note,
    })
}

/// What is behind a badge.
#[derive(Clone, Copy, Debug)]
enum Behind {
    Noise(u64),
    Flat([f32; 3]),
    /// One colour, with noise in its luma or red.
    Grain([f32; 3], u64),
}

impl Behind {
    fn any() -> impl Strategy<Value = Self> {
        let rgb = || prop::array::uniform3(0.0f32..=1.0);
        prop_oneof![
            any::<u64>().prop_map(Self::Noise),
            rgb().prop_map(Self::Flat),
            (rgb(), any::<u64>()).prop_map(|(rgb, seed)| Self::Grain(rgb, seed)),
        ]
    }

    fn picture(self, info: FrameInfo) -> Picture {
        match self {
            Self::Noise(seed) => Picture::noise(info, 0, seed),
            Self::Flat(rgb) => flat(info, Vec3::from(rgb)),
            Self::Grain(rgb, seed) => {
                let (noise, mut flat) = (Picture::noise(info, 0, seed), flat(info, Vec3::from(rgb)));
                let c = info.format.components()[0];
                let samples = flat.planes[c.plane].iter_mut().zip(&noise.planes[c.plane]);
                samples.skip(c.offset).step_by(c.step).for_each(|(flat, noise)| *flat = *noise);
                flat
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn letters_can_be_read_on_anything(info in any_info(70..500), label in any_label(), first in Behind::any(), then in Behind::any()) {
        let places = Places::of(info, label);
        prop_assert!(!places.letters.is_empty() && !places.plate.is_empty());
        let mut badge = Badge::new(info, label);
        // At once, and over what comes without warning.
        for (behind, least) in [(first, 6.9), (then, 4.5), (then, 4.5)] {
            let mut picture = behind.picture(info);
            badge.paint(&mut picture.view_mut(), STEP);
            let contrast = places.contrast(&picture);
            prop_assert!(contrast >= least, "{}", contrast);
        }
    }
}

#[test]
fn the_plate_is_no_darker_than_the_picture_asks_for() {
    let info = info(PixelFormat::Nv12, 640, 480);
    let places = Places::of(info, ENGLISH);
    let contrast = |mut picture: Picture| {
        Badge::new(info, ENGLISH).paint(&mut picture.view_mut(), STEP);
        places.contrast(&picture)
    };
    let of = |name: &str, picture| {
        let contrast = contrast(picture);
        eprintln!("{name}: {contrast:.2} to 1");
        contrast
    };
    for (name, light) in [("white", 1.0), ("light grey", 0.75)] {
        let contrast = of(name, grey(info, light));
        assert!((7.0..7.4).contains(&contrast), "{name}: {contrast}");
    }
    assert!(of("mid grey", grey(info, 0.5)) >= 7.0);
    assert!(of("black", grey(info, 0.0)) > 20.0);
    assert!(of("noise in luma and chroma", Picture::noise(info, 0, 3)) >= 6.9);
    assert!(of("blue", flat(info, Vec3::Z)) >= 6.9);
}

/// The plate's opacity over a grey, from the first pixel under the letters.
fn opacity(badge: &mut Badge, places: &Places, light: f32) -> f32 {
    let info = info(PixelFormat::Rgb, 640, 480);
    let mut picture = grey(info, light);
    let plate = places.plate[0];
    let before = shown(&picture, plate.0, plate.1).x;
    badge.paint(&mut picture.view_mut(), STEP);
    let after = shown(&picture, plate.0, plate.1).x;
    // The plate itself is nearly black.
    (before - after) / (before - 0.04)
}

#[test]
fn the_plate_follows_slowly_and_does_not_flicker() {
    let info = info(PixelFormat::Rgb, 640, 480);
    let (mut badge, places) = (Badge::new(info, ENGLISH), Places::of(info, ENGLISH));
    let mut follow = |lights: &[f32]| lights.iter().map(|l| opacity(&mut badge, &places, *l)).collect::<Vec<_>>();
    let steps = |opacities: &[f32]| opacities.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
    // A cut to a darker picture: the plate fades within seconds.
    let cut = follow(&[&[1.0; 5][..], &[0.5; 160]].concat());
    assert!(steps(&cut) < 0.02 && cut[5] > 0.6 && cut[164] < 0.37, "{cut:?}");
    // A picture that grows lighter: no jump.
    let dawn = follow(&(0..50).map(|i| 0.5 + 0.01 * i as f32).collect::<Vec<_>>());
    assert!(steps(&dawn) < 0.04, "{dawn:?}");
    // A light that flickers.
    let flicker = follow(&[0.85, 0.95].repeat(40));
    assert!(steps(&flicker[20..]) < 0.01, "{flicker:?}");
    // After frames without it, the badge starts anew.
    badge.skip();
    assert!((opacity(&mut badge, &places, 0.5) - 0.34).abs() < 0.03);
}

#[test]
fn the_size_follows_the_frames_smaller_side() {
    let heights = |width: fn(usize) -> usize| {
        let sides = (60..2200).step_by(20);
        sides.map(move |side| {
            let info = info(PixelFormat::I420, width(side), side);
            let mut picture = grey(info, 1.0);
            Badge::new(info, Label { corner: Corner::TopLeft, ..ENGLISH }).paint(&mut picture.view_mut(), STEP);
            let dark =
                |y: &usize| picture.planes[0][y * picture.strides[0]..][..width(side) / 2].iter().any(|l| *l < 235);
            let rows: Vec<_> = (0..side).filter(dark).collect();
            (side, rows.len())
        })
    };
    let wide: Vec<_> = heights(|side| side * 16 / 9).collect();
    assert!(wide.windows(2).all(|w| w[1].1 >= w[0].1 && w[1].1 - w[0].1 <= 4), "{wide:?}");
    for (side, rows) in wide.iter().filter(|(side, _)| *side >= 480) {
        let share = *rows as f32 / *side as f32;
        assert!((0.04..0.065).contains(&share), "{rows} of {side}");
    }
    // A tall frame has the letters of a wide one.
    let tall = info(PixelFormat::I420, 1080, 1920);
    let letters = |info| Places::of(info, ENGLISH).letters.len();
    assert_eq!(letters(tall), letters(info(PixelFormat::I420, 1920, 1080)));
}

#[test]
fn where_there_is_no_room_the_text_is_short_or_missing() {
    let width = |info: FrameInfo, label: Label| {
        let mut picture = grey(info, 1.0);
        Badge::new(info, label).paint(&mut picture.view_mut(), STEP);
        let dark = |x: &usize| (0..info.height).any(|y| luminance(shown(&picture, *x, y)) < 0.9);
        (0..info.width).filter(dark).count()
    };
    let german = Label { language: Language::from_code("de").unwrap(), ..ENGLISH };
    let widths = [160, 60].map(|side| width(info(PixelFormat::Rgb, side, 120), german));
    assert!(widths[0] > 60 && (15..30).contains(&widths[1]), "{widths:?}");
    for (width, height) in [(16, 16), (24, 24), (640, 20), (20, 640)] {
        let info = info(PixelFormat::Rgb, width, height);
        let before = Picture::noise(info, 0, 1);
        let mut after = before.clone();
        let mut badge = Badge::new(info, ENGLISH);
        badge.paint(&mut after.view_mut(), STEP);
        assert_eq!((badge.is_visible(), before == after), (false, true), "{width}x{height}");
    }
    assert!(Badge::new(info(PixelFormat::Rgb, 64, 48), ENGLISH).is_visible());
}

/// Whatever a cut-out is laid over, the badge stands on itself.
#[test]
fn the_badge_is_opaque_where_the_picture_is_not() {
    for format in [PixelFormat::Rgba, PixelFormat::Bgra] {
        let mut picture = flat(info(format, 320, 240), Vec3::ZERO);
        picture.planes[0].fill(0);
        Badge::new(picture.info, Label::from(&Look::default())).paint(&mut picture.view_mut(), 0.0);
        let (pixels, _) = picture.planes[0].as_chunks::<4>();
        let painted: Vec<_> = pixels.iter().filter(|p| p[0] > 200 && p[1] > 200 && p[2] > 200).collect();
        assert!(painted.len() > 20 && painted.iter().all(|p| p[3] > 200), "{format:?}: {painted:?}");
        let opaque = pixels.iter().filter(|p| p[3] == 255).count();
        assert!(opaque > 2 * painted.len() && opaque < pixels.len() / 4, "{format:?}: {opaque} of the plate");
    }
}

#[test]
fn painting_allocates_nothing() {
    for format in PixelFormat::ALL {
        let mut picture = Picture::noise(info(format, 640, 480), 3, 1);
        let mut badge = Badge::new(picture.info, ENGLISH);
        badge.paint(&mut picture.view_mut(), STEP);
        let mut view = picture.view_mut();
        assert_eq!(allocated(|| badge.paint(&mut view, STEP)).1.calls, 0, "{format:?}");
    }
}

#[test]
fn the_font_has_the_letters_of_all_texts() {
    let font = FontRef::try_from_slice(include_bytes!("../src/marks/badge/capitals.ttf")).unwrap();
    for language in Language::all() {
        for text in language.texts().into_iter().chain([language.note()]) {
            assert!(!text.is_empty() && text == text.to_uppercase(), "{text}");
            let missing: String = text.chars().filter(|c| font.glyph_id(*c).0 == 0).collect();
            assert!(missing.is_empty(), "{text}: {missing}");
        }
        assert!(language.texts()[1].chars().count() <= 2);
    }
    let [a, v] = ['A', 'V'].map(|c| font.glyph_id(c));
    assert!(font.kern_unscaled(a, v) < 0.0, "the letters keep their kerning");
}

#[test]
fn a_language_has_a_code_of_its_own() {
    let codes: Vec<_> = Language::all().map(Language::code).collect();
    assert!(codes[1..].is_sorted_by(|a, b| a < b), "{codes:?}");
    for language in Language::all() {
        assert_eq!(language.code().parse(), Ok(LanguageChoice::Of(language)));
    }
    assert_eq!(("auto".parse(), "".parse()), (Ok(LanguageChoice::Auto), Ok(LanguageChoice::Auto)));
    let unknown = "tlh".parse::<LanguageChoice>().unwrap_err().to_string();
    assert!(unknown.contains("\"tlh\"") && codes.iter().all(|code| unknown.contains(code)), "{unknown}");
}

#[test]
fn the_locale_names_the_language() {
    let of = |variables: &[(&str, &str)]| {
        let find = |name: &str| variables.iter().find(|v| v.0 == name).map(|v| v.1.to_string());
        Language::of_locale(find).code()
    };
    assert_eq!(of(&[]), "en");
    assert_eq!(of(&[("LANG", "de_AT.UTF-8")]), "de");
    assert_eq!(of(&[("LANG", "de_DE.UTF-8"), ("LC_MESSAGES", "fr_FR")]), "fr");
    assert_eq!(of(&[("LANG", "de_DE"), ("LC_MESSAGES", "fr_FR"), ("LC_ALL", "nn_NO@x")]), "nb");
    assert_eq!(of(&[("LANG", "de_DE"), ("LC_ALL", "")]), "de");
    assert_eq!(of(&[("LANG", "de_DE"), ("LC_ALL", "C.UTF-8")]), "en");
    assert_eq!(of(&[("LANG", "ga_IE.UTF-8")]), "en");
    assert_eq!(of(&[("LANG", "pt-BR")]), "pt");
    assert_eq!(of(&[("LANG", "dev")]), "en");
}
