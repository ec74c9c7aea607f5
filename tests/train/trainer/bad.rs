//! What is refused, and what the message says.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use alphaswap::train::checkpoint;
use alphaswap::train::trainer::{Config, RunFolder, Start, Trainer, metrics};
use burn::tensor::Device;

use super::data::{Sets, parse};
use super::fresh;
use crate::support::process::{PATIENCE, Started, TRAINER, trainer};

/// The message of a config text that is refused.
fn refused(text: &str, overrides: &[&str]) -> String {
    let overrides: Vec<_> = overrides.iter().map(ToString::to_string).collect();
    Config::parse("train.toml", text, &overrides).unwrap_err().to_string()
}

/// The message of a run that does not begin.
fn stopped(config: Config, run: &Path, start: Start) -> String {
    Trainer::new(config, run, &Device::flex(), start).unwrap_err().to_string()
}

#[test]
fn configs() {
    let sets = Sets::new();
    let (guided, plain) = (sets.guided(), sets.plain());
    let cases: [(&str, &[&str], &str); 15] = [
        (&guided, &["losses.idenity=3"], "idenity"),
        (&guided, &["stepps=3"], "stepps"),
        (&guided, &["seed"], "key=value"),
        (&guided, &["seed.x=1"], "seed is no table"),
        (&guided, &["losses.face=-1"], "[losses] face is -1"),
        (&guided, &["losses.cycle=1"], "cycle is for generators without a guide"),
        (&guided, &["losses.self_reconstruction=1"], "self_every"),
        (&guided, &["data.pairs=1"], "use swaps"),
        (&guided, &["data.triplets=0", "data.swaps=0"], "no samples"),
        (&guided, &["augment.scale=1.5"], "[augment] scale is 1.5"),
        (&guided, &["ema.decay=1"], "[ema] decay"),
        (&guided, &["precision.loss_scale=3000"], "power of two"),
        (&guided, &["generator.preset=guided-xl"], "there are alphaface-256, inswapper-128, guided-xs"),
        (&guided, &["generator.encoder=[]"], "[generator]"),
        (&plain, &[], "clip_identity and clip_text need CLIP"),
    ];
    for (text, overrides, expected) in cases {
        let message = refused(text, overrides);
        assert!(message.starts_with("train.toml: "), "{message}");
        assert!(message.contains(expected), "{overrides:?}: {message}");
    }
}

#[test]
fn data() {
    let sets = Sets::new();
    let run = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 6] = [
        (&["data.set=/nowhere"], "/nowhere"),
        (&["data.pseudo=/nowhere"], "/nowhere"),
        (&["data.held_out=['drawn/Z*']"], "names nobody"),
        (&["data.held_out=['drawn/[A-D]']"], "fewer than two people"),
        (&["generator.identity.encoder=other"], "has no embeddings of other"),
        (&["output.validate_every=1"], "no triplets of held-out people"),
    ];
    for (overrides, expected) in cases {
        let message = stopped(sets.config(overrides), run.path(), Start::Fresh(None));
        assert!(message.contains(expected), "{overrides:?}: {message}");
    }
    let config = parse(&sets.plain(), &["clip.folder=none"]);
    let message = stopped(config, run.path(), Start::Fresh(None));
    assert!(message.contains("has no captions"), "{message}");
    assert!(!run.path().join("config.toml").exists());
}

#[test]
fn runs_that_are_there_or_not() {
    let sets = Sets::new();
    let run = tempfile::tempdir().unwrap();
    let config = sets.config(&["steps=1"]);
    let message = stopped(config.clone(), run.path(), Start::Resume);
    assert!(message.contains("no checkpoint to resume"), "{message}");
    fresh(&config, run.path()).run(|_| true).unwrap();
    // Whatever is refused leaves the run's own config and note as they were.
    let files = || ["config.toml", "data.toml"].map(|name| fs::read_to_string(run.path().join(name)).unwrap());
    let before = files();
    let message = stopped(config.clone(), run.path(), Start::Fresh(None));
    assert!(message.contains("--resume"), "{message}");
    let message = stopped(sets.config(&["generator.identity.map=9"]), run.path(), Start::Resume);
    assert!(message.contains("another architecture"), "{message}");
    // Its tensors have the same shapes.
    let message = stopped(sets.config(&["generator.identity.scale=9"]), run.path(), Start::Resume);
    assert!(message.contains("another architecture"), "{message}");
    let message = stopped(sets.config(&["seed=9"]), run.path(), Start::Resume);
    assert!(message.contains("seed"), "{message}");
    assert_eq!(files(), before);
    let other = alphaswap::models::Model::builtin("generator").unwrap();
    let folder = run.path().join("other");
    let message = stopped(config, &folder, Start::Fresh(Some(Box::new(other))));
    assert!(message.contains("does not fit the network") && message.contains("blk.1"), "{message}");
}

/// A learning rate that is far too high: the term is named, the checkpoint from before stays the newest.
#[test]
fn divergence() {
    let sets = Sets::new();
    let run = tempfile::tempdir().unwrap();
    let config = sets.config(&["steps=50", "optimizer.lr=1e37", "output.checkpoint_every=1", "data.triplets=1"]);
    let message = fresh(&config, run.path()).run(|_| true).unwrap_err().to_string();
    assert!(message.contains("the term ") && message.contains("diverged") && message.contains("--resume"), "{message}");
    let newest = checkpoint::load(run.path()).unwrap();
    let rows = metrics::read(&RunFolder(run.path().into())).unwrap_or_default();
    assert_eq!(newest.map_or(0, |found| found.state.step), rows.last().map_or(0, |row| row.step));
}

/// Ctrl-C finishes the step, saves, and says how to go on; the shell sees 130.
#[test]
fn interrupted_runs_are_saved() {
    let sets = Sets::new();
    let folder = tempfile::tempdir().unwrap();
    let (config, run) = (folder.path().join("train.toml"), folder.path().join("run"));
    fs::write(&config, sets.guided()).unwrap();
    let mut train = Command::new(TRAINER);
    train.arg("train").arg(&config).arg("-o").arg(&run).args(["--steps", "1000000"]).stderr(Stdio::piped());
    let started = Started::new(&mut train);
    let metrics_path = RunFolder(run.clone()).metrics();
    let start = Instant::now();
    while fs::read_to_string(&metrics_path).unwrap_or_default().lines().count() < 2 {
        assert!(start.elapsed() < PATIENCE, "the run does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    started.interrupt();
    let output = started.ended();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert!(told.contains("saved; go on with --resume"), "{told}");
    // Without a terminal there are lines.
    assert!(told.contains("step 1/1000000: loss "), "{told}");
    let saved = checkpoint::load(&run).unwrap().unwrap().state.step;
    assert_eq!(saved, metrics::read(&RunFolder(run.clone())).unwrap().len() as u64);

    // The run has its own config, and the report can be made at any time.
    let more = (saved + 1).to_string();
    let resumed = ["train", "--resume", "--steps", &more, "--set", "output.keep=2", "-o"];
    let warned = predicates::str::contains("the config has changed since step");
    trainer().args(resumed).arg(&run).assert().success().stderr(warned);
    assert!(fs::read_to_string(run.join("config.toml")).unwrap().contains("steps = 4\n"));
    fs::remove_file(run.join("report.html")).unwrap();
    trainer().arg("report").arg(&run).assert().success();
    assert!(run.join("report.html").is_file());
    trainer().arg("report").arg(folder.path()).assert().failure().stderr(predicates::str::contains("is no run"));
}
