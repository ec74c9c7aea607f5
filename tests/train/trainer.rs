//! The training run: what a step is made of, that a resumed run is the same run, and what is refused.

mod bad;
mod clip;
mod data;
mod examples;

use std::collections::BTreeSet;
use std::path::Path;

use alphaswap::models::{CardPort, Model, Weights};
use alphaswap::nets::{GeneratorConfig, Port};
use alphaswap::tensor::largest_difference;
use alphaswap::train::checkpoint;
use alphaswap::train::trainer::{Config, End, Material, RunFolder, Start, Trainer, metrics};
use burn::tensor::Device;

use crate::cli::listing;
use crate::support::process::trainer;
use data::{Sets, parse};

/// A run from the start in `folder`.
fn fresh(config: &Config, folder: &Path) -> Trainer {
    Trainer::new(config.clone(), folder, &Device::flex(), Start::Fresh(None)).unwrap()
}

/// Weights and averages of a run's newest checkpoint.
fn saved(run: &Path) -> [Weights; 2] {
    let newest = checkpoint::load(run).unwrap().unwrap();
    ["generator", "ema"].map(|name| checkpoint::read_tensors(&newest.file(&format!("{name}.safetensors"))).unwrap())
}

/// Names of all terms that a run's metrics have.
fn terms(run: &Path) -> BTreeSet<String> {
    metrics::read(&RunFolder(run.into())).unwrap().into_iter().flat_map(|row| row.terms.into_keys()).collect()
}

#[test]
fn a_resumed_run_is_the_same_run() {
    let sets = Sets::new();
    let config = sets.config(&["steps=20", "losses.adversarial=0.1", "losses.adversarial_from=6"]);
    let [once, twice] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    assert_eq!(fresh(&config, once.path()).run(|_| true).unwrap(), End::Done);

    let mut first = fresh(&config, twice.path());
    assert_eq!(first.run(|row| row.step < 10).unwrap(), End::Stopped);
    let resume = || Trainer::new(config.clone(), twice.path(), &Device::flex(), Start::Resume);
    let refused = resume().unwrap_err().to_string();
    assert!(refused.contains("another process trains here"), "{refused}");
    drop(first);
    let mut second = resume().unwrap();
    assert_eq!(second.state().step, 10);
    assert_eq!(second.run(|_| true).unwrap(), End::Done);

    for (a, b) in saved(once.path()).iter().zip(&saved(twice.path())) {
        assert!(a.0.iter().all(|(name, tensor)| b.0[name] == *tensor));
    }
    let rows = |run: &Path| {
        let rows = metrics::read(&RunFolder(run.into())).unwrap();
        rows.into_iter().map(|row| (row.step, row.samples, row.loss, row.terms)).collect::<Vec<_>>()
    };
    assert_eq!(rows(once.path()), rows(twice.path()));
    assert_eq!(rows(once.path()).len(), 20);
}

/// A call may end before the config's last step, or behind it; the run's config stays as it is.
#[test]
fn a_call_has_its_own_last_step() {
    let sets = Sets::new();
    let config = sets.config(&["steps=3"]);
    let run = tempfile::tempdir().unwrap();
    assert_eq!(fresh(&config, run.path()).run_until(1, |_| true).unwrap(), End::Done);
    let saved = Config::open(&RunFolder(run.path().into()).config(), &[]).unwrap();
    assert_eq!(saved, config);
    let resume = || Trainer::new(saved.clone(), run.path(), &Device::flex(), Start::Resume).unwrap();
    let mut resumed = resume();
    resumed.run(|_| true).unwrap();
    assert_eq!(resumed.state().step, 3);
    drop(resumed);
    let mut resumed = resume();
    resumed.run_until(4, |_| true).unwrap();
    assert_eq!(resumed.state().step, 4);
}

/// A model of that network with random weights.
fn older(generator: &GeneratorConfig) -> Model {
    let spec = generator.spec().unwrap();
    let port = |port: &Port| CardPort { name: port.name.clone(), shape: port.shape.clone(), values: String::new() };
    let mut model = Model::builtin("generator").unwrap();
    model.card.name = "older".into();
    model.card.input = spec.inputs.iter().map(port).collect();
    model.card.output = spec.outputs.iter().map(port).collect();
    model.card.generator = Some(generator.clone());
    model.weights = Weights::random(&spec, 1);
    model
}

