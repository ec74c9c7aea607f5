//! CLIP: both towers against PyTorch (fixtures/clip/clip.py), whatever the file calls their parameters; the tokenizer;
//! training.

mod fit;
mod tokenizer;

use std::path::PathBuf;

use alphaswap::models::Weights;
use alphaswap::tensor::{Tensor as Plain, largest_difference};
use alphaswap::train::clip::config::{ClipConfig, ImageConfig, TextConfig};
use alphaswap::train::clip::tokenizer::{Tokenizer, Tokens};
use alphaswap::train::clip::towers::{Towers, prepare};
use alphaswap::train::clip::{Clip, parameters, read_weights};
use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;

/// A text and the numbers that Hugging Face's tokenizer gives it.
#[derive(Deserialize)]
struct Encoded {
    text: String,
    ids: Vec<u32>,
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/clip")).join(name)
}

/// Sizes of the fixture's network; its heads are narrower than the published ones.
fn config() -> ClipConfig {
    ClipConfig {
        embedding: 12,
        image: ImageConfig { side: 16, patch: 4, width: 24, layers: 2, heads: 3 },
        text: TextConfig { context: 40, vocabulary: 584, width: 16, layers: 3, heads: 2 },
    }
}

fn fixture_tokenizer() -> Tokenizer {
    Tokenizer::open(&fixture("tokenizer.json")).unwrap()
}

fn encoded() -> Vec<Encoded> {
    serde_json::from_slice(&std::fs::read(fixture("tokens.json")).unwrap()).unwrap()
}

fn clip(weights: &str, device: &Device) -> Clip {
    Clip::new(config(), read_weights(&fixture(weights)).unwrap(), fixture_tokenizer(), device).unwrap()
}

fn answers() -> Weights {
    Weights::from_bytes("answers", &std::fs::read(fixture("answers.safetensors")).unwrap()).unwrap()
}

fn burn<const D: usize>(tensor: &Plain, device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(tensor.data.clone(), tensor.shape.clone()), device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().unwrap()
}

#[test]
fn both_towers_answer_as_in_pytorch_from_files_of_either_naming() {
    let (device, answers) = (Device::flex(), answers());
    let texts: Vec<String> = encoded().into_iter().map(|e| e.text).collect();
    for file in ["openai.safetensors", "hugging_face.safetensors"] {
        let clip = clip(file, &device);
        let images = values(clip.image_features(burn(&answers.0["pictures"], &device)));
        let texts = values(clip.text_features(&clip.tokenize(&texts).unwrap()));
        // f32 against double precision.
        assert!(largest_difference(&images, &answers.0["image_features"].data) < 1e-5, "{file}");
        assert!(largest_difference(&texts, &answers.0["text_features"].data) < 1e-5, "{file}");
    }
}

#[test]
fn pictures_from_0_to_1_get_the_mean_and_deviation_that_clip_was_trained_with() {
    let (device, answers) = (Device::flex(), answers());
    let prepared = prepare(burn(&answers.0["pictures"], &device), 16);
    assert!(largest_difference(&values(prepared), &answers.0["normalised"].data) < 1e-5);
    // The numbers of OpenAI's preprocessing for black and white, nothing times 255.
    for (shade, expected) in [(0.0, [-1.7923, -1.7521, -1.4802]), (1.0, [1.9303, 2.0749, 2.1459])] {
        let plain = prepare(Tensor::full([1, 3, 2, 2], shade, &device), 1);
        assert!(largest_difference(&values(plain), &expected) < 1e-4, "{shade}");
    }
}

