//! Model files and cards: the shipped ones are whole, broken ones are refused with a reason.

use std::collections::HashMap;
use std::path::Path;

use alphaswap::Error;
use alphaswap::models::{CANONICAL, Card, Model, Weights};
use alphaswap::nets::{GeneratorConfig, NetSpec};
use proptest::prelude::*;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

use crate::networks;

/// f32 tensors of a network, all values zero but for what `change` does to them.
pub fn weights_file(spec: &NetSpec, change: impl FnOnce(&mut HashMap<String, (Vec<usize>, Vec<f32>)>)) -> Vec<u8> {
    let zeros = |shape: &[usize]| vec![0.0; shape.iter().product()];
    let mut tensors = spec.params().into_iter().map(|p| (p.name, (p.shape.clone(), zeros(&p.shape)))).collect();
    change(&mut tensors);
    let views = tensors.iter().map(|(name, (shape, data))| {
        (name, TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(data)).unwrap())
    });
    serialize(views, None).unwrap()
}

/// A file with this header and `data` bytes of zeros after it.
fn raw_file(header: &str, data: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    file.resize(file.len() + data, 0);
    file
}

/// The shipped card of `name` without its hash.
fn card(name: &str) -> Card {
    Card { sha256: None, ..Model::builtin(name).unwrap().card }
}

fn toml(card: &Card) -> String {
    toml::to_string(card).unwrap()
}

/// The reason of the [`Error::Model`] that must come.
fn reason<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Model { model, reason }) => {
            assert!(!model.is_empty());
            reason
        }
        other => panic!("expected a model error, got {other:?}"),
    }
}

fn assert_refused(bytes: &[u8], expected: &str) {
    let reason = reason(Weights::from_bytes("test", bytes));
    assert!(reason.contains(expected), "{reason:?} does not say {expected:?}");
}

#[test]
fn shipped_models_fit_their_cards_and_networks() {
    let names: Vec<_> = Model::builtin_names().collect();
    assert_eq!(names, ["detector", "landmarks", "identity", "generator", "generator-256"]);
    for name in names {
        let model = Model::builtin(name).unwrap();
        assert_eq!(model.card.name, name);
        assert_eq!(model.card.sha256, Some(model.sha256.clone()), "{name}: the card carries the file's hash");
        let source = model.card.source.as_ref().unwrap();
        assert_eq!(source.files.len(), source.sha256.len());
        assert_eq!(model.spec().unwrap().repeated_name(), None);
    }
    assert_eq!(Model::builtin("generator").unwrap().card.generator, Some(GeneratorConfig::guided_xs()));
    assert_eq!(Model::builtin("generator-256").unwrap().card.generator, Some(GeneratorConfig::guided_256()));
}

#[test]
fn canonical_face_is_whole() {
    let file = SafeTensors::deserialize(CANONICAL).unwrap();
    let shape = |name: &str| file.tensor(name).unwrap().shape().to_vec();
    assert_eq!([shape("points"), shape("uv"), shape("triangles")], [[468, 3], [468, 2], [898, 3]]);
    assert_eq!(shape("basis_index"), shape("basis_weight"));
    let triangles = file.tensor("triangles").unwrap();
    let mut used = [false; 468];
    for index in triangles.data().as_chunks::<4>().0 {
        used[i32::from_le_bytes(*index) as usize] = true;
    }
    assert!(used.iter().all(|&u| u), "every point is a corner of a triangle");
}

#[test]
fn nan_in_the_weights_is_named() {
    let (spec, card) = (Model::builtin("landmarks").unwrap().spec().unwrap(), toml(&card("landmarks")));
    for bad in [f32::NAN, f32::INFINITY] {
        let file = weights_file(&spec, |t| t.get_mut("blocks.3.pointwise.weight").unwrap().1[7] = bad);
        let reason = reason(Model::from_bytes("mine", &file, &card));
        assert!(reason.contains("blocks.3.pointwise.weight") && reason.contains("value 7"), "{reason}");
    }
}

#[test]
fn half_precision_is_widened() {
    let header = r#"{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"BF16","shape":[1],"data_offsets":[4,6]}}"#;
    let mut file = raw_file(header, 6);
    let at = file.len() - 6;
    file[at..].copy_from_slice(&[0x00, 0x3e, 0x01, 0x00, 0xc0, 0xbf]); // 1.5 and 2^-24 in f16, -1.5 in bf16
    let weights = Weights::from_bytes("test", &file).unwrap();
    assert_eq!(weights.0["a"].data, [1.5, 2f32.powi(-24)]);
    assert_eq!(weights.0["b"].data, [-1.5]);
    file[at + 1] = 0x7e; // f16 NaN
    assert_refused(&file, "tensor a: value 0 is NaN");
}