/// A run with detail layers that begins with weights without them begins with what these make, enlarged; the layers
/// then learn. Weights of another network are refused.
#[test]
fn detail_is_added_to_weights_for_half_the_crop() {
    let sets = Sets::new();
    let detail = "generator.detail=[{ name = 'f0', out = 8, kernel = 3, pad = 1 },
        { name = 'f1', out = 3, kernel = 3, pad = 1, edge = 'reflect', depth_to_space = 2 }]";
    let config = sets.config(&[detail]);
    let half = older(&config.generator.body());
    let run = tempfile::tempdir().unwrap();
    let begin = |model: &Model, to: &str| {
        let start = Start::Fresh(Some(Box::new(model.clone())));
        Trainer::new(config.clone(), &run.path().join(to), &Device::flex(), start)
    };
    let mut trainer = begin(&half, "run").unwrap();
    let first = trainer.generator().weights();
    for (name, tensor) in &half.weights.0 {
        assert_eq!(&first.0[name], tensor, "{name}");
    }
    assert!(first.0["f1.weight"].data.iter().chain(&first.0["f1.bias"].data).all(|v| *v == 0.0));
    assert!(first.0["f0.weight"].data.iter().any(|v| *v != 0.0));
    trainer.run_until(2, |_| true).unwrap();
    assert_ne!(trainer.generator().weights().0["f1.weight"], first.0["f1.weight"]);

    let mut other = config.generator.body();
    other.blocks.count = 2;
    let refused = begin(&older(&other), "other").unwrap_err().to_string();
    assert!(refused.contains("does not fit"), "{refused}");
    begin(&older(&config.generator), "whole").unwrap();
}

/// The note says it from the first step to the last, also after a break.
#[test]
fn a_run_remembers_what_it_began_with() {
    let sets = Sets::new();
    let config = sets.config(&[]);
    let model = older(&config.generator);
    let run = tempfile::tempdir().unwrap();
    let init = || RunFolder(run.path().into()).note().unwrap().init;
    let start = Start::Fresh(Some(Box::new(model.clone())));
    Trainer::new(config.clone(), run.path(), &Device::flex(), start).unwrap().run_until(1, |_| true).unwrap();
    let told = format!("older (sha256 {})", model.sha256);
    assert_eq!(init(), Some(told.clone()));
    Trainer::new(config, run.path(), &Device::flex(), Start::Resume).unwrap();
    assert_eq!(init(), Some(told));
}

/// Embeddings of an ArcFace have the crop in their names, which the generator's config names apart.
#[test]
fn embeddings_are_found_by_encoder_and_crop() {
    let sets = Sets::new();
    sets.rename_embeddings("arc.arcface_112");
    let run = tempfile::tempdir().unwrap();
    let quiet = ["steps=1", "losses.identity=0", "losses.perceptual=0", "losses.clip_identity=0", "losses.clip_text=0"];
    let config = |crop: &str| {
        let encoder = [&quiet[..], &["generator.identity.encoder=arc", crop]].concat();
        parse(&sets.plain(), &encoder)
    };
    let refused = Material::open(&config("generator.identity.encoder_crop=arcface_128")).unwrap_err().to_string();
    assert!(refused.contains("has no embeddings of arc.arcface_128"), "{refused}");
    assert!(refused.contains("there are arc.arcface_112"), "{refused}");
    let config = config("generator.identity.encoder_crop=arcface_112");
    assert_eq!(fresh(&config, run.path()).run(|_| true).unwrap(), End::Done);
}

#[test]
fn training_brings_the_pictures_nearer() {
    let sets = Sets::new();
    let config =
        sets.config(&["steps=60", "data.triplets=4", "data.swaps=0", "data.self_every=0", "augment.flip=false"]);
    let run = tempfile::tempdir().unwrap();
    fresh(&config, run.path()).run(|_| true).unwrap();
    let face: Vec<_> =
        metrics::read(&RunFolder(run.path().into())).unwrap().iter().map(|row| row.terms["face"]).collect();
    let mean = |part: &[f32]| part.iter().sum::<f32>() / part.len() as f32;
    let (start, end) = (mean(&face[..10]), mean(&face[50..]));
    assert!(end < 0.7 * start, "{start} -> {end}");
}

