//! Sentences from landmarks and pixels.

use std::collections::HashSet;

use alphaswap::mesh;
use alphaswap::train::caption::{Measured, flip};
use image::imageops;

use super::*;
use crate::support;

/// A data set of that one photo.
fn one(canvas: &RgbImage, points: &Landmarks) -> (TempDir, Dataset) {
    let (dir, dataset) = data_set(&["a.png"]);
    write_photo(dir.path(), &id(0), canvas, points);
    (dir, dataset)
}

fn caption(canvas: &RgbImage, points: &Landmarks, seed: u64) -> String {
    let (_dir, dataset) = one(canvas, points);
    Measured { seed }.caption(first(&dataset), &go).unwrap()
}

/// What another person sees in a mirror.
fn mirrored(canvas: &RgbImage, points: &Landmarks) -> (RgbImage, Landmarks) {
    let last = canvas.width() as f32 - 1.0;
    let twin = |&i: &u16| {
        let p = points.0[usize::from(i)];
        Vec3::new(last - p.x, p.y, p.z)
    };
    (imageops::flip_horizontal(canvas), Landmarks(mesh::mirror().iter().map(twin).collect()))
}

/// Plain blue above, the face bright on the viewer's left.
fn lit_from_the_left() -> RgbImage {
    RgbImage::from_fn(SIDE as u32, SIDE as u32, |x, y| match (x as usize, y as usize) {
        (x, _) if !(8..SIDE - 8).contains(&x) => Rgb([60, 90, 190]),
        (x, _) if x < SIDE / 2 => Rgb([220, 180, 160]),
        _ => Rgb([110, 80, 70]),
    })
}

fn grey() -> RgbImage {
    RgbImage::from_pixel(SIDE as u32, SIDE as u32, Rgb([128; 3]))
}

#[test]
fn the_turn_of_the_head_is_told_as_the_viewer_sees_it() {
    for (yaw, words, never) in [
        (3.0, vec!["camera", "forward", "front"], vec!["left", "right", "profile"]),
        (16.0, vec!["slightly to the right", "a little to the right"], vec!["left", "profile"]),
        (-16.0, vec!["slightly to the left", "a little to the left"], vec!["right", "profile"]),
        (33.0, vec!["to the right"], vec!["left", "slightly to", "profile"]),
        (-60.0, vec!["profile"], vec!["right", "smil"]),
    ] {
        for seed in 0..5 {
            let text = caption(&grey(), &head(SIDE, yaw), seed);
            assert!(words.iter().any(|w| text.contains(w)), "{yaw}: {text}");
            assert!(!never.iter().any(|w| text.contains(w)), "{yaw}: {text}");
        }
    }
}

#[test]
fn an_open_mouth_light_and_background_are_told() {
    let mut points = head(SIDE, 0.0);
    let unit = points.0[33].distance(points.0[263]);
    for lip in [14, 17, 87, 178, 317, 402] {
        points.0[lip].y += 0.3 * unit;
    }
    let middle = (points.0[61] + points.0[291]) / 2.0;
    for corner in [61, 291] {
        points.0[corner] = middle + (points.0[corner] - middle) * 0.9;
    }
    for seed in 0..5 {
        let text = caption(&lit_from_the_left(), &points, seed);
        for words in ["open", "from the left", "blue"] {
            assert!(text.contains(words), "{text}");
        }
        assert!((1..=3).contains(&text.matches('.').count()) && text.ends_with('.'), "{text}");
    }
}

#[test]
fn closed_eyes_are_told() {
    let mut points = head(SIDE, 0.0);
    for (upper, lower) in [(159, 145), (158, 153), (160, 144), (386, 374), (385, 380), (387, 373)] {
        points.0[upper] = points.0[lower];
    }
    for seed in 0..5 {
        let (closed, open) = (caption(&grey(), &points, seed), caption(&grey(), &head(SIDE, 0.0), seed));
        assert!(closed.contains("eyes are closed") && !open.contains("eyes"), "{closed} {open}");
    }
}

#[test]
fn the_mirrored_photo_gets_the_mirrored_caption() {
    let texture = support::identity().textures[0].clone();
    let side = texture.side as u32;
    let kai = RgbImage::from_raw(side, side, texture.rgb).unwrap();
    let turned = [-50.0, -16.0, 30.0].map(|yaw| (lit_from_the_left(), head(SIDE, yaw)));
    for (canvas, points) in turned.into_iter().chain([(kai, texture.points)]) {
        let (mirrored_canvas, mirrored_points) = mirrored(&canvas, &points);
        for seed in 0..4 {
            let text = caption(&canvas, &points, seed);
            assert_eq!(caption(&mirrored_canvas, &mirrored_points, seed), flip(&text));
        }
    }
}

#[test]
fn words_differ_between_photos_and_never_between_runs() {
    let names: Vec<_> = (0..8).map(|i| format!("{i}.png")).collect();
    let (_dir, dataset) = data_set(&names.iter().map(String::as_str).collect::<Vec<_>>());
    run(&dataset, &Measured { seed: 3 });
    let texts = dataset.captions().unwrap();
    assert!(texts.values().collect::<HashSet<_>>().len() >= 5, "{texts:?}");
    let again = dataset.items.iter().map(|item| Measured { seed: 3 }.caption(Photo { dataset: &dataset, item }, &go));
    assert!(again.zip(&dataset.items).all(|(text, item)| text.unwrap() == texts[&item.id]));
    let other_seed = try_run(&dataset, &Measured { seed: 4 }, false).unwrap_err().to_string();
    assert!(other_seed.contains("`measured` (seed 3)"), "{other_seed}");
}

#[test]
fn a_photo_whose_files_are_damaged_is_passed_over() {
    let (dir, dataset) = data_set(&["a.png", "b.png"]);
    std::fs::write(item_file(dir.path(), &id(0), "png"), b"no picture").unwrap();
    let summary = run(&dataset, &Measured::default());
    assert_eq!((summary.progress.captioned, summary.progress.failed), (1, 1));
    assert!(summary.failed.keys().next().unwrap().contains(&id(0)));
}