#[test]
fn hostile_headers_are_refused() {
    assert_refused(b"", "not a safetensors file");
    assert_refused(b"hello", "only 5 bytes");
    assert_refused(&u64::MAX.to_le_bytes(), "absurd");
    assert_refused(&(1u64 << 40).to_le_bytes(), "absurd");
    assert_refused(&1000u64.to_le_bytes(), "truncated");
    assert_refused(&raw_file("{", 0), "not a safetensors file");
    assert_refused(&raw_file("<html>", 0), "not a safetensors file");
    let one = |offsets: &str, shape: &str, kind: &str| {
        format!(r#"{{"a":{{"dtype":"{kind}","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    assert_refused(&raw_file(&one("[0,8]", "[2]", "F32"), 4), "truncated or overlong");
    assert_refused(&raw_file(&one("[0,8]", "[2]", "F32"), 12), "truncated or overlong");
    assert_refused(&raw_file(&one("[4,12]", "[2]", "F32"), 12), "overlap others or leave a gap");
    assert_refused(&raw_file(&one("[8,0]", "[2]", "F32"), 8), "overlap others or leave a gap");
    assert_refused(&raw_file(&one("[0,8]", "[3]", "F32"), 8), "does not fit its number of bytes");
    assert_refused(&raw_file(&one("[0,8]", "[4611686018427387904,4]", "F32"), 8), "absurdly large");
    assert_refused(&raw_file(&one("[0,18446744073709551615]", "[2]", "F32"), 8), "");
    assert_refused(&raw_file(&one("[0,8]", "[-2]", "F32"), 8), "not a safetensors file");
    assert_refused(&raw_file(&one("[0,8]", "[2]", "I32"), 8), "tensor a: type I32 is not supported");
    let overlap = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
    assert_refused(&raw_file(overlap, 12), "tensor b: its bytes overlap");
}

#[test]
fn tensors_that_do_not_fit_are_listed() {
    let (spec, card) = (Model::builtin("detector").unwrap().spec().unwrap(), toml(&card("detector")));
    let file = weights_file(&spec, |t| {
        t.remove("stem.weight");
        t.insert("head.extra".into(), (vec![1], vec![0.0]));
        t.insert("blocks.4.pointwise.bias".into(), (vec![25], vec![0.0; 25]));
    });
    let reason = reason(Model::from_bytes("mine", &file, &card));
    for part in [
        "tensors missing: stem.weight;",
        "tensors not known: head.extra;",
        "tensors of another shape: blocks.4.pointwise.bias (expected [24], got [25]);",
    ] {
        assert!(reason.contains(part), "{reason:?} lacks {part:?}");
    }
}

#[test]
fn a_card_of_another_shape_is_refused() {
    let spec = Model::builtin("landmarks").unwrap().spec().unwrap();
    let mut card = card("landmarks");
    card.input[0].shape = vec![1, 3, 256, 256];
    card.output.pop();
    let reason = reason(Model::from_bytes("mine", &weights_file(&spec, |_| ()), &toml(&card)));
    assert!(reason.contains("input (expected [1, 3, 192, 192], got [1, 3, 256, 256])"), "{reason}");
    assert!(reason.contains("card's outputs missing: presence"), "{reason}");
}

#[test]
fn a_card_of_another_file_is_refused() {
    let shipped = Model::builtin("landmarks").unwrap();
    let file = weights_file(&shipped.spec().unwrap(), |_| ());
    let reason = reason(Model::from_bytes("mine", &file, &toml(&shipped.card)));
    assert!(reason.contains("sha256") && reason.contains(&shipped.sha256), "{reason}");
}

#[test]
fn broken_cards_are_refused() {
    let spec = Model::builtin("detector").unwrap().spec().unwrap();
    let file = weights_file(&spec, |_| ());
    let refuse = |card: &str| reason(Model::from_bytes("mine", &file, card));
    assert!(refuse("name = ").contains("card is broken"));
    assert!(refuse("name = \"x\"").contains("missing field"));
    let with = |network: &str| toml(&Card { network: network.into(), ..card("detector") });
    assert!(refuse(&with("resnet")).contains("unknown network \"resnet\""));
    assert!(refuse(&with("alphaface")).contains("no [generator] table"));
    assert!(reason(Model::builtin("mouth")).contains("detector, landmarks, identity, generator"));
}

#[test]
fn files_that_cannot_be_read_say_which() {
    let folder = tempfile::tempdir().unwrap();
    let io = |path: &Path| match Model::open(path) {
        Err(Error::Io { path: told, .. }) => assert_eq!(told, path),
        other => panic!("expected an I/O error, got {other:?}"),
    };
    io(&folder.path().join("absent.safetensors"));
    io(folder.path());
    let lonely = folder.path().join("lonely.safetensors");
    std::fs::write(&lonely, raw_file("{}", 0)).unwrap();
    let reason = reason(Model::open(&lonely));
    assert!(reason.contains("lonely.toml") && reason.contains("models/README.md"), "{reason}");
}

/// What is never read, however long it is or however long it would take.
#[test]
fn files_that_are_no_model_by_their_size_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.safetensors");
    let sized = |path: &Path, bytes| std::fs::File::create(path).unwrap().set_len(bytes).unwrap();
    let card = path.with_extension("toml");
    sized(&card, (1 << 20) + 1);
    sized(&path, 0);
    let reason = reason(Model::open(&path));
    assert!(reason.contains("huge.toml") && reason.contains("too many"), "{reason}");
    // No disk has to hold the zeros.
    sized(&path, (2 << 30) + 1);
    assert!(Model::open(&path).unwrap_err().to_string().contains("too many"));
    #[cfg(unix)]
    assert!(Model::open(Path::new("/dev/zero")).unwrap_err().to_string().contains("not a regular file"));
}

/// The official generators are not shipped: users bring them. Narrow files under the same names stand in.
#[test]
fn a_user_s_official_generator_opens() {
    for config in [GeneratorConfig::alphaface_256(), GeneratorConfig::inswapper_128()].map(networks::narrow) {
        let spec = config.spec().unwrap();
        let mut card = card("generator");
        card.generator = Some(config);
        card.input.retain(|p| p.name != "guide");
        card.input[0].shape = vec![1, 3, 16, 16];
        card.input[1].shape = vec![1, 8];
        card.output[0].shape = vec![1, 3, 16, 16];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.safetensors");
        std::fs::write(&path, weights_file(&spec, |_| ())).unwrap();
        std::fs::write(path.with_extension("toml"), toml(&card)).unwrap();
        let model = Model::load(path.to_str().unwrap()).unwrap();
        assert_eq!(model.spec().unwrap(), spec);
    }
}

#[test]
fn configs_survive_their_card() {
    for name in GeneratorConfig::PRESETS {
        let config = GeneratorConfig::preset(name).unwrap();
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<GeneratorConfig>(&text).unwrap(), config);
    }
}

