//! From a training run's checkpoint to a model that the filter runs.

use std::collections::BTreeMap;
use std::path::Path;

use alphaswap::Pipeline;
use alphaswap::frame::PixelFormat;
use alphaswap::models::{Model, Weights};
use alphaswap::nets::GeneratorConfig;
use alphaswap::settings::{DeviceChoice, Look, ModelChoice};
use alphaswap::tensor::largest_difference;
use assert_cmd::Command;
use safetensors::tensor::{Dtype, TensorView};
use tempfile::TempDir;

use crate::cli::{fails, listing};
use crate::support;
use crate::support::process::trainer;

/// A run of the shipped generator's network: `ema` holds its weights, `generator` others.
fn run() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let shipped = Model::builtin("generator").unwrap();
    let checkpoint = dir.path().join("checkpoints/step-00001000");
    std::fs::create_dir_all(&checkpoint).unwrap();
    let config = toml::to_string(&BTreeMap::from([("generator", GeneratorConfig::guided_xs())])).unwrap();
    let config = format!("steps = 2000\n{config}\n[data]\nset = \"/home/kai/faces\"\nheld_out = [\"a/b\"]\n");
    let data = "init = \"bootstrap (sha256 ab)\"\ninit_licence = \"MIT\"\nheld_out = [\"faker/*_00?\", \"congress/A*\"]\n[[sets]]\nname = \"faker\"\nfolder = \"faces/faker\"\nlicence = \"CC0\"\n\
                [[init_sets]]\nname = \"older\"\nlicence = \"CC-BY\"\n";
    let state = "[state]\nstep = 1000\nsamples = 8000\nseed = 7\nconfig_sha256 = \"\"\n\n[files]\n";
    for (path, text) in [
        ("config.toml", config.as_str()),
        ("data.toml", data),
        ("checkpoints/latest", "step-00001000\n"),
        ("checkpoints/step-00001000/state.toml", state),
    ] {
        std::fs::write(dir.path().join(path), text).unwrap();
    }
    let other = Weights::random(&shipped.spec().unwrap(), 3);
    for (name, weights) in [("ema", &shipped.weights), ("generator", &other)] {
        save(&checkpoint.join(name).with_extension("safetensors"), weights);
    }
    dir
}

