//! The guide, step by step on generated shapes, and as a whole on a drawn face.

use alphaswap::align::canvas_side;
use alphaswap::face::{Landmarks, Pose};
use alphaswap::guide::distance::Distance;
use alphaswap::guide::raster::{Raster, UNCOVERED};
use alphaswap::guide::select::{View, choose};
use alphaswap::guide::window::Window;
use alphaswap::guide::{Options, Source, Stage, color, density, shape};
use alphaswap::identity::{Consent, Date, Identity, Texture};
use alphaswap::mask::HullMask;
use alphaswap::mesh::topology::{FACE_OVAL, INNER_LIPS, LEFT_EYE, RIGHT_EYE};
use alphaswap::mesh::{canonical, pose};
use alphaswap::tensor::largest_difference;
use glam::{EulerRot, Mat3, Vec2, Vec3};
use proptest::prelude::*;

const CROP: usize = 128;

/// The canonical head turned by `yaw` degrees, as it stands on the canvas of a crop of side `crop`.
fn head(yaw: f32, crop: usize) -> Landmarks {
    let rotation = Mat3::from_euler(EulerRot::YXZ, yaw.to_radians(), 0.0, 0.0);
    // About the template's size: 19 cm of face height over .82 of the crop.
    let scale = crop as f32 * 0.043;
    let centre = Vec3::new(1.0, 1.0, 0.0) * ((canvas_side(crop) - 1) as f32 / 2.0);
    let place = |p: &Vec3| rotation * *p * scale * Vec3::new(1.0, -1.0, -1.0) + centre;
    Landmarks(canonical().points.iter().map(place).collect())
}

/// A smooth picture whose colour depends on the place: channel `c` at `(x, y)`, 0 to 1, for a canvas of side `side`.
fn paint(side: usize, c: usize, x: f32, y: f32) -> f32 {
    let (u, v) = (x / side as f32, y / side as f32);
    let waves = (u * 23.0 + c as f32).sin() * (v * 17.0).cos();
    [0.62, 0.5, 0.42][c] + 0.08 * waves + 0.1 * (v - 0.5)
}

fn canvas(side: usize, tint: [f32; 3]) -> Vec<f32> {
    let pixel = |i: usize| {
        let (c, i) = (i / (side * side), i % (side * side));
        paint(side, c, (i % side) as f32, (i / side) as f32) + tint[c]
    };
    (0..3 * side * side).map(pixel).collect()
}

/// The drawn picture at twice the target's size, with the head at `yaw` on it.
fn texture(yaw: f32, tint: [f32; 3]) -> Texture {
    let side = canvas_side(2 * CROP);
    let planes = canvas(side, tint);
    let byte = |i: usize| (planes[i % 3 * side * side + i / 3] * 255.0).round() as u8;
    let points = head(yaw, 2 * CROP);
    let pose = pose(&points).pose;
    Texture { side, rgb: (0..3 * side * side).map(byte).collect(), points, pose }
}

fn identity(textures: Vec<Texture>) -> Source {
    let consent = Consent::new("a drawing", Date::constant(2025, 1, 1));
    Source::new(&Identity { name: "drawn".into(), consent, embeddings: vec![], textures })
}

/// Largest difference inside the mask's core.
fn inside(rgb: &[f32], mask: &[f32], expected: &[f32]) -> f32 {
    let pixels = mask.len();
    let core = (0..rgb.len()).filter(|i| mask[i % pixels] > 0.99);
    let (got, expected): (Vec<f32>, Vec<f32>) = core.map(|i| (rgb[i], expected[i])).unzip();
    assert!(!got.is_empty(), "the mask is empty");
    largest_difference(&got, &expected)
}

#[test]
fn a_face_on_itself_stays_as_it_is() {
    let target = canvas(canvas_side(CROP), [0.0; 3]);
    let mut stage = Stage::new(CROP);
    let guide = stage.run(&identity(vec![texture(0.0, [0.0; 3])]), &target, &head(0.0, CROP), CROP);
    assert!(guide.mask.iter().filter(|m| **m > 0.99).count() > 5000);
    assert!(inside(guide.rgb, guide.mask, &target) < 0.02);
}

#[test]
fn the_targets_colour_is_taken_over() {
    let target = canvas(canvas_side(CROP), [-0.2, -0.1, 0.05]);
    let source = identity(vec![texture(0.0, [0.0; 3])]);
    let mut stage = Stage::new(CROP);
    let guide = stage.run(&source, &target, &head(0.0, CROP), CROP);
    assert!(inside(guide.rgb, guide.mask, &target) < 0.05);
}