/// The config that models/README.md tells users to write is the official network's.
#[test]
fn the_readme_s_config_is_the_official_one() {
    #[derive(serde::Deserialize)]
    struct Table {
        generator: GeneratorConfig,
    }
    let readme = include_str!("../models/README.md");
    let text = readme.split("```toml").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(toml::from_str::<Table>(text).unwrap().generator, GeneratorConfig::alphaface_256());
}

#[test]
fn configs_that_make_no_sense_are_refused() {
    let refused = |mut config: GeneratorConfig, change: fn(&mut GeneratorConfig), expected: &str| {
        change(&mut config);
        let reason = reason(config.spec());
        assert!(reason.contains(expected), "{reason:?} does not say {expected:?}");
    };
    let refuse = |change, expected| refused(GeneratorConfig::guided_xs(), change, expected);
    refuse(|c| c.crop = 0, "crop is 0");
    refuse(|c| c.window.as_mut().unwrap().x = 100, "window.x is 100, must be 0 to 24");
    refuse(|c| c.window.as_mut().unwrap().width = 103, "space_to_depth does not divide");
    refuse(|c| c.encoder[1].kernel = 4, "layer e1: kernel is 4");
    refuse(|c| c.encoder[1].stride = 0, "layer e1: stride is 0");
    refuse(|c| c.encoder[1].out = usize::MAX, "layer e1: out");
    refuse(|c| c.decoder[3].pad = usize::MAX, "layer d4: pad");
    refuse(|c| c.decoder[1].concat = Some("e9".into()), "no encoder layer e9");
    refuse(|c| c.decoder[1].concat = Some("e2".into()), "e2 is 112x28x26");
    refuse(|c| c.decoder[0].upsample = false, "layer d2: e0 is");
    refuse(|c| c.decoder[3].out = 4, "the decoder ends in 4x112x104");
    refuse(|c| c.decoder[2].name = "e0".into(), "two layers are called e0");
    refuse(|c| c.encoder[1].name = "map".into(), "two layers are called map");
    refuse(|c| c.encoder.clear(), "number of encoder layers");
    refuse(|c| c.identity.scale = f32::NAN, "identity.scale");
    // Products of sizes that are each allowed.
    let wide = |c: &mut GeneratorConfig| {
        (c.crop, c.window, c.encoder[0].out) = (512, None, 16384);
    };
    refuse(wide, "layer e0: output is 16384x256x256, that is too large");
    let joined = |c: &mut GeneratorConfig| {
        (c.crop, c.window, c.encoder[0].out, c.decoder[0].out) = (1024, None, 300, 300);
    };
    refuse(joined, "layer d2: input is 600x512x512, that is too large");
    refuse(|c| (c.crop, c.window) = (3072, None), "layer e0: input is 24x1536x1536, that is too large");

    let refuse = |change, expected| refused(GeneratorConfig::guided_256(), change, expected);
    refuse(|c| c.guide = false, "it needs a guide");
    refuse(|c| c.window.as_mut().unwrap().width = 206, "with detail, twice space_to_depth does not divide");
    refuse(|c| c.decoder.truncate(3), "the decoder ends in 64x56x52, not in 3x112x104");
    refuse(|c| c.detail[2].out = 4, "detail ends in 4x224x208, not in 3x224x208");
    refuse(|c| c.detail[1].concat = Some("e0".into()), "no encoder layer e0");
    refuse(|c| c.detail[0].name = "d1".into(), "two layers are called d1");
}

