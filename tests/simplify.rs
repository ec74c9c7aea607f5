//! The shortcuts that engines take: each is taken, and each leaves the answer as it is.

use std::collections::HashMap;
use std::sync::Arc;

use alphaswap::engine::{cpu, gpu};
use alphaswap::models::Weights;
use alphaswap::nets::{Caii, GeneratorConfig, NetSpec, Op, Port, Simplified};
use alphaswap::tensor::Tensor;
use alphaswap::tensor::largest_difference;

use crate::engine_cpu::reference;
use crate::engine_gpu::{context, sample, tensors};
use crate::{networks, official};

/// What rounding a value otherwise (6e-8 of it) comes to behind 12 norms, on an output in [0, 1].
const ROUNDING: f32 = 5e-6;

/// A random AlphaFace with its parameters and inputs.
fn alphaface(seed: u64) -> (NetSpec, Weights, HashMap<String, Vec<f32>>) {
    let spec = official::odd().spec().unwrap();
    let (weights, inputs) = sample(&spec, seed);
    (spec, weights, inputs)
}

/// The network as it is after the shortcuts, on the CPU engine that takes none itself.
fn run(simplified: &Simplified<'_>, inputs: &HashMap<String, Vec<f32>>) -> Vec<f32> {
    let param = |p: alphaswap::nets::Param| {
        let values = simplified.param(&p.name, &p.shape).unwrap().to_vec();
        (p.name, Tensor::new(p.shape, values).unwrap())
    };
    let weights = Weights(simplified.spec.params().into_iter().map(param).collect());
    let mut net = cpu::Net::with_cut_points(Arc::new(simplified.spec.clone()), &weights).unwrap();
    net.run_tensors(&tensors(&simplified.spec, inputs)).unwrap().remove("crop").unwrap().data
}

#[test]
fn dead_biases_are_dropped() {
    let (spec, weights, inputs) = alphaface(1);
    let literal = Simplified::literal(&spec, &weights);
    let expected = run(&literal, &inputs);
    let simplified = literal.without_dead_biases();
    let left: Vec<String> = simplified.spec.params().into_iter().map(|p| p.name).collect();
    let gone: Vec<String> = spec.params().into_iter().map(|p| p.name).filter(|n| !left.contains(n)).collect();
    let is_dead = |name: &String| name.starts_with("E.fusion_module.") && name.ends_with(".Conv1.bias");
    assert!(gone.len() == 12 && gone.iter().all(is_dead), "{gone:?}");
    let off = largest_difference(&run(&simplified, &inputs), &expected);
    assert!(off <= ROUNDING, "off by {off}");
    // A network without norms loses nothing.
    let spec = alphaswap::nets::facemesh::facemesh();
    assert_eq!(Simplified::new(&spec, &Weights::default()).spec, spec);
}

#[test]
fn the_half_of_caii_is_folded_into_the_style() {
    let (spec, weights, inputs) = alphaface(2);
    let literal = Simplified::literal(&spec, &weights);
    let expected = run(&literal, &inputs);
    let simplified = literal.with_folded_halves();
    let folded = |node: &&alphaswap::nets::Node| matches!(node.op, Op::StyleNorm { caii: Caii::Folded, .. });
    assert_eq!(simplified.spec.nodes.iter().filter(folded).count(), 12);
    let name = "E.fusion_module.fusion_layer_3.OP2.IFF.fc.bias";
    let halved = simplified.param(&format!("{name} / 2"), &weights.0[name].shape).unwrap();
    assert!(halved.iter().zip(&weights.0[name].data).all(|(half, whole)| *half == whole / 2.0));
    // Halving costs no bit.
    assert_eq!(run(&simplified, &inputs), expected);
    // Without CAII there is no half.
    let spec = networks::narrow(GeneratorConfig::inswapper_128()).spec().unwrap();
    assert_eq!(Simplified::literal(&spec, &sample(&spec, 2).0).with_folded_halves().spec, spec);
}

#[test]
fn a_style_that_others_read_stays_whole() {
    let (mut spec, weights, _) = alphaface(3);
    let style = spec.nodes.iter().find(|n| n.name.ends_with("fusion_layer_2.OP1.IFF.fc")).unwrap().output;
    spec.outputs.push(Port { name: "style".into(), value: style, shape: vec![1, spec.shape(style).c], slow: true });
    let simplified = Simplified::new(&spec, &weights);
    let whole = simplified.spec.nodes.iter().filter(|n| matches!(n.op, Op::StyleNorm { caii: Caii::Averaged, .. }));
    assert_eq!(whole.map(|n| n.name.as_str()).collect::<Vec<_>>(), ["E.fusion_module.fusion_layer_2.OP1"]);
}

