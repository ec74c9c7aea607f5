//! Lets convolutions take over the additions that follow them, so that a block's residual is added while the tile is
//! still in the cache, and joins depthwise convolutions with the 1x1 convolutions behind them.

use crate::nets::{Activation, NetSpec, Op, ValueId};

/// A node to run, perhaps together with the addition behind it.
#[derive(Debug)]
pub struct Fused<'a> {
    /// Index of the node.
    pub node: usize,
    /// A depthwise convolution to run just before, and its epilogue: its value is read by this node alone.
    pub before: Option<(usize, &'a Activation)>,
    /// Epilogue, the addition's if there is one.
    pub act: &'a Activation,
    /// What is read; a fused addition's other term comes last.
    pub inputs: Vec<ValueId>,
    /// What is written.
    pub output: ValueId,
}

/// The nodes of `spec` in order; without `enabled` one by one.
pub fn fuse(spec: &NetSpec, enabled: bool) -> Vec<Fused<'_>> {
    let mut fused: Vec<Option<Fused<'_>>> = (0..spec.nodes.len()).map(|i| Some(single(spec, i))).collect();
    if enabled {
        for add in 0..spec.nodes.len() {
            if let Op::Add { act } = &spec.nodes[add].op {
                absorb(spec, add, act, &mut fused);
            }
        }
        for point in 0..spec.nodes.len() {
            join(spec, point, &mut fused);
        }
    }
    fused.into_iter().flatten().collect()
}

fn single(spec: &NetSpec, i: usize) -> Fused<'_> {
    let node = &spec.nodes[i];
    let act = node.op.activation().unwrap_or(&Activation::None);
    Fused { node: i, before: None, act, inputs: node.inputs.clone(), output: node.output }
}

/// Merges addition `add` into a convolution that only it reads and that runs after the other term is known.
fn absorb<'a>(spec: &'a NetSpec, add: usize, act: &'a Activation, fused: &mut [Option<Fused<'a>>]) {
    let &[a, b] = spec.nodes[add].inputs.as_slice() else { return };
    for (term, mut other) in [(a, b), (b, a)] {
        let Some(conv) = spec.maker(term).filter(|&i| takes_sum(spec, i)) else { continue };
        let known = spec.maker(other).is_none_or(|i| i < conv);
        if !known || readers(spec, term) != 1 || fused[conv].is_none() {
            continue;
        }
        // Zero channels need not be written to be added.
        if let Some(pad) = spec.maker(other).filter(|&i| readers(spec, other) == 1 && pads_zero(spec, i)) {
            other = spec.nodes[pad].inputs[0];
            fused[pad] = None;
        }
        let inputs = vec![spec.nodes[conv].inputs[0], other];
        fused[conv] = Some(Fused { node: conv, before: None, act, inputs, output: spec.nodes[add].output });
        fused[add] = None;
        return;
    }
}

/// Merges the depthwise convolution in front of 1x1 convolution `point` into it.
fn join<'a>(spec: &'a NetSpec, point: usize, fused: &mut [Option<Fused<'a>>]) {
    let node = &spec.nodes[point];
    let Op::Conv(conv) = &node.op else { return };
    let plain = conv.kernel == 1 && conv.stride == 1 && conv.pad.is_none() && !conv.depthwise;
    let linear = conv.covers(spec.shape(node.inputs[0]));
    let Some(depth) = spec.maker(node.inputs[0]).filter(|_| plain && !linear) else { return };
    let alone = matches!(&spec.nodes[depth].op, Op::Conv(c) if c.depthwise) && readers(spec, node.inputs[0]) == 1;
    let (Some(first), true) = (fused[depth].take_if(|f| alone && f.inputs.len() == 1), fused[point].is_some()) else {
        return;
    };
    if let Some(second) = &mut fused[point] {
        second.before = Some((depth, first.act));
        second.inputs[0] = first.inputs[0];
    }
}

fn takes_sum(spec: &NetSpec, i: usize) -> bool {
    let node = &spec.nodes[i];
    match &node.op {
        Op::Conv(conv) => {
            let linear = !conv.depthwise && conv.covers(spec.shape(node.inputs[0]));
            conv.act == Activation::None && !linear
        }
        _ => false,
    }
}

/// Whether node `i` appends nothing but zero channels, to a value whose unused lanes are zero already.
fn pads_zero(spec: &NetSpec, i: usize) -> bool {
    let node = &spec.nodes[i];
    let source = spec.maker(node.inputs[0]).map(|i| &spec.nodes[i].op);
    let unit = source.and_then(Op::activation) == Some(&Activation::TanhUnit);
    let (from, to) = (spec.shape(node.inputs[0]), spec.shape(node.output));
    node.op == Op::Pad && (from.h, from.w) == (to.h, to.w) && !unit
}

fn readers(spec: &NetSpec, value: ValueId) -> usize {
    let nodes = spec.nodes.iter().flat_map(|n| &n.inputs).filter(|&&v| v == value).count();
    nodes + spec.outputs.iter().filter(|p| p.value == value).count()
}
