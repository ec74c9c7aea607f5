//! The official generators with random weights on both engines, against PyTorch (fixtures/networks/official.py). Users
//! bring the real checkpoints; these have their layers, names and order.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use alphaswap::engine::{cpu, gpu};
use alphaswap::models::Weights;
use alphaswap::nets::alphaface::Window;
use alphaswap::nets::{GeneratorConfig, NetSpec};
use alphaswap::tensor::{Tensor, largest_difference};

use crate::engine_gpu::context;
use crate::networks::{CUT_TOLERANCE, assert_cut_points, fixture, narrow, read_tensors};

/// f32 against f64 through some 30 layers, on an output in [0, 1].
const F32_TOLERANCE: f32 = 1e-4;
/// The same with 16-bit maps and weights; a step of an 8-bit picture is 4e-3.
const F16_TOLERANCE: f32 = 2e-2;

/// AlphaFace with maps and channels that no tile divides.
pub fn odd() -> GeneratorConfig {
    let window = Some(Window { x: 0, y: 0, width: 44, height: 36 });
    let mut config = GeneratorConfig { crop: 44, window, ..narrow(GeneratorConfig::alphaface_256()) };
    let last = config.decoder.len() - 1;
    let layers = config.encoder.iter_mut().chain(&mut config.decoder[..last]);
    layers.for_each(|layer| layer.out += 1);
    config
}

/// A network, its parameters, and what PyTorch made of its inputs.
struct Reference {
    spec: Arc<NetSpec>,
    weights: Weights,
    recorded: HashMap<String, Tensor>,
}

impl Reference {
    fn new(config: &GeneratorConfig, tensors: HashMap<String, Tensor>) -> Self {
        let recorded = |name: &str| ["input.", "output.", "cut.", "stats."].iter().any(|p| name.starts_with(p));
        let (recorded, weights): (HashMap<_, _>, HashMap<_, _>) = tensors.into_iter().partition(|(n, _)| recorded(n));
        Self { spec: Arc::new(config.spec().unwrap()), weights: Weights(weights), recorded }
    }

    fn inputs(&self) -> HashMap<String, Tensor> {
        ["crop", "identity"].map(|n| (n.to_string(), self.recorded[&format!("input.{n}")].clone())).into()
    }

    /// How far the output is off.
    fn difference(&self, outputs: &HashMap<String, Tensor>) -> f32 {
        largest_difference(&outputs["crop"].data, &self.recorded["output.crop"].data)
    }

    fn run_gpu(&self, precision: gpu::Precision) -> Option<f32> {
        let ctx = context().filter(|ctx| precision == gpu::Precision::F32 || ctx.has_f16())?;
        let net = gpu::Net::new(ctx, self.spec.clone(), &self.weights, precision).unwrap();
        Some(self.difference(&net.run_tensors(&self.inputs()).unwrap()))
    }
}

/// The networks that are small enough to be part of the tests.
fn references() -> impl Iterator<Item = (&'static str, Reference)> {
    let configs = [
        ("alphaface", narrow(GeneratorConfig::alphaface_256())),
        ("inswapper", narrow(GeneratorConfig::inswapper_128())),
        ("alphaface_odd", odd()),
    ];
    configs.into_iter().map(|(name, config)| (name, Reference::new(&config, fixture(name))))
}

#[test]
fn the_cpu_engine_matches_pytorch() {
    for (name, reference) in references() {
        let (spec, weights) = (reference.spec.clone(), &reference.weights);
        let mut net = cpu::Net::with_cut_points(spec.clone(), weights).unwrap();
        let off = reference.difference(&net.run_tensors(&reference.inputs()).unwrap());
        assert!(off <= F32_TOLERANCE, "{name}, kept: off by {off}");
        assert_cut_points(|node| net.cut_point(node), &reference.recorded, CUT_TOLERANCE);
        let mut net = cpu::Net::new(spec, weights).unwrap();
        let off = reference.difference(&net.run_tensors(&reference.inputs()).unwrap());
        assert!(off <= F32_TOLERANCE, "{name}: off by {off}");
    }
}

#[test]
fn the_gpu_engine_matches_pytorch() {
    let Some(ctx) = context() else { return };
    for (name, reference) in references() {
        let net = gpu::Net::with_cut_points(ctx, reference.spec.clone(), &reference.weights).unwrap();
        let off = reference.difference(&net.run_tensors(&reference.inputs()).unwrap());
        assert!(off <= F32_TOLERANCE, "{name}, kept: off by {off}");
        assert_cut_points(|node| net.cut_point(node).unwrap(), &reference.recorded, CUT_TOLERANCE);
        let [single, half] = [gpu::Precision::F32, gpu::Precision::F16Storage].map(|p| reference.run_gpu(p));
        println!("{name}: f32 off by {single:?}, f16 by {half:?}");
        assert!(single.is_some_and(|off| off <= F32_TOLERANCE), "{name}: off by {single:?}");
        assert!(half.is_none_or(|off| off <= F16_TOLERANCE), "{name}: f16 off by {half:?}");
    }
}

#[test]
#[ignore = "ALPHASWAP_FULL_REFERENCE=FOLDER written by tests/fixtures/networks/official.py --full FOLDER; 2 GB, minutes"]
fn full_size_networks_match_pytorch() {
    let folder = std::env::var("ALPHASWAP_FULL_REFERENCE").expect("ALPHASWAP_FULL_REFERENCE names the folder");
    let configs = [
        ("inswapper_128", GeneratorConfig::inswapper_128(), 128),
        ("alphaface_256", GeneratorConfig::alphaface_256(), 256),
    ];
    for (name, config, side) in configs {
        assert_eq!(config.crop, side);
        let reference = Reference::new(&config, read_tensors(&Path::new(&folder).join(format!("{name}.safetensors"))));
        let mut net = cpu::Net::new(reference.spec.clone(), &reference.weights).unwrap();
        let start = Instant::now();
        let off = reference.difference(&net.run_tensors(&reference.inputs()).unwrap());
        println!("{name}: CPU off by {off:e}, {:.1} s", start.elapsed().as_secs_f32());
        assert!(off <= F32_TOLERANCE, "{name}: off by {off}");
        drop(net);
        let mut net = cpu::Net::with_cut_points(reference.spec.clone(), &reference.weights).unwrap();
        net.run_tensors(&reference.inputs()).unwrap();
        assert_cut_points(|node| net.cut_point(node), &reference.recorded, CUT_TOLERANCE);
        drop(net);
        for (precision, tolerance) in
            [(gpu::Precision::F32, F32_TOLERANCE), (gpu::Precision::F16Storage, F16_TOLERANCE)]
        {
            let start = Instant::now();
            let off = reference.run_gpu(precision);
            println!("{name}: GPU {precision:?} off by {off:?}, {:.1} s", start.elapsed().as_secs_f32());
            assert!(off.is_none_or(|off| off <= tolerance), "{name}: {precision:?} off by {off:?}");
        }
    }
}
