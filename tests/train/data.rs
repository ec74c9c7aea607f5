//! The data set on disk: what is written is read, what is damaged is named.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use alphaswap::face::{Landmarks, POINTS, Pose};
use alphaswap::train::data::write::{Files, add_captions, write_header};
use alphaswap::train::data::{Caption, Dataset, Features, Header, Item, PhotoSet, VERSION, item_file};
use alphaswap::train::lines;
use glam::Vec3;
use image::{GrayImage, Luma, Rgb, RgbImage};
use tempfile::TempDir;

const SIDE: u32 = 160;

fn item(id: &str) -> Item {
    Item {
        id: id.into(),
        set: "set".into(),
        photo: "Zoë/1.jpg".into(),
        person: "set/Zoë".into(),
        pose: Pose { yaw: -12.5, pitch: 0.1, roll: 1e-7 },
        expression: std::array::from_fn(|i| i as f32 / 3.0),
        crop_pixels: 200.3,
        presence: 0.99,
    }
}

/// A data set of one item.
fn data_set() -> (TempDir, Files) {
    let dir = tempfile::tempdir().unwrap();
    let set = PhotoSet { name: "set".into(), folder: PathBuf::from("photos"), licence: "CC0-1.0".into() };
    let header = Header { version: VERSION, crop: 128, encoders: vec!["faceres_224".into()], sets: vec![set] };
    let points = (0..POINTS).map(|i| Vec3::new(i as f32 / 7.0, 1.0, -0.5)).collect();
    let embeddings = HashMap::from([("faceres_224".to_string(), (0..1024).map(|i| i as f32 / 3.0).collect())]);
    let files = Files {
        canvas: RgbImage::from_fn(SIDE, SIDE, |x, y| Rgb([x as u8, y as u8, 7])),
        mask: GrayImage::from_fn(SIDE, SIDE, |x, _| Luma([if x > 80 { 255 } else { 0 }])),
        features: Features { points: Landmarks(points), embeddings },
    };
    write_header(dir.path(), &header).unwrap();
    lines::write(&dir.path().join("index.jsonl"), &[item("00aa"), item("00bb")]).unwrap();
    files.write(dir.path(), "00bb").unwrap();
    (dir, files)
}

#[test]
fn what_is_written_is_read() {
    let (dir, files) = data_set();
    let data = Dataset::open(dir.path()).unwrap();
    assert_eq!(data.items, [item("00aa"), item("00bb")]);
    let item = data.item("00bb").unwrap();
    assert!(data.canvas(item).unwrap() == files.canvas && data.mask(item).unwrap() == files.mask);
    let features = data.features(item).unwrap();
    assert_eq!((features.points, features.embeddings), (files.features.points, files.features.embeddings));
    assert!(data.item("00cc").is_none() && data.captions().unwrap().is_empty());
    // Nothing but these files, and another user may read them.
    let mut names: Vec<_> =
        fs::read_dir(dir.path().join("items/00")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["00bb.mask.png", "00bb.png", "00bb.safetensors"]);
}

#[test]
fn own_captions_win_over_those_that_come_later() {
    let (dir, _) = data_set();
    let caption = |id: &str, text: &str| Caption { id: id.into(), text: text.into() };
    add_captions(dir.path(), Vec::new()).unwrap();
    assert!(!dir.path().join("captions.jsonl").exists());
    add_captions(dir.path(), vec![caption("00bb", "mine")]).unwrap();
    add_captions(dir.path(), vec![caption("00bb", "theirs"), caption("00aa", "new")]).unwrap();
    let captions = Dataset::open(dir.path()).unwrap().captions().unwrap();
    assert_eq!((captions["00aa"].as_str(), captions["00bb"].as_str(), captions.len()), ("new", "mine", 2));
}

#[test]
fn damage_is_named() {
    let says = |error: alphaswap::Error, words: &[&str]| {
        let text = error.to_string();
        words.iter().for_each(|word| assert!(text.contains(word), "{text:?} does not say {word:?}"));
    };
    let (dir, _) = data_set();
    let path = |name: &str| dir.path().join(name);
    let data = Dataset::open(dir.path()).unwrap();
    says(data.canvas(&data.items[0]).unwrap_err(), &["00aa.png", "No such file"]);
    let features = item_file(dir.path(), "00bb", "safetensors");
    fs::write(&features, &fs::read(&features).unwrap()[..100]).unwrap();
    says(data.features(&data.items[1]).unwrap_err(), &["00bb.safetensors"]);
    fs::write(item_file(dir.path(), "00bb", "mask.png"), "no picture").unwrap();
    says(data.mask(&data.items[1]).unwrap_err(), &["00bb.mask.png"]);
    let index = fs::read_to_string(path("index.jsonl")).unwrap();
    fs::write(path("index.jsonl"), &index[..index.len() - 9]).unwrap();
    says(Dataset::open(dir.path()).unwrap_err(), &["index.jsonl:2"]);
    fs::write(path("index.jsonl"), "").unwrap();
    says(Dataset::open(dir.path()).unwrap_err(), &["index.jsonl", "skipped.jsonl"]);
    let header = fs::read_to_string(path("dataset.toml")).unwrap();
    fs::write(path("dataset.toml"), header.replace("version = 1", "version = 9")).unwrap();
    says(Dataset::open(dir.path()).unwrap_err(), &["dataset.toml", "version 9", "prepare anew"]);
    fs::write(path("dataset.toml"), format!("{header}\nlicense = 1")).unwrap();
    says(Dataset::open(dir.path()).unwrap_err(), &["dataset.toml", "license"]);
}