fn save(path: &Path, weights: &Weights) {
    let views = weights
        .0
        .iter()
        .map(|(name, t)| (name, TensorView::new(Dtype::F32, t.shape.clone(), bytemuck::cast_slice(&t.data)).unwrap()));
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn tool(dir: &TempDir, arguments: &[&str]) -> Command {
    let mut command = trainer();
    command.current_dir(dir.path()).arg("export").args(arguments).args(["-o", "m.safetensors"]);
    command
}

#[test]
fn the_filter_runs_what_was_exported() {
    let dir = run();
    std::fs::write(dir.path().join("eval.json"), EVALUATION).unwrap();
    tool(&dir, &[".", "--f16", "--licence", "CC0-1.0", "--eval", "eval.json", "--device", "flex"]).assert().success();
    let model = Model::open(&dir.path().join("m.safetensors")).unwrap();
    let training = model.card.training.clone().unwrap();
    assert_eq!((training.steps, training.samples, training.seed), (1000, 8000, 7));
    assert_eq!((training.weights.as_str(), training.device.as_deref()), ("ema", Some("flex")));
    assert_eq!((training.data[0].name.as_str(), training.data[0].licence.as_str()), ("faker", "CC0"));
    assert_eq!(training.evaluation[0].means["pose"], 1.5);
    let config = training.config.unwrap();
    assert_eq!((config["steps"].as_integer(), config.contains_key("generator")), (Some(2000), false));
    assert_eq!(config["data"]["set"].as_str(), Some("faces"), "no folders");
    assert_eq!(config["data"]["held_out"][0].as_str(), Some("a/b"), "a pattern is no path");
    assert_eq!((model.card.name.as_str(), model.card.licence.as_str()), ("m", "CC0-1.0"));

    // The shipped file is stored in the same precision: the same picture to the last code.
    let picture = |choice: ModelChoice| {
        let mut picture = support::photo("ada.jpg", PixelFormat::Rgb, 0);
        let look = Look { badge: false, ..Look::default() };
        let mut pipeline = Pipeline::new(&DeviceChoice::Cpu, &choice, support::identity().into(), look).unwrap();
        pipeline.set_session(1);
        let report = pipeline.process(&mut picture.view_mut(), None).unwrap();
        assert!(report.faces[0].swapped);
        picture
    };
    let path = dir.path().join("m.safetensors");
    assert_eq!(picture(ModelChoice::Path(path)), picture(ModelChoice::Guided));
}

#[test]
fn single_precision_and_raw_weights() {
    let dir = run();
    let checkpoint = "checkpoints/step-00001000";
    tool(&dir, &[checkpoint, "--raw"]).assert().success();
    let model = Model::open(&dir.path().join("m.safetensors")).unwrap();
    let trained = Weights::random(&model.spec().unwrap(), 3);
    for (name, tensor) in &trained.0 {
        assert_eq!(largest_difference(&tensor.data, &model.weights.0[name].data), 0.0, "{name}");
    }
    assert_eq!(model.card.training.unwrap().weights, "raw");
    let licence = &model.card.licence;
    assert!(licence.contains("not stated") && licence.contains("faker: CC0; older: CC-BY"), "{licence}");
    assert!(licence.ends_with("begun with weights under MIT"), "{licence}");
    let about = &model.card.about;
    assert!(about.contains("began with the weights of bootstrap (sha256 ab)"), "{about}");
    assert!(about.contains("not trained on the people faker/*_00?, congress/A*"), "{about}");
}

/// Runs of older programs do not say what they began with.
#[test]
fn an_older_run_has_a_card_too() {
    let dir = run();
    std::fs::write(dir.path().join("data.toml"), "[[sets]]\nname = \"faker\"\nfolder = \"f\"\nlicence = \"CC0\"\n")
        .unwrap();
    tool(&dir, &["."]).assert().success();
    let model = Model::open(&dir.path().join("m.safetensors")).unwrap();
    assert!(model.card.about.ends_with("after 1000 steps (8000 samples)."), "{}", model.card.about);
}

#[test]
fn a_broken_run_is_refused() {
    let dir = run();
    let file = |name: &str| dir.path().join(name);
    fails(&mut tool(&dir, &["absent"]), &["absent"]);
    fails(&mut tool(&dir, &["checkpoints"]), &["no training run"]);
    let ema = file("checkpoints/step-00001000/ema.safetensors");
    let mut weights = Weights::from_bytes("ema", &std::fs::read(&ema).unwrap()).unwrap();
    weights.0.get_mut("e0.weight").unwrap().data[3] = f32::NAN;
    save(&ema, &weights);
    fails(&mut tool(&dir, &["."]), &["e0.weight", "NaN"]);
    weights.0.get_mut("e0.weight").unwrap().data[3] = 1e6;
    save(&ema, &weights);
    fails(&mut tool(&dir, &[".", "--f16"]), &["e0.weight", "too large", "without --f16"]);
    weights.0.remove("e1.bias");
    save(&ema, &weights);
    fails(&mut tool(&dir, &["."]), &["missing", "e1.bias"]);
    std::fs::remove_file(file("data.toml")).unwrap();
    fails(&mut tool(&dir, &["."]), &["data.toml", "No such file"]);
    let state =
        "[state]\nstep = 1\nsamples = 1\nseed = 1\nconfig_sha256 = \"\"\n[files]\n\"ema.safetensors\" = \"ab\"\n";
    std::fs::write(file("checkpoints/step-00001000/state.toml"), state).unwrap();
    fails(&mut tool(&dir, &["."]), &["ema.safetensors is damaged"]);
    assert!(!listing(dir.path()).iter().any(|name| name.starts_with("m.")));
}

/// An evaluation of one model.
const EVALUATION: &str = r#"{
    "size": 256, "sources": 1, "targets": 1, "skipped": [],
    "models": [{
        "summary": {
            "model": "m", "measured": 1, "lost": 0, "frechet_targets": null, "frechet_photos": null,
            "all": { "pairs": 1, "metrics": { "pose": { "mean": 1.5, "deviation": 0.0, "median": 1.5 } } },
            "straight": { "pairs": 0, "metrics": {} }, "turned": { "pairs": 0, "metrics": {} }
        },
        "pairs": []
    }]
}"#;
