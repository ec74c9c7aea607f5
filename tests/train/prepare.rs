//! `prepare`: photos become a data set, whatever lies in the folders and whenever a run is stopped.

mod command;
mod filter;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use alphaswap::align::{TEMPLATE, canvas_side};
use alphaswap::models::Model;
use alphaswap::train::data::{Dataset, PhotoSet};
use alphaswap::train::prepare::filter::Filter;
use alphaswap::train::prepare::find::{People, photos};
use alphaswap::train::prepare::{Progress, Settings, Summary, prepare, sheet};
use image::{DynamicImage, GrayImage, Luma, RgbImage};
use tempfile::TempDir;

use crate::cli::media;
use crate::support;

const CROP: usize = 128;

/// The folder `name` of photos within `dir`.
fn set(dir: &TempDir, name: &str) -> PhotoSet {
    PhotoSet { name: name.into(), folder: dir.path().join(name), licence: "CC0-1.0".into() }
}

/// A small data set in `dir/out` of the sets `names`.
fn settings(dir: &TempDir, names: &[&str]) -> Settings {
    Settings {
        sets: names.iter().map(|name| set(dir, name)).collect(),
        output: dir.path().join("out"),
        crop: CROP,
        encoders: vec![Model::builtin("identity").unwrap()],
        people: People::Folders,
        filter: Some(Filter::default()),
        jobs: 1,
    }
}

