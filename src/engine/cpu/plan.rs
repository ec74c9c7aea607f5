//! Turns a [`NetSpec`] into steps: which kernel runs when, what it reads, and which buffer it writes.

use super::conv_dense::ConvDense;
use super::conv_depthwise::ConvDepthwise;
use super::elementwise::{Add, Normalize, ScaleShift};
use super::fuse::{self, Fused};
use super::kernel::Kernel;
use super::layout::{LANES, Layout};
use super::linear::Linear;
use super::pack::Params;
use super::pool;
use super::rearrange::Rearrange;
use super::separable::Separable;
use super::style_norm::{Mean, RunningMean, StyleNorm};
use super::upsample::Upsample2;
use crate::error::{Error, Result};
use crate::nets::{Activation, Caii, NetSpec, Node, Op, Simplified, ValueId};

/// Most values that one operation reads.
pub const MAX_INPUTS: usize = 8;

/// One kernel call.
#[derive(Debug)]
pub struct Step {
    /// What runs.
    pub kernel: Box<dyn Kernel>,
    /// What it reads.
    pub inputs: Vec<ValueId>,
    /// What it writes.
    pub output: ValueId,
    /// Whether it depends on slow inputs alone.
    pub fixed: bool,
}

/// Steps, layouts and buffers of a network.
#[derive(Debug)]
pub struct Plan {
    /// In execution order.
    pub steps: Vec<Step>,
    /// By value.
    pub layouts: Vec<Layout>,
    /// Buffer of each value; `None` for values that fusion removed.
    pub slots: Vec<Option<usize>>,
    /// Values that each buffer holds.
    pub slot_lens: Vec<usize>,
    /// Scratch memory that any step needs.
    pub scratch_len: usize,
}

impl Plan {
    /// Plans `net`; with `keep` every node's value has a buffer of its own and nothing is fused.
    pub fn new(net: &Simplified<'_>, keep: bool) -> Result<Self> {
        let (spec, params) = (&net.spec, &Params(net));
        let layouts = layouts(spec);
        let fixed = fixed_values(spec);
        let mut steps = Vec::new();
        for Fused { node, before, act, inputs, output } in fuse::fuse(spec, !keep) {
            let node = &spec.nodes[node];
            if let Some(step) = running_mean(net, node, fixed[output.0]) {
                steps.push(step);
                continue;
            }
            if inputs.len() > MAX_INPUTS {
                let reason = format!("node {} reads more than {MAX_INPUTS} values", node.name);
                return Err(Error::model(&spec.name, reason));
            }
            let read: Vec<Layout> = inputs.iter().map(|v| layouts[v.0]).collect();
            let kernel = match before {
                Some((depth, depth_act)) => {
                    let depth = &spec.nodes[depth];
                    let between = layouts[depth.output.0];
                    separable((&depth.op, depth_act), (&node.op, act), [read[0], between, layouts[output.0]], params)?
                }
                None => kernel(&node.op, act, &read, layouts[output.0], params)?,
            };
            steps.push(Step { kernel, inputs, output, fixed: fixed[output.0] });
        }
        let (slots, slot_lens) = slots(spec, &steps, &layouts, keep);
        let scratch_len = steps.iter().map(|s| s.kernel.scratch_len()).max().unwrap_or(0);
        Ok(Self { steps, layouts, slots, slot_lens, scratch_len })
    }
}

/// The step of a mean that takes no look at the map.
fn running_mean(net: &Simplified<'_>, node: &Node, fixed: bool) -> Option<Step> {
    let known = net.known_mean(node.inputs[0]).filter(|known| known.mean == node.output)?;
    let (before, norm) = (known.before?, &net.spec.nodes[known.norm]);
    let Op::StyleNorm { caii, .. } = norm.op else { return None };
    let terms = &norm.inputs[1..if caii == Caii::Off { 2 } else { 3 }];
    let kernel = Box::new(RunningMean::new(net.spec.shape(node.output).c, caii));
    Some(Step { kernel, inputs: [&[before], terms].concat(), output: node.output, fixed })
}

/// The kernel for a depthwise and a 1x1 convolution, each with its epilogue; `layouts` are those of the first one's
/// input, of what passes between them, and of the output.
fn separable(
    (first, first_act): (&Op, &Activation),
    (second, second_act): (&Op, &Activation),
    layouts: [Layout; 3],
    params: &Params<'_>,
) -> Result<Box<dyn Kernel>> {
    let [input, between, out] = layouts;
    let (Op::Conv(first), Op::Conv(second)) = (first, second) else {
        return Err(Error::model(&params.0.spec.name, "only convolutions can be joined"));
    };
    let depthwise = ConvDepthwise::new(first, first_act, input, between, params)?;
    Ok(Box::new(Separable::new(depthwise, ConvDense::new(second, second_act, between, out, params)?)))
}

