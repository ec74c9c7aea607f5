//! Training: the loss, the photos of a step, a run that learns, stops and goes on.

use std::path::Path;

use alphaswap::face::Pose;
use alphaswap::train::clip::Clip;
use alphaswap::train::clip::config::{ClipConfig, ImageConfig, TextConfig};
use alphaswap::train::clip::fit::contrast::contrastive;
use alphaswap::train::clip::fit::pairs::{Pairs, Split};
use alphaswap::train::clip::fit::run::Run;
use alphaswap::train::clip::fit::{FitConfig, train_tokenizer};
use alphaswap::train::clip::tokenizer::Tokens;
use alphaswap::train::data::{Caption, Dataset, Header, Item, PhotoSet};
use burn::tensor::{Device, Tensor};
use image::{Rgb, RgbImage};

use super::values;
use crate::support::process::trainer;

const COLOURS: [(&str, [u8; 3]); 4] =
    [("red", [220, 30, 20]), ("green", [20, 200, 40]), ("blue", [30, 40, 210]), ("white", [240, 240, 240])];
const PHOTOS: usize = 48;

/// A data set of pictures in two colours with captions that say which is where.
fn data(folder: &Path) -> Dataset {
    let set = PhotoSet { name: "set".into(), folder: "set".into(), licence: "CC0-1.0".into() };
    let header = Header { version: 1, crop: 32, encoders: vec!["faceres_224".into()], sets: vec![set] };
    std::fs::write(folder.join("dataset.toml"), toml::to_string(&header).unwrap()).unwrap();
    let (mut index, mut captions) = (String::new(), String::new());
    for i in 0..PHOTOS {
        let [left, right] = [i % 4, (i % 4 + 1 + i / 4 % 3) % 4].map(|c| COLOURS[c]);
        let item = Item {
            id: format!("{:016x}", i * 7919),
            set: "set".into(),
            photo: format!("{i}.png"),
            person: format!("set/{i}"),
            pose: Pose::default(),
            expression: [0.0; 10],
            crop_pixels: 32.0,
            presence: 1.0,
        };
        let text = format!("There is {} on the left and {} on the right.", left.0, right.0);
        let shade = |c: u8| c.saturating_sub((i * 5 % 20) as u8);
        let canvas = RgbImage::from_fn(40, 40, |x, _| Rgb(if x < 20 { left.1 } else { right.1 }.map(shade)));
        let path = folder.join("items").join(&item.id[..2]).join(format!("{}.png", item.id));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        canvas.save(path).unwrap();
        index += &(serde_json::to_string(&item).unwrap() + "\n");
        captions += &(serde_json::to_string(&Caption { id: item.id, text }).unwrap() + "\n");
    }
    std::fs::write(folder.join("index.jsonl"), index).unwrap();
    std::fs::write(folder.join("captions.jsonl"), captions).unwrap();
    Dataset::open(folder).unwrap()
}

fn flip(text: &str) -> String {
    text.replace("left", "LEFT").replace("right", "left").replace("LEFT", "right")
}

/// Twelve people, one for each caption.
fn people() -> Vec<String> {
    ["set/?", "set/1[01]"].map(String::from).to_vec()
}

fn config(steps: u64) -> FitConfig {
    let clip = ClipConfig {
        embedding: 32,
        image: ImageConfig { side: 16, patch: 8, width: 64, layers: 1, heads: 1 },
        text: TextConfig { context: 24, vocabulary: 300, width: 64, layers: 1, heads: 1 },
    };
    FitConfig::new(clip, steps, 12, 1e-3, 5)
}

