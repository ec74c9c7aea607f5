//! The GPU engine: a network planned once for one device, then recorded into compute passes.
//!
//! [`lower`] turns nodes into steps (one dispatch each), [`plan`] lets values that never live together share a
//! buffer, [`conv`] chooses convolution kernels and packs their weights, [`trial`] tries the fast ones on
//! the adapter first, [`maps`] does the other operations.

mod conv;
mod lower;
mod maps;
mod options;
mod plan;
mod trial;

use std::collections::HashMap;
use std::sync::Arc;

pub use conv::ConvKernel;
pub use options::{Options, Precision};

use crate::error::{Error, Result};
use crate::gpu::{BufferRange, Context, Dispatch};
use crate::models::Weights;
use crate::nets::{NetSpec, Port, Simplified};
use crate::tensor::Tensor;
use lower::{Lowering, Operand};
use plan::Lifetime;

/// A network on the GPU.
#[derive(Debug)]
pub struct Net {
    ctx: Arc<Context>,
    spec: Arc<NetSpec>,
    /// Where each port or kept value lives, by [`crate::nets::ValueId`].
    kept: HashMap<usize, BufferRange>,
    /// Node names of kept values.
    cut_points: HashMap<String, usize>,
    slow: Vec<Planned>,
    fast: Vec<Planned>,
}

/// A step bound to its buffers.
#[derive(Debug)]
struct Planned {
    node: String,
    macs: u64,
    bytes: u64,
    dispatch: Dispatch,
}

/// One dispatch of a network, for people who measure it.
#[derive(Clone, Copy, Debug)]
pub struct StepInfo<'a> {
    /// The node that it is a part of.
    pub name: &'a str,
    /// Name of the shader's permutation.
    pub kernel: &'static str,
    /// Multiply-accumulates that it does in matrix products and convolutions; 0 where there are none.
    pub macs: u64,
    /// Bytes of everything that it reads and writes, each counted once; of a map that several dispatches share, its part.
    pub bytes: u64,
    /// Records it alone, as often as wanted: what it reads is in its buffers after a run of the whole network.
    pub dispatch: &'a Dispatch,
}

impl Net {
    /// Plans `spec` with `weights`, whose names and shapes must be those of [`NetSpec::params`]: compiles kernels,
    /// uploads weights, lays out buffers, binds.
    ///
    /// # Errors
    /// [`Error::Model`] for a missing or misshapen parameter, [`Error::Device`] for a precision that the device lacks,
    /// [`Error::DeviceLost`] when the device fails.
    pub fn new(ctx: &Arc<Context>, spec: Arc<NetSpec>, weights: &Weights, precision: Precision) -> Result<Self> {
        Self::with_options(ctx, spec, weights, &Options::new(precision))
    }

    /// Like [`Self::new`], but every f32 value stays readable with [`Self::cut_point`] (no buffer is shared, nothing is
    /// simplified): for tests and debugging.
    pub fn with_cut_points(ctx: &Arc<Context>, spec: Arc<NetSpec>, weights: &Weights) -> Result<Self> {
        Self::with_options(ctx, spec, weights, &Options { cut_points: true, ..Options::new(Precision::F32) })
    }

    /// Like [`Self::new`], with every choice in the caller's hand.
    pub fn with_options(ctx: &Arc<Context>, spec: Arc<NetSpec>, weights: &Weights, options: &Options) -> Result<Self> {
        if options.precision == Precision::F16Storage && !ctx.has_f16() {
            return Err(Error::Device(format!("{} cannot store 16-bit floats", ctx.line())));
        }
        let literal = options.cut_points;
        let net = if literal { Simplified::literal(&spec, weights) } else { Simplified::new(&spec, weights) };
        let lowered = Lowering::lower(ctx, &net, options)?;
        let buffers = value_buffers(ctx, &spec.name, &lowered);
        let stride = 256;
        let params: Vec<u8> = lowered.steps.iter().flat_map(|s| padded(&s.params, stride)).collect();
        let uniforms =
            ctx.buffer("params", params.len() as u64, wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST);
        ctx.write(&uniforms, &params);
        let (mut slow, mut fast) = (Vec::new(), Vec::new());
        for (i, step) in lowered.steps.iter().enumerate() {
            let offset = (i * stride) as u64;
            let uniform = BufferRange { buffer: uniforms.buffer.clone(), offset, size: step.params.len() as u64 };
            let range = |operand| match operand {
                &Operand::Value(v) => buffers[&v].prefix(lowered.values[v].bytes()),
                Operand::Buffer(range) => BufferRange::clone(range),
            };
            let operands: Vec<BufferRange> = step.operands.iter().map(range).collect();
            let bound: Vec<&BufferRange> = std::iter::once(&uniform).chain(&operands).collect();
            let dispatch = ctx.dispatch(&step.kernel, &bound, step.groups);
            let bytes = distinct_bytes(&operands) - step.untouched;
            let planned = Planned { node: step.node.clone(), macs: step.macs, bytes, dispatch };
            if step.slow { slow.push(planned) } else { fast.push(planned) }
        }
        ctx.check()?;
        let pinned = |v: &usize| lowered.values[*v].pinned;
        let kept = buffers.iter().filter(|(v, _)| pinned(v));
        let kept = kept.map(|(&v, range)| (v, range.prefix(lowered.values[v].bytes()))).collect();
        let cut_points = spec.nodes.iter().map(|n| (n.name.clone(), n.output.0)).filter(|(_, v)| pinned(v)).collect();
        Ok(Self { ctx: ctx.clone(), spec, kept, cut_points, slow, fast })
    }

