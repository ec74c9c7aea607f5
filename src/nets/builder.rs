//! [`Builder`]: writes a [`NetSpec`] top-down and works out every shape.

use super::spec::{Activation, Conv, NetSpec, Node, Op, Padding, Pooling, Port, Shape, ValueId};

/// Collects nodes; each method returns the value that it makes.
#[derive(Debug)]
pub struct Builder {
    net: NetSpec,
}

/// What [`Builder::conv`] needs beside its input; the parameters are `{name}.weight` and `{name}.bias`.
#[derive(Clone, Debug)]
pub struct ConvArgs {
    /// Output channels.
    pub out: usize,
    /// Kernel size.
    pub kernel: usize,
    /// Step.
    pub stride: usize,
    /// Edge handling.
    pub pad: Padding,
    /// One filter per channel.
    pub depthwise: bool,
    /// Whether `{name}.bias` exists.
    pub bias: bool,
    /// Epilogue.
    pub act: Activation,
}

impl ConvArgs {
    /// A full convolution with bias; step 1, no padding, no epilogue.
    pub const fn new(out: usize, kernel: usize) -> Self {
        let (stride, pad, act) = (1, Padding::none(), Activation::None);
        Self { out, kernel, stride, pad, depthwise: false, bias: true, act }
    }

    /// With this step.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// With this padding.
    pub fn pad(self, pad: Padding) -> Self {
        Self { pad, ..self }
    }

    /// TensorFlow's SAME padding for an input of `shape`; set the step first.
    pub fn same(self, shape: Shape) -> Self {
        let pad = Padding::same(shape.h, shape.w, self.kernel, self.stride);
        Self { pad, ..self }
    }

    /// With this epilogue.
    pub fn act(self, act: Activation) -> Self {
        Self { act, ..self }
    }

    /// One filter per channel.
    pub fn depthwise(self) -> Self {
        Self { depthwise: true, ..self }
    }
}

impl Builder {
    /// An empty network.
    pub fn new(name: impl Into<String>) -> Self {
        let (inputs, outputs, nodes, values) = Default::default();
        Self { net: NetSpec { name: name.into(), inputs, outputs, nodes, values } }
    }

    fn value(&mut self, shape: Shape) -> ValueId {
        self.net.values.push(shape);
        ValueId(self.net.values.len() - 1)
    }

    /// The shape of a value made earlier.
    pub fn shape(&self, id: ValueId) -> Shape {
        self.net.shape(id)
    }

    /// A picture input `[1, c, h, w]`.
    pub fn input(&mut self, name: &str, shape: Shape) -> ValueId {
        let value = self.value(shape);
        self.net.inputs.push(Port { name: name.into(), value, shape: vec![1, shape.c, shape.h, shape.w], slow: false });
        value
    }

    /// A vector input `[1, c]` that changes seldom.
    pub fn input_vector(&mut self, name: &str, c: usize) -> ValueId {
        let value = self.value(Shape::vector(c));
        self.net.inputs.push(Port { name: name.into(), value, shape: vec![1, c], slow: true });
        value
    }

    /// Declares `value` as an output seen by callers with `shape` (same number of values).
    pub fn output(&mut self, name: &str, value: ValueId, shape: &[usize]) {
        debug_assert_eq!(self.shape(value).len(), shape.iter().product::<usize>());
        self.net.outputs.push(Port { name: name.into(), value, shape: shape.to_vec(), slow: false });
    }

    /// Appends a node whose output shape the caller knows. Names must be unique ([`NetSpec::repeated_name`]).
    pub fn push(&mut self, name: &str, op: Op, inputs: &[ValueId], shape: Shape) -> ValueId {
        let output = self.value(shape);
        self.net.nodes.push(Node { name: name.into(), op, inputs: inputs.to_vec(), output });
        output
    }

    /// A convolution with parameters `{name}.weight` and `{name}.bias`.
    pub fn conv(&mut self, name: &str, x: ValueId, args: ConvArgs) -> ValueId {
        let (s, p, k) = (self.shape(x), args.pad, args.kernel);
        let out = |n: usize, pad: usize| (n + pad - k) / args.stride + 1;
        let shape = Shape::new(args.out, out(s.h, p.top + p.bottom), out(s.w, p.left + p.right));
        let op = Op::Conv(Conv {
            weight: format!("{name}.weight"),
            bias: args.bias.then(|| format!("{name}.bias")),
            out: args.out,
            kernel: k,
            stride: args.stride,
            pad: p,
            depthwise: args.depthwise,
            act: args.act,
        });
        self.push(name, op, &[x], shape)
    }

