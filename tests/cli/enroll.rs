//! `alphaswap enroll`.

mod mistakes;

use alphaswap::identity::Identity;
use alphaswap::models::{Card, CardPort, Model};
use alphaswap::nets::{ArcfaceConfig, GeneratorConfig};
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use super::*;
use crate::models::weights_file;

/// Runs `enroll` on a picture in a fresh folder; returns the command and the folder.
fn enroll(picture: &RgbImage) -> (Command, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    picture.save(dir.path().join("photo.png")).unwrap();
    let mut command = alphaswap();
    command.current_dir(dir.path()).args(["enroll", "photo.png", "-o", "me.alphaface"]).args(CONSENT);
    (command, dir)
}

fn portrait() -> RgbImage {
    image::open(media("kai.jpg")).unwrap().into_rgb8()
}

/// Two portraits side by side, the second one half as large.
fn couple() -> RgbImage {
    let one = portrait();
    let (w, h) = one.dimensions();
    let small = imageops::resize(&one, w / 2, h / 2, FilterType::Triangle);
    let mut both = RgbImage::from_pixel(w * 2, h, Rgb([90; 3]));
    imageops::replace(&mut both, &one, 0, 0);
    imageops::replace(&mut both, &small, i64::from(w), 0);
    both
}

#[test]
fn a_portrait_becomes_an_identity() {
    let identity = Identity::open(identity()).unwrap();
    assert_eq!((identity.name.as_str(), identity.consent.text.as_str()), ("Kai", CONSENT[3]));
    assert!(identity.consent.date >= alphaswap::identity::Date::constant(2026, 11, 1));
    let [embedding] = identity.embeddings.as_slice() else { panic!("{} embeddings", identity.embeddings.len()) };
    assert_eq!((embedding.encoder.as_str(), embedding.values.len()), ("faceres_224", 1024));
    let texture = &identity.textures[0];
    assert!(texture.pose.yaw.abs() < 25.0 && (160..=640).contains(&texture.side), "{:?}", texture.pose);
    // The mesh stands on the template: the eyes' middle in the canvas' upper half, left and right of the middle.
    let [left, right, ..] = texture.points.five().map(|p| p / texture.side as f32);
    assert!((left.x - 0.389).abs() < 0.03 && (right.x - 0.609).abs() < 0.03, "{left} {right}");
    assert!((left.y - 0.423).abs() < 0.03 && (right.y - 0.423).abs() < 0.03, "{left} {right}");
}

#[test]
fn the_turn_of_each_photo_is_told() {
    let (mut command, dir) = enroll(&portrait());
    command.assert().success().stderr(predicate::str::contains("photo.png: ").and(predicate::str::contains("face of")));
    assert_eq!(listing(dir.path()), ["me.alphaface", "photo.png"]);
}

/// A small ArcFace called `name`, whose embedding is `fc.bias` whatever it sees, as `file` in `dir`.
fn write_encoder(dir: &TempDir, file: &str, name: &str) {
    let config = ArcfaceConfig { blocks: [1; 4], widths: [4; 4], side: 112, embedding: 512 };
    let bytes = weights_file(&config.spec().unwrap(), |t| t.get_mut("fc.bias").unwrap().1.fill(2.0));
    let port = |name: &str, shape: &[usize]| CardPort { name: name.into(), shape: shape.into(), values: "".into() };
    let card = Card {
        name: name.into(),
        network: "arcface".into(),
        about: "nobody's".into(),
        licence: "none".into(),
        sha256: None,
        source: None,
        input: vec![port("input", &[1, 3, 112, 112])],
        output: vec![port("embedding", &[1, 512])],
        generator: None,
        arcface: Some(config),
        training: None,
    };
    let path = dir.path().join(file);
    std::fs::write(&path, bytes).unwrap();
    std::fs::write(path.with_extension("toml"), toml::to_string(&card).unwrap()).unwrap();
}

#[test]
fn another_encoder_adds_its_embeddings() {
    let (mut command, dir) = enroll(&portrait());
    write_encoder(&dir, "one.safetensors", "arcface_w600k_r50");
    write_encoder(&dir, "two.safetensors", "other");
    command.args(["--encoder", "one.safetensors", "--encoder", "two.safetensors"]);
    command.assert().success().stderr(predicate::str::contains("encoders: faceres_224, arcface_w600k_r50, other"));
    let identity = Identity::open(dir.path().join("me.alphaface")).unwrap();
    assert_eq!(identity.embeddings.len(), 5);
    for config in [GeneratorConfig::inswapper_128(), GeneratorConfig::alphaface_256()] {
        assert_eq!(identity.embedding(&config.identity).unwrap(), [2.0; 512]);
    }
    let sha256 = Model::open(&dir.path().join("one.safetensors")).unwrap().sha256;
    assert_eq!(identity.embeddings[1].sha256, Some(sha256));
}

