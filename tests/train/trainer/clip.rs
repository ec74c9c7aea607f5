//! The terms that ask a CLIP, and the captions that they read.

use std::fs;

use alphaswap::train::clip::config::{ClipConfig, ImageConfig, TextConfig};
use alphaswap::train::clip::fit::{Fit, FitConfig};
use alphaswap::train::trainer::Material;
use burn::tensor::Device;
use tempfile::TempDir;

use super::data::Sets;
use super::{fresh, terms};

/// A CLIP that has learnt nothing, with the tokenizer of the fixtures.
fn clip() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = ClipConfig {
        embedding: 32,
        image: ImageConfig { side: 16, patch: 8, width: 64, layers: 1, heads: 1 },
        text: TextConfig { context: 40, vocabulary: 584, width: 64, layers: 1, heads: 1 },
    };
    let fit = Fit::new(FitConfig::new(config, 1, 2, 1e-3, 5), &Device::flex()).unwrap();
    fit.save_weights(folder.path()).unwrap();
    let tokenizer = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/clip/tokenizer.json");
    fs::copy(tokenizer, folder.path().join("tokenizer.json")).unwrap();
    folder
}

#[test]
fn a_clip_judges_swaps() {
    let (sets, clip, run) = (Sets::new(), clip(), tempfile::tempdir().unwrap());
    sets.caption();
    let folder = format!("clip.folder={:?}", clip.path());
    let config = |weights: [&str; 2]| sets.config(&["steps=1", &folder, weights[0], weights[1]]);
    let both = config(["losses.clip_identity=1", "losses.clip_text=1"]);
    let mut trainer = fresh(&both, &run.path().join("both"));
    let before = trainer.generator().weights();
    trainer.run(|_| true).unwrap();
    assert!(["clip_identity", "clip_text"].iter().all(|name| terms(&run.path().join("both")).contains(*name)));
    // They reach the generator: without other terms nothing else could move it.
    let none = ["losses.face=0", "losses.face_gradient=0", "losses.background=0", "losses.swap_low_frequency=0"];
    let only = [&["steps=1", &folder, "losses.clip_identity=1", "losses.clip_text=1"][..], &none].concat();
    let mut trainer = fresh(&sets.config(&only), &run.path().join("only"));
    trainer.run(|_| true).unwrap();
    let after = trainer.generator().weights();
    assert!(before.0.iter().any(|(name, tensor)| after.0[name] != *tensor));
}

#[test]
fn a_photo_without_a_caption_is_left_out() {
    let (sets, clip) = (Sets::new(), clip());
    sets.caption();
    let captions = sets.data.folder.join("captions.jsonl");
    let all = fs::read_to_string(&captions).unwrap();
    let (first, rest) = all.split_once('\n').unwrap();
    fs::write(&captions, rest).unwrap();
    let folder = format!("clip.folder={:?}", clip.path());
    let open = |text: &str| Material::open(&sets.config(&[&folder, "losses.clip_identity=1", text])).unwrap();
    let (reads, reads_none) = (open("losses.clip_text=1"), open("losses.clip_text=0"));
    assert_eq!(reads.photos().len() + 1, reads_none.photos().len());
    assert!(reads.photos().iter().all(|photo| !first.contains(&photo.id)));
    for step in 0..20 {
        assert!(reads.batch(step).unwrap().swaps.iter().all(|swap| !swap.caption.is_empty()), "step {step}");
    }
}