    /// A fully connected layer with parameters `{name}.weight` and `{name}.bias`.
    pub fn linear(&mut self, name: &str, x: ValueId, out: usize, act: Activation) -> ValueId {
        let op = Op::Linear { weight: format!("{name}.weight"), bias: Some(format!("{name}.bias")), out, act };
        self.push(name, op, &[x], Shape::vector(out))
    }

    /// Scale and shift per channel with parameters `{name}.weight` and `{name}.bias`.
    pub fn scale_shift(&mut self, name: &str, x: ValueId) -> ValueId {
        let (s, op) =
            (self.shape(x), Op::ScaleShift { scale: format!("{name}.weight"), shift: format!("{name}.bias") });
        self.push(name, op, &[x], s)
    }

    /// Mean over rows and columns.
    pub fn mean(&mut self, name: &str, x: ValueId) -> ValueId {
        let c = self.shape(x).c;
        self.push(name, Op::Mean, &[x], Shape::vector(c))
    }

    /// Bilinear x2.
    pub fn upsample2(&mut self, name: &str, x: ValueId) -> ValueId {
        let s = self.shape(x);
        self.push(name, Op::Upsample2, &[x], Shape::new(s.c, s.h * 2, s.w * 2))
    }

    /// 2x2 maximum.
    pub fn max_pool2(&mut self, name: &str, x: ValueId) -> ValueId {
        self.pool(name, x, Pooling::Max, 2, 2)
    }

    /// Maximum or mean over windows inside the map.
    pub fn pool(&mut self, name: &str, x: ValueId, kind: Pooling, kernel: usize, stride: usize) -> ValueId {
        let s = self.shape(x);
        let out = |n: usize| (n - kernel) / stride + 1;
        self.push(name, Op::Pool { kind, kernel, stride }, &[x], Shape::new(s.c, out(s.h), out(s.w)))
    }

    /// Zero channels up to `out`.
    pub fn pad_channels(&mut self, name: &str, x: ValueId, out: usize) -> ValueId {
        let s = self.shape(x);
        self.pad(name, x, Shape::new(out, s.h, s.w))
    }

    /// Zeros behind the last channel, row and column, up to `shape`.
    pub fn pad(&mut self, name: &str, x: ValueId, shape: Shape) -> ValueId {
        self.push(name, Op::Pad, &[x], shape)
    }

    /// Sum and activation.
    pub fn add(&mut self, name: &str, a: ValueId, b: ValueId, act: Activation) -> ValueId {
        let s = self.shape(a);
        self.push(name, Op::Add { act }, &[a, b], s)
    }

    /// Channels of `a`, then of `b`.
    pub fn concat(&mut self, name: &str, a: ValueId, b: ValueId) -> ValueId {
        let (s, t) = (self.shape(a), self.shape(b));
        self.push(name, Op::Concat, &[a, b], Shape::new(s.c + t.c, s.h, s.w))
    }

    /// `r x r` pixels into channels.
    pub fn space_to_depth(&mut self, name: &str, x: ValueId, r: usize) -> ValueId {
        let s = self.shape(x);
        self.push(name, Op::SpaceToDepth { r }, &[x], Shape::new(s.c * r * r, s.h / r, s.w / r))
    }

    /// Channels into `r x r` pixels.
    pub fn depth_to_space(&mut self, name: &str, x: ValueId, r: usize) -> ValueId {
        let s = self.shape(x);
        self.push(name, Op::DepthToSpace { r }, &[x], Shape::new(s.c / (r * r), s.h * r, s.w * r))
    }

    /// Channel-last rows of `n` values of each input, concatenated.
    pub fn rows(&mut self, name: &str, inputs: &[ValueId], n: usize) -> ValueId {
        let total: usize = inputs.iter().map(|&v| self.shape(v).len()).sum();
        self.push(name, Op::Rows { n }, inputs, Shape::new(1, total / n, n))
    }

    /// The finished description.
    pub fn finish(self) -> NetSpec {
        self.net
    }
}
