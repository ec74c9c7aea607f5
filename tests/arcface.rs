//! ArcFace encoders against PyTorch (fixtures/networks/arcface.py), and what generators make of a raw embedding.

use std::collections::HashMap;
use std::sync::Arc;

use alphaswap::Error;
use alphaswap::engine::{cpu, gpu};
use alphaswap::models::{Card, Model, Weights};
use alphaswap::nets::{ArcfaceConfig, GeneratorConfig};
use alphaswap::tensor::Tensor;
use alphaswap::tensor::largest_difference;

use crate::engine_gpu::{context, sample, tensors};
use crate::networks::{fixture, narrow};

/// The config of the fixture.
fn config() -> ArcfaceConfig {
    ArcfaceConfig { blocks: [2, 1, 3, 1], widths: [4, 6, 18, 10], side: 32, embedding: 24 }
}

fn length(values: &[f32]) -> f32 {
    values.iter().map(|v| v * v).sum::<f32>().sqrt()
}

/// The fixture's weights, and what else it holds.
fn recorded() -> (Weights, HashMap<String, Tensor>) {
    let io = |name: &str| name == "input" || name == "output" || name.starts_with("cut.");
    let (io, weights) = fixture("arcface").into_iter().partition(|(name, _)| io(name));
    (Weights(weights), io)
}

#[test]
fn both_engines_match_pytorch() {
    let (weights, recorded) = recorded();
    let spec = Arc::new(config().spec().unwrap());
    let inputs = HashMap::from([("input".to_owned(), recorded["input"].clone())]);
    let mut net = cpu::Net::with_cut_points(spec.clone(), &weights).unwrap();
    let mut outputs = vec![net.run_tensors(&inputs).unwrap()];
    let cuts: Vec<_> = recorded.iter().filter_map(|(n, t)| Some((n.strip_prefix("cut.")?, t))).collect();
    assert_eq!(cuts.len(), 4);
    for (name, want) in cuts {
        let got = net.cut_point(name).unwrap();
        let off = largest_difference(&got.data, &want.data) / length(&want.data);
        assert!(got.shape == want.shape && off <= 1e-5, "{name}: off by {off} of its length");
    }
    if let Some(ctx) = context() {
        let net = gpu::Net::new(ctx, spec.clone(), &weights, gpu::Precision::F32).unwrap();
        outputs.push(net.run_tensors(&inputs).unwrap());
    }
    let want = &recorded["output"].data;
    for output in outputs {
        let off = largest_difference(&output["embedding"].data, want) / length(want);
        // f32 against f64, folded against unfolded norms.
        assert!(off <= 1e-5, "off by {off} of the embedding's length");
    }
}

/// PyTorch counts (printed by arcface.py) and alphaface.md's numbers have the norms in full: two parameters a channel.
/// Folded into a convolution one of them stays, its bias; folded into the last layer, none.
#[test]
fn encoders_have_the_size_of_the_originals() {
    let folded = |config: &ArcfaceConfig| {
        let stages = config.widths.iter().zip(&config.blocks);
        config.widths[0] + stages.map(|(width, blocks)| 2 * width * blocks + width).sum::<usize>()
    };
    let tail = 2 * 512 + 2 * 512;
    let r100 = ArcfaceConfig { blocks: [3, 13, 30, 3], ..ArcfaceConfig::r50() };
    let sizes = [(ArcfaceConfig::r50(), 43_590_848, 6.31), (r100, 65_156_160, 12.09)];
    for (config, unfolded, gmac) in sizes {
        let spec = config.spec().unwrap();
        assert_eq!(spec.param_count(), unfolded - folded(&config) - tail);
        assert!((spec.macs() as f64 / 1e9 - gmac).abs() < 0.005, "{}", spec.macs());
        assert_eq!(spec.repeated_name(), None);
    }
    // With the tail's norms it is the count of AlphaFace's own file.
    assert_eq!(ArcfaceConfig::r50().spec().unwrap().param_count() + tail, 43_578_176);
}

#[test]
fn r50_has_the_agreed_keys() {
    let params = ArcfaceConfig::r50().spec().unwrap().params();
    let shape = |name: &str| params.iter().find(|p| p.name == name).map(|p| p.shape.clone());
    assert_eq!(shape("conv1.weight"), Some(vec![64, 3, 3, 3]));
    assert_eq!(shape("prelu.weight"), Some(vec![64]));
    assert_eq!(shape("layer2.0.bn1.bias"), Some(vec![64]));
    assert_eq!(shape("layer2.0.prelu.weight"), Some(vec![128]));
    assert_eq!(shape("layer3.0.downsample.weight"), Some(vec![256, 128, 1, 1]));
    assert_eq!(shape("layer3.1.downsample.weight"), None);
    assert_eq!(shape("layer4.2.conv2.bias"), Some(vec![512]));
    assert_eq!(shape("fc.weight"), Some(vec![512, 25088]));
}

