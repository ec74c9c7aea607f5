//! Every term against PyTorch (`fixtures/losses/losses.py`), its gradient against PyTorch's or finite differences.

use std::collections::HashMap;
use std::sync::Arc;

use alphaswap::engine::cpu;
use alphaswap::face::Landmarks;
use alphaswap::mesh::expression;
use alphaswap::models::{Model, Weights};
use alphaswap::nets::{ArcfaceConfig, vgg};
use alphaswap::tensor::{Tensor as Values, largest_difference};
use alphaswap::train::checkpoint::write_tensors;
use alphaswap::train::losses::expression::ExpressionNet;
use alphaswap::train::losses::identity::{IdentityNet, cosine_loss};
use alphaswap::train::losses::perceptual::Perceptual;
use alphaswap::train::losses::{adversarial, clip, pixel};
use alphaswap::train::ops::resize;
use alphaswap::train::spec_module::SpecModule;
use burn::tensor::ops::PadMode;
use burn::tensor::{Device, Tensor, TensorData};
use glam::Vec3;

/// What PyTorch was asked, and its answers.
pub struct Fixture(pub HashMap<String, Values>);

impl Fixture {
    pub fn new() -> Self {
        let bytes = include_bytes!("../fixtures/losses/losses.safetensors");
        Self(Weights::from_bytes("losses.safetensors", bytes).unwrap().0)
    }

    pub fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let t = &self.0[name];
        Tensor::from_data(TensorData::new(t.data.clone(), t.shape.clone()), device)
    }

    pub fn values(&self, name: &str) -> &[f32] {
        &self.0[name].data
    }
}

pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn scalar(tensor: Tensor<1>) -> f32 {
    assert_eq!(tensor.dims(), [1]);
    tensor.into_scalar()
}

/// Whether `loss` is what PyTorch says, within a few roundings.
fn agrees(fixture: &Fixture, name: &str, loss: Tensor<1>) {
    let (got, want) = (scalar(loss), fixture.values(name)[0]);
    assert!((got - want).abs() < 2e-5 * want.abs().max(0.1), "{name}: {got}, PyTorch says {want}");
}

/// Numbers in [0, 1) that the script knows too.
fn noise(count: usize, seed: u64) -> Vec<f32> {
    let number = |i: u64| {
        let x = i.wrapping_add(seed << 24).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let x = (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (x >> 40) as f32 / (1 << 24) as f32
    };
    (0..count as u64).map(number).collect()
}

/// A direction for slopes, the script's too.
fn direction<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    let values: Vec<f32> = noise(x.shape().num_elements(), 77).iter().map(|v| v - 0.5).collect();
    Tensor::from_data(TensorData::new(values, x.dims()), &Device::flex())
}

/// `loss` at `x`, and its slope along [`direction`] by its gradient.
fn slope<const D: usize>(x: &Tensor<D>, loss: impl Fn(Tensor<D>) -> Tensor<1>) -> (f32, f32) {
    let tracked = Tensor::<D>::from_inner(x.clone()).require_grad();
    let value = loss(tracked.clone());
    let grads = value.backward();
    (scalar(value.inner()), scalar((tracked.grad(&grads).unwrap() * direction(x)).sum()))
}

/// Whether the gradient of `loss` at `x` is what finite differences say.
fn gradient_fits<const D: usize>(name: &str, x: &Tensor<D>, step: f32, loss: impl Fn(Tensor<D>) -> Tensor<1>) {
    let at = |step: f32| scalar(loss(x.clone() + direction(x) * step));
    let want = (at(step) - at(-step)) / (2.0 * step);
    let (_, got) = slope(x, loss);
    assert!(want.abs() > 1e-5, "{name}: a slope of {want} tells nothing");
    assert!((got - want).abs() < 0.02 * want.abs(), "{name}: gradient {got}, slope {want}");
}