#[test]
fn gradients_reach_the_pictures_and_not_the_parameters() {
    let device = Device::flex().autodiff();
    let clip = clip("openai.safetensors", &device);
    let pictures = burn::<4>(&answers().0["pictures"], &device).slice_dim(0, 0..2);
    let texts = clip.text_features(&clip.tokenize(&["The mouth is open.".into()]).unwrap());
    let score = |pictures: Tensor<4>| clip.image_features(pictures).matmul(texts.clone().transpose()).sum();
    let tracked = pictures.clone().require_grad();
    let gradients = score(tracked.clone()).backward();
    let gradient = values(tracked.grad(&gradients).unwrap());
    assert!(!texts.is_require_grad());
    let places = [0, 17, 700, 1500, 2069, 2070, 3000, 4000];
    let moved = |at: usize, by: f32| {
        let mut data = values(pictures.clone());
        data[at] += by;
        values(score(Tensor::from_data(TensorData::new(data, pictures.dims()), &device)))[0]
    };
    for at in places {
        let slope = (moved(at, 0.01) - moved(at, -0.01)) / 0.02;
        assert!((slope - gradient[at]).abs() < 2e-3 * (1.0 + slope.abs()), "{at}: {slope} against {}", gradient[at]);
    }
    assert!(gradient.iter().any(|g| g.abs() > 1e-3));
}

#[test]
fn the_features_of_a_text_do_not_depend_on_its_company() {
    let device = Device::flex();
    let clip = clip("openai.safetensors", &device);
    let rows: Vec<Vec<u32>> = encoded().into_iter().map(|e| e.ids).collect();
    let together = values(clip.text_features(&Tokens::new(rows.clone())));
    let alone: Vec<f32> =
        rows.into_iter().flat_map(|row| values(clip.text_features(&Tokens::new(vec![row])))).collect();
    assert!(largest_difference(&together, &alone) < 1e-5);
}

#[test]
fn weights_that_do_not_fit_are_named() {
    let mut weights = read_weights(&fixture("openai.safetensors")).unwrap();
    weights.0.remove("ln_final.bias");
    weights.0.insert("visual.proj".into(), Plain::zeros([24, 13]));
    weights.0.insert("visual.head".into(), Plain::zeros([2]));
    let error = Clip::new(config(), weights, fixture_tokenizer(), &Device::flex()).unwrap_err();
    let parts = ["missing: ln_final.bias;", "not known: visual.head;", "visual.proj (expected [24, 12], got [24, 13])"];
    parts.iter().for_each(|part| assert!(error.contains(part), "{error}"));

    let mut other = config();
    other.text.vocabulary = 100;
    let weights = read_weights(&fixture("openai.safetensors")).unwrap();
    let error = Clip::new(other, weights, fixture_tokenizer(), &Device::flex()).unwrap_err();
    assert_eq!(error, "its tokenizer has 584 tokens, its text tower 100; they are of different CLIPs");
}

#[test]
fn sizes_are_read_off_the_weights() {
    for name in ClipConfig::PRESETS {
        let config = ClipConfig::preset(name).unwrap();
        // No parameter is made yet.
        let shapes = parameters::shapes(&Towers::blank(&config, &Device::flex()));
        assert_eq!(ClipConfig::of(&shapes).unwrap(), config);
    }
    let shapes = parameters::shapes(&Towers::blank(&ClipConfig::preset("vit-b-32").unwrap(), &Device::flex()));
    // As in OpenAI's ViT-B-32.pt, but for its three counts.
    assert_eq!(shapes.len(), 302);
    assert_eq!(shapes.values().map(|s| s.iter().product::<usize>()).sum::<usize>(), 151_277_313);

    let mut shapes = shapes;
    shapes.remove("visual.conv1.weight");
    assert_eq!(ClipConfig::of(&shapes).unwrap_err(), "there is no tensor visual.conv1.weight");
    assert!(ClipConfig::preset("large").unwrap_err().to_string().contains("vit-b-32, small"));
}

#[test]
fn a_folder_that_is_no_clips_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = |folder: &std::path::Path| Clip::open(folder, &Device::flex()).unwrap_err().to_string();
    assert!(error(folder.path()).contains("model.safetensors: "));
    std::fs::write(folder.path().join("model.safetensors"), "no weights").unwrap();
    assert!(error(folder.path()).contains("not a safetensors file"));
    std::fs::copy(fixture("answers.safetensors"), folder.path().join("model.safetensors")).unwrap();
    assert!(error(folder.path()).contains("there is no tensor visual.conv1.weight"));
    // Its heads are 64 channels wide in no tower.
    std::fs::copy(fixture("openai.safetensors"), folder.path().join("model.safetensors")).unwrap();
    assert!(error(folder.path()).contains("24 channels of the image tower do not split into 0 heads"));
}