#[test]
fn beyond_the_mask_nothing_changes() {
    let target = canvas(canvas_side(CROP), [0.0; 3]);
    let mut stage = Stage::new(CROP);
    let source = identity(vec![texture(0.0, [-0.2, 0.2, 0.0])]);
    for yaw in [-50.0, 0.0, 20.0] {
        let guide = stage.run(&source, &target, &head(yaw, CROP), CROP);
        let pixels = guide.mask.len();
        let untouched = (0..target.len()).filter(|i| guide.mask[i % pixels] == 0.0);
        assert!(untouched.clone().count() > pixels / 2);
        assert!(untouched.into_iter().all(|i| guide.rgb[i].to_bits() == target[i].to_bits()));
        assert!(guide.rgb.iter().all(|v| (0.0..=1.0).contains(v)));
    }
}

#[test]
fn eyes_and_open_mouth_stay_the_targets() {
    let mut points = head(0.0, CROP);
    // Lower inner lip and chin drop by a sixteenth of the crop.
    for i in [14, 87, 178, 88, 95, 317, 402, 318, 324, 17, 84, 181, 314, 405, 152] {
        points.0[i].y += CROP as f32 / 16.0;
    }
    let side = canvas_side(CROP);
    let target = canvas(side, [0.0; 3]);
    let mut stage = Stage::new(CROP);
    let source = identity(vec![texture(0.0, [0.0; 3])]);
    let guide = stage.run(&source, &target, &points, CROP);
    for ring in [&INNER_LIPS[..], &LEFT_EYE, &RIGHT_EYE] {
        let sum: Vec2 = ring.iter().map(|&i| points.0[i as usize].truncate()).sum();
        let centre = (sum / ring.len() as f32).round();
        assert_eq!(guide.mask[centre.y as usize * side + centre.x as usize], 0.0);
    }
    stage.options = Options { eyes: 1.0, ..Options::default() };
    let eye = (points.0[159].truncate() + points.0[145].truncate()) / 2.0;
    let guide = stage.run(&source, &target, &points, CROP);
    assert!(guide.mask[eye.y.round() as usize * side + eye.x.round() as usize] > 0.5);
}

#[test]
fn a_mirrored_photo_on_a_mirrored_face_is_the_mirrored_guide() {
    let side = canvas_side(CROP);
    let target = canvas(side, [0.0; 3]);
    let flip = |v: &[f32]| -> Vec<f32> { v.chunks_exact(side).flat_map(|r| r.iter().rev().copied()).collect() };
    let source = identity(vec![texture(25.0, [0.1, 0.0, 0.0])]);
    let mut stage = Stage::new(CROP);
    let own = stage.run(&source, &target, &head(25.0, CROP), CROP).rgb.to_vec();
    // The face seen in a mirror turns the other way; the nearest view is then the mirrored photo.
    let image = stage.run(&source, &flip(&target), &head(-25.0, CROP), CROP);
    let worst = largest_difference(&flip(image.rgb), &own);
    assert!(worst < 0.01, "{worst}");
}

#[test]
fn meshes_off_the_canvas_and_broken_ones_do_no_harm() {
    let target = canvas(canvas_side(CROP), [0.0; 3]);
    let source = identity(vec![texture(0.0, [0.0; 3])]);
    let mut stage = Stage::new(CROP);
    for shift in [-1e4, -80.0, 70.0, 1e9, f32::NAN, f32::INFINITY] {
        let points = Landmarks(head(0.0, CROP).0.iter().map(|p| *p + Vec3::new(shift, 0.0, 0.0)).collect());
        let guide = stage.run(&source, &target, &points, CROP);
        assert!(guide.rgb.iter().all(|v| v.is_finite()), "shift {shift}");
    }
}

#[test]
fn shape_exchange_keeps_the_outline_and_is_nothing_between_equals() {
    let points = head(12.0, CROP);
    let fit = pose(&points);
    let same = shape::exchange(&points, &fit, &shape::smoothed(&fit.normalised), 1.0);
    assert!(points.0.iter().zip(&same.0).all(|(a, b)| a.distance(*b) < 1e-3));
    let wide = Landmarks(canonical().points.iter().map(|p| *p * Vec3::new(1.2, 1.0, 1.0)).collect());
    let moved = shape::exchange(&points, &fit, &shape::smoothed(&wide), 1.0);
    assert!(FACE_OVAL.iter().all(|&i| points.0[i as usize].distance(moved.0[i as usize]) < 1e-3));
    let cheek = |p: &Landmarks| p.0[50].x - p.0[280].x;
    assert!((cheek(&moved) / cheek(&points)).abs() > 1.05);
    assert_eq!(shape::exchange(&points, &fit, &shape::smoothed(&wide), 0.0), points);
}