fn reason<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Model { reason, .. }) => reason,
        other => panic!("expected a model error, got {other:?}"),
    }
}

#[test]
fn configs_that_make_no_sense_are_refused() {
    let refuse = |change: fn(&mut ArcfaceConfig), expected: &str| {
        let mut config = ArcfaceConfig::r50();
        change(&mut config);
        let reason = reason(config.spec());
        assert!(reason.contains("[arcface]") && reason.contains(expected), "{reason:?} does not say {expected:?}");
    };
    refuse(|c| c.blocks[2] = 0, "blocks[2] is 0");
    refuse(|c| c.blocks[0] = usize::MAX, "blocks[0]");
    refuse(|c| c.widths[3] = 0, "widths[3] is 0");
    refuse(|c| c.side = 4, "side is 4, must be 16 to 1024");
    refuse(|c| c.embedding = 5000, "embedding is 5000");
    // Products of sizes that are each allowed.
    refuse(|c| (c.side, c.widths[0]) = (1024, 4096), "stage 1 is 4096x1024x1024, that is too large");
}

#[test]
fn an_encoder_s_card_is_read_or_refused() {
    let file = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/networks/arcface.safetensors"));
    let head = "name = \"mine\"\nnetwork = \"arcface\"\nabout = \"a\"\nlicence = \"l\"\n";
    let table = "[arcface]\nblocks = [2, 1, 3, 1]\nwidths = [4, 6, 18, 10]\nside = 32\nembedding = 24\n";
    let card: Card = toml::from_str(&format!("{head}{table}")).unwrap();
    assert_eq!(card.arcface, Some(config()));
    assert_eq!(toml::from_str::<Card>(&toml::to_string(&card).unwrap()).unwrap(), card);
    let r50: Card = toml::from_str(&format!("{head}[arcface]\nblocks = [3, 4, 14, 3]")).unwrap();
    assert_eq!(r50.arcface, Some(ArcfaceConfig::r50()));
    let refuse = |card: &str| reason(Model::from_bytes("mine", file.as_ref().unwrap(), card));
    assert!(refuse(head).contains("no [arcface] table"));
    assert!(refuse(&format!("{head}[arcface]\ndepth = 50")).contains("card is broken"));
    let misfit = refuse(&format!("{head}{}", table.replace("24", "512")));
    assert!(misfit.contains("fc.weight (expected [512, 40], got [24, 40])"), "{misfit}");
}

/// `emap` in the network is the same as mapping the embedding outside, and its length does not matter.
#[test]
fn emap_maps_the_raw_embedding_to_length_one() {
    for config in [GeneratorConfig::alphaface_256(), GeneratorConfig::inswapper_128()] {
        let mut config = narrow(config);
        let mapping = Arc::new(config.spec().unwrap());
        config.identity.emap = false;
        let plain = Arc::new(config.spec().unwrap());
        let (weights, mut inputs) = sample(&mapping, 3);
        let raw: Vec<f32> = inputs["identity"].iter().map(|v| v * 20.0).collect();
        let emap = &weights.0["emap"].data;
        let row = |row: &[f32]| row.iter().zip(&raw).map(|(a, b)| a * b).sum::<f32>();
        let mapped: Vec<f32> = emap.chunks_exact(raw.len()).map(row).collect();
        let unit = mapped.iter().map(|v| v / length(&mapped)).collect();
        inputs.insert("identity".into(), unit);
        let want = &cpu::Net::new(plain.clone(), &weights).unwrap().run_tensors(&tensors(&plain, &inputs)).unwrap();
        inputs.insert("identity".into(), raw);
        let inputs = tensors(&mapping, &inputs);
        let mut outputs = vec![cpu::Net::new(mapping.clone(), &weights).unwrap().run_tensors(&inputs).unwrap()];
        if let Some(ctx) = context() {
            let net = gpu::Net::new(ctx, mapping.clone(), &weights, gpu::Precision::F32).unwrap();
            outputs.push(net.run_tensors(&inputs).unwrap());
        }
        for output in outputs {
            let off = largest_difference(&output["crop"].data, &want["crop"].data);
            assert!(off <= 1e-5, "off by {off}");
        }
    }
}

#[test]
fn emap_and_map_exclude_each_other() {
    let mut config = GeneratorConfig::guided_xs();
    config.identity.emap = true;
    assert!(reason(config.spec()).contains("identity.emap and identity.map"));
}