#[test]
fn the_loss_is_that_of_the_right_caption_among_all() {
    let device = Device::flex();
    let similarities = Tensor::<2>::from_floats([[2.0, 0.0], [1.0, 3.0]], &device);
    let nats = |right: f32, wrong: f32| (1.0 + (wrong - right).exp()).ln();
    let different = Tokens::new(vec![vec![1, 5, 2], vec![1, 6, 2]]);
    let expected = (nats(2.0, 0.0) + nats(3.0, 1.0) + nats(2.0, 1.0) + nats(3.0, 0.0)) / 4.0;
    assert!((values(contrastive(similarities.clone(), &different))[0] - expected).abs() < 1e-6);
    // The same caption twice: either picture is right for it, half each.
    let same = Tokens::new(vec![vec![1, 5, 2]; 2]);
    let both = |a: f32, b: f32| (nats(a, b) + nats(b, a)) / 2.0;
    let expected = (both(2.0, 0.0) + both(1.0, 3.0) + both(2.0, 1.0) + both(0.0, 3.0)) / 4.0;
    assert!((values(contrastive(similarities, &same))[0] - expected).abs() < 1e-6);
}

#[test]
fn every_photo_comes_once_before_any_comes_again_and_mirrored_ones_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    let split = Split::new(&data, &people(), flip).unwrap();
    assert_eq!((split.training.len(), split.held_out.len()), (36, 12));
    let tokenizer = train_tokenizer(&split, 300).unwrap();
    let pairs = Pairs::load(&data, &split.training, &tokenizer, 24).unwrap();
    let epoch: Vec<_> = (0..3).flat_map(|step| pairs.picks(9, step, 12)).collect();
    let mut photos: Vec<_> = epoch.iter().map(|pick| pick.photo).collect();
    photos.sort_unstable();
    assert_eq!(photos, Vec::from_iter(0..36));
    assert_ne!(pairs.picks(9, 0, 12), pairs.picks(9, 3, 12));
    assert_eq!(pairs.picks(9, 7, 12), pairs.picks(9, 7, 12));
    let mirrored = epoch.iter().filter(|pick| pick.mirrored).count();
    assert!((8..28).contains(&mirrored), "{mirrored} of 36");

    let pick = epoch.iter().find(|pick| pick.mirrored).unwrap();
    let batch = pairs.batch(&[*pick, pairs.centre(pick.photo)], &Device::flex());
    let texts: Vec<_> = batch.texts.rows().iter().map(|row| tokenizer.decode(row).unwrap()).collect();
    let caption = split.training[pick.photo].texts[0].to_lowercase();
    assert_eq!([texts[0].trim(), texts[1].trim()], [flip(&caption), caption]);
    let [mirrored, plain] = [0, 1].map(|i| values(batch.pictures.clone().slice_dim(0, i..i + 1)));
    assert_eq!((mirrored[0], mirrored[31]), (plain[31], plain[0]));
    assert_ne!(plain, mirrored);
}

#[test]
fn training_finds_the_captions_of_people_it_has_not_seen() {
    const STEPS: usize = 300;
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [set, out] = [folders[0].path(), &folders[1].path().join("clip")];
    let data = data(set);
    let mut run = Run::start(out, config(STEPS as u64), &data, &people(), flip, &Device::flex()).unwrap();
    let before = run.judge().unwrap().retrieval;
    let losses: Vec<f32> = (0..STEPS).map(|_| run.step().unwrap().loss).collect();
    let after = run.finish().unwrap().retrieval;
    assert!(losses[STEPS - 1] < 0.6 * losses[0], "{losses:?}");
    assert!(after.caption > before.caption + 0.3 && after.picture > before.picture + 0.3, "{before:?} {after:?}");

    // What it wrote is a CLIP that judges the same.
    let clip = Clip::open(out, &Device::flex()).unwrap();
    let texts = ["red on the left", "red on the right"].map(String::from);
    let features = clip.text_features(&clip.tokenize(&texts).unwrap());
    let half =
        |rgb: [f32; 3]| Tensor::<1>::from_floats(rgb, &Device::flex()).reshape([1, 3, 1, 1]).expand([1, 3, 32, 16]);
    let picture = Tensor::<4>::cat(vec![half([0.8, 0.1, 0.1]), half([0.1, 0.1, 0.8])], 3);
    let scores = values(clip.image_features(picture).matmul(features.transpose()));
    assert!(scores[0] > scores[1], "{scores:?}");
    let metrics = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().count(), STEPS + 2);
}

