//! Pseudo-triplets by the guide stage: what they show, that nothing but seed and photos decides them, who stays out.

mod bad;
pub mod photos;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use alphaswap::train::data::{Dataset, Item};
use alphaswap::train::people::{People, matches};
use alphaswap::train::pseudo::mesh::{Maker, Options};
use alphaswap::train::pseudo::{Crowd, Kind, Sample, Shards, View, canvas_at};
use assert_cmd::Command;
use predicates::prelude::*;
use tempfile::TempDir;

use crate::support::process::trainer;
use photos::{drawn, item, portraits};

const CROP: usize = 64;

fn options() -> Options {
    Options { labels: 3, trips: 0.7, swaps: 2, people: People::default() }
}

/// Everything that `options` ask for.
fn made(data: &Dataset, crop: usize, options: Options) -> (TempDir, Shards) {
    let folder = tempfile::tempdir().unwrap();
    let maker = Maker::new(data, crop, 5, options).unwrap();
    maker.run(folder.path(), 1, |_| ControlFlow::Continue(())).unwrap();
    let shards = Shards::open(folder.path()).unwrap();
    (folder, shards)
}

/// Names and bytes of the shards and of the header.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let shards = fs::read_dir(folder.join("shards")).unwrap().map(|e| e.unwrap().path());
    let files = shards.chain([folder.join("pseudo.toml")]);
    files.map(|path| (path.file_name().unwrap().to_str().unwrap().into(), fs::read(path).unwrap())).collect()
}

/// The photo's pixels, planar.
fn planar(data: &Dataset, id: &str, crop: usize) -> Vec<u8> {
    let picture = canvas_at(data, data.item(id).unwrap(), crop).unwrap();
    (0..3).flat_map(|c| picture.as_raw().iter().skip(c).step_by(3).copied().collect::<Vec<_>>()).collect()
}

/// Mean absolute difference of two pictures where `mask` is set.
fn difference(a: &[u8], b: &[u8], mask: &[u8]) -> f32 {
    let inside = (0..a.len()).filter(|i| mask[i % mask.len()] > 250);
    let (sum, n) = inside.fold((0.0, 0.0), |(s, n), i| (s + f32::from(a[i].abs_diff(b[i])), n + 1.0));
    sum / n
}

#[test]
fn every_kind_has_its_pictures() {
    let (_photos, data) = drawn(5, 2, 128);
    let (_folder, shards) = made(&data, CROP, options());
    assert!(shards.is_complete());
    let count = |kind| shards.records().filter(|r| r.kind == kind).count();
    assert_eq!([Kind::Trip, Kind::Label, Kind::Swap].map(count), [20, 10, 20]);
    for i in 0..shards.len() {
        let Sample { record, input, guide, mask } = shards.sample(i).unwrap();
        let photo = planar(&data, &record.photo, CROP);
        let below = input.as_ref().unwrap_or(&photo);
        let shown = guide.as_ref().unwrap_or(below);
        // Where nothing was blended in, the picture is the one below, to the bit.
        let under = if record.kind == Kind::Label { &photo } else { below };
        let free = (0..shown.len()).filter(|i| mask[i % mask.len()] == 0);
        assert!(free.clone().count() > shown.len() / 4);
        assert!(free.into_iter().all(|i| shown[i] == under[i]), "sample {i}");
        assert!(difference(shown, under, &mask) > 1.0, "sample {i} shows nobody else");
        let person = |id: &str| &data.item(id).unwrap().person;
        assert_eq!(person(&record.identity) == person(&record.photo), record.kind != Kind::Swap);
        assert!(record.from.iter().all(|id| person(id) != person(&record.photo)));
    }
}

#[test]
fn labels_vary_as_the_recipe_says() {
    let (_photos, data) = drawn(8, 4, 64);
    let (_folder, shards) = made(&data, CROP, Options { labels: 8, trips: 0.0, swaps: 0, ..options() });
    let looks: Vec<_> = shards.records().filter_map(|r| r.mesh).collect();
    assert_eq!(looks.len(), 8 * 4 * 8);
    let share = |is: &dyn Fn(usize) -> bool| (0..looks.len()).filter(|&i| is(i)).count() as f32 / looks.len() as f32;
    assert!((share(&|i| looks[i].shape > 0.0) - 0.5).abs() < 0.1);
    assert!((share(&|i| looks[i].eyes == 0.0) - 0.85).abs() < 0.07);
    assert!((share(&|i| looks[i].light < 0.5) - 0.5).abs() < 0.1);
    assert!(looks.iter().all(|l| l.shape == 0.0 || (0.3..=1.0).contains(&l.shape)));
    // Eight labels of a photo, seven other people: nobody twice before everybody once.
    for photo in shards.records().collect::<Vec<_>>().chunks(8) {
        let people = photo.iter().map(|r| &data.item(&r.from[0]).unwrap().person).collect::<HashSet<_>>();
        assert_eq!(people.len(), 7);
    }
}

