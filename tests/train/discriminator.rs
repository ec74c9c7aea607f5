//! The discriminator against PyTorch, and its files.

use alphaswap::tensor::largest_difference;
use alphaswap::train::discriminator::{Discriminator, DiscriminatorConfig};
use alphaswap::train::losses::adversarial;
use burn::tensor::{Device, FloatDType, Tensor};

use super::losses::{Fixture, values};

/// The official scheme, narrow.
const NARROW: DiscriminatorConfig = DiscriminatorConfig { width: 2, max: 8, side: 16, blocks: 7 };

/// The discriminator of the fixture.
fn official(fixture: &Fixture, device: &Device) -> Discriminator {
    let named = fixture.0.iter().filter_map(|(name, t)| Some((name.strip_prefix("discriminator.")?.into(), t.clone())));
    let file = tempfile::NamedTempFile::with_suffix(".safetensors").unwrap();
    let weights = alphaswap::models::Weights(named.collect());
    alphaswap::train::checkpoint::write_tensors(file.path(), &weights).unwrap();
    let net = Discriminator::load(NARROW, file.path(), device).unwrap();
    assert_eq!(net.weights().0, weights.0);
    net
}

#[test]
fn scores_and_gradients_are_pytorchs() {
    let (f, device) = (Fixture::new(), Device::flex().autodiff());
    let net = official(&f, &device);
    let x = f.tensor::<4>("pictures.x", &device).require_grad();
    let scores = net.forward(x.clone());
    assert_eq!(scores.dims(), [2, NARROW.patches()]);
    let worst = largest_difference(&values(scores.clone().inner()), f.values("discriminator_scores"));
    assert!(worst < 1e-6, "{worst}");

    let grads = adversarial::generator(scores).backward();
    let (got, want) = (values(x.grad(&grads).unwrap()), f.values("discriminator_gradient"));
    let size = want.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    assert!(largest_difference(&got, want) < 1e-4 * size, "{} of {size}", largest_difference(&got, want));
}

#[test]
fn the_official_one_has_the_official_parameters() {
    let config = DiscriminatorConfig::default();
    let parameters = config.parameters();
    let count: usize = parameters.iter().map(|p| p.shape.iter().product::<usize>()).sum();
    assert_eq!((count, config.patches()), (21_639_233, 1024));
    let shortcuts: Vec<_> = parameters.iter().filter(|p| p.name.contains("conv1x1")).map(|p| p.name.as_str()).collect();
    assert_eq!(shortcuts, ["main.1.conv1x1.weight", "main.2.conv1x1.weight", "main.3.conv1x1.weight"]);
    assert_eq!(parameters.last().unwrap().name, "main.11.bias");
}

#[test]
fn a_seed_gives_one_start() {
    let new = |seed| Discriminator::new(NARROW, seed, &Device::flex()).unwrap().weights().0;
    assert_eq!(new(1), new(1));
    assert_ne!(new(1), new(2));
    // As wide as PyTorch's start: one over the root of the fan-in, biases too.
    let bias = &new(1)["main.3.conv1.bias"].data;
    assert!(bias.iter().all(|v| v.abs() <= 1.0 / 72.0_f32.sqrt()) && bias.iter().any(|v| v.abs() > 0.02), "{bias:?}");
}

#[test]
fn half_precision_stays_close() {
    let f = Fixture::new();
    let device = Device::flex();
    let net = official(&f, &device);
    let x = f.tensor::<4>("pictures.x", &device);
    let full = values(net.forward(x.clone()));
    for (dtype, tolerance) in [(FloatDType::F16, 2e-3), (FloatDType::BF16, 2e-2)] {
        assert!(device.supports_dtype(dtype));
        let half = values(net.clone().with_compute(Some(dtype)).forward(x.clone()));
        let worst = largest_difference(&full, &half);
        assert!(worst > 0.0 && worst < tolerance, "{dtype:?}: {worst}");
    }
}

#[test]
fn another_architecture_is_refused_by_name() {
    let file = tempfile::NamedTempFile::with_suffix(".safetensors").unwrap();
    Discriminator::new(NARROW, 1, &Device::flex()).unwrap().save(file.path()).unwrap();
    let wide = DiscriminatorConfig { width: 4, ..NARROW };
    let error = Discriminator::load(wide, file.path(), &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("another architecture"), "{error}");
    assert!(error.contains("main.0.bias (expected [4], got [2])"), "{error}");
}

#[test]
fn a_config_that_makes_no_sense_is_refused() {
    let error = |config| Discriminator::new(config, 1, &Device::flex()).unwrap_err().to_string();
    assert!(error(DiscriminatorConfig { width: 0, ..NARROW }).contains("width 0"));
    assert!(error(DiscriminatorConfig { width: 16, ..NARROW }).contains("width 16 and max 8"));
    assert!(error(DiscriminatorConfig { side: 12, ..NARROW }).contains("side of 12 px"));
    assert!(error(DiscriminatorConfig { blocks: 0, ..NARROW }).contains("0 blocks"));
    assert!(toml::from_str::<DiscriminatorConfig>("wdith = 3").unwrap_err().to_string().contains("wdith"));
}

#[test]
fn it_learns_to_tell_noise_from_grey() {
    use alphaswap::train::optim::{AdamwConfig, Optimizer};
    let device = Device::flex().autodiff();
    let mut net = Discriminator::new(DiscriminatorConfig { width: 4, blocks: 2, ..NARROW }, 1, &device).unwrap();
    let mut optimizer = Optimizer::new(&AdamwConfig::default());
    let real = Fixture::new().tensor::<4>("pictures.x", &device);
    let fake = Tensor::full([2, 3, 16, 16], 0.5, &device);
    let mut losses = Vec::new();
    for _ in 0..40 {
        let loss = adversarial::discriminator(net.forward(real.clone()), net.forward(fake.clone()));
        losses.push(loss.clone().inner().into_scalar::<f32>());
        (net, _) = optimizer.step(1e-2, net, loss.backward());
    }
    assert!(losses[39] < 0.5 * losses[0], "{losses:?}");
}