/// The network with every mean as an output, by the name of its node.
fn with_means(spec: &NetSpec) -> NetSpec {
    let mut spec = spec.clone();
    for node in spec.nodes.iter().filter(|n| n.op == Op::Mean) {
        let shape = vec![1, spec.values[node.output.0].c];
        spec.outputs.push(Port { name: node.name.clone(), value: node.output, shape, slow: false });
    }
    spec
}

#[test]
fn means_are_known_where_they_are_written() {
    let (spec, weights, inputs) = alphaface(4);
    let simplified = Simplified::new(&spec, &weights);
    let known = spec.nodes.iter().filter(|n| n.op == Op::Mean).map(|n| simplified.known_mean(n.inputs[0]));
    let known: Vec<_> = known.map(|k| k.map(|k| k.before.is_some())).collect();
    // The encoder's map is averaged; a unit with ReLU sums what it writes; a block's mean grows by its shift.
    let mut expected = vec![None, Some(false)];
    (1..6).for_each(|_| expected.extend([Some(true), Some(false)]));
    assert_eq!(known, expected);

    let spec = Arc::new(with_means(&spec));
    let expected = reference::run(&spec, &weights, &inputs);
    let compare = |engine: &str, outputs: HashMap<String, Tensor>| {
        for (port, expected) in spec.outputs.iter().zip(&expected) {
            let off = largest_difference(&outputs[&port.name].data, expected);
            let size = expected.iter().fold(1.0f32, |m, v| m.max(v.abs()));
            assert!(off <= 1e-5 * size, "{engine}: {} is off by {off}", port.name);
        }
    };
    let mut net = cpu::Net::new(spec.clone(), &weights).unwrap();
    compare("CPU", net.run_tensors(&tensors(&spec, &inputs)).unwrap());
    let Some(ctx) = context() else { return };
    let net = gpu::Net::new(ctx, spec.clone(), &weights, gpu::Precision::F32).unwrap();
    compare("GPU", net.run_tensors(&tensors(&spec, &inputs)).unwrap());
}

#[test]
fn all_shortcuts_together_leave_the_answer() {
    let (spec, weights, inputs) = alphaface(5);
    let spec = Arc::new(spec);
    let inputs = tensors(&spec, &inputs);
    let mut literal = cpu::Net::with_cut_points(spec.clone(), &weights).unwrap();
    let expected = literal.run_tensors(&inputs).unwrap().remove("crop").unwrap().data;
    let mut net = cpu::Net::new(spec.clone(), &weights).unwrap();
    let off = largest_difference(&net.run_tensors(&inputs).unwrap()["crop"].data, &expected);
    assert!(off <= ROUNDING, "CPU: off by {off}");
    let Some(ctx) = context() else { return };
    let literal = gpu::Net::with_cut_points(ctx, spec.clone(), &weights).unwrap();
    let expected = literal.run_tensors(&inputs).unwrap().remove("crop").unwrap().data;
    let net = gpu::Net::new(ctx, spec, &weights, gpu::Precision::F32).unwrap();
    let off = largest_difference(&net.run_tensors(&inputs).unwrap()["crop"].data, &expected);
    assert!(off <= ROUNDING, "GPU: off by {off}");
}

#[test]
fn a_frame_averages_one_map_and_makes_no_style() {
    let Some(ctx) = context() else { return };
    let (spec, weights, _) = alphaface(6);
    let spec = Arc::new(spec);
    let count = |net: &gpu::Net, kernel: &str| net.steps().filter(|s| s.kernel.starts_with(kernel)).count();
    let literal = gpu::Net::with_cut_points(ctx, spec.clone(), &weights).unwrap();
    assert_eq!(["mean", "style_norm", "linear"].map(|kernel| count(&literal, kernel)), [12, 12, 0]);
    let net = gpu::Net::new(ctx, spec, &weights, gpu::Precision::F32).unwrap();
    assert_eq!(["mean", "style_norm", "linear"].map(|kernel| count(&net, kernel)), [1, 12, 0]);
}