/// On real faces: the guide of a trip brings the person back, which neither the label nor a stranger's face does.
#[test]
fn a_round_trip_leads_back_to_the_photo() {
    let (_photos, data) = portraits(256);
    let (_folder, shards) = made(&data, 128, Options { labels: 1, trips: 1.0, swaps: 1, ..options() });
    let samples: Vec<Sample> = (0..shards.len()).map(|i| shards.sample(i).unwrap()).collect();
    for trip in samples.iter().filter(|s| s.record.kind == Kind::Trip) {
        let real = planar(&data, &trip.record.photo, 128);
        let [input, guide] = [&trip.input, &trip.guide].map(|p| difference(p.as_ref().unwrap(), &real, &trip.mask));
        assert!(guide < 0.8 * input, "guide {guide}, input {input}");
        assert!(guide > 1.0, "too good to be true: {guide}");
    }
    let strangers = samples.iter().filter(|s| s.record.kind == Kind::Swap);
    let far = strangers.map(|s| difference(s.guide.as_ref().unwrap(), &planar(&data, &s.record.photo, 128), &s.mask));
    assert!(far.clone().count() == 2 && far.clone().all(|d| d > 6.0), "{:?}", far.collect::<Vec<_>>());
}

/// A black and white photo stays one, whoever is put on it.
#[test]
fn grey_stays_grey() {
    let (_photos, data) = portraits(128);
    let file = data.file(&data.items[0], "png");
    image::open(&file).unwrap().into_luma8().save(&file).unwrap();
    let (_folder, shards) = made(&data, 128, Options { labels: 1, trips: 1.0, swaps: 1, ..options() });
    let saturation = |planes: &[u8]| {
        let (red, blue) = (&planes[..planes.len() / 3], &planes[planes.len() / 3 * 2..]);
        red.iter().zip(blue).map(|(r, b)| f32::from(r.abs_diff(*b))).sum::<f32>() / red.len() as f32
    };
    for i in 0..shards.len() {
        let Sample { record, input, guide, .. } = shards.sample(i).unwrap();
        for planes in [input, guide].into_iter().flatten() {
            assert_eq!(saturation(&planes) < 1.0, record.photo == data.items[0].id, "{record:?}");
        }
    }
}

