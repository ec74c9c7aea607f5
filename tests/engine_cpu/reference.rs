//! Each operation written as its definition reads: row-major NCHW, nested loops, sums in f64. Slow and obvious.

use std::collections::HashMap;

use alphaswap::models::Weights;
use alphaswap::nets::{Activation, Caii, Conv, Edge, NetSpec, Node, Op, Pooling, Shape};

/// A feature map.
#[derive(Clone, Debug)]
pub struct Map {
    pub shape: Shape,
    pub data: Vec<f32>,
}

impl Map {
    fn make(shape: Shape, f: impl Fn(usize, usize, usize) -> f64) -> Self {
        let mut data = Vec::with_capacity(shape.len());
        for c in 0..shape.c {
            for y in 0..shape.h {
                for x in 0..shape.w {
                    data.push(f(c, y, x) as f32);
                }
            }
        }
        Self { shape, data }
    }

    fn at(&self, c: usize, y: usize, x: usize) -> f64 {
        f64::from(self.data[(c * self.shape.h + y) * self.shape.w + x])
    }

    fn mean(&self, c: usize, of: impl Fn(f64) -> f64) -> f64 {
        let (h, w) = (self.shape.h, self.shape.w);
        (0..h * w).map(|i| of(self.at(c, i / w, i % w))).sum::<f64>() / (h * w) as f64
    }

    /// Channel-last order.
    fn rows(&self) -> impl Iterator<Item = f32> + '_ {
        let s = self.shape;
        (0..s.len()).map(move |i| self.at(i % s.c, i / s.c / s.w, i / s.c % s.w) as f32)
    }
}

/// The values of all outputs, in order.
pub fn run(spec: &NetSpec, weights: &Weights, inputs: &HashMap<String, Vec<f32>>) -> Vec<Vec<f32>> {
    let mut values: HashMap<usize, Map> = HashMap::new();
    for port in &spec.inputs {
        values.insert(port.value.0, Map { shape: spec.shape(port.value), data: inputs[&port.name].clone() });
    }
    for node in &spec.nodes {
        let read: Vec<&Map> = node.inputs.iter().map(|v| &values[&v.0]).collect();
        let made = activate(node, evaluate(node, &read, spec.shape(node.output), weights), &read, weights);
        values.insert(node.output.0, made);
    }
    spec.outputs.iter().map(|p| values[&p.value.0].data.clone()).collect()
}

fn param<'a>(weights: &'a Weights, name: &str) -> &'a [f32] {
    &weights.0[name].data
}

fn evaluate(node: &Node, read: &[&Map], out: Shape, weights: &Weights) -> Map {
    let x = read[0];
    match &node.op {
        Op::Conv(conv) => convolve(conv, x, out, weights),
        Op::Linear { weight, bias, .. } => {
            let (w, b) = (param(weights, weight), bias.as_ref().map(|b| param(weights, b)));
            Map::make(out, |o, _, _| {
                let row = &w[o * x.data.len()..][..x.data.len()];
                let sum: f64 = row.iter().zip(&x.data).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum();
                sum + b.map_or(0.0, |b| f64::from(b[o]))
            })
        }
        Op::Mean => Map::make(out, |c, _, _| x.mean(c, |v| v)),
        Op::StyleNorm { eps, caii, .. } => style_norm(read, f64::from(*eps), *caii, out),
        Op::Upsample2 => upsample(x, out),
        &Op::Pool { kind, kernel, stride } => Map::make(out, |c, y, x_| {
            let window = (0..kernel * kernel).map(|i| x.at(c, y * stride + i / kernel, x_ * stride + i % kernel));
            match kind {
                Pooling::Max => window.fold(f64::NEG_INFINITY, f64::max),
                Pooling::Mean => window.sum::<f64>() / (kernel * kernel) as f64,
            }
        }),
        Op::Pad => Map::make(out, |c, y, x_| {
            let inside = c < x.shape.c && y < x.shape.h && x_ < x.shape.w;
            if inside { x.at(c, y, x_) } else { 0.0 }
        }),
        Op::Add { .. } => Map::make(out, |c, y, x_| x.at(c, y, x_) + read[1].at(c, y, x_)),
        Op::Concat => {
            Map::make(out, |c, y, x_| if c < x.shape.c { x.at(c, y, x_) } else { read[1].at(c - x.shape.c, y, x_) })
        }
        &Op::SpaceToDepth { r } => Map::make(out, |c, y, x_| x.at(c / (r * r), y * r + c / r % r, x_ * r + c % r)),
        &Op::DepthToSpace { r } => Map::make(out, |c, y, x_| x.at(c * r * r + y % r * r + x_ % r, y / r, x_ / r)),
        Op::ScaleShift { scale, shift } => {
            let [scale, shift] = [scale, shift].map(|name| param(weights, name));
            Map::make(out, |c, y, x_| x.at(c, y, x_) * f64::from(scale[c]) + f64::from(shift[c]))
        }
        Op::Normalize { mean, scale } => {
            let mean = mean.as_ref().map(|m| param(weights, m));
            let shifted = |c: usize| x.at(c, 0, 0) - mean.map_or(0.0, |m| f64::from(m[c]));
            let norm = (0..out.c).map(|c| shifted(c).powi(2)).sum::<f64>().sqrt();
            Map::make(out, |c, _, _| shifted(c) / norm * f64::from(*scale))
        }
        Op::Rows { .. } => Map { shape: out, data: read.iter().flat_map(|m| m.rows()).collect() },
    }
}