    /// What it runs.
    pub fn spec(&self) -> &NetSpec {
        &self.spec
    }

    /// Where to write the f32 values of input `name` (channels, rows, columns), on the device.
    pub fn input_buffer(&self, name: &str) -> Option<&BufferRange> {
        self.spec.input(name).map(|port| &self.kept[&port.value.0])
    }

    /// Where the f32 values of output `name` are after [`Self::record`].
    pub fn output_buffer(&self, name: &str) -> Option<&BufferRange> {
        self.spec.output(name).map(|port| &self.kept[&port.value.0])
    }

    /// Records what depends on slow inputs alone (the identity): once after such an input has changed, and once at the
    /// start.
    pub fn record_slow(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.slow.iter().for_each(|step| step.dispatch.record(pass));
    }

    /// Number of dispatches that [`Self::record`] makes.
    pub fn dispatches(&self) -> usize {
        self.fast.len()
    }

    /// What [`Self::record`] records, in this order.
    pub fn steps(&self) -> impl Iterator<Item = StepInfo<'_>> {
        self.fast.iter().map(|Planned { node, macs, bytes, dispatch }| {
            let kernel = dispatch.name();
            StepInfo { name: node, kernel, macs: *macs, bytes: *bytes, dispatch }
        })
    }

    /// Records everything else.
    pub fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.fast.iter().for_each(|step| step.dispatch.record(pass));
    }

    /// Checks shapes, uploads, runs, waits, and returns all outputs by name.
    ///
    /// # Errors
    /// [`Error::Shape`] for a missing or misshapen input, [`Error::DeviceLost`] when the device fails.
    pub fn run_tensors(&self, inputs: &HashMap<String, Tensor>) -> Result<HashMap<String, Tensor>> {
        for port in &self.spec.inputs {
            let got = inputs.get(&port.name).map(|t| t.shape.clone()).unwrap_or_default();
            if got != port.shape {
                return Err(Error::Shape { name: port.name.clone(), expected: port.shape.clone(), got });
            }
            self.ctx.write(&self.kept[&port.value.0], &inputs[&port.name].data);
        }
        let mut encoder = self.ctx.encoder(&self.spec.name);
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            self.record_slow(&mut pass);
            self.record(&mut pass);
        }
        self.ctx.submit(encoder)?;
        let ports = &self.spec.outputs;
        let ranges: Vec<&BufferRange> = ports.iter().map(|p| &self.kept[&p.value.0]).collect();
        let values = self.ctx.read_f32(&ranges)?;
        let tensor = |(port, mut data): (&Port, Vec<f32>)| {
            data.truncate(port.shape.iter().product());
            Ok((port.name.clone(), Tensor::new(port.shape.clone(), data)?))
        };
        ports.iter().zip(values).map(tensor).collect()
    }

    /// The value at the cut point `node` after a run, when planned with [`Self::with_cut_points`].
    pub fn cut_point(&self, node: &str) -> Result<Option<Tensor>> {
        let Some(&value) = self.cut_points.get(node) else { return Ok(None) };
        let shape = self.spec.values[value];
        let mut data = self.ctx.read_f32(&[&self.kept[&value]])?.swap_remove(0);
        data.truncate(shape.len());
        Ok(Some(Tensor::new([1, shape.c, shape.h, shape.w], data)?))
    }
}

/// A buffer for each value that is used, shared by values that never live together.
fn value_buffers(ctx: &Context, name: &str, lowered: &Lowering<'_>) -> HashMap<usize, BufferRange> {
    let lifetimes: Vec<Lifetime> = lowered.lifetimes();
    let slots = plan::assign(&lifetimes);
    let ranges: Vec<BufferRange> = slots.sizes.iter().map(|&size| ctx.storage(name, size)).collect();
    let placed = slots.of_value.iter().enumerate();
    placed.filter_map(|(v, slot)| Some((v, ranges[(*slot)?].clone()))).collect()
}

/// Bytes of `operands`, of which several may be one range.
fn distinct_bytes(operands: &[BufferRange]) -> u64 {
    let differ = |a: &BufferRange, b: &BufferRange| (&a.buffer, a.offset) != (&b.buffer, b.offset);
    let first = |(i, range): &(usize, &BufferRange)| operands[..*i].iter().all(|other| differ(other, range));
    operands.iter().enumerate().filter(first).map(|(_, range)| range.size).sum()
}

fn padded(bytes: &[u8], stride: usize) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(stride, 0);
    padded
}