#[test]
fn what_is_no_encoder_is_refused() {
    let (_, dir) = enroll(&portrait());
    write_encoder(&dir, "mine.safetensors", "mine");
    write_encoder(&dir, "cut.safetensors", "mine");
    let cut = std::fs::read(dir.path().join("cut.safetensors")).unwrap();
    std::fs::write(dir.path().join("cut.safetensors"), &cut[..cut.len() / 2]).unwrap();
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/models");
    let (generator, faceres) = (format!("{models}/generator.safetensors"), format!("{models}/identity.safetensors"));
    std::fs::write(dir.path().join("arcface.onnx"), "no model of ours").unwrap();
    let cases: [(&[&str], &[&str]); 6] = [
        (&[&generator], &["generator.safetensors", "no identity encoder", "\"alphaface\""]),
        (&[&faceres], &["identity.safetensors", "an encoder called faceres_224 already"]),
        (&["mine.safetensors", "mine.safetensors"], &["an encoder called mine already"]),
        (&["cut.safetensors"], &["cut.safetensors", "truncated"]),
        (&["photo.png"], &["photo.png", "photo.toml", "models/README.md"]),
        (&["arcface.onnx"], &["arcface.toml", "alphaswap-train import"]),
    ];
    for (files, words) in cases {
        let mut command = alphaswap();
        command.current_dir(dir.path()).args(["enroll", "photo.png", "-o", "me.alphaface"]).args(CONSENT);
        command.args(files.iter().flat_map(|file| ["--encoder", file]));
        fails(&mut command, words);
        assert!(!dir.path().join("me.alphaface").exists());
    }
}

#[test]
fn a_cause_is_said_once() {
    let (mut command, _dir) = enroll(&portrait());
    let assert = command.args(["--encoder", "no.safetensors"]).assert().code(1);
    assert.stderr(predicate::str::contains("os error").count(1));
}

#[test]
fn several_photos_are_averaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("both.alphaface");
    let mirrored = dir.path().join("mirrored.png");
    imageops::flip_horizontal(&portrait()).save(&mirrored).unwrap();
    let photos = [media("kai.jpg"), mirrored];
    alphaswap().arg("enroll").args(&photos).arg("-o").arg(&path).args(CONSENT).assert().success();
    let both = Identity::open(&path).unwrap();
    let kai = Identity::open(identity()).unwrap();
    assert_eq!(both.textures.len(), 2);
    assert!(both.textures[0].pose.yaw <= both.textures[1].pose.yaw);
    assert!(both.embeddings != kai.embeddings);
}

#[test]
fn photos_of_two_people_are_refused() {
    let (mut command, dir) = enroll(&portrait());
    fails(command.arg(media("ada.jpg")), &["photo.png", "ada.jpg", "another person", "--face N"]);
    assert_eq!(listing(dir.path()), ["photo.png"]);
}

/// However the camera was held, the identity is the same.
#[test]
fn a_photo_in_another_position_is_turned() {
    let (upright, good) = (Identity::open(identity()).unwrap(), portrait());
    let positions =
        [("90", imageops::rotate90(&good)), ("180", imageops::rotate180(&good)), ("270", imageops::rotate270(&good))];
    for (turn, picture) in positions {
        let (mut command, dir) = enroll(&picture);
        command.assert().success().stderr(predicate::str::contains("degrees to stand upright"));
        let turned = Identity::open(dir.path().join("me.alphaface")).unwrap();
        let (a, b) = (&upright.embeddings[0].values, &turned.embeddings[0].values);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
        assert!(cosine > 0.98, "turned by {turn}: {cosine}");
    }
}

#[test]
fn a_photo_is_not_overwritten_by_its_identity() {
    let dir = tempfile::tempdir().unwrap();
    let photo = dir.path().join("photo.jpg");
    std::fs::copy(media("kai.jpg"), &photo).unwrap();
    let mut command = alphaswap();
    command.current_dir(dir.path()).args(["enroll", "photo.jpg", "-o", "./photo.jpg", "--overwrite"]).args(CONSENT);
    fails(&mut command, &["photo.jpg", "input and output at once"]);
    assert_eq!(std::fs::read(photo).unwrap(), std::fs::read(media("kai.jpg")).unwrap());
}

#[test]
fn a_photo_larger_than_any_frame_is_shrunk() {
    let mut wide = RgbImage::from_pixel(8400, 2500, Rgb([90; 3]));
    let portrait = imageops::resize(&portrait(), 2500, 2500, FilterType::Triangle);
    imageops::replace(&mut wide, &portrait, 3000, 0);
    let (mut command, dir) = enroll(&wide);
    command.assert().success();
    let [wide, usual] = [dir.path().join("me.alphaface").as_path(), identity()].map(|p| Identity::open(p).unwrap());
    let (a, b) = (wide.textures[0].points.five(), usual.textures[0].points.five());
    let sides = [&wide, &usual].map(|i| i.textures[0].side as f32);
    let off = a.iter().zip(b).map(|(a, b)| (*a / sides[0]).distance(b / sides[1])).fold(0.0, f32::max);
    assert!(off < 0.02, "the mesh is off by {off} of the canvas");
}

