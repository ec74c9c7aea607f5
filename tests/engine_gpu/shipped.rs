//! The networks that ship, on both engines with the same weights and inputs.

use std::collections::HashMap;
use std::sync::Arc;

use alphaswap::engine::cpu;
use alphaswap::engine::gpu::{Net, Precision};
use alphaswap::models::Model;
use alphaswap::nets::{NetSpec, Port};
use alphaswap::tensor::{Tensor, largest_difference};

use super::{context, noise};

/// Soft blobs rather than noise, in the value range of the network's port: statistics like a picture's.
fn inputs(spec: &NetSpec, low: f32, high: f32) -> HashMap<String, Tensor> {
    let mut next = noise(5);
    let mut picture = |port: &Port| {
        let width = *port.shape.last().unwrap();
        let (fx, fy, shift) = (0.05 + 0.04 * next(), 0.05 + 0.04 * next(), 3.0 * next());
        let value = |i: usize| {
            let (x, y) = ((i % width) as f32, (i / width) as f32);
            let wave = 0.5 + 0.35 * (x * fx + shift).sin() * (y * fy + shift).cos() + 0.15 * next();
            low + (high - low) * wave
        };
        let data = (0..port.shape.iter().product()).map(value).collect();
        (port.name.clone(), Tensor::new(port.shape.clone(), data).unwrap())
    };
    spec.inputs.iter().map(&mut picture).collect()
}

/// Largest difference at any cut point, relative to the root mean square of that map, with its name.
fn worst_cut_point(spec: &NetSpec, ours: &Net, theirs: &cpu::Net) -> (f32, String) {
    let mut worst = (0.0, String::new());
    for node in &spec.nodes {
        let a = ours.cut_point(&node.name).unwrap().expect("kept");
        let b = theirs.cut_point(&node.name).expect("kept");
        let size = (b.data.iter().map(|v| v * v).sum::<f32>() / b.data.len() as f32).sqrt();
        let off = largest_difference(&a.data, &b.data) / size.max(1e-3);
        if off > worst.0 {
            worst = (off, node.name.clone());
        }
    }
    worst
}

/// Both engines on model `name`; returns the largest difference of an output in f32 and in f16.
fn compare(name: &str, low: f32, high: f32) -> Option<(f32, Option<f32>)> {
    let ctx = context()?;
    let model = Model::builtin(name).unwrap();
    let spec = Arc::new(model.spec().unwrap());
    let inputs = inputs(&spec, low, high);
    let mut truth = cpu::Net::with_cut_points(spec.clone(), &model.weights).unwrap();
    let expected = truth.run_tensors(&inputs).unwrap();
    let net = Net::with_cut_points(ctx, spec.clone(), &model.weights).unwrap();
    net.run_tensors(&inputs).unwrap();
    let (off, node) = worst_cut_point(&spec, &net, &truth);
    assert!(off < 1e-3, "{name}: {node} is off by {off} of its size");
    let run = |precision| {
        let net = Net::new(ctx, spec.clone(), &model.weights, precision).unwrap();
        let outputs = net.run_tensors(&inputs).unwrap();
        outputs.iter().map(|(n, t)| largest_difference(&t.data, &expected[n].data)).fold(0.0, f32::max)
    };
    let offs = (run(Precision::F32), ctx.has_f16().then(|| run(Precision::F16Storage)));
    println!("{name}: worst cut point {node} {off:e}, outputs {offs:?}");
    Some(offs)
}

#[test]
fn generator_agrees_with_the_cpu() {
    let Some((single, half)) = compare("generator", 0.0, 1.0) else { return };
    // Promised is 2e-3.
    assert!(single < 1e-4, "off by {single}");
    // Six blocks of f16 feature maps; a step of an 8-bit picture is 4e-3.
    assert!(half.is_none_or(|off| off < 2e-2), "f16 off by {half:?}");
}

#[test]
fn generator_256_agrees_with_the_cpu() {
    let Some((single, half)) = compare("generator-256", 0.0, 1.0) else { return };
    assert!(single < 1e-4, "off by {single}");
    assert!(half.is_none_or(|off| off < 2e-2), "f16 off by {half:?}");
}

#[test]
fn detector_agrees_with_the_cpu() {
    let Some((single, half)) = compare("detector", -1.0, 1.0) else { return };
    // Boxes are in pixels of the 256-px input (most of them at places without a face), scores are logits.
    assert!(single < 2e-3, "off by {single}");
    assert!(half.is_none_or(|off| off < 2.0), "f16 off by {half:?}");
}

#[test]
fn landmarks_agree_with_the_cpu() {
    let Some((single, half)) = compare("landmarks", 0.0, 1.0) else { return };
    // Pixels of the 192-px crop.
    assert!(single < 2e-3, "off by {single}");
    assert!(half.is_none_or(|off| off < 0.5), "f16 off by {half:?}");
}

#[test]
fn identity_agrees_with_the_cpu() {
    let Some((single, half)) = compare("identity", -120.0, 130.0) else { return };
    assert!(single < 1e-3, "off by {single}");
    assert!(half.is_none_or(|off| off < 0.1), "f16 off by {half:?}");
}
