//! From nodes to steps: one dispatch each, with buffers still by name of value.

use std::collections::HashMap;
use std::sync::Arc;

use alphaswap_shaders as shaders;
use alphaswap_shaders::{Kind, Shader};

use super::conv::Conditions;
use super::plan::Lifetime;
use super::{Options, Precision};
use crate::error::Result;
use crate::gpu::params::MapParams;
use crate::gpu::{BufferRange, Context, Kernel};
use crate::nets::{Activation, NetSpec, Node, Op, Shape, Simplified, ValueId};

/// Stored type of a value; indexes the pairs of shader permutations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Storage {
    F32 = 0,
    F16 = 1,
}

/// A value of the network, or a copy of one in the other stored type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub shape: Shape,
    pub storage: Storage,
    /// Depends on slow inputs alone.
    pub slow: bool,
    /// Never shares its buffer.
    pub pinned: bool,
}

impl Value {
    pub fn bytes(&self) -> u64 {
        let each = if self.storage == Storage::F32 { 4 } else { 2 };
        (self.shape.len() as u64 * each).next_multiple_of(4)
    }
}

/// What a kernel is bound to.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Value(usize),
    Buffer(BufferRange),
}

/// One dispatch.
#[derive(Debug)]
pub(super) struct Step {
    pub kernel: Arc<Kernel>,
    /// Bytes of the uniform at binding 0.
    pub params: Vec<u8>,
    /// Bindings 1 and on.
    pub operands: Vec<Operand>,
    pub groups: [u32; 3],
    pub slow: bool,
    /// Name of the node that it is a part of.
    pub node: String,
    /// Multiply-accumulates, where there are enough to count.
    pub macs: u64,
    /// Bytes of its operands that it neither reads nor writes: other steps do, or a stand-in is bound.
    pub untouched: u64,
}

/// Collects steps.
pub(super) struct Lowering<'a> {
    pub ctx: &'a Arc<Context>,
    pub net: &'a Simplified<'a>,
    pub spec: &'a NetSpec,
    /// How feature maps are stored.
    pub maps: Storage,
    /// What the choice of convolution kernels looks at.
    pub conditions: Conditions,
    /// The network's values, then copies.
    pub values: Vec<Value>,
    pub steps: Vec<Step>,
    copies: HashMap<(usize, Storage), usize>,
    /// Upsampled maps that their only reader makes from these on the way.
    pub upsampled: HashMap<ValueId, ValueId>,
}

impl<'a> Lowering<'a> {
    /// Lowers every node.
    pub fn lower(ctx: &'a Arc<Context>, net: &'a Simplified<'a>, options: &Options) -> Result<Self> {
        let spec = &net.spec;
        let maps = if options.precision == Precision::F32 { Storage::F32 } else { Storage::F16 };
        let value = |&shape| Value { shape, storage: Storage::F32, slow: false, pinned: options.cut_points };
        let values = spec.values.iter().map(value).collect();
        let limits = ctx.device.limits();
        let conditions = Conditions {
            precision: options.precision,
            software: ctx.is_software(),
            max_binding: limits.max_storage_buffer_binding_size,
            workgroup_bytes: limits.max_compute_workgroup_storage_size,
            invocations: limits.max_compute_invocations_per_workgroup.min(limits.max_compute_workgroup_size_x),
            matrix: ctx.matrix_units(),
            force: options.force,
        };
        let (steps, copies, upsampled) = Default::default();
        let mut lowering = Self { ctx, net, spec, maps, conditions, values, steps, copies, upsampled };
        lowering.pin_ports();
        for node in &spec.nodes {
            let slow = node.inputs.iter().all(|v| lowering.values[v.0].slow);
            let value = &mut lowering.values[node.output.0];
            value.slow = slow;
            value.pinned |= slow;
            let first = lowering.steps.len();
            lowering.node(node)?;
            lowering.publish(node.output);
            lowering.steps[first..].iter_mut().for_each(|step| step.node.clone_from(&node.name));
        }
        Ok(lowering)
    }