/// Every term is computed where its weight is not 0, and only there.
#[test]
fn each_generator_has_its_terms() {
    let sets = Sets::new();
    let run = tempfile::tempdir().unwrap();
    let all = ["steps=1", "identity.side=64", "losses.adversarial=1", "losses.adversarial_from=0"];
    let guided = ["losses.identity=3", "losses.perceptual=1", "losses.triplet_perceptual=1", "losses.expression=1"];
    let config = sets.config(&[&all[..], &guided].concat());
    fresh(&config, &run.path().join("guided")).run(|_| true).unwrap();
    let expected = "adversarial background discriminator expression face face_gradient identity mask_reconstruction \
                    perceptual swap_low_frequency triplet_perceptual";
    assert_eq!(terms(&run.path().join("guided")).into_iter().collect::<Vec<_>>().join(" "), expected);

    let small = ["discriminator.width=4", "discriminator.max=8", "discriminator.blocks=3"];
    let no_clip = ["losses.clip_identity=0", "losses.clip_text=0", "losses.mask_reconstruction=0"];
    let config = parse(&sets.plain(), &[&all[..], &small, &no_clip].concat());
    fresh(&config, &run.path().join("plain")).run(|_| true).unwrap();
    let expected = "adversarial cycle discriminator identity perceptual self_reconstruction";
    assert_eq!(terms(&run.path().join("plain")).into_iter().collect::<Vec<_>>().join(" "), expected);
}

#[test]
fn batches_follow_from_seed_and_step() {
    let sets = Sets::new();
    let [one, again] = [(); 2].map(|()| Material::open(&sets.config(&[])).unwrap());
    let other = Material::open(&sets.config(&["seed=4"])).unwrap();
    let pictures = |material: &Material, step| {
        let batch = material.batch(step).unwrap();
        let swaps = batch.swaps.iter().flat_map(|s| [s.target.clone(), s.guide.clone(), s.source.clone()]);
        batch.triplets.iter().flat_map(|t| [t.input.clone(), t.target.clone()]).chain(swaps).collect::<Vec<_>>()
    };
    assert_eq!(pictures(&one, 7), pictures(&again, 7));
    assert_ne!(pictures(&one, 7), pictures(&one, 8));
    assert_ne!(pictures(&one, 7), pictures(&other, 7));
}

/// Every third step begins with a photo that becomes itself.
#[test]
fn some_triplets_are_the_photo_itself() {
    let sets = Sets::new();
    let material = Material::open(&sets.config(&["augment.guide_color=0"])).unwrap();
    let own = |step| {
        let batch = material.batch(step).unwrap();
        batch.triplets.iter().map(|t| t.input == t.target && t.guide == t.target).collect::<Vec<_>>()
    };
    assert_eq!((own(3), own(4)), (vec![true, false], vec![false, false]));
}

/// A mirrored sample is mirrored as a whole, and its caption says the other side.
#[test]
fn mirrored_photos_have_mirrored_captions() {
    let sets = Sets::new();
    sets.caption();
    let quiet = ["augment.flip=true", "losses.clip_text=1", "losses.clip_identity=0", "clip.folder=none"];
    let material = Material::open(&parse(&sets.plain(), &quiet)).unwrap();
    let straight = Material::open(&parse(&sets.plain(), &[&quiet[..], &["augment.flip=false"]].concat())).unwrap();
    let mut seen = BTreeSet::new();
    for step in 0..6 {
        let (varied, plain) = (material.batch(step).unwrap().swaps, straight.batch(step).unwrap().swaps);
        for (varied, plain) in varied.iter().zip(&plain) {
            let mirrored = varied.caption.contains("right");
            seen.insert(mirrored);
            let row = |p: &[f32]| if mirrored { p.iter().rev().copied().collect() } else { p.to_vec() };
            for (a, b) in [(&varied.target, &plain.target), (&varied.face, &plain.face)] {
                let flipped: Vec<f32> = b.data.chunks(b.side).flat_map(row).collect();
                let worst = largest_difference(&a.data, &flipped);
                assert!(worst < 1e-4, "{worst}");
            }
        }
    }
    assert_eq!(seen.len(), 2);
}