#[test]
fn stretched_and_turned_over_areas_lose_confidence() {
    let own = density::areas(|i| head(0.0, CROP).0[i].truncate(), 160.0);
    let mut confidence = Vec::new();
    density::confidence(&own, &own, &mut confidence);
    assert!(confidence.iter().filter(|q| **q == 1.0).count() > 450);
    for factor in [0.2, -1.0] {
        let texture: Vec<f32> = own.iter().map(|a| a * factor).collect();
        density::confidence(&texture, &own, &mut confidence);
        assert!(confidence.iter().all(|q| *q < 0.05), "factor {factor}");
    }
}

#[test]
fn the_raster_interpolates_places() {
    let points = head(15.0, CROP);
    let window = Window::around(points.0.iter().map(|p| p.truncate()), canvas_side(CROP));
    let mut raster = Raster::new(window.len());
    raster.draw(&points, window);
    let covered = raster.texels.iter().enumerate().filter(|(_, t)| t.triangle != UNCOVERED);
    assert!(covered.clone().count() > window.len() / 2);
    for (i, texel) in covered {
        let [a, b, c] = canonical().triangles[texel.triangle as usize].map(|i| points.0[i as usize].truncate());
        let place = a + (b - a) * texel.weights[0] + (c - a) * texel.weights[1];
        let pixel = Vec2::new((i % window.width) as f32, (i / window.width) as f32) + window.origin();
        assert!(place.distance(pixel) < 1e-2);
    }
}

#[test]
fn the_near_cheek_hides_the_far_one() {
    let points = head(75.0, CROP);
    let window = Window::around(points.0.iter().map(|p| p.truncate()), canvas_side(CROP));
    let mut raster = Raster::new(window.len());
    raster.draw(&points, window);
    let depth = |t: u16| canonical().triangles[t as usize].iter().map(|&i| points.0[i as usize].z).sum::<f32>() / 3.0;
    // At each triangle's centroid stands a triangle that is at least as near.
    for (t, corners) in canonical().triangles.iter().enumerate() {
        let centre = corners.iter().map(|&i| points.0[i as usize].truncate()).sum::<Vec2>() / 3.0 - window.origin();
        let (x, y) = (centre.x.round() as usize, centre.y.round() as usize);
        let seen = raster.texels[y * window.width + x].triangle;
        let reach = 3.0;
        assert!(seen == UNCOVERED || depth(seen) <= depth(t as u16) + reach);
    }
}

#[test]
fn the_choice_of_photo_turns_smoothly() {
    let views = || [-35.0, 2.0, 35.0, -18.0].map(|yaw| View { yaw, mirrored: yaw == -18.0 }).into_iter();
    assert_eq!(choose(views(), 35.0), [(2, 1.0), (1, 0.0)]);
    assert_eq!(choose(views(), -45.0)[0], (0, 1.0));
    // A photo that is turned further than the face lacks its far side.
    assert_eq!(choose(views(), 21.0)[0].0, 1);
    assert_eq!(choose(views().take(1), 80.0)[0], (0, 1.0));
    let share = |photo: usize, yaw: f32| choose(views(), yaw).iter().filter(|c| c.0 == photo).map(|c| c.1).sum::<f32>();
    for step in -900..900 {
        let yaw = step as f32 / 10.0;
        let total: f32 = choose(views(), yaw).iter().map(|c| c.1).sum();
        assert!((total - 1.0).abs() < 1e-6);
        assert!((0..4).all(|p| (share(p, yaw) - share(p, yaw + 0.1)).abs() < 0.05), "jump at {yaw}");
    }
}

#[test]
fn photos_that_add_nothing_are_left_out() {
    let shown = |yaws: &[f32]| -> Vec<(usize, bool)> {
        let source = identity(yaws.iter().map(|&yaw| texture(yaw, [0.0; 3])).collect());
        source.candidates.iter().map(|c| (c.photo, c.view.mirrored)).collect()
    };
    assert_eq!(shown(&[2.0, -1.0, 30.0]), [(0, false), (2, false), (2, true)]);
    assert_eq!(shown(&[0.0, -28.0, 33.0]), [(0, false), (1, false), (2, false)]);
    assert_eq!(shown(&[20.0]), [(0, false), (0, true)]);
}