#[test]
fn jobs_and_interruptions_change_nothing() {
    let (_photos, data) = drawn(6, 3, 64);
    let maker = Maker::new(&data, CROP, 9, Options { labels: 5, ..options() }).unwrap();
    let [once, thrice] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    assert_eq!(maker.run(once.path(), 1, |_| ControlFlow::Continue(())).unwrap(), 126);
    let mut steps = Vec::new();
    for _ in 0..3 {
        let mut seen = 0;
        let stop = |done| {
            seen += 1;
            steps.push(done);
            if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        maker.run(thrice.path(), 3, stop).unwrap();
        // What a killed run leaves behind is in nobody's way.
        fs::write(thrice.path().join("shards/.alphaswap-x.part"), "half").unwrap();
    }
    fs::remove_file(thrice.path().join("shards/.alphaswap-x.part")).unwrap();
    assert_eq!(steps, [0, 64, 64, 126, 126]);
    assert!(contents(once.path()) == contents(thrice.path()));
    let other = tempfile::tempdir().unwrap();
    let reseeded = Maker::new(&data, CROP, 10, Options { labels: 5, ..options() }).unwrap();
    reseeded.run(other.path(), 2, |_| ControlFlow::Continue(())).unwrap();
    let shard = "00000.safetensors";
    assert!(contents(once.path())[shard] != contents(other.path())[shard]);
}

#[test]
fn samples_are_read_while_others_are_made() {
    let (_photos, data) = drawn(6, 3, 64);
    let maker = Maker::new(&data, CROP, 9, Options { labels: 5, ..options() }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let stop = |done| if done > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    maker.run(folder.path(), 2, stop).unwrap();
    let shards = Shards::open(folder.path()).unwrap();
    assert_eq!((shards.len(), shards.is_complete()), (64, false));
    shards.check(&data).unwrap();
    assert!(shards.sample(63).is_ok() && shards.sample(64).is_err());
}

#[test]
fn held_out_people_appear_in_no_role() {
    let (_photos, data) = drawn(6, 2, 64);
    let people = People { only: vec!["drawn/*".into()], without: vec!["drawn/[B-C]".into(), "*/E".into()] };
    let (_folder, shards) = made(&data, CROP, Options { people, ..options() });
    let ids = |r: &alphaswap::train::pseudo::Record| {
        r.from.iter().chain([&r.photo, &r.identity]).cloned().collect::<Vec<_>>()
    };
    let seen: HashSet<_> = shards.records().flat_map(ids).map(|id| &data.item(&id).unwrap().person).collect();
    assert_eq!(seen, ["drawn/A", "drawn/D", "drawn/F"].map(String::from).iter().collect());
}

#[test]
fn patterns_mean_what_a_shell_means() {
    let good = [("*", ""), ("a?c", "abc"), ("a*", "a/b/c"), ("[A-CX]z", "Xz"), ("[!A-C]", "D"), ("*_00?", "male_007")];
    let bad = [("", "a"), ("a?c", "ac"), ("[A-C]", "D"), ("[!A-C]", "B"), ("a", "ab"), ("[a", "a"), ("*b", "abc")];
    assert!(good.iter().all(|(pattern, name)| matches(pattern, name)));
    assert!(bad.iter().all(|(pattern, name)| !matches(pattern, name)));
    assert!(matches("a[b", "a[b"));
}

#[test]
fn neighbours_are_near_in_pose_and_expression() {
    let photo = |person: &str, yaw: f32, mouth: f32| item(person, 0, yaw, mouth);
    let items: Vec<Item> = vec![
        photo("A", 16.0, 0.1),
        photo("A", 16.0, 0.1),
        photo("B", -16.0, 0.1),
        photo("C", 16.0, 0.16),
        photo("D", 0.0, 0.1),
    ];
    let crowd = Crowd::new(items.iter().collect());
    let nearest = crowd.nearest(0);
    assert_eq!(nearest.iter().map(|m| (m.face, m.mirrored)).collect::<Vec<_>>(), [(2, true), (3, false), (4, false)]);
    let distances = nearest.iter().map(|m| m.distance);
    assert!(distances.zip([0.0, 1.0, 4.0]).all(|(got, expected)| (got - expected).abs() < 1e-4));
    let [a, mut b] = [View::of(&items[0]), View::of(&items[0])];
    (b.eyes, b.pitch) = ([a.eyes[0] + 0.12, a.eyes[1]], a.pitch - 24.0);
    assert!((a.distance(&b) - 13.0).abs() < 1e-3);
    assert!((a.mirrored().distance(&b.mirrored()) - 13.0).abs() < 1e-3);
    assert_eq!(crowd.fronts(0).len(), 3);
    let many: Vec<Item> = (0..80).map(|i| photo(&i.to_string(), i as f32, 0.1)).collect();
    assert_eq!(Crowd::new(many.iter().collect()).nearest(0).len(), 60);
}

/// The command line tool.
fn pseudo(data: &Path, output: &Path) -> Command {
    let mut command = trainer();
    command.args(["pseudo", "mesh"]).arg(data).arg("-o").arg(output);
    command.args(["--labels", "2", "--swaps", "1", "--crop", "64"]);
    command
}

#[test]
fn the_tool_makes_samples_and_a_sheet() {
    let (_photos, data) = drawn(3, 2, 128);
    let folder = tempfile::tempdir().unwrap();
    let mut command = pseudo(&data.folder, folder.path());
    command.args(["--without", "drawn/B", "--jobs", "2"]).assert().success().stderr(
        predicate::str::contains("12 samples made")
            .and(predicate::str::contains("sheet.png"))
            .and(predicate::str::contains("trip")),
    );
    let sheet = image::open(folder.path().join("sheet.png")).unwrap();
    assert_eq!((sheet.width(), sheet.height()), (2 * 5 * 160 + 8, 6 * 168 - 8));
    // Once more: everything is there.
    command.assert().success().stderr(predicate::str::contains("0 samples made"));
    pseudo(&data.folder, folder.path()).args(["--trips", "2"]).assert().code(2);
}