    fn pin_ports(&mut self) {
        for port in self.spec.inputs.iter() {
            let value = &mut self.values[port.value.0];
            (value.slow, value.pinned) = (port.slow, true);
        }
        self.spec.outputs.iter().for_each(|p| self.values[p.value.0].pinned = true);
    }

    fn node(&mut self, node: &Node) -> Result<()> {
        match &node.op {
            Op::Conv(conv) => self.conv(node, conv),
            Op::Linear { weight, bias, act, .. } => self.linear(node, weight, bias.as_deref(), act),
            Op::Mean => self.mean(node),
            Op::StyleNorm { eps, caii, residual, act } => self.style_norm(node, *eps, *caii, *residual, act),
            Op::Upsample2 => self.upsample2(node),
            &Op::Pool { kind, kernel, stride } => self.pool(node, kind, kernel, stride),
            Op::Pad => self.gather(node, [&shaders::PAD, &shaders::PAD_F16], 0),
            Op::Add { act } => self.add(node, act),
            Op::Concat => self.concat(node),
            Op::SpaceToDepth { r } => self.gather(node, [&shaders::SPACE_TO_DEPTH, &shaders::SPACE_TO_DEPTH_F16], *r),
            Op::DepthToSpace { r } => self.gather(node, [&shaders::DEPTH_TO_SPACE, &shaders::DEPTH_TO_SPACE_F16], *r),
            Op::ScaleShift { scale, shift } => self.scale_shift(node, scale, shift),
            Op::Normalize { mean, scale } => self.normalize(node, mean.as_deref(), *scale),
            Op::Rows { .. } => self.rows(node),
        }
    }

    /// Outputs of the network are f32 in their own buffer, whatever they were computed in.
    fn publish(&mut self, output: ValueId) {
        let is_output = self.spec.outputs.iter().any(|p| p.value == output);
        if is_output && self.values[output.0].storage == Storage::F16 {
            // The node keeps its number for the f32 result; what it wrote so far moves to a fresh value.
            let written = self.values.len();
            let value = self.values[output.0];
            self.values.push(Value { pinned: value.slow, ..value });
            for operand in self.steps.iter_mut().flat_map(|s| &mut s.operands) {
                if matches!(operand, Operand::Value(v) if *v == output.0) {
                    *operand = Operand::Value(written);
                }
            }
            self.values[output.0].storage = Storage::F32;
            self.cast(written, output.0);
            self.copies.insert((output.0, Storage::F16), written);
        }
    }

    /// `value` in the stored type that a kernel wants, converted once if need be.
    pub fn read(&mut self, value: ValueId, storage: Storage) -> Operand {
        let from = self.values[value.0];
        if from.storage == storage {
            return Operand::Value(value.0);
        }
        if let Some(&copy) = self.copies.get(&(value.0, storage)) {
            return Operand::Value(copy);
        }
        let copy = self.values.len();
        self.values.push(Value { storage, pinned: from.slow, ..from });
        self.cast(value.0, copy);
        self.copies.insert((value.0, storage), copy);
        Operand::Value(copy)
    }

    fn cast(&mut self, from: usize, to: usize) {
        let shape = self.values[from].shape;
        let shader =
            if self.values[to].storage == Storage::F16 { &shaders::CAST_TO_F16 } else { &shaders::CAST_TO_F32 };
        let params = map_params(shape, shape);
        let operands = vec![Operand::Value(from), Operand::Value(to)];
        self.push(shader, &[], bytemuck::bytes_of(&params), operands, pixel_groups(shader, shape));
    }

