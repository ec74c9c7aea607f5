//! Every operation as its definition says, one output at a time: slow, and independent of both engines.

use alphaswap::models::Weights;
use alphaswap::nets::{Activation, Conv, Edge, NetSpec, Node, Op, Shape};

/// The values of all nodes and inputs, by value id; `inputs` in the order of the ports.
pub fn run(spec: &NetSpec, weights: &Weights, inputs: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut values = vec![Vec::new(); spec.values.len()];
    for (port, data) in spec.inputs.iter().zip(inputs) {
        values[port.value.0] = data.clone();
    }
    for node in &spec.nodes {
        let x: Vec<&[f32]> = node.inputs.iter().map(|v| values[v.0].as_slice()).collect();
        let result = evaluate(spec, weights, node, &x);
        assert_eq!(result.len(), spec.shape(node.output).len());
        values[node.output.0] = result;
    }
    values
}

fn evaluate(spec: &NetSpec, weights: &Weights, node: &Node, x: &[&[f32]]) -> Vec<f32> {
    let (s, t) = (spec.shape(node.inputs[0]), spec.shape(node.output));
    let param = |name: &String| weights.0[name].data.as_slice();
    let at = |c: usize, y: usize, col: usize| x[0][(c * s.h + y) * s.w + col];
    match &node.op {
        Op::Conv(conv) => convolve(weights, conv, s, t, x[0]),
        Op::Linear { weight, bias, act, .. } => each(t, |o, _, _| {
            let row = &param(weight)[o * s.len()..][..s.len()];
            activate(weights, act, o, dot(row, x[0]) + bias.as_ref().map_or(0.0, |b| param(b)[o]))
        }),
        Op::Mean => each(t, |c, _, _| mean(&x[0][c * s.h * s.w..][..s.h * s.w])),
        Op::StyleNorm { eps, caii, residual, act } => each(t, |c, y, col| {
            let map = &x[0][c * s.h * s.w..][..s.h * s.w];
            let mu = mean(map);
            let variance = mean(&map.iter().map(|v| (v - mu).powi(2)).collect::<Vec<_>>());
            let style = |half: usize| {
                let v = x[1][half * s.c + c];
                if *caii { (v + x[2][c]) / 2.0 } else { v }
            };
            let v = (at(c, y, col) - mu) / (variance + eps).sqrt() * style(0) + style(1);
            let added = if *residual { x[x.len() - 1][(c * s.h + y) * s.w + col] } else { 0.0 };
            activate(weights, act, c, v) + added
        }),
        Op::Upsample2 => each(t, |c, y, col| {
            let axis = |i: usize, n: usize| {
                let place = ((i as f32 + 0.5) / 2.0 - 0.5).clamp(0.0, (n - 1) as f32);
                (place as usize, (place as usize + 1).min(n - 1), place.fract())
            };
            let ((y0, y1, fy), (x0, x1, fx)) = (axis(y, s.h), axis(col, s.w));
            let row = |r: usize| at(c, r, x0) * (1.0 - fx) + at(c, r, x1) * fx;
            row(y0) * (1.0 - fy) + row(y1) * fy
        }),
        Op::MaxPool2 => each(t, |c, y, col| {
            let four = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(dy, dx)| at(c, 2 * y + dy, 2 * col + dx));
            four.into_iter().fold(f32::NEG_INFINITY, f32::max)
        }),
        Op::PadChannels { .. } => each(t, |c, y, col| if c < s.c { at(c, y, col) } else { 0.0 }),
        Op::Add { act } => each(t, |c, y, col| {
            let i = (c * s.h + y) * s.w + col;
            activate(weights, act, c, x[0][i] + x[1][i])
        }),
        Op::Concat => [x[0], x[1]].concat(),
        Op::SpaceToDepth { r } => each(t, |c, y, col| at(c / (r * r), y * r + c / r % r, col * r + c % r)),
        Op::DepthToSpace { r } => each(t, |c, y, col| at((c * r + y % r) * r + col % r, y / r, col / r)),
        Op::Normalize { mean, scale } => {
            let centred = |i: usize| x[0][i] - mean.as_ref().map_or(0.0, |m| param(m)[i]);
            let length = (0..s.c).map(|i| centred(i).powi(2)).sum::<f32>().sqrt();
            each(t, |c, _, _| centred(c) / length * scale)
        }
        Op::Rows { .. } => {
            let part =
                |(v, x): (Shape, &&[f32])| (0..v.len()).map(|i| x[i % v.c * v.h * v.w + i / v.c]).collect::<Vec<_>>();
            node.inputs.iter().map(|&v| spec.shape(v)).zip(x).flat_map(part).collect()
        }
    }
}

fn convolve(weights: &Weights, conv: &Conv, s: Shape, t: Shape, x: &[f32]) -> Vec<f32> {
    let (k, weight) = (conv.kernel, &weights.0[&conv.weight].data);
    let place = |i: usize, pad: usize, n: usize| {
        let i = i as isize - pad as isize;
        let n = n as isize;
        match conv.pad.edge {
            _ if (0..n).contains(&i) => Some(i as usize),
            Edge::Zero => None,
            Edge::Reflect => Some(if i < 0 { -i } else { 2 * n - 2 - i } as usize),
        }
    };
    each(t, |o, y, col| {
        let channels = if conv.depthwise { o..o + 1 } else { 0..s.c };
        let mut sum = conv.bias.as_ref().map_or(0.0, |b| weights.0[b].data[o] as f64);
        for (j, c) in channels.clone().enumerate() {
            for (ky, kx) in (0..k).flat_map(|ky| (0..k).map(move |kx| (ky, kx))) {
                let (row, column) = (y * conv.stride + ky, col * conv.stride + kx);
                let (Some(row), Some(column)) = (place(row, conv.pad.top, s.h), place(column, conv.pad.left, s.w))
                else {
                    continue;
                };
                let w = weight[((o * channels.len() + j) * k + ky) * k + kx];
                sum += w as f64 * x[(c * s.h + row) * s.w + column] as f64;
            }
        }
        activate(weights, &conv.act, o, sum as f32)
    })
}

fn each(t: Shape, f: impl Fn(usize, usize, usize) -> f32) -> Vec<f32> {
    let places = (0..t.c).flat_map(|c| (0..t.h).flat_map(move |y| (0..t.w).map(move |x| (c, y, x))));
    places.map(|(c, y, x)| f(c, y, x)).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(&a, &b)| a as f64 * b as f64).sum::<f64>() as f32
}

fn mean(x: &[f32]) -> f32 {
    (x.iter().map(|&v| v as f64).sum::<f64>() / x.len() as f64) as f32
}

fn activate(weights: &Weights, act: &Activation, c: usize, v: f32) -> f32 {
    let leaky = |slope: f32| if v > 0.0 { v } else { slope * v };
    match act {
        Activation::None => v,
        Activation::Relu => v.max(0.0),
        Activation::Relu6 => v.clamp(0.0, 6.0),
        Activation::LeakyRelu(slope) => leaky(*slope),
        Activation::PRelu(slopes) => leaky(weights.0[slopes].data[c]),
        Activation::Tanh => v.tanh(),
        Activation::TanhUnit => (v.tanh() + 1.0) / 2.0,
    }
}