/// The kernel for an operation; the last of `inputs` of a fused convolution is what it adds.
fn kernel(op: &Op, act: &Activation, inputs: &[Layout], out: Layout, params: &Params<'_>) -> Result<Box<dyn Kernel>> {
    let x = inputs[0];
    Ok(match op {
        Op::Conv(conv) if conv.depthwise => Box::new(ConvDepthwise::new(conv, act, x, out, params)?),
        Op::Conv(conv) if conv.covers(x.shape) => {
            let shape = [conv.out, x.shape.c, conv.kernel, conv.kernel];
            Box::new(Linear::new((&conv.weight, &shape), conv.bias.as_ref(), act, x, params)?)
        }
        Op::Conv(conv) => Box::new(ConvDense::new(conv, act, x, out, params)?),
        Op::Linear { weight, bias, out, .. } => {
            Box::new(Linear::new((weight, &[*out, x.shape.len()]), bias.as_ref(), act, x, params)?)
        }
        Op::Mean => Box::new(Mean::new(x)),
        Op::StyleNorm { eps, caii, .. } => Box::new(StyleNorm::new(x, *eps, *caii, act, params)?),
        Op::Upsample2 => Box::new(Upsample2::new(x)),
        &Op::Pool { kind, kernel, stride } => pool::plan(kind, kernel, stride, x, out),
        Op::Add { .. } => Box::new(Add::new(out, act, params)?),
        Op::ScaleShift { scale, shift } => Box::new(ScaleShift::new(x, scale, shift, params)?),
        Op::Normalize { mean, scale } => Box::new(Normalize::new(mean.as_ref(), *scale, x.shape.c, params)?),
        Op::Pad | Op::Concat | Op::SpaceToDepth { .. } | Op::DepthToSpace { .. } | Op::Rows { .. } => {
            Box::new(Rearrange::new(op, inputs, out))
        }
    })
}

/// Layout of each value: pictures that only full convolutions read take 4 lanes, lists for the caller none.
fn layouts(spec: &NetSpec) -> Vec<Layout> {
    let mut layouts: Vec<Layout> = spec.values.iter().map(|&shape| Layout::blocked(shape)).collect();
    let readers = |v: ValueId| spec.nodes.iter().filter(move |n| n.inputs.contains(&v));
    for port in &spec.inputs {
        let (layout, mut readers) = (&mut layouts[port.value.0], readers(port.value));
        let dense = |op: &Op| matches!(op, Op::Conv(c) if !c.depthwise && !c.covers(layout.shape));
        if layout.shape.c <= 4 && readers.all(|n| dense(&n.op)) {
            layout.lanes = 4;
        }
    }
    for node in &spec.nodes {
        if matches!(node.op, Op::Rows { .. }) && readers(node.output).next().is_none() {
            layouts[node.output.0].lanes = 1;
        }
    }
    debug_assert!(layouts.iter().all(|l| [1, 4, LANES].contains(&l.lanes)));
    layouts
}

/// Which values depend on slow inputs alone.
fn fixed_values(spec: &NetSpec) -> Vec<bool> {
    let mut fixed = vec![false; spec.values.len()];
    for port in &spec.inputs {
        fixed[port.value.0] = port.slow;
    }
    for node in &spec.nodes {
        fixed[node.output.0] = node.inputs.iter().all(|v| fixed[v.0]);
    }
    fixed
}

/// Gives each value a buffer; a buffer is taken over once the last reader of its value has run.
fn slots(spec: &NetSpec, steps: &[Step], layouts: &[Layout], keep: bool) -> (Vec<Option<usize>>, Vec<usize>) {
    let mut last_use = vec![0; spec.values.len()];
    for (i, step) in steps.iter().enumerate() {
        step.inputs.iter().chain([&step.output]).for_each(|v| last_use[v.0] = i);
    }
    // What outlives a run: outputs, slow inputs and what is made of them alone.
    let fixed = steps.iter().filter(|s| s.fixed || keep).map(|s| s.output);
    let slow = spec.inputs.iter().filter(|p| p.slow || keep).map(|p| p.value);
    let outputs = spec.outputs.iter().map(|p| p.value);
    fixed.chain(slow).chain(outputs).for_each(|v| last_use[v.0] = usize::MAX);

    let mut pool = Pool::default();
    let mut slots = vec![None; spec.values.len()];
    for port in &spec.inputs {
        slots[port.value.0] = Some(pool.take(layouts[port.value.0].len()));
    }
    // A fixed step does not run every time: its buffer must not have been anyone else's.
    for step in steps.iter().filter(|s| s.fixed) {
        slots[step.output.0] = Some(pool.take(layouts[step.output.0].len()));
    }
    for (i, step) in steps.iter().enumerate() {
        if !step.fixed {
            slots[step.output.0] = Some(pool.take(layouts[step.output.0].len()));
        }
        let mut over: Vec<usize> =
            step.inputs.iter().filter(|v| last_use[v.0] == i).filter_map(|v| slots[v.0]).collect();
        over.dedup();
        pool.free.extend(over);
    }
    (slots, pool.lens)
}

#[derive(Default)]
struct Pool {
    lens: Vec<usize>,
    free: Vec<usize>,
}

impl Pool {
    /// The tightest free buffer that fits, else the largest free one grown, else a new one.
    fn take(&mut self, len: usize) -> usize {
        let fitting = |&i: &usize| (self.lens[self.free[i]] < len, self.lens[self.free[i]].abs_diff(len));
        match (0..self.free.len()).min_by_key(fitting) {
            Some(i) => {
                let slot = self.free.swap_remove(i);
                self.lens[slot] = self.lens[slot].max(len);
                slot
            }
            None => {
                self.lens.push(len);
                self.lens.len() - 1
            }
        }
    }
}