    /// Appends a step; whether it is slow follows from what it writes.
    pub fn push(
        &mut self,
        shader: &'static Shader,
        constants: &[(&'static str, f64)],
        params: &[u8],
        operands: Vec<Operand>,
        groups: [u32; 3],
    ) -> &mut Step {
        let written = |(operand, binding): (&Operand, &shaders::Binding)| match (operand, &binding.kind) {
            (Operand::Value(v), Kind::ReadWrite) => Some(*v),
            _ => None,
        };
        let slow = operands.iter().zip(&shader.bindings[1..]).find_map(written).is_some_and(|v| self.values[v].slow);
        let kernel = self.ctx.kernel(shader, constants);
        let (params, node) = (params.to_vec(), String::new());
        self.steps.push(Step { kernel, params, operands, groups, slow, node, macs: 0, untouched: 0 });
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }

    /// A value between the steps of one node.
    pub fn scratch(&mut self, shape: Shape, storage: Storage, slow: bool) -> Operand {
        self.values.push(Value { shape, storage, slow, pinned: slow });
        Operand::Value(self.values.len() - 1)
    }

    /// Bytes of an operand.
    pub fn bytes(&self, operand: &Operand) -> u64 {
        match operand {
            Operand::Value(v) => self.values[*v].bytes(),
            Operand::Buffer(range) => range.size,
        }
    }

    /// Declares how the node's output is stored and returns it as an operand.
    pub fn write(&mut self, node: &Node, storage: Storage) -> Operand {
        self.values[node.output.0].storage = storage;
        Operand::Value(node.output.0)
    }

    /// A parameter whose shape must be `shape`.
    pub fn param(&self, name: &str, shape: &[usize]) -> Result<&'a [f32]> {
        self.net.param(name, shape)
    }

    /// Uploads constants in a stored type; 16 bits saturate, as in the kernels.
    pub fn constant(&self, name: &str, data: &[f32], storage: Storage) -> Operand {
        Operand::Buffer(match storage {
            Storage::F32 => self.ctx.constant(name, data),
            Storage::F16 => {
                let data: Vec<half::f16> =
                    data.iter().map(|&v| half::f16::from_f32(v.clamp(-65504.0, 65504.0))).collect();
                self.ctx.constant(name, &data)
            }
        })
    }

    /// The table `[c]` of (bias, slope below zero) and the activation's number (shaders/shared/activation.wgsl).
    pub fn epilogue(&self, name: &str, c: usize, bias: Option<&str>, act: &Activation) -> Result<(Operand, f64)> {
        let bias = bias.map(|b| self.param(b, &[c])).transpose()?;
        let (number, slope) = match act {
            Activation::None => (0.0, 1.0),
            Activation::Relu => (0.0, 0.0),
            Activation::LeakyRelu(slope) => (0.0, *slope),
            Activation::PRelu(_) => (0.0, f32::NAN),
            Activation::Relu6 => (1.0, 0.0),
            Activation::Tanh => (2.0, 0.0),
            Activation::TanhUnit => (3.0, 0.0),
        };
        let learnt = match act {
            Activation::PRelu(slopes) => Some(self.param(slopes, &[c])?),
            _ => None,
        };
        let row = |i: usize| [bias.map_or(0.0, |b| b[i]), learnt.map_or(slope, |s| s[i])];
        let table: Vec<f32> = (0..c).flat_map(row).collect();
        Ok((self.constant(name, &table, Storage::F32), number))
    }

    /// When each value is touched. Slow steps run before all others, at other times; what they write is pinned.
    pub fn lifetimes(&self) -> Vec<Lifetime> {
        let lifetime = |v: &Value| Lifetime { steps: None, size: v.bytes(), pinned: v.pinned };
        let mut lifetimes: Vec<Lifetime> = self.values.iter().map(lifetime).collect();
        for (i, step) in self.steps.iter().enumerate() {
            for operand in &step.operands {
                let Operand::Value(v) = *operand else { continue };
                let (first, _) = lifetimes[v].steps.unwrap_or((i, i));
                lifetimes[v].steps = Some((first, i));
            }
        }
        lifetimes
    }
}

/// The uniform of an operation from `input` to `output`.
pub(super) fn map_params(input: Shape, output: Shape) -> MapParams {
    let [in_c, in_h, in_w] = [input.c, input.h, input.w].map(|n| n as u32);
    let [out_c, out_h, out_w] = [output.c, output.h, output.w].map(|n| n as u32);
    MapParams { in_c, in_h, in_w, out_c, out_h, out_w, extra: 0, factor: 0.0 }
}

/// Workgroups for an invocation per pixel (x) of each channel (y).
pub(super) fn pixel_groups(shader: &Shader, shape: Shape) -> [u32; 3] {
    let pixels = (shape.h * shape.w) as u32;
    [pixels.div_ceil(shader.workgroup_size[0]), shape.c as u32, 1]
}
