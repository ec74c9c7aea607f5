//! The configs in examples/train.

use std::path::{Path, PathBuf};

use alphaswap::train::trainer::{Config, End};

use super::data::Sets;
use super::fresh;

/// Multiply-accumulates that the filter can afford, by config.
const MOST: [(&str, u64); 2] = [("guided-128", 1_700_000_000), ("guided-256", 2_300_000_000)];

fn configs() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/train");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = paths.filter(|path| path.extension().is_some_and(|e| e == "toml"));
    named.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_string(), path)).collect()
}

#[test]
fn every_config_is_sound() {
    let configs = configs();
    assert_eq!(configs.len(), 7);
    for (name, path) in &configs {
        let config = Config::open(path, &[]).unwrap();
        let macs = config.generator.spec().unwrap().macs();
        if let Some((_, most)) = MOST.iter().find(|(known, _)| known == name) {
            assert!(macs <= *most, "{name}: {macs}");
        }
        // examples/train_gpu.sh reads this line.
        let text = std::fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("crop = ")).unwrap_or("128");
        assert_eq!(line, config.generator.crop.to_string(), "{name}");
    }
    let [adain, full] = ["ablation-adain", "alphaface-128-small"]
        .map(|wanted| Config::open(&configs.iter().find(|(name, _)| name == wanted).unwrap().1, &[]).unwrap());
    assert!(!adain.generator.blocks.caii && full.generator.blocks.caii);
    assert_eq!(adain.losses, full.losses);
}

/// Each of them makes a step when its sets are the test's and its networks small.
#[test]
fn every_config_trains() {
    let sets = Sets::new();
    sets.caption();
    let folder = tempfile::tempdir().unwrap();
    for (name, path) in configs() {
        let config = Config::open(&path, &small(&sets)).unwrap();
        assert_eq!(fresh(&config, &folder.path().join(&name)).run(|_| true).unwrap(), End::Done, "{name}");
    }
}

/// What makes any config small: the test's sets, few channels, no CLIP, no files that do not ship.
fn small(sets: &Sets) -> Vec<String> {
    [
        "steps=1".into(),
        format!("data.set={:?}", sets.data.folder),
        format!("data.pseudo={:?}", sets.pseudo),
        "data.held_out=['drawn/A', 'drawn/B']".into(),
        format!("data.held_out_pseudo={:?}", sets.held_out),
        "generator.names=compact".into(),
        "generator.crop=32".into(),
        "generator.window={x=4, y=4, width=24, height=24}".into(),
        "generator.space_to_depth=1".into(),
        "generator.encoder=[{name='e0', out=4, kernel=3, pad=1, stride=2}]".into(),
        "generator.decoder=[{name='d1', out=3, kernel=3, pad=1, upsample=true}]".into(),
        "generator.identity={encoder='faceres_224', encoder_crop='mesh_box', width=1024, map=8, scale=32.0, emap=false}".into(),
        "generator.blocks.count=1".into(),
        "identity={encoder='faceres', side=64}".into(),
        "perceptual.network=faceres".into(),
        "losses.clip_identity=0".into(),
        "losses.clip_text=0".into(),
        "losses.adversarial_from=0".into(),
        "discriminator={width=4, max=8, blocks=3}".into(),
        "output.validate_samples=1".into(),
    ]
    .into()
}