#[test]
fn the_hull_mask_is_soft_inside_and_zero_outside() {
    let side = canvas_side(CROP);
    let mut mask = HullMask::new(side);
    let points = head(0.0, CROP);
    let values = mask.run(&points, side, 6.0).to_vec();
    let at = |p: Vec3| values[p.y.round() as usize * side + p.x.round() as usize];
    assert!([1, 13, 159, 386].iter().all(|&i| at(points.0[i]) == 1.0));
    let (lo, hi) = points.bounds();
    let outside = |i: usize| {
        let (x, y) = ((i % side) as f32, (i / side) as f32);
        x < lo.x || y < lo.y || x > hi.x || y > hi.y
    };
    assert!((0..side * side).filter(|&i| outside(i)).all(|i| values[i] == 0.0));
    let close_up = Landmarks(points.0.iter().map(|p| *p * 3.0 - Vec3::splat(side as f32)).collect());
    let values = mask.run(&close_up, side, 6.0);
    let ring = |i: &usize| [i % side, i / side].iter().any(|&k| k == 0 || k == side - 1);
    assert!((0..side * side).filter(ring).all(|i| values[i] == 0.0));
    assert_eq!(values[side / 2 * side + side / 2], 1.0);
}

#[test]
fn texture_and_pose_of_the_drawing_agree() {
    let Pose { yaw, .. } = texture(25.0, [0.0; 3]).pose;
    assert!((yaw - 25.0).abs() < 0.1);
}

/// CIELAB in double precision, straight from the definitions.
fn lab(rgb: [f64; 3]) -> [f64; 3] {
    let linear = rgb.map(|v| if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) });
    let row = |r: [f64; 3], white: f64| (r[0] * linear[0] + r[1] * linear[1] + r[2] * linear[2]) / white;
    let f = |t: f64| if t > 216.0 / 24389.0 { t.cbrt() } else { t * 841.0 / 108.0 + 4.0 / 29.0 };
    let x = f(row([0.4124564, 0.3575761, 0.1804375], 0.95047));
    let y = f(row([0.2126729, 0.7151522, 0.0721750], 1.0));
    let z = f(row([0.0193339, 0.1191920, 0.9503041], 1.08883));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

proptest! {
    #[test]
    fn colours_become_lab_and_come_back(rgb in proptest::array::uniform3(0f32..=1.0)) {
        let [mut r, mut g, mut b] = rgb.map(|v| [v]);
        color::lab_from_rgb(&mut r, &mut g, &mut b);
        let expected = lab(rgb.map(f64::from));
        for (got, expected) in [r[0], g[0], b[0]].iter().zip(expected) {
            prop_assert!((f64::from(*got) - expected).abs() < 1e-2, "{got} instead of {expected}");
        }
        color::rgb_from_lab(&mut r, &mut g, &mut b);
        for (got, expected) in [r[0], g[0], b[0]].iter().zip(rgb) {
            prop_assert!((got - expected).abs() < 2e-4, "{got} instead of {expected}");
        }
    }

    #[test]
    fn distances_are_exact(
        (width, height, covered) in (1usize..24, 1usize..24).prop_flat_map(|(w, h)| {
            (Just(w), Just(h), proptest::collection::vec(proptest::bool::weighted(0.9), w * h))
        }),
    ) {
        let mut out = vec![f32::NAN; width * height];
        Distance::new(width * height, width).run(|i| covered[i], width, height, &mut out);
        // One ring of uncovered pixels around the picture.
        let free = |x: i64, y: i64| {
            let within = x >= 0 && y >= 0 && x < width as i64 && y < height as i64;
            !within || !covered[(y * width as i64 + x) as usize]
        };
        for (i, got) in out.iter().enumerate() {
            let (x, y) = ((i % width) as i64, (i / width) as i64);
            let squared = (-1..=width as i64).flat_map(|u| (-1..=height as i64).map(move |v| (u, v)));
            let nearest = squared.filter(|&(u, v)| free(u, v)).map(|(u, v)| (u - x).pow(2) + (v - y).pow(2)).min();
            prop_assert!((got - (nearest.unwrap() as f32).sqrt()).abs() < 1e-4);
        }
    }
}
