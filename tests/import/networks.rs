//! Each checkpoint becomes the network that it is.

use std::sync::Arc;

use alphaswap::engine::cpu::Net;
use alphaswap::nets::{ArcfaceConfig, GeneratorConfig};

use super::*;

/// The generator's tensors with the map as a linear layer's weight.
fn with_map(mut weights: HashMap<String, Tensor>) -> Weights {
    let npy = std::fs::read(fixture("emp.npy")).unwrap();
    let values: Vec<_> = npy[npy.len() - 100..].as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    let transposed = (0..25).map(|i| values[i % 5 * 5 + i / 5]).collect();
    weights.insert("emap".into(), Tensor::new([5, 5], transposed).unwrap());
    Weights(weights)
}

/// A training checkpoint saved on a GPU with awkward views, a bare state dict in the old format, safetensors.
#[test]
fn alphaface_from_every_container_is_the_same() {
    let (model, bytes) = imported("alphaface_demo.pt", Some("emp.npy"));
    for other in ["alphaface_legacy.pt", "alphaface.safetensors"] {
        assert!(imported(other, Some("emp.npy")).1 == bytes, "{other}");
    }
    assert_eq!(model.weights.0, with_map(tensors("alphaface.safetensors")).0);
}

#[test]
fn the_card_says_what_it_is() {
    let (model, bytes) = imported("alphaface_demo.pt", Some("emp.npy"));
    let card = model.card;
    assert_eq!((card.name.as_str(), card.network.as_str()), ("m", "alphaface"));
    assert_eq!(card.licence, "none, random numbers");
    assert_eq!(card.sha256, Some(model.sha256));
    let source = card.source.unwrap();
    assert_eq!(source.files, ["alphaface_demo.pt", "emp.npy"]);
    // By sha256sum.
    assert_eq!(source.sha256[1], "759a82436898bafc29d2750e2dff7f3e05771f309884c3039c0a4a36378490d8");
    let config = card.generator.unwrap();
    let channels: Vec<_> = config.encoder.iter().chain(&config.decoder).map(|l| l.out).collect();
    assert_eq!(channels, [2, 4, 6, 8, 6, 4, 2, 2, 2, 3]);
    assert_eq!(card.input[0].shape, [1, 3, 256, 256]);
    assert_eq!(card.input[1].shape, [1, 5]);
    // A re-import of what was written changes nothing; it brings its own map.
    let dir = tempfile::tempdir().unwrap();
    let again = dir.path().join("again.safetensors");
    std::fs::write(&again, &bytes).unwrap();
    import(&dir, &again).args(["--name", "mine"]).assert().success();
    assert!(std::fs::read(dir.path().join("m.safetensors")).unwrap() == bytes);
    assert_eq!(Model::open(&dir.path().join("m.safetensors")).unwrap().card.name, "mine");
}

/// Half precision has 11 bits, bfloat16 has 8; f64 was widened from f32 and comes back exactly.
#[test]
fn every_float_type_gives_the_same_model() {
    let (exact, _) = imported("alphaface_demo.pt", Some("emp.npy"));
    for (file, tolerance) in [("float64", 0.0), ("float16", 1.0 / 2048.0), ("bfloat16", 1.0 / 256.0)] {
        let (model, _) = imported(&format!("alphaface_{file}.pt"), Some("emp.npy"));
        let off = difference(&exact.weights, &model.weights);
        assert!(off <= tolerance, "{file}: off by {off}");
        assert!(tolerance == 0.0 || off > 0.0, "{file} is not exact");
    }
}

#[test]
fn the_map_is_read_in_every_byte_order_and_layout() {
    let (_, bytes) = imported("alphaface.safetensors", Some("emp.npy"));
    for emap in ["emp_big_endian.npy", "emp_fortran.npy", "emp_float64.npy"] {
        assert!(imported("alphaface.safetensors", Some(emap)).1 == bytes, "{emap}");
    }
}

#[test]
fn inswapper_from_onnx_and_under_alphaface_s_names_is_the_same() {
    let (model, bytes) = imported("inswapper_128.onnx", None);
    assert!(imported("inswapper.safetensors", Some("emp.npy")).1 == bytes);
    assert_eq!(model.weights.0, with_map(tensors("inswapper.safetensors")).0);
    let config = model.card.generator.unwrap();
    assert_eq!(config.crop, GeneratorConfig::inswapper_128().crop);
    assert!(!config.blocks.caii && config.identity.emap);
}