/// The input row or column at `at`, which may lie outside.
fn resolve(at: isize, len: usize, edge: Edge) -> Option<usize> {
    let last = len as isize - 1;
    match edge {
        _ if (0..=last).contains(&at) => Some(at as usize),
        Edge::Zero => None,
        Edge::Reflect if at < 0 => Some((-at) as usize),
        Edge::Reflect => Some((2 * last - at) as usize),
    }
}

fn convolve(conv: &Conv, x: &Map, out: Shape, weights: &Weights) -> Map {
    let (w, b) = (param(weights, &conv.weight), conv.bias.as_ref().map(|b| param(weights, b)));
    let (k, fan_in) = (conv.kernel, if conv.depthwise { 1 } else { x.shape.c });
    Map::make(out, |o, y, x_| {
        let mut sum = b.map_or(0.0, |b| f64::from(b[o]));
        for (i, ky, kx) in (0..fan_in * k * k).map(|t| (t / (k * k), t / k % k, t % k)) {
            let iy = resolve((y * conv.stride + ky) as isize - conv.pad.top as isize, x.shape.h, conv.pad.edge);
            let ix = resolve((x_ * conv.stride + kx) as isize - conv.pad.left as isize, x.shape.w, conv.pad.edge);
            if let (Some(iy), Some(ix)) = (iy, ix) {
                let channel = if conv.depthwise { o } else { i };
                sum += f64::from(w[((o * fan_in + i) * k + ky) * k + kx]) * x.at(channel, iy, ix);
            }
        }
        sum
    })
}

fn style_norm(read: &[&Map], eps: f64, caii: Caii, out: Shape) -> Map {
    let (x, style) = (read[0], read[1]);
    Map::make(out, |c, y, x_| {
        let (mut scale, mut shift) = (style.at(c, 0, 0), style.at(out.c + c, 0, 0));
        match caii {
            Caii::Off => {}
            Caii::Averaged => [scale, shift] = [scale, shift].map(|s| (s + read[2].at(c, 0, 0)) / 2.0),
            Caii::Folded => [scale, shift] = [scale, shift].map(|s| s + read[2].at(c, 0, 0) / 2.0),
        }
        let mean = x.mean(c, |v| v);
        let variance = x.mean(c, |v| (v - mean) * (v - mean));
        (x.at(c, y, x_) - mean) / (variance + eps).sqrt() * scale + shift
    })
}

fn upsample(x: &Map, out: Shape) -> Map {
    let axis = |at: usize, len: usize| {
        let source = ((at as f64 + 0.5) / 2.0 - 0.5).clamp(0.0, (len - 1) as f64);
        let low = source.floor() as usize;
        (low, (low + 1).min(len - 1), source - low as f64)
    };
    Map::make(out, |c, y, x_| {
        let ((y0, y1, v), (x0, x1, u)) = (axis(y, x.shape.h), axis(x_, x.shape.w));
        let row = |y: usize| x.at(c, y, x0) * (1.0 - u) + x.at(c, y, x1) * u;
        row(y0) * (1.0 - v) + row(y1) * v
    })
}

/// The epilogue, and the residual that a style norm adds behind it.
fn activate(node: &Node, map: Map, read: &[&Map], weights: &Weights) -> Map {
    let residual = match &node.op {
        Op::StyleNorm { residual: true, .. } => read.last(),
        _ => None,
    };
    let Some(act) = node.op.activation() else { return map };
    Map::make(map.shape, |c, y, x| {
        let v = map.at(c, y, x);
        let v = match act {
            Activation::None => v,
            Activation::Relu => v.max(0.0),
            Activation::Relu6 => v.clamp(0.0, 6.0),
            Activation::LeakyRelu(slope) => {
                if v > 0.0 {
                    v
                } else {
                    v * f64::from(*slope)
                }
            }
            Activation::PRelu(name) => {
                if v > 0.0 {
                    v
                } else {
                    v * f64::from(param(weights, name)[c])
                }
            }
            Activation::Tanh => v.tanh(),
            Activation::TanhUnit => (v.tanh() + 1.0) / 2.0,
        };
        v + residual.map_or(0.0, |r| r.at(c, y, x))
    })
}
