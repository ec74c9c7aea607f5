//! Times the CPU engine on a network, or describes one as JSON: the other half of
//! tests/fixtures/onnxruntime/compare.py.
//!
//! ```text
//! engine_speed describe MODEL            the network as JSON
//! engine_speed time MODEL RUNS [OUT]     milliseconds of each run on a fixed input, peak memory; OUT: outputs as raw f32
//! ```
//!
//! MODEL is one that ships, a model file, or `alphaface_256` or `inswapper_128`, to be timed as `PRESET=WEIGHTS`:
//! the parameters from that safetensors file.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use alphaswap::engine::cpu::Net;
use alphaswap::models::{Model, Weights};
use alphaswap::nets::{Activation, Caii, Edge, GeneratorConfig, NetSpec, Node, Op, Padding, Param, Pooling, Port};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["describe", model] => println!("{}", describe(&network(model)?.0)),
        ["time", model, runs] => time(network(model)?, runs.parse()?, None)?,
        ["time", model, runs, out] => time(network(model)?, runs.parse()?, Some(Path::new(out)))?,
        _ => bail!("usage: engine_speed describe MODEL | engine_speed time MODEL RUNS [OUT]"),
    }
    Ok(())
}

/// The network called `model` and its parameters; none for a preset without a file.
fn network(model: &str) -> Result<(NetSpec, Weights)> {
    let (preset, file) = model.split_once('=').unwrap_or((model, ""));
    let config = match preset {
        "alphaface_256" => GeneratorConfig::alphaface_256(),
        "inswapper_128" => GeneratorConfig::inswapper_128(),
        _ => {
            let model = Model::load(model)?;
            return Ok((model.spec()?, model.weights));
        }
    };
    let weights = match file {
        "" => Weights::default(),
        file => Weights::from_bytes(file, &std::fs::read(file).with_context(|| format!("reading {file}"))?)?,
    };
    Ok((config.spec()?, weights))
}

/// Runs the network up to five times to warm up, then prints the milliseconds of each of `runs` runs and the peak of memory as JSON.
fn time((spec, weights): (NetSpec, Weights), runs: usize, out: Option<&Path>) -> Result<()> {
    let spec = Arc::new(spec);
    let mut net = Net::new(spec.clone(), &weights)?;
    drop(weights);
    for port in &spec.inputs {
        net.input_mut(&port.name).iter_mut().enumerate().for_each(|(i, v)| *v = test_value(i));
    }
    (0..runs.min(5)).for_each(|_| net.run());
    let mut milliseconds = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        net.run();
        milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
    }
    println!("{}", json!({ "milliseconds": milliseconds, "peak_mb": peak_memory() }));
    if let Some(path) = out {
        let values = spec.outputs.iter().flat_map(|p| net.output(&p.name));
        let bytes: Vec<u8> = values.flat_map(|v| v.to_le_bytes()).collect();
        std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// The most memory that this process held, in MB; none where the system does not tell it as Linux does.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib: f64 = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1.024e-3)
}

/// A picture-like input in [0, 1] that both sides can make (compare.py has the same line).
fn test_value(i: usize) -> f32 {
    ((i * 7919) % 1009) as f32 / 1009.0
}

fn describe(spec: &NetSpec) -> Value {
    let port = |p: &Port| json!({ "name": p.name, "value": p.value.0, "shape": p.shape });
    json!({
        "name": spec.name,
        "inputs": spec.inputs.iter().map(port).collect::<Vec<_>>(),
        "outputs": spec.outputs.iter().map(port).collect::<Vec<_>>(),
        "values": spec.values.iter().map(|s| [s.c, s.h, s.w]).collect::<Vec<_>>(),
        "nodes": spec.nodes.iter().map(node).collect::<Vec<_>>(),
        "params": spec.params().iter().map(param).collect::<Vec<_>>(),
    })
}

fn param(param: &Param) -> Value {
    json!({ "name": param.name, "shape": param.shape })
}

fn node(node: &Node) -> Value {
    let (op, attributes) = operation(&node.op);
    json!({
        "name": node.name,
        "op": op,
        "attributes": attributes,
        "act": node.op.activation().map(activation),
        "inputs": node.inputs.iter().map(|v| v.0).collect::<Vec<_>>(),
        "output": node.output.0,
    })
}

fn operation(op: &Op) -> (&'static str, Value) {
    match op {
        Op::Conv(c) => (
            "conv",
            json!({
                "weight": c.weight, "bias": c.bias, "kernel": c.kernel, "stride": c.stride, "depthwise": c.depthwise,
                "pad": padding(&c.pad),
            }),
        ),
        Op::Linear { weight, bias, .. } => ("linear", json!({ "weight": weight, "bias": bias })),
        Op::Mean => ("mean", json!({})),
        Op::StyleNorm { eps, caii, residual, .. } => {
            ("style_norm", json!({ "eps": eps, "caii": *caii != Caii::Off, "residual": residual }))
        }
        Op::Upsample2 => ("upsample2", json!({})),
        Op::Pool { kind, kernel, stride } => {
            ("pool", json!({ "maximum": *kind == Pooling::Max, "kernel": kernel, "stride": stride }))
        }
        Op::Pad => ("pad", json!({})),
        Op::Add { .. } => ("add", json!({})),
        Op::Concat => ("concat", json!({})),
        Op::SpaceToDepth { r } => ("space_to_depth", json!({ "r": r })),
        Op::DepthToSpace { r } => ("depth_to_space", json!({ "r": r })),
        Op::ScaleShift { scale, shift } => ("scale_shift", json!({ "scale": scale, "shift": shift })),
        Op::Normalize { mean, scale } => ("normalize", json!({ "mean": mean, "scale": scale })),
        Op::Rows { n } => ("rows", json!({ "n": n })),
    }
}

fn padding(pad: &Padding) -> Value {
    let edge = if pad.edge == Edge::Zero { "constant" } else { "reflect" };
    json!({ "edge": edge, "top": pad.top, "left": pad.left, "bottom": pad.bottom, "right": pad.right })
}

fn activation(act: &Activation) -> Value {
    match act {
        Activation::None => json!({ "kind": "none" }),
        Activation::Relu => json!({ "kind": "relu" }),
        Activation::Relu6 => json!({ "kind": "relu6" }),
        Activation::LeakyRelu(slope) => json!({ "kind": "leaky_relu", "slope": slope }),
        Activation::PRelu(name) => json!({ "kind": "prelu", "slope": name }),
        Activation::Tanh => json!({ "kind": "tanh" }),
        Activation::TanhUnit => json!({ "kind": "tanh_unit" }),
    }
}
