//! The burn module against the CPU engine: one description, the same numbers, and gradients that are right.

use std::sync::Arc;

use alphaswap::engine::cpu::Net;
use alphaswap::models::{Model, Weights};
use alphaswap::nets::{GeneratorConfig, NetSpec};
use alphaswap::tensor::largest_difference;
use alphaswap::train::spec_module::SpecModule;
use burn::tensor::{Device, Tensor, TensorData};

/// Values between 0 and 1 that look random.
fn noise(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    (0..len).map(next).collect()
}

fn values(tensor: Tensor<4>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// Largest difference of the outputs, relative to their size, for a batch of two different samples.
fn difference(spec: &NetSpec, weights: &Weights) -> f32 {
    let device = Device::flex();
    let module = SpecModule::new(spec.clone(), weights, &device).unwrap();
    let mut engine = Net::new(Arc::new(spec.clone()), weights).unwrap();
    let samples: Vec<Vec<Vec<f32>>> = (0..2)
        .map(|n| spec.inputs.iter().zip(1..).map(|(p, i)| noise(spec.shape(p.value).len(), 10 * n + i)).collect())
        .collect();
    let mut inputs = Vec::new();
    for (i, port) in spec.inputs.iter().enumerate() {
        let shape = spec.shape(port.value);
        let data: Vec<f32> = samples.iter().flat_map(|s| s[i].clone()).collect();
        let data = TensorData::new(data, [2, shape.c, shape.h, shape.w]);
        inputs.push((port.name.as_str(), Tensor::from_data(data, &device)));
    }
    let mut got = module.run(&inputs, &[]);
    let mut worst = 0.0_f32;
    let got: Vec<_> = spec.outputs.iter().map(|p| (p, values(got.take(&p.name)))).collect();
    for (n, sample) in samples.iter().enumerate() {
        spec.inputs.iter().zip(sample).for_each(|(p, v)| engine.input_mut(&p.name).copy_from_slice(v));
        engine.run();
        for (port, got) in &got {
            let want = engine.output(&port.name);
            let size = want.iter().fold(1e-3_f32, |m, v| m.max(v.abs()));
            worst = worst.max(largest_difference(&got[n * want.len()..][..want.len()], want) / size);
        }
    }
    worst
}

#[test]
fn every_shipped_network_gives_the_engines_numbers() {
    for name in Model::builtin_names() {
        let model = Model::builtin(name).unwrap();
        let worst = difference(&model.spec().unwrap(), &model.weights);
        assert!(worst < 1e-4, "{name}: {worst:e} of the largest output");
    }
}

#[test]
fn other_peoples_topologies_give_the_engines_numbers() {
    for preset in ["alphaface-256", "inswapper-128", "guided-256"] {
        let config = GeneratorConfig::preset(preset).unwrap();
        let config = if config.guide { config } else { crate::networks::narrow(config) };
        let spec = config.spec().unwrap();
        let worst = difference(&spec, &Weights::random(&spec, 7));
        assert!(worst < 1e-4, "{preset}: {worst:e} of the largest output");
    }
}

#[test]
fn what_went_in_comes_out_under_the_same_names() {
    let model = Model::builtin("generator").unwrap();
    let module = SpecModule::new(model.spec().unwrap(), &model.weights, &Device::flex()).unwrap();
    assert_eq!(module.weights().0, model.weights.0);
}

#[test]
fn a_missing_tensor_is_named() {
    let model = Model::builtin("generator").unwrap();
    let mut weights = model.weights.clone();
    weights.0.remove("blk.3.a.fc.weight");
    let error = SpecModule::new(model.spec().unwrap(), &weights, &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("blk.3.a.fc.weight"), "{error}");
}