/// Prepares all of it.
fn all(settings: &Settings) -> Summary {
    prepare(settings, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn refused(settings: &Settings, words: &[&str]) {
    let error = prepare(settings, &mut |_| ControlFlow::Continue(())).expect_err("refused").to_string();
    words.iter().for_each(|word| assert!(error.contains(word), "{error:?} does not say {word:?}"));
}

/// The path with its folders.
fn place(dir: &TempDir, path: &str) -> PathBuf {
    let path = dir.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

fn put(dir: &TempDir, path: &str, bytes: &[u8]) {
    fs::write(place(dir, path), bytes).unwrap();
}

fn kai() -> DynamicImage {
    image::open(media("kai.jpg")).unwrap()
}

/// Photos of two people, two of each, and some that cannot be used.
fn mixed() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let ada = image::open(media("ada.jpg")).unwrap();
    for (name, photo) in [("kai", kai()), ("ada", ada)] {
        fs::copy(media(&format!("{name}.jpg")), place(&dir, &format!("set/{name}/1.jpg"))).unwrap();
        photo.fliph().save(place(&dir, &format!("set/{name}/2.png"))).unwrap();
    }
    fs::copy(media("kai.jpg"), place(&dir, "set/kai/again.jpg")).unwrap();
    put(&dir, "set/kai/broken.jpg", b"no picture");
    let mut dark = kai().into_rgb8();
    dark.iter_mut().for_each(|code| *code /= 12);
    dark.save(place(&dir, "set/kai/dark.png")).unwrap();
    kai().thumbnail(64, 64).save(place(&dir, "set/kai/small.png")).unwrap();
    RgbImage::from_fn(300, 200, |x, y| image::Rgb([x as u8, y as u8, 128])).save(place(&dir, "set/wall.png")).unwrap();
    dir
}

#[test]
fn layouts_name_people() {
    let dir = tempfile::tempdir().unwrap();
    for path in [
        "faces/male_009.jpg",
        "faces/P001/a.JPG",
        "faces/P001/b.webp",
        "faces/P002/a.png",
        "faces/P002/notes.txt",
        "faces/.hidden.jpg",
        "faces/.ipynb_checkpoints/c.jpg",
        "faces/checkpoints/c.jpg",
        "faces/old/dataset.toml",
        "faces/old/items/ab/ab.png",
        "triplets/img/000002.png",
        "triplets/img/000003.png",
        "triplets/mask/000002.png",
        "triplets/txt/000002.txt",
        "triplets/txt/000003.txt",
    ] {
        put(&dir, path, b"");
    }
    let found = |name: &str, people| {
        let found = photos(&set(&dir, name), people).unwrap();
        found.into_iter().map(|p| (p.photo, p.person, p.mask, p.caption)).collect::<Vec<_>>()
    };
    let alone = |photo: &str, person: &str| (photo.to_string(), person.to_string(), None, None);
    let folders = [
        alone("P001/a.JPG", "faces/P001"),
        alone("P001/b.webp", "faces/P001"),
        alone("P002/a.png", "faces/P002"),
        alone("male_009.jpg", "faces/male_009"),
    ];
    assert_eq!(found("faces", People::Folders), folders);
    assert_eq!(found("faces", People::Photos)[1], alone("P001/b.webp", "faces/P001/b"));
    let path = |path: &str| Some(dir.path().join("triplets").join(path));
    let triplets = [
        ("img/000002.png".into(), "triplets/000002".into(), path("mask/000002.png"), path("txt/000002.txt")),
        ("img/000003.png".into(), "triplets/000003".into(), None, path("txt/000003.txt")),
    ];
    assert_eq!(found("triplets", People::Folders), triplets);
}

#[test]
fn a_photo_becomes_an_item() {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(media("kai.jpg"), place(&dir, "kai/1.jpg")).unwrap();
    all(&settings(&dir, &["kai"]));
    let data = Dataset::open(&dir.path().join("out")).unwrap();
    let [item] = &data.items[..] else { panic!("{:?}", data.items) };
    assert_eq!((item.photo.as_str(), item.person.as_str(), item.id.len()), ("1.jpg", "kai/1", 16));
    assert_eq!(data.header.encoders, ["faceres_224"]);
    // Enrolling sees the same.
    let (identity, features) = (support::identity(), data.features(item).unwrap());
    assert_eq!(features.embeddings["faceres_224"], identity.embeddings[0].values);
    let pose = identity.textures[0].pose;
    assert!((item.pose.yaw - pose.yaw).abs() < 0.1 && (item.pose.pitch - pose.pitch).abs() < 0.1, "{:?}", item.pose);
    // The mesh lies on the template, as far as a face that is not the template can.
    let side = canvas_side(CROP);
    for (point, template) in features.points.five().iter().zip(TEMPLATE) {
        let expected = template * CROP as f32 + CROP as f32 / 8.0;
        assert!(point.distance(expected) < 0.05 * CROP as f32, "{point}, expected {expected}");
    }
    // The picture is the one that enrolling makes, at another size.
    let (canvas, mask) = (data.canvas(item).unwrap(), data.mask(item).unwrap());
    assert_eq!((canvas.dimensions(), mask.dimensions()), ((side as u32, side as u32), (side as u32, side as u32)));
    let texture = &identity.textures[0];
    let texture = RgbImage::from_raw(texture.side as u32, texture.side as u32, texture.rgb.clone()).unwrap();
    let texture = image::imageops::resize(&texture, side as u32, side as u32, image::imageops::FilterType::Triangle);
    let difference: u64 = canvas.iter().zip(texture.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    assert!(difference < 4 * canvas.len() as u64, "{difference}");
    // Face in the middle, none in the corners.
    let is_face = |i: usize| mask.get_pixel(features.points.0[i].x as u32, features.points.0[i].y as u32).0[0] == 255;
    assert!([1, 50, 280, 13, 159, 386, 105].into_iter().all(is_face));
    let edge = (0..side as u32).flat_map(|i| [(i, 0), (0, i), (side as u32 - 1, i), (i, side as u32 - 1)]);
    assert!(edge.into_iter().all(|(x, y)| mask.get_pixel(x, y).0[0] == 0));
}

#[test]
fn what_is_skipped_says_why() {
    let dir = mixed();
    let summary = all(&settings(&dir, &["set"]));
    let taken: Vec<_> = summary.items.iter().map(|i| i.person.as_str()).collect();
    assert_eq!((taken.len(), summary.people(), summary.left), (4, 2, 0));
    let reasons: Vec<_> =
        summary.skipped.iter().map(|s| (s.photo.as_str(), s.reason.split([':', '(']).next().unwrap())).collect();
    let expected = [
        ("kai/again.jpg", "same file"),
        ("kai/broken.jpg", "unreadable"),
        ("kai/dark.png", "too dark"),
        ("kai/small.png", "too small"),
        ("wall.png", "no face"),
    ];
    assert_eq!(reasons, expected);
    assert!(summary.skipped[0].reason.ends_with("as set/kai/1.jpg"), "{}", summary.skipped[0].reason);
    // Whoever wants them gets what has a face.
    fs::remove_dir_all(dir.path().join("out")).unwrap();
    let taken = all(&Settings { filter: None, ..settings(&dir, &["set"]) }).items;
    assert!(taken.iter().any(|i| i.photo == "kai/small.png") && taken.iter().all(|i| i.photo != "wall.png"));
}

/// A disk that is not there, links in a circle, and one that goes back up: what can be read is taken, and the next run
/// looks at the rest again.
#[cfg(unix)]
#[test]
fn links_that_lead_nowhere_stop_nothing() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    fs::copy(media("kai.jpg"), place(&dir, "set/kai/1.jpg")).unwrap();
    fs::copy(media("ada.jpg"), place(&dir, "elsewhere/1.jpg")).unwrap();
    symlink("../elsewhere", place(&dir, "set/ada")).unwrap();
    symlink("../../later.jpg", place(&dir, "set/kai/gone.jpg")).unwrap();
    symlink("..", place(&dir, "set/kai/up")).unwrap();
    symlink("circle", place(&dir, "set/circle")).unwrap();
    let taken_and_skipped = || {
        let summary = all(&settings(&dir, &["set"]));
        let mut taken: Vec<_> = summary.items.into_iter().map(|item| item.photo).collect();
        taken.sort();
        assert!(summary.skipped.iter().all(|s| s.reason.starts_with("unreadable: ")), "{:?}", summary.skipped);
        let skipped: Vec<_> = summary.skipped.into_iter().map(|skipped| skipped.photo).collect();
        [taken.join(" "), skipped.join(" ")]
    };
    assert_eq!(taken_and_skipped(), ["ada/1.jpg kai/1.jpg", "circle kai/gone.jpg kai/up"]);
    kai().fliph().save(dir.path().join("later.jpg")).unwrap();
    assert_eq!(taken_and_skipped(), ["ada/1.jpg kai/1.jpg kai/gone.jpg", "circle kai/up"]);
}

/// All files of the data set, by their path within it, but for the lock, and the journal, which is in the order of work.
fn contents(out: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = walkdir::WalkDir::new(out).sort_by_file_name().into_iter().map(Result::unwrap);
    let files =
        entries.filter(|e| e.file_type().is_file() && e.file_name() != "journal.jsonl" && e.file_name() != ".lock");
    files.map(|e| (e.path().strip_prefix(out).unwrap().into(), fs::read(e.path()).unwrap())).collect()
}

#[test]
fn stops_and_threads_change_nothing() {
    let dir = mixed();
    let once = settings(&dir, &["set"]);
    all(&once);
    let expected = contents(&once.output);
    assert_eq!(expected.len(), 3 + 4 * 3);
    let parts = Settings { output: dir.path().join("parts"), jobs: 2, ..once };
    let mut left = usize::MAX;
    while left > 0 {
        let stop = |p: Progress| if p.hashing { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        let now = prepare(&parts, &mut { stop }).unwrap().left;
        assert!(now < left);
        left = now;
        // The power fails while a line is written.
        let journal = parts.output.join("journal.jsonl");
        let text = fs::read_to_string(&journal).unwrap();
        fs::write(&journal, text + r#"{"done":{"id":"ab"#).unwrap();
    }
    assert!(contents(&parts.output) == expected);
    // When all is done, nothing is done again.
    let journal = fs::read(parts.output.join("journal.jsonl")).unwrap();
    let mut looked = 0;
    let watch = &mut |p: Progress| {
        looked += usize::from(!p.hashing);
        ControlFlow::Continue(())
    };
    prepare(&parts, watch).unwrap();
    assert_eq!(looked, 0);
    assert!(
        contents(&parts.output) == expected
            && journal.starts_with(&fs::read(parts.output.join("journal.jsonl")).unwrap())
    );
}

#[test]
fn masks_and_captions_that_came_with_the_photos_are_used() {
    let dir = tempfile::tempdir().unwrap();
    kai().save(place(&dir, "af/img/7.png")).unwrap();
    kai().fliph().save(place(&dir, "af/img/8.png")).unwrap();
    // Half the photo's size, white in the left half.
    GrayImage::from_fn(256, 256, |x, _| Luma([if x < 128 { 255 } else { 0 }]))
        .save(place(&dir, "af/mask/7.png"))
        .unwrap();
    put(&dir, "af/mask/8.png", b"damaged");
    put(&dir, "af/txt/7.txt", b"\n  A man looks up.  \nSecond line.\n");
    let summary = all(&settings(&dir, &["af"]));
    let data = Dataset::open(&dir.path().join("out")).unwrap();
    let [item] = &data.items[..] else { panic!("{:?}", data.items) };
    assert_eq!(data.captions().unwrap()[&item.id], "A man looks up.");
    assert!(summary.skipped[0].reason.starts_with("mask unreadable"), "{:?}", summary.skipped);
    // Where the photo's middle column lies on the canvas, white ends: the photo is found there again.
    let (canvas, mask) = (data.canvas(item).unwrap(), data.mask(item).unwrap());
    let side = canvas.width();
    let (inside, half) = (mask.get_pixel(2, side / 2).0[0], mask.pixels().filter(|p| p.0[0] == 255).count());
    assert_eq!(inside, 255);
    let share = half as f32 / (side * side) as f32;
    assert!((0.3..0.7).contains(&share), "{share}");
}

#[test]
fn a_data_set_is_gone_on_with_by_the_same_rules_only() {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(media("kai.jpg"), place(&dir, "kai/1.jpg")).unwrap();
    fs::copy(media("ada.jpg"), place(&dir, "ada/1.jpg")).unwrap();
    let first = settings(&dir, &["kai"]);
    let unsaid = |mut settings: Settings| {
        settings.sets.iter_mut().for_each(|set| set.licence = " ".into());
        settings
    };
    refused(&unsaid(first.clone()), &["set kai", "licence"]);
    all(&first);
    // The data set knows the licence now.
    assert_eq!(all(&unsaid(first.clone())).items.len(), 1);
    refused(&Settings { crop: 256, ..first.clone() }, &["out", "128", "256", "another folder"]);
    refused(&Settings { filter: None, ..first.clone() }, &["out", "filter"]);
    let mut encoder = Model::builtin("identity").unwrap();
    encoder.sha256 = "ab".repeat(32);
    refused(&Settings { encoders: vec![encoder], ..first.clone() }, &["out", "encoders"]);
    let other = PhotoSet { folder: dir.path().join("ada"), ..set(&dir, "kai") };
    refused(&Settings { sets: vec![other.clone()], ..first.clone() }, &["set kai", "NAME="]);
    refused(&Settings { sets: vec![set(&dir, "kai"), other], ..first.clone() }, &["two sets", "NAME="]);
    let other = PhotoSet { licence: "MIT".into(), ..set(&dir, "kai") };
    refused(&Settings { sets: vec![other], ..first.clone() }, &["set kai", "CC0-1.0"]);
    // Another set joins.
    let summary = all(&settings(&dir, &["ada"]));
    assert_eq!(summary.items.iter().map(|i| i.set.as_str()).collect::<std::collections::BTreeSet<_>>().len(), 2);
    assert_eq!(Dataset::open(&first.output).unwrap().header.sets.len(), 2);
}

#[test]
fn bad_input_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    put(&dir, "empty/notes.txt", b"");
    refused(&settings(&dir, &["empty"]), &["empty", "no photo", ".jpg"]);
    refused(&settings(&dir, &["absent"]), &["absent", "No such file"]);
    fs::copy(media("kai.jpg"), place(&dir, "kai/1.jpg")).unwrap();
    refused(&Settings { crop: 100, ..settings(&dir, &["kai"]) }, &["crop 100", "multiple of 8"]);
    refused(&Settings { crop: 4096, ..settings(&dir, &["kai"]) }, &["crop 4096", "1024"]);
    let into = Settings { output: dir.path().join("kai"), ..settings(&dir, &["kai"]) };
    refused(&into, &["kai", "not empty", "new folder"]);
    let damaged = settings(&dir, &["kai"]);
    all(&damaged);
    let journal = damaged.output.join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.replacen("done", "dune", 1)).unwrap();
    refused(&damaged, &["journal.jsonl:2", "damaged"]);
}

#[test]
fn the_sheet_shows_what_was_taken_and_what_was_not() {
    let dir = mixed();
    let settings = settings(&dir, &["set"]);
    let summary = all(&settings);
    let sheet = sheet::draw(&settings.output, &summary).unwrap();
    let row = sheet.height() / 2;
    let tile = |x: u32, y: u32| image::imageops::crop_imm(&sheet, x * 160, y * row, 160, row).to_image();
    let is_seen = |x: u32, y: u32| tile(x, y).pixels().any(|p| p.0 != [0; 3]);
    assert_eq!((0..12).map(|x| is_seen(x, 0)).filter(|seen| *seen).count(), 4);
    assert_eq!((0..12).map(|x| is_seen(x, 1)).filter(|seen| *seen).count(), 5);
    let dots = tile(0, 0).pixels().filter(|p| p.0 == [80, 255, 120]).count();
    assert!((200..=468).contains(&dots), "{dots}");
}
