//! AdamW against PyTorch (`fixtures/losses/losses.py`), schedules, the moving average.

use std::f64::consts::SQRT_2;
use std::panic::catch_unwind;

use alphaswap::tensor::largest_difference;
use alphaswap::train::optim::{AdamwConfig, Ema, Optimizer, Schedule};
use burn::module::{Module, Param};
use burn::tensor::distributed::{DistributedConfig, DistributedContext, ReduceOperation};
use burn::tensor::{Device, Tensor};

use super::losses::{Fixture, values};

#[derive(Module, Debug)]
struct Toy {
    matrix: Param<Tensor<2>>,
    vector: Param<Tensor<1>>,
}

impl Toy {
    /// The parameters that stand in the fixture under `name`.
    fn new(fixture: &Fixture, name: &str) -> Self {
        let device = Device::flex().autodiff();
        Self {
            matrix: Param::from_tensor(fixture.tensor(&format!("{name}.0"), &device)),
            vector: Param::from_tensor(fixture.tensor(&format!("{name}.1"), &device)),
        }
    }

    /// A loss whose gradients stand in the fixture under `name`.
    fn loss(&self, fixture: &Fixture, name: &str) -> Tensor<1> {
        let device = Device::flex();
        let grad = (fixture.tensor(&format!("{name}.0"), &device), fixture.tensor(&format!("{name}.1"), &device));
        (self.matrix.val() * grad.0).sum() + (self.vector.val() * grad.1).sum()
    }

    fn values(&self) -> Vec<f32> {
        [values(self.matrix.val()), values(self.vector.val())].concat()
    }
}

fn usual() -> AdamwConfig {
    AdamwConfig { lr: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1, clip: None }
}

fn five_steps_are_pytorchs(name: &str, config: &AdamwConfig) {
    let f = Fixture::new();
    let mut toy = Toy::new(&f, &format!("{name}.start"));
    let mut optimizer = Optimizer::new(config);
    for (step, want) in f.values(&format!("{name}.norms")).iter().enumerate() {
        let grads = toy.loss(&f, &format!("{name}.grad.{step}")).backward();
        let norm;
        (toy, norm) = optimizer.step(config.lr, toy, grads);
        let norm: f32 = norm.into_scalar();
        assert!((norm - want).abs() < 1e-5 * want, "step {step}: norm {norm}, PyTorch says {want}");
    }
    let worst = largest_difference(&toy.values(), &Toy::new(&f, &format!("{name}.end")).values());
    assert!(worst < 1e-6, "{worst:e}");
}

#[test]
fn alphafaces_adamw_is_pytorchs() {
    five_steps_are_pytorchs("alphaface", &AdamwConfig { lr: 0.01, weight_decay: 0.1, ..AdamwConfig::default() });
}

#[test]
fn the_usual_adamw_is_pytorchs() {
    five_steps_are_pytorchs("usual", &usual());
}

#[test]
fn moments_are_kept_in_a_file() {
    let f = Fixture::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    let run = |pause: bool| {
        let (mut toy, mut optimizer) = (Toy::new(&f, "usual.start"), Optimizer::new(&usual()));
        for step in 0..4 {
            if pause && step == 2 {
                optimizer.save(file.path()).unwrap();
                optimizer = Optimizer::new(&usual()).load(file.path(), &toy).unwrap();
            }
            let grads = toy.loss(&f, &format!("usual.grad.{step}")).backward();
            (toy, _) = optimizer.step(0.01, toy, grads);
        }
        toy.values()
    };
    assert_eq!(run(true), run(false));

    let device = Device::flex().autodiff();
    let mut other = Toy::new(&f, "usual.start");
    other.vector = Param::from_tensor(Tensor::zeros([7], &device));
    let error = Optimizer::new(&usual()).load(file.path(), &other).unwrap_err().to_string();
    assert!(error.contains("parameter 1 has 7 values, moment_1 has 5"), "{error}");
}