proptest! {
    /// No prefix of a model file is taken for a model.
    #[test]
    fn truncated_files_are_refused(keep in 0.0..1.0f64) {
        let file = include_bytes!("../models/landmarks.safetensors");
        prop_assert!(Weights::from_bytes("cut", &file[..(file.len() as f64 * keep) as usize]).is_err());
    }

    /// Whatever happens to the header, the answer is weights or an error.
    #[test]
    fn damaged_headers_do_not_panic(changes in prop::collection::vec((0..700usize, any::<u8>()), 1..6)) {
        let mut file = raw_file(
            r#"{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"F16","shape":[4],"data_offsets":[16,24]}}"#,
            24,
        );
        for (at, value) in changes {
            let at = at % file.len();
            file[at] = value;
        }
        let _ = Weights::from_bytes("damaged", &file);
    }

    /// Any numbers in a config give a network whose picture has the window's size, or an error.
    #[test]
    fn any_config_gives_a_network_or_an_error(
        crop in 0..40usize, out in 0..9usize, kernel in 0..8usize, stride in 0..3usize, pad in 0..6usize,
        depth in 0..4usize, r in 0..4usize, reflect: bool, upsample: bool, guide: bool, official: bool,
        sane: bool, detail: bool,
    ) {
        use alphaswap::nets::alphaface::LayerEdge;
        // Half of the cases keep the sizes in step, so that many of them are networks.
        let (kernel, stride, pad, depth, r, upsample) =
            if sane { (kernel | 1, 1, kernel / 2, 1, 1, true) } else { (kernel, stride, pad, depth, r, upsample) };
        let mut config =
            if official { GeneratorConfig::inswapper_128() } else { GeneratorConfig::guided_xs() };
        config.detail.extend(GeneratorConfig::guided_256().detail.into_iter().filter(|_| detail));
        (config.crop, config.window, config.guide, config.space_to_depth) = (crop, None, guide, r);
        for layer in [&mut config.encoder[0], &mut config.decoder[0]] {
            (layer.kernel, layer.stride, layer.pad) = (kernel, stride, pad);
            layer.edge = if reflect { LayerEdge::Reflect } else { LayerEdge::Zero };
        }
        (config.decoder[1].out, config.decoder[2].depth_to_space, config.decoder[2].upsample) = (out, depth, upsample && !sane);
        if let Ok(spec) = config.spec() {
            prop_assert_eq!(&spec.outputs[0].shape, &vec![1, 3, crop, crop]);
        }
    }
}