fn steps(run: &mut Run, n: usize) {
    for _ in 0..n {
        run.step().unwrap();
    }
}

#[test]
fn a_run_that_was_stopped_goes_on_exactly() {
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [set, whole, parts] = [folders[0].path(), folders[1].path(), folders[2].path()];
    let data = data(set);
    let device = Device::flex();
    let mut run = Run::start(whole, config(8), &data, &people(), flip, &device).unwrap();
    steps(&mut run, 8);
    run.finish().unwrap();

    let mut run = Run::start(parts, config(8), &data, &people(), flip, &device).unwrap();
    steps(&mut run, 5);
    run.checkpoint().unwrap();
    // These are lost in a crash.
    steps(&mut run, 2);
    drop(run);
    let mut run = Run::resume(parts, &data, flip, &device).unwrap();
    assert_eq!(run.steps_done(), 5);
    steps(&mut run, 3);
    run.finish().unwrap();
    for file in ["model.safetensors", "metrics.jsonl", "clip.toml", "tokenizer.json"] {
        let [a, b] = [whole, parts].map(|folder| std::fs::read(folder.join(file)).unwrap());
        assert!(a == b, "{file} differs");
    }
}

#[test]
fn a_run_that_diverges_stops_and_says_so() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let data = data(folders[0].path());
    let mut absurd = config(40);
    absurd.optimizer.lr = 1e30;
    let mut run = Run::start(folders[1].path(), absurd, &data, &people(), flip, &Device::flex()).unwrap();
    let error = (0..40).find_map(|_| run.step().err()).unwrap().to_string();
    assert!(error.contains("contrastive loss: the loss is") && error.contains("smaller learning rate"), "{error}");
}

#[test]
fn data_that_does_not_serve_is_refused() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let data = data(folders[0].path());
    let error = Split::new(&data, &["set/7".into()], flip).unwrap_err().to_string();
    assert!(error.contains("1 photos with a caption of held-out people"), "{error}");
    let error = Split::new(&data, &["nobody".into()], flip).unwrap_err().to_string();
    assert!(error.contains("names nobody of the data set"), "{error}");
    let out = folders[1].path();
    Run::start(out, config(2), &data, &people(), flip, &Device::flex()).unwrap();
    let error = Run::start(out, config(2), &data, &people(), flip, &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("there is a run already; go on with --resume"), "{error}");
    let fewer = Dataset { items: data.items[1..].to_vec(), ..data.clone() };
    let error = Run::resume(out, &fewer, flip, &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("start a new run"), "{error}");
    std::fs::remove_file(data.folder.join("captions.jsonl")).unwrap();
    let error = Split::new(&data, &people(), flip).unwrap_err().to_string();
    assert!(error.contains("0 photos with a caption to train on") && error.contains("caption`"), "{error}");
}

#[test]
fn the_command_trains_and_resumes() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [set, out] = [folders[0].path(), folders[1].path()];
    data(set);
    let train = |more: &[&str]| {
        let mut command = trainer();
        command.arg("train-clip").arg(set).arg("-o").arg(out).args(more);
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        (output.status.success(), text)
    };
    let (done, text) = train(&["--steps", "2", "--batch", "4"]);
    assert!(done && text.contains("photo found for a caption"), "{text}");
    let (done, text) = train(&["--steps", "2"]);
    assert!(!done && text.contains("--resume"), "{text}");
    let (done, text) = train(&["--resume"]);
    assert!(done, "{text}");
    let (done, text) = train(&["--preset", "huge"]);
    assert!(!done && text.contains("vit-b-32"), "{text}");
}