#[test]
fn a_picture_without_a_face_is_refused() {
    let (mut command, dir) = enroll(&RgbImage::from_pixel(400, 300, Rgb([120, 130, 140])));
    fails(&mut command, &["photo.png", "no face found"]);
    assert_eq!(listing(dir.path()), ["photo.png"]);
}

#[test]
fn one_of_several_faces_must_be_picked() {
    let (mut command, dir) = enroll(&couple());
    fails(&mut command, &["2 faces found", "--face N", "1 at (", "2 at ("]);
    assert_eq!(listing(dir.path()), ["photo.png"]);
    fails(command.args(["--face", "3"]), &["there is no face 3"]);
}

#[test]
fn a_picked_face_is_taken() {
    let (mut command, dir) = enroll(&couple());
    command.args(["--face", "2"]).assert().success();
    let [small, large] = [dir.path().join("me.alphaface").as_path(), identity()].map(|p| Identity::open(p).unwrap());
    assert!(small.textures[0].side < large.textures[0].side, "the larger face was taken");
}

#[test]
fn poor_photos_are_refused_with_the_reason() {
    let good = portrait();
    let (w, h) = good.dimensions();
    let mut dark = good.clone();
    dark.iter_mut().for_each(|v| *v /= 8);
    let poor = [
        ("too small", imageops::resize(&good, w / 6, h / 6, FilterType::Triangle)),
        ("blurred", imageops::blur(&good, w as f32 / 64.0)),
        ("too dark", dark),
    ];
    for (reason, picture) in poor {
        let (mut command, dir) = enroll(&picture);
        fails(&mut command, &["photo.png", reason]);
        assert_eq!(listing(dir.path()), ["photo.png"]);
    }
}

#[test]
fn other_files_are_no_photos() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("scan.tiff"), b"II*\0and so on").unwrap();
    std::fs::write(dir.path().join("notes.txt"), "not a photo at all").unwrap();
    std::fs::write(dir.path().join("cut.jpg"), &std::fs::read(media("kai.jpg")).unwrap()[..300]).unwrap();
    for (name, word) in [
        ("notes.txt", "neither a video nor a picture"),
        ("cut.jpg", "cut.jpg"),
        ("no.jpg", "no.jpg"),
        (".", "folder"),
        ("scan.tiff", "JPEG, PNG and WebP"),
    ] {
        let mut command = alphaswap();
        command.current_dir(dir.path()).args(["enroll", name, "-o", "me.alphaface"]).args(CONSENT);
        fails(&mut command, &[word]);
    }
    assert_eq!(listing(dir.path()), ["cut.jpg", "notes.txt", "scan.tiff"]);
}

#[test]
fn an_existing_identity_is_not_overwritten_by_accident() {
    let (mut command, dir) = enroll(&portrait());
    std::fs::write(dir.path().join("me.alphaface"), "precious").unwrap();
    fails(&mut command, &["me.alphaface", "--overwrite"]);
    command.arg("--overwrite").assert().success();
    Identity::open(dir.path().join("me.alphaface")).unwrap();
}

/// A video that shows one portrait after the other, each for some frames of 200 ms.
fn slides(portraits: [(&str, usize); 2]) -> (Command, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let shown = portraits.iter().flat_map(|&(name, frames)| std::iter::repeat_n(media(name), frames));
    shown.enumerate().for_each(|(i, portrait)| {
        std::fs::copy(portrait, dir.path().join(format!("{i}.jpg"))).unwrap();
    });
    let (from, to) = (dir.path().join("%d.jpg"), dir.path().join("in.mp4"));
    swap::play(&format!(
        "multifilesrc location={} caps=image/jpeg,framerate=5/1 ! jpegdec ! videoconvert ! x264enc ! mp4mux ! \
         filesink location={}",
        from.display(),
        to.display()
    ));
    let mut command = alphaswap();
    command.current_dir(dir.path()).args(["enroll", "in.mp4", "-o", "me.alphaface"]).args(CONSENT);
    (command, dir)
}

#[test]
fn a_video_gives_views_of_one_person() {
    let (mut command, dir) = slides([("ada.jpg", 2), ("kai.jpg", 12)]);
    command.assert().success().stderr(predicate::str::contains("2 look(s) at somebody else"));
    let [seen, kai] = [dir.path().join("me.alphaface").as_path(), identity()].map(|p| Identity::open(p).unwrap());
    let distance = |(a, b): (&f32, &f32)| (a - b).abs();
    let off: f32 = seen.embeddings[0].values.iter().zip(&kai.embeddings[0].values).map(distance).sum();
    assert!(off < 0.2 * kai.embeddings[0].values.iter().sum::<f32>(), "{off}");
}

#[test]
fn a_video_of_two_people_is_refused() {
    let (mut command, dir) = slides([("ada.jpg", 8), ("kai.jpg", 8)]);
    fails(&mut command, &["in.mp4", "several people", "8 of 16 looks"]);
    assert!(!dir.path().join("me.alphaface").exists());
}