#[test]
fn a_parameter_without_gradient_stays() {
    let f = Fixture::new();
    let toy = Toy::new(&f, "usual.start");
    let frozen = Toy { matrix: toy.matrix.clone().set_require_grad(false), vector: toy.vector.clone() };
    let grads = frozen.loss(&f, "usual.grad.0").backward();
    let (after, _) = Optimizer::new(&usual()).step(0.01, frozen, grads);
    assert_eq!(values(after.matrix.val()), values(toy.matrix.val()));
    assert_ne!(values(after.vector.val()), values(toy.vector.val()));
}

#[test]
fn gradients_that_are_no_numbers_show_in_the_norm() {
    let f = Fixture::new();
    for (clip, wrong) in [(None, f32::NAN), (Some(1.0), f32::NAN), (None, f32::INFINITY), (Some(1.0), f32::INFINITY)] {
        let toy = Toy::new(&f, "usual.start");
        let grads = (toy.loss(&f, "usual.grad.0") * wrong).backward();
        let (_, norm) = Optimizer::new(&AdamwConfig { clip, ..usual() }).step(0.01, toy, grads);
        assert!(!norm.into_scalar::<f32>().is_finite(), "{clip:?}, {wrong}");
    }
}

/// A power of two on the loss changes nothing, clipped or not: its gradients come out as they would without.
#[test]
fn a_scaled_loss_gives_the_same_step() {
    let f = Fixture::new();
    let step = |clip, scale: f32| {
        let toy = Toy::new(&f, "usual.start");
        let grads = (toy.loss(&f, "usual.grad.0") * scale).backward();
        let mut optimizer = Optimizer::new(&AdamwConfig { clip, ..usual() }).with_loss_scale(scale);
        let (toy, norm) = optimizer.step(0.01, toy, grads);
        (toy.values(), norm.into_scalar::<f32>())
    };
    for clip in [None, Some(0.01), Some(1e6)] {
        assert_eq!(step(clip, 4096.0), step(clip, 1.0), "{clip:?}");
    }
}

#[test]
fn schedules() {
    let step = Schedule::Step { every: 20_000, factor: 0.97 };
    assert_eq!([0, 19_999, 20_000, 40_000].map(|s| step.lr(1e-4, s)), [1e-4, 1e-4, 0.97e-4, 1e-4 * 0.97_f64.powi(2)]);
    let cosine = Schedule::Cosine { steps: 110, to: 0.2, warmup: 10 };
    for (step, want) in [(0, 0.1), (9, 1.0), (10, 1.0), (60, 0.6), (35, 0.6 + 0.4 / SQRT_2), (110, 0.2), (500, 0.2)] {
        let got = cosine.lr(1.0, step);
        assert!((got - want).abs() < 1e-12, "step {step}: {got}");
    }
    assert_eq!(Schedule::Constant.lr(0.3, 99), 0.3);

    #[derive(serde::Deserialize)]
    struct File {
        schedule: Schedule,
    }
    let read = |text: &str| toml::from_str::<File>(text).map(|f| f.schedule);
    assert_eq!(read("schedule = { kind = \"step\", every = 20000, factor = 0.97 }").unwrap(), step);
    assert!(read("schedule = { kind = \"step\", every = 2, factor = 1.0, wramup = 3 }").is_err());
}

#[test]
fn the_average_follows_slowly_and_starts_again_where_it_was() {
    let f = Fixture::new();
    let [start, end] = ["usual.start", "usual.end"].map(|name| Toy::new(&f, name));
    let mut ema = Ema::new(0.9, &start);
    ema.update(&end);
    let want: Vec<f32> = start.values().iter().zip(end.values()).map(|(a, b)| 0.9 * a + 0.1 * b).collect();
    assert!(largest_difference(&ema.module().values(), &want) < 1e-6);
    let mut again = Ema::new(0.9, ema.module());
    ema.update(&end);
    again.update(&end);
    assert_eq!(again.module().values(), ema.module().values());
    assert!(!ema.module().matrix.val().is_require_grad());
}

/// README says that several devices need CUDA; when burn learns collectives elsewhere this fails, and the trainer can.
#[test]
fn burn_has_no_collectives_on_the_cpu() {
    let config = DistributedConfig { all_reduce_op: ReduceOperation::Mean };
    let started = catch_unwind(|| DistributedContext::init(vec![Device::flex(), Device::flex()], config));
    let message = *started.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("not supported for device"), "{message}");
}