/// Whether `loss` at `x` and its gradient are what PyTorch says.
fn agrees_with_gradient(fixture: &Fixture, name: &str, x: &Tensor<4>, loss: impl Fn(Tensor<4>) -> Tensor<1>) {
    let (value, got) = slope(x, loss);
    let want = [fixture.values(name)[0], fixture.values(&format!("{name}.slope"))[0]];
    assert!((value - want[0]).abs() < 2e-5 * want[0].abs(), "{name}: {value}, PyTorch says {}", want[0]);
    // A value that lies at a corner of a ReLU by one rounding and not by the other: PyTorch in f32 differs from itself in
    // f64 by half a percent.
    assert!((got - want[1]).abs() < 1e-2 * want[1].abs(), "{name}: gradient {got}, PyTorch says {}", want[1]);
}

#[test]
fn pixel_terms() {
    let (f, device) = (Fixture::new(), Device::flex());
    let [x, y, mask] = ["pixel.x", "pixel.y", "pixel.mask"].map(|name| f.tensor::<4>(name, &device));
    agrees(&f, "pixel.l1", pixel::l1(x.clone(), y.clone()));
    agrees(&f, "pixel.masked_l1", pixel::masked_l1(x.clone(), y.clone(), mask.clone()));
    agrees(&f, "pixel.gradient_l1", pixel::gradient_l1(x.clone(), y.clone(), mask.clone()));
    agrees(&f, "pixel.low_frequency", pixel::low_frequency(x.clone(), y.clone(), 4));

    gradient_fits("l1", &x, 1e-3, |x| pixel::l1(x, y.clone()));
    gradient_fits("masked_l1", &x, 1e-3, |x| pixel::masked_l1(x, y.clone(), mask.clone()));
    gradient_fits("gradient_l1", &x, 1e-3, |x| pixel::gradient_l1(x, y.clone(), mask.clone()));
    gradient_fits("low_frequency", &x, 1e-3, |x| pixel::low_frequency(x, y.clone(), 4));
}

#[test]
fn adversarial_terms() {
    let (f, device) = (Fixture::new(), Device::flex());
    let [real, fake] = ["scores.real", "scores.fake"].map(|name| f.tensor::<2>(name, &device));
    agrees(&f, "scores.generator", adversarial::generator(fake.clone()));
    agrees(&f, "scores.discriminator", adversarial::discriminator(real.clone(), fake.clone()));
    gradient_fits("generator", &fake, 1e-2, adversarial::generator);
    gradient_fits("real", &real, 1e-2, |real| adversarial::discriminator(real, fake.clone()));
    gradient_fits("fake", &fake, 1e-2, |fake| adversarial::discriminator(real.clone(), fake));
}

#[test]
fn clip_terms() {
    let (f, device) = (Fixture::new(), Device::flex());
    let [swapped, target, texts] =
        ["swapped", "target", "texts"].map(|name| f.tensor::<2>(&format!("features.{name}"), &device));
    agrees(&f, "features.identity", clip::identity(swapped.clone(), target.clone()));
    agrees(&f, "features.text", clip::text(swapped.clone(), target.clone(), texts.clone()));
    gradient_fits("identity", &swapped, 1e-2, |x| clip::identity(x, target.clone()));
    gradient_fits("text", &swapped, 1e-2, |x| clip::text(x, target.clone(), texts.clone()));

    // A picture that fits its caption as well as the target is left alone, and the target always.
    let best = Tensor::<2>::from_inner(texts.clone()).require_grad();
    let target = Tensor::<2>::from_inner(target).require_grad();
    let grads = clip::text(best.clone(), target.clone(), texts).backward();
    assert!(best.grad(&grads).is_none_or(|g| values(g).iter().all(|v| *v == 0.0)));
    assert!(target.grad(&grads).is_none());
}