#[test]
fn held_out_people_are_only_judged() {
    let sets = Sets::new();
    let folder = format!("data.held_out_pseudo={:?}", sets.held_out);
    let held = ["data.held_out=['drawn/A', 'drawn/B']", &folder, "output.validate_every=1"];
    let config = sets.config(&[&held[..], &["steps=2", "output.validate_samples=3"]].concat());
    let material = Material::open(&config).unwrap();
    assert!(material.photos().iter().all(|item| !["drawn/A", "drawn/B"].contains(&item.person.as_str())));
    assert!(material.held_out_count() > 0);
    let run = tempfile::tempdir().unwrap();
    fresh(&config, run.path()).run(|_| true).unwrap();
    let rows = metrics::read(&RunFolder(run.path().into())).unwrap();
    let check = rows[1].held_out.unwrap();
    assert_eq!(check.samples, 3);
    assert_ne!(check.right, check.stranger);
    // What nobody touched is the same at every check, whatever the generator learnt.
    assert_eq!(check.untouched, rows[0].held_out.unwrap().untouched);
    let (triplet, _) = material.held_out(0).unwrap();
    let (mut sum, mut area) = (0.0, 0.0);
    for (i, mask) in triplet.face.data.iter().enumerate() {
        let at = |c: usize| c * triplet.face.data.len() + i;
        let differs = |c: usize| (triplet.guide.data[at(c)] - triplet.target.data[at(c)]).abs();
        sum += mask * (0..3).map(differs).sum::<f32>() / 3.0;
        area += mask;
    }
    let one = sets.config(&[&held[..], &["output.validate_samples=1", "steps=1"]].concat());
    let run = tempfile::tempdir().unwrap();
    let check = fresh(&one, run.path()).check().unwrap();
    assert!((check.untouched - sum / area).abs() < 1e-5);
}

/// The report has curves and grids in it and needs nothing beside it.
#[test]
fn the_report_is_one_file() {
    let sets = Sets::new();
    let run = tempfile::tempdir().unwrap();
    let config = sets.config(&["steps=4", "output.grid_every=2"]);
    fresh(&config, run.path()).run(|_| true).unwrap();
    let folder = RunFolder(run.path().into());
    let html = std::fs::read_to_string(folder.report()).unwrap();
    for wanted in ["<svg", "data:image/jpeg;base64,", "face_gradient", "none, drawings", "[generator]"] {
        assert!(html.contains(wanted), "{wanted}");
    }
    let references = ["src=\"http", "href=", "url(", "@import"];
    assert!(references.iter().all(|reference| !html.contains(reference)));
    let grid = image::open(folder.grid(2)).unwrap();
    // Two triplets and two swaps; input, guide, output, photo.
    assert_eq!((grid.width(), grid.height()), (4 * 34, 4 * 34));
}

#[test]
fn the_saved_config_is_the_whole_config() {
    let sets = Sets::new();
    let config = sets.config(&["losses.identity=2.5"]);
    let text = config.to_toml().unwrap();
    assert!(text.contains("weight_decay") && text.contains("identity = 2.5"));
    assert_eq!(Config::parse("saved", &text, &[]).unwrap(), config);
    let defaults = parse(&sets.plain(), &["clip.folder=none"]).losses;
    let paper = [defaults.identity, defaults.cycle, defaults.clip_text, defaults.mask_reconstruction];
    assert_eq!((paper, defaults.adversarial_from), ([10.0, 0.5, 1.0, 0.5], 200_000));
}

/// A checkpoint in pieces becomes a run again that goes on as if nothing had happened.
#[test]
fn a_run_travels_in_pieces() {
    let sets = Sets::new();
    let folder = tempfile::tempdir().unwrap();
    let [here, there, pieces] = ["here", "there", "pieces"].map(|name| folder.path().join(name));
    let config = sets.config(&["steps=2"]);
    fresh(&config, &here).run_until(1, |_| true).unwrap();
    let program = |args: [&str; 2], paths: [&Path; 2]| {
        let mut program = trainer();
        program.arg(args[0]).arg(paths[0]).arg(args[1]).arg(paths[1]).assert()
    };
    // Twice: the second replaces the first.
    program(["pack", "-o"], [&here, &pieces]).success();
    program(["pack", "-o"], [&here, &pieces]).success();
    assert_eq!(listing(&pieces), ["piece.000", "pieces.toml"]);
    program(["unpack", "-o"], [&pieces, &there]).success();
    program(["unpack", "-o"], [&pieces, &there]).failure().stderr(predicates::str::contains("holds a run already"));
    program(["pack", "-o"], [&there, folder.path()]).failure().stderr(predicates::str::contains("something else"));
    assert_eq!(listing(&there), ["checkpoints", "config.toml", "data.toml", "metrics.jsonl"]);
    for run in [&here, &there] {
        let mut resumed = Trainer::new(config.clone(), run, &Device::flex(), Start::Resume).unwrap();
        assert_eq!(resumed.run(|_| true).unwrap(), End::Done);
    }
    let [a, b] = [&here, &there].map(|run| saved(run));
    assert!(a[0].0.iter().all(|(name, tensor)| b[0].0[name] == *tensor));
}
