//! `alphaswap doctor`: what this machine can do, and whether it computes right.

use std::collections::HashMap;
use std::sync::Arc;

use alphaswap::gpu::{self, Choice, Context as Gpu};
use alphaswap::models::Model;
use alphaswap::nets::{NetSpec, blazeface};
use alphaswap::tensor::{Tensor, largest_difference};
use anyhow::{Result, bail};
use comfy_table::{Table, presets};
use gst::prelude::*;

use crate::net::AnyNet;
use crate::options::DeviceArgs;
use crate::{container, media};

/// The self-test's answer: every 112th score (logit) of the detector on [`test_picture`], computed by TensorFlow Lite on
/// the original weights.
const EXPECTED: [f32; 8] = [-2.9545, -410.5972, -1.6791, -220.9441, -3.4405, -3.1002, -27.9721, -18.6242];
/// Allowed difference as a share of one plus the expected value: our copy of the weights is rounded to 16 bits.
const CPU_TOLERANCE: f32 = 1e-2;
/// Allowed difference of a GPU to the CPU engine on the generator's output.
const GPU_TOLERANCE: f32 = 2e-3;

/// Show adapters, models and codecs, and test each engine.
///
/// Exit code 1 if an engine computes wrong numbers or a needed part is missing.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    device: DeviceArgs,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    println!("alphaswap {}", env!("CARGO_PKG_VERSION"));
    adapters();
    let mut failures = Vec::new();
    let mut check = |name: String, result: Result<String>| match result {
        Ok(text) => println!("{name}: {text}"),
        Err(error) => {
            println!("{name}: FAILED: {error:#}");
            failures.push(format!("{}: {error:#}", name.trim()));
        }
    };
    println!("\nModels");
    Model::builtin_names().for_each(|name| check(format!("  {name}"), model(name)));
    println!("\nSelf-test");
    check("  CPU engine".into(), cpu_test());
    match gpu::open(&args.device.device) {
        Ok(Choice::Gpu(gpu)) => {
            println!("  used: {}", gpu.line());
            check("  GPU engine".into(), gpu_test(&gpu));
        }
        Ok(Choice::Cpu { why, .. }) => println!("  used: CPU engine: {why}"),
        Err(error) => check("  GPU engine".into(), Err(error.into())),
    }
    println!("\nGStreamer");
    check("  version".into(), media::init().map(|()| gst::version_string().to_string()));
    container::all().for_each(|c| check(format!("  {}", c.name), codecs(c)));
    if failures.is_empty() { Ok(()) } else { bail!("not in order: {}", failures.join("; ")) }
}

fn adapters() {
    println!("\nAdapters");
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(["name", "interface", "driver", "kind", "f16"]);
    let adapters = gpu::adapters();
    for a in &adapters {
        let kind = if a.software { "software" } else { "hardware" };
        let f16 = if a.f16 { "yes" } else { "no" };
        table.add_row([a.name.as_str(), &a.backend, &a.driver, kind, f16]);
    }
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    if adapters.is_empty() {
        println!("  no graphics driver offers an adapter");
    } else {
        println!("{table}");
    }
    println!("  CPU: {threads} threads");
}

fn model(name: &str) -> Result<String> {
    let model = Model::builtin(name)?;
    Ok(format!("{} ({}), sha256 {}", model.card.network, model.card.licence, model.sha256))
}

fn codecs(container: &container::Container) -> Result<String> {
    let names = [container.muxer()?, container.video_encoder(20)?, container.audio_encoder()?]
        .map(|e| e.factory().map(|f| f.name().to_string()).unwrap_or_default());
    Ok(names.join(", "))
}

/// A wave over the whole input of the detector.
fn test_picture() -> Tensor {
    let values = 3 * blazeface::SIDE * blazeface::SIDE;
    let data = (0..values).map(|i| (i as f64 * 0.05).sin() as f32).collect();
    Tensor { shape: vec![1, 3, blazeface::SIDE, blazeface::SIDE], data }
}

fn cpu_test() -> Result<String> {
    let model = Model::builtin("detector")?;
    let mut net = AnyNet::new(None, Arc::new(model.spec()?), &model.weights)?;
    let outputs = net.run(&HashMap::from([("input".to_string(), test_picture())]))?;
    let got: Vec<f32> = outputs["scores"].data.iter().copied().step_by(112).collect();
    let share =
        |values: &[f32]| -> Vec<f32> { values.iter().zip(EXPECTED).map(|(v, e)| v / (1.0 + e.abs())).collect() };
    verdict(largest_difference(&share(&got), &share(&EXPECTED)), CPU_TOLERANCE, "the recorded answer")
}

/// The generator on the GPU against the CPU engine.
fn gpu_test(gpu: &Arc<Gpu>) -> Result<String> {
    let model = Model::builtin("generator")?;
    let spec = Arc::new(model.spec()?);
    let inputs = waves(&spec);
    let cpu = AnyNet::new(None, spec.clone(), &model.weights)?.run(&inputs)?;
    let gpu = AnyNet::new(Some(gpu), spec, &model.weights)?.run(&inputs)?;
    verdict(largest_difference(&cpu["crop"].data, &gpu["crop"].data), GPU_TOLERANCE, "the CPU engine")
}

/// Smooth inputs between 0 and 1 for every input of a network.
pub fn waves(spec: &NetSpec) -> HashMap<String, Tensor> {
    let wave = |i: usize| 0.5 + 0.5 * (i as f32 * 0.05).sin();
    let tensor =
        |shape: &[usize]| Tensor { shape: shape.to_vec(), data: (0..shape.iter().product()).map(wave).collect() };
    spec.inputs.iter().map(|port| (port.name.clone(), tensor(&port.shape))).collect()
}

fn verdict(error: f32, tolerance: f32, truth: &str) -> Result<String> {
    if error > tolerance {
        bail!("differs from {truth} by {error:.1e}, allowed are {tolerance:.0e}");
    }
    Ok(format!("right (differs from {truth} by {error:.1e}, allowed are {tolerance:.0e})"))
}
