//! Which photos and pairs an evaluation takes.

use std::fs::{self, File};

use alphaswap::train::data::{Dataset, Header, Item};
use alphaswap::train::eval::{Cast, Judge};
use image::codecs::png::PngEncoder;
use image::{ImageEncoder, Rgb, RgbImage, imageops};

use super::*;
use crate::train::pseudo::photos::{item, portraits};

/// A data set of which only the index is known: set `faces` with photos, their people and yaws.
fn index(photos: &[(&str, &str, f32)]) -> Dataset {
    let header = Header { version: 1, crop: 64, encoders: Vec::new(), sets: Vec::new() };
    let shown = |(i, (photo, person, yaw)): (usize, &(&str, &str, f32))| Item {
        set: "faces".into(),
        photo: (*photo).into(),
        ..item(person, i, *yaw, 0.0)
    };
    Dataset { folder: "data".into(), header, items: photos.iter().enumerate().map(shown).collect() }
}

#[test]
fn people_of_a_data_set_give_a_source_each_and_all_targets() {
    let data = index(&[
        ("B/2.small.jpg", "faces/B", -4.0),
        ("A/3.png", "faces/A", 25.0),
        ("alone.webp", "faces/alone", 40.0),
        ("A/2.png", "faces/A", 12.0),
        ("C/1.png", "faces/C", 0.0),
        ("A/1.png", "faces/A", -30.0),
        ("B/1.jpg", "faces/B", 5.0),
    ]);
    let photo = |i: usize, name: &str| {
        let item = &data.items[i];
        Photo { name: name.into(), person: item.person.clone(), path: data.file(item, "png") }
    };
    let patterns = ["faces/[AB]", "faces/al*"].map(String::from);
    let (sources, targets) = photos::of_people(&data, &patterns).unwrap();
    // Of A the second: 12 degrees to one side are less than 30 to the other.
    assert_eq!(sources, [photo(3, "faces-A-2"), photo(0, "faces-B-2.small"), photo(2, "faces-alone")]);
    let of_a = [photo(5, "faces-A-1"), photo(3, "faces-A-2"), photo(1, "faces-A-3")];
    let others = [photo(6, "faces-B-1"), photo(0, "faces-B-2.small"), photo(2, "faces-alone")];
    assert_eq!(targets, [of_a, others].concat());
    let error = photos::of_people(&data, &["faces/A", "faces/Z*"].map(String::from)).unwrap_err().to_string();
    assert!(error.contains("faces/Z*") && error.contains("names nobody"), "{error}");
}

/// The demo's portraits, passed off as people of other names.
fn cast(sources: &[(&str, &str)], targets: &[(&str, &str)]) -> Cast {
    let photos = |people: &[(&str, &str)]| -> Vec<Photo> {
        let photo = |(person, file): &(&str, &str)| Photo { person: (*person).into(), ..Photo::new(&media(file)) };
        people.iter().map(photo).collect()
    };
    Cast::read(&mut Judge::new().unwrap(), (&photos(sources), &photos(targets)), 256, &[]).unwrap()
}

#[test]
fn a_seed_chooses_pairs_of_which_all_have_their_chance() {
    let targets = [("a", "ada.jpg"), ("c", "kai.jpg"), ("d", "ada.jpg"), ("e", "kai.jpg")];
    let cast = cast(&[("a", "kai.jpg"), ("b", "ada.jpg")], &targets);
    let pairs = |pairs, seed| eval::pairs(&cast, &Options { pairs, seed, ..Options::default() }).unwrap();
    // Nobody is put onto themselves.
    let all: [(usize, usize); 7] = [(0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (1, 3)];
    assert_eq!(pairs(None, 1), all);
    assert_eq!(pairs(Some(100), 1), all);
    let chosen: Vec<_> = (0..50).map(|seed| pairs(Some(3), seed)).collect();
    for three in &chosen {
        assert!(three.len() == 3 && three.is_sorted_by(|a, b| a < b), "source by source, none twice: {three:?}");
        assert!(three.iter().all(|pair| all.contains(pair)), "{three:?}");
    }
    let never: Vec<_> = all.iter().filter(|pair| chosen.iter().all(|three| !three.contains(pair))).collect();
    assert!(never.is_empty(), "{never:?}");
    assert_eq!(pairs(Some(3), 7), chosen[7]);
}

#[test]
fn the_command_takes_people_and_a_seed() {
    let (_photos, data) = portraits(256);
    let out = tempfile::tempdir().unwrap();
    let [folder, written] = [data.folder.as_path(), out.path()].map(|path| path.display().to_string());
    let judged = |arguments: &[&str]| -> Vec<(String, String)> {
        tool(&["--data", &folder, "--people", "demo/*", "-o", &written]).args(arguments).assert().success();
        let report: Report = serde_json::from_slice(&fs::read(out.path().join("eval.json")).unwrap()).unwrap();
        assert_eq!((report.sources, report.targets, report.skipped.len()), (2, 2, 0));
        report.models[0].pairs.iter().map(|pair| (pair.source.clone(), pair.target.clone())).collect()
    };
    let [ada, kai] = ["drawn-demo-ada-0", "drawn-demo-kai-0"].map(String::from);
    let all = [(ada.clone(), kai.clone()), (kai, ada)];
    assert_eq!(judged(&[]), all);
    // A seed that does not choose what the usual one does.
    let (sources, targets) = photos::of_people(&data, &["demo/*".into()]).unwrap();
    let cast = Cast::read(&mut Judge::new().unwrap(), (&sources, &targets), 256, &[]).unwrap();
    let chosen = |seed| {
        let pairs = eval::pairs(&cast, &Options { pairs: Some(1), seed, ..Options::default() }).unwrap();
        pairs[0].0
    };
    let usual = chosen(Options::default().seed);
    let other = (0..50).find(|seed| chosen(*seed) != usual).expect("every seed chooses the same");
    assert_eq!(judged(&["--pairs", "1", "--seed", &other.to_string()]), [all[1 - usual].clone()]);
}

/// A camera that was held on its side writes the picture as it lies, and beside it that it must be turned to the right.
#[test]
fn photos_are_read_upright() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("side.png");
    let picture = RgbImage::from_fn(3, 2, |x, y| Rgb([90 * x as u8, 90 * y as u8, 7]));
    // EXIF 2.3: one entry, Orientation (0x0112), a short (3), once, 6.
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let mut encoder = PngEncoder::new(File::create(&path).unwrap());
    encoder.set_exif_metadata(exif.to_vec()).unwrap();
    picture.write_with_encoder(encoder).unwrap();
    assert_eq!(Photo::new(&path).open().unwrap(), imageops::rotate90(&picture));
}