#[test]
fn cosines_of_nothing_stay_finite() {
    let zero = Tensor::<2>::zeros([2, 4], &Device::flex().autodiff()).require_grad();
    let loss = cosine_loss(zero.clone(), Tensor::ones([2, 4], &Device::flex()));
    let grads = loss.clone().backward();
    assert_eq!(scalar(loss.inner()), 1.0);
    assert!(values(zero.grad(&grads).unwrap()).iter().all(|v| v.is_finite()));
}

#[test]
fn faceres_sees_the_face_of_a_crop() {
    let (f, device) = (Fixture::new(), Device::flex());
    let net = IdentityNet::new(&Model::builtin("identity").unwrap(), 192, &device).unwrap();
    let crops = f.tensor::<4>("crops.x", &device);
    let (got, want) = (values(net.embed(crops.clone())), f.values("crops.embedding"));
    assert!(largest_difference(&got, want) < 1e-4, "{}", largest_difference(&got, want));

    let net = net.with_space_of(&Model::builtin("generator").unwrap().weights).unwrap();
    let other = net.code(net.embed(f.tensor("crops.y", &device)));
    agrees_with_gradient(&f, "crops.identity", &crops, |x| cosine_loss(net.code(net.embed(x)), other.clone()));
    let length = values(net.code(net.embed(crops)).square().sum_dim(1));
    assert!(length.iter().all(|v| (v - 1.0).abs() < 1e-5), "{length:?}");
}

/// The ratios are those of the mesh that the filter's engine finds in the same picture, and the gradient is theirs.
#[test]
fn expressions_are_told_from_the_mesh() {
    let device = Device::flex();
    let net = ExpressionNet::new(&device).unwrap();
    let crop = |name: &str| {
        let path = format!("{}/examples/media/{name}.jpg", env!("CARGO_MANIFEST_DIR"));
        let picture = image::open(path).unwrap().to_rgb8();
        let small = image::imageops::resize(&picture, 128, 128, image::imageops::FilterType::Triangle);
        let planes: Vec<f32> = (0..3).flat_map(|c| small.pixels().map(move |p| f32::from(p.0[c]) / 255.0)).collect();
        Tensor::<4>::from_data(TensorData::new(planes, [1, 3, 128, 128]), &device)
    };
    let [ada, kai] = ["ada", "kai"].map(crop);
    let wide = resize(ada.clone().pad([(16, 16), (16, 16)], PadMode::Reflect), [192, 192]);
    let model = Model::builtin("landmarks").unwrap();
    let mut engine = cpu::Net::new(Arc::new(model.spec().unwrap()), &model.weights).unwrap();
    engine.input_mut("input").copy_from_slice(&values(wide));
    engine.run();
    let points = engine.output("landmarks").as_chunks::<3>().0.iter().map(|p| Vec3::from_array(*p)).collect();
    let want = expression(&Landmarks(points));
    let got = values(net.ratios(ada.clone()));
    assert!(largest_difference(&got, &want) < 1e-3, "{got:?}, {want:?}");

    assert_eq!(scalar(net.loss(ada.clone(), ada.clone())), 0.0);
    assert!(scalar(net.loss(ada.clone(), kai.clone())) > 0.02);
    // A short step: the network has many corners.
    gradient_fits("expression", &ada, 1e-4, |x| net.loss(x, kai.clone()));
}