/// The map stands on the right side, and every layer is where it belongs: the picture is torch's, from the raw embedding.
#[test]
fn an_imported_inswapper_answers_like_torch() {
    let io = tensors("inswapper_io.safetensors");
    let pixel = |i: usize| (i / (128 * 128) * 83 + (i / 128 % 128).pow(2) + 5 * (i % 128)) % 256;
    let crop = (0..3 * 128 * 128).map(|i| pixel(i) as f32 / 255.0).collect();
    let crop = Tensor::new([1, 3, 128, 128], crop).unwrap();
    let (model, _) = imported("inswapper_128.onnx", None);
    let mut net = Net::new(Arc::new(model.spec().unwrap()), &model.weights).unwrap();
    let inputs = HashMap::from([("crop".into(), crop), ("identity".into(), io["embedding"].clone())]);
    let output = &net.run_tensors(&inputs).unwrap()["crop"].data;
    let rows: Vec<f32> = output.chunks_exact(128).step_by(16).flatten().copied().collect();
    let off = largest_difference(&rows, &io["rows"].data);
    // f32 through 12 norms on both sides, on an output in [0, 1].
    assert!(off <= 1e-4, "off by {off}");
}

/// Stays half as large on the disk. Its style layers stand in another order than they are used in.
#[test]
fn inswapper_s_fp16_form_is_the_same_within_its_precision() {
    let (exact, _) = imported("inswapper_128.onnx", None);
    let (half, bytes) = imported("inswapper_128_fp16.onnx", None);
    assert!(difference(&exact.weights, &half.weights) <= 1.0 / 2048.0);
    assert!(views("half", &bytes).unwrap().iter().all(|(_, view)| view.dtype() == Dtype::F16));
}

#[test]
fn arcface_from_every_container_is_the_same() {
    let (model, bytes) = imported("arcface_w600k_r50_pytorch.pt", None);
    for other in ["w600k_r50.onnx", "arcface.safetensors"] {
        assert!(imported(other, None).1 == bytes, "{other}");
    }
    let config = ArcfaceConfig { blocks: [2, 1, 3, 1], widths: [4, 6, 8, 10], side: 32, embedding: 12 };
    assert_eq!(model.card.arcface, Some(config));
    assert_eq!(model.card.name, "arcface_w600k_r50");
    // torch folded the one, we fold the other, in f32 and f64.
    let (unfolded, _) = imported("iresnet.pt", None);
    assert!(difference(&model.weights, &unfolded.weights) <= 1e-5);
    assert_eq!(unfolded.card.name, "m");
}

/// Others must not pass for the encoder that generators ask for.
#[test]
fn only_the_official_file_names_make_the_official_name() {
    let dir = tempfile::tempdir().unwrap();
    for (stem, name) in [
        ("w600k_r50", "arcface_w600k_r50"),
        ("arcface_w600k_r50", "arcface_w600k_r50"),
        ("arcface_w600k_r50_pytorch", "arcface_w600k_r50"),
        ("my_w600k_r50_tuned", "m"),
        ("w600k_r50_2", "m"),
    ] {
        let file = dir.path().join(stem).with_extension("safetensors");
        std::fs::copy(fixture("arcface.safetensors"), &file).unwrap();
        import(&dir, &file).arg("--overwrite").assert().success();
        assert_eq!(Model::open(&dir.path().join("m.safetensors")).unwrap().card.name, name, "{stem}");
    }
}

/// All norms are where they belong: the embedding is torch's.
#[test]
fn an_imported_encoder_answers_like_torch() {
    let io = tensors("arcface_io.safetensors");
    for file in ["iresnet.pt", "w600k_r50.onnx"] {
        let (model, _) = imported(file, None);
        let mut net = Net::new(Arc::new(model.spec().unwrap()), &model.weights).unwrap();
        let outputs = net.run_tensors(&HashMap::from([("input".into(), io["input"].clone())])).unwrap();
        let [ours, torchs] = [&outputs["embedding"].data, &io["embedding"].data];
        let length = |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>().sqrt();
        let off = length(&mut ours.iter().zip(torchs).map(|(a, b)| a - b)) / length(&mut torchs.iter().copied());
        assert!(off <= 1e-5, "{file}: off by {off} of its length");
    }
}
