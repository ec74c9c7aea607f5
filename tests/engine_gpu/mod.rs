//! The GPU engine against the definitions, over generated shapes, on whatever adapter there is (software preferred).

mod choice;
mod half;
mod kernels;
mod nets;
mod shipped;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use alphaswap::engine::gpu::{ConvKernel, Net, Options, Precision};
use alphaswap::gpu::{Choice, Context, adapters, open};
use alphaswap::models::Weights;
use alphaswap::nets::{NetSpec, Port};
use alphaswap::settings::DeviceChoice;
use alphaswap::tensor::{Tensor, largest_difference};

use crate::engine_cpu::reference;

static CONTEXT: LazyLock<Option<Arc<Context>>> = LazyLock::new(|| {
    let opened = own_context();
    assert!(opened.is_some() || std::env::var_os("CI").is_none(), "CI needs an adapter (a software Vulkan driver)");
    opened.map(|(context, _)| context)
});

/// The adapter that `ALPHASWAP_TEST_ADAPTER` names (a part of its name), else any, software preferred.
pub fn adapter_name() -> Option<String> {
    let any = || adapters().into_iter().max_by_key(|a| a.software).map(|a| a.name);
    std::env::var("ALPHASWAP_TEST_ADAPTER").ok().or_else(any)
}

/// A device of its own, that may be lost or broken without harm to other tests, and its adapter's name.
pub fn own_context() -> Option<(Arc<Context>, String)> {
    let name = adapter_name()?;
    match open(&DeviceChoice::Adapter(name.clone())).unwrap() {
        Choice::Gpu(context) => Some((context, name)),
        Choice::Cpu { .. } => unreachable!("an adapter was named"),
    }
}

/// The one device of this binary; none is a skip here and a failure in CI.
pub fn context() -> Option<&'static Arc<Context>> {
    if CONTEXT.is_none() {
        eprintln!("SKIPPED: no graphics adapter on this machine");
    }
    CONTEXT.as_ref()
}

/// Repeatable values in [-1, 1).
pub fn noise(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        // xorshift64* (Vigna 2016)
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Parameters and inputs of `spec` that keep values near 1.
pub fn sample(spec: &NetSpec, seed: u64) -> (Weights, HashMap<String, Vec<f32>>) {
    let mut next = noise(seed);
    let mut weights = Weights::default();
    for param in spec.params() {
        let fan: usize = param.shape[1..].iter().product();
        let data = (0..param.shape.iter().product()).map(|_| next() * (3.0 / fan as f32).sqrt()).collect();
        weights.0.insert(param.name, Tensor::new(param.shape, data).unwrap());
    }
    let mut values = |p: &Port| (p.name.clone(), (0..p.shape.iter().product()).map(|_| next()).collect());
    (weights, spec.inputs.iter().map(&mut values).collect())
}

/// Named tensors of the inputs.
pub fn tensors(spec: &NetSpec, inputs: &HashMap<String, Vec<f32>>) -> HashMap<String, Tensor> {
    let tensor = |p: &Port| (p.name.clone(), Tensor::new(p.shape.clone(), inputs[&p.name].clone()).unwrap());
    spec.inputs.iter().map(tensor).collect()
}

/// Runs `spec` on the GPU in both precisions and compares all outputs with the definitions.
pub fn check(ctx: &Arc<Context>, spec: NetSpec, seed: u64) -> Result<(), String> {
    check_with(ctx, spec, seed, None)
}

/// The same with `force` for every convolution that it can do.
pub fn check_with(ctx: &Arc<Context>, spec: NetSpec, seed: u64, force: Option<ConvKernel>) -> Result<(), String> {
    let (weights, inputs) = sample(&spec, seed);
    let expected = reference::run(&spec, &weights, &inputs);
    let spec = Arc::new(spec);
    // f16 has 11 significant bits; weights, inputs and outputs are each rounded once.
    for (precision, tolerance) in [(Precision::F32, 1e-4), (Precision::F16Storage, 2e-2)] {
        if precision == Precision::F16Storage && !ctx.has_f16() {
            continue;
        }
        let options = Options { precision, force, ..Options::default() };
        let net = Net::with_options(ctx, spec.clone(), &weights, &options).map_err(|e| e.to_string())?;
        let outputs = net.run_tensors(&tensors(&spec, &inputs)).map_err(|e| e.to_string())?;
        for (port, want) in spec.outputs.iter().zip(&expected) {
            let got = &outputs[&port.name];
            if got.data.len() != want.len() {
                return Err(format!("{}: {} values, expected {}", port.name, got.data.len(), want.len()));
            }
            let worst = largest_difference(&got.data, want);
            let scale = want.iter().fold(1.0f32, |m, v| m.max(v.abs()));
            if worst > tolerance * scale {
                return Err(format!("{:?} {}: differs by {worst}", precision, port.name));
            }
        }
    }
    Ok(())
}