#[test]
fn arcface_sees_the_whole_crop_through_the_generators_matrix() {
    let device = Device::flex();
    let config = ArcfaceConfig { blocks: [1; 4], widths: [4, 4, 8, 8], side: 32, embedding: 6 };
    let mut model = Model::builtin("identity").unwrap();
    model.weights = Weights::random(&config.spec().unwrap(), 3);
    (model.card.network, model.card.arcface) = ("arcface".into(), Some(config.clone()));
    let emap: Vec<f32> = noise(36, 5).iter().map(|v| v - 0.5).collect();
    let generator = Weights(HashMap::from([("emap".into(), Values { shape: vec![6, 6], data: emap.clone() })]));
    let net = IdentityNet::new(&model, 0, &device).unwrap().with_space_of(&generator).unwrap();

    // Two taps an axis, half way between pixels: the mean of 2 x 2.
    let crop: Tensor<4> = Fixture::new().tensor("crops.x", &device);
    let small = crop.clone().reshape([2, 3, 32, 2, 32, 2]).mean_dim(3).mean_dim(5).reshape([2, 3, 32, 32]);
    let plain = SpecModule::new(config.spec().unwrap(), &model.weights, &device).unwrap();
    let want: Vec<f32> = values(plain.forward(&[("input", small * 2.0 - 1.0)]));
    assert!(largest_difference(&values(net.embed(crop.clone())), &want) < 1e-5);

    let mapped: Vec<f32> = (0..6).map(|o| (0..6).map(|i| emap[6 * o + i] * want[i]).sum()).collect();
    let length = mapped.iter().map(|v| v * v).sum::<f32>().sqrt();
    let code: Vec<f32> = mapped.iter().map(|v| v / length).collect();
    assert!(largest_difference(&values(net.code(net.embed(crop)))[..6], &code) < 1e-5);
}

#[test]
fn what_is_no_encoder_is_refused() {
    let device = Device::flex();
    let identity = Model::builtin("identity").unwrap();
    let error = |model: &Model, side| IdentityNet::new(model, side, &device).unwrap_err().to_string();
    assert!(error(&Model::builtin("detector").unwrap(), 192).contains("an identity encoder is faceres_224 or arcface"));
    assert!(error(&identity, 16).contains("16 px do not suit FaceRes"));
    let emap = Weights(HashMap::from([("emap".into(), Values { shape: vec![2, 2], data: vec![0.0; 4] })]));
    let net = IdentityNet::new(&identity, 192, &device).unwrap();
    assert!(net.with_space_of(&emap).unwrap_err().to_string().contains("another length than the encoder's 1024"));
}

#[test]
fn faceres_compares_maps() {
    let (f, device) = (Fixture::new(), Device::flex());
    let net = Perceptual::faceres(&device).unwrap();
    let [x, y] = ["crops.x", "crops.y"].map(|name| f.tensor::<4>(name, &device));
    agrees_with_gradient(&f, "crops.faceres", &x, |x| net.loss(x, y.clone()));
}

#[test]
fn vgg16_of_torchvision_compares_maps() {
    let (f, device) = (Fixture::new(), Device::flex());
    let mut weights = HashMap::new();
    for param in vgg::vgg16().params() {
        let index: u64 = param.name.split('.').nth(1).unwrap().parse().unwrap();
        let (seed, bound) = match param.shape.len() {
            4 => (index, (6.0 / (9.0 * param.shape[1] as f64)).sqrt() as f32),
            _ => (100 + index, 0.1),
        };
        let data = noise(param.shape.iter().product(), seed).iter().map(|v| (2.0 * v - 1.0) * bound).collect();
        weights.insert(param.name, Values { shape: param.shape, data });
    }
    // torchvision's file holds the rest of the network too.
    weights.insert("classifier.6.bias".into(), Values { shape: vec![1], data: vec![0.0] });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vgg16.safetensors");
    write_tensors(&path, &Weights(weights.clone())).unwrap();
    let net = Perceptual::vgg16(&path, &device).unwrap();
    let [x, y] = ["crops.x", "crops.y"].map(|name| f.tensor::<4>(name, &device).narrow(0, 0, 1));
    agrees_with_gradient(&f, "crops.vgg16", &x, |x| net.loss(x, y.clone()));

    weights.remove("features.19.bias");
    write_tensors(&path, &Weights(weights)).unwrap();
    let error = Perceptual::vgg16(&path, &device).unwrap_err().to_string();
    assert!(error.contains("vgg16.safetensors") && error.contains("features.19.bias"), "{error}");
    let error = Perceptual::vgg16(&folder.path().join("none.safetensors"), &device).unwrap_err().to_string();
    assert!(error.contains("none.safetensors"), "{error}");
}
