//! [`Geometry`]: the sizes of a convolution of a batch.

use crate::nets::Padding;

/// The sizes of a convolution: `[batch, channels, input]` with weights `[filters, channels, kernel, kernel]`, or
/// `[channels, 1, kernel, kernel]` when it is depthwise, to `[batch, filters, out]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Pictures.
    pub batch: usize,
    /// Channels of the input.
    pub channels: usize,
    /// Rows and columns of the input.
    pub input: [usize; 2],
    /// Channels of the output.
    pub filters: usize,
    /// Rows and columns of the output.
    pub out: [usize; 2],
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// Step.
    pub stride: usize,
    /// Edge of the input.
    pub pad: Padding,
    /// Whether each channel is looked at by itself.
    pub depthwise: bool,
}

impl Geometry {
    /// The sizes for an input `[n, c, h, w]` and weights as above.
    ///
    /// # Panics
    /// When they do not fit each other.
    pub fn new(x: [usize; 4], weight: [usize; 4], stride: usize, pad: Padding) -> Self {
        let ([batch, channels, h, w], [filters, depth, kernel, _]) = (x, weight);
        let depthwise = depth == 1 && channels > 1;
        let sides = [h + pad.top + pad.bottom, w + pad.left + pad.right];
        let fits = weight[3] == kernel
            && if depthwise { filters == channels } else { depth == channels }
            && stride > 0
            && (1..=sides[0].min(sides[1])).contains(&kernel);
        assert!(fits, "weights {weight:?} with stride {stride} and {pad:?} on {x:?}");
        let out = sides.map(|n| (n - kernel) / stride + 1);
        Self { batch, channels, input: [h, w], filters, out, kernel, stride, pad, depthwise }
    }

    /// `[n, c, h, w]` of the input.
    pub const fn input_shape(&self) -> [usize; 4] {
        [self.batch, self.channels, self.input[0], self.input[1]]
    }

    /// `[n, c, h, w]` of the output.
    pub const fn out_shape(&self) -> [usize; 4] {
        [self.batch, self.filters, self.out[0], self.out[1]]
    }

    /// Values of a channel of the input.
    pub const fn plane(&self) -> usize {
        self.input[0] * self.input[1]
    }

    /// Values of a channel of the output.
    pub const fn out_plane(&self) -> usize {
        self.out[0] * self.out[1]
    }

    /// Elements of the kernel.
    pub const fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    /// Whether every output reads the one input at its own place.
    pub fn is_pointwise(&self) -> bool {
        self.kernel == 1 && self.stride == 1 && self.pad.is_none()
    }
}
