//! Codes to working RGB and back: the one place where BT.601, BT.709, BT.2020 and the code ranges are known.
//!
//! Working RGB is the stream's own gamma-encoded R, G, B as f32, 0 to 1.

use glam::{Mat3, Vec2, Vec3};

use crate::frame::{ColorSpace, FrameInfo, Matrix, PixelFormat, Range};

/// Where the codes of one channel stand in a frame: channels are Y, U, V or R, G, B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// Plane index.
    pub plane: usize,
    /// Byte of the first sample in its row.
    pub offset: usize,
    /// Bytes from one sample to the next.
    pub step: usize,
    /// Whether there is one sample per two columns (and per two rows, for 4:2:0).
    pub half: [bool; 2],
}

impl Component {
    const fn full(plane: usize, offset: usize, step: usize) -> Self {
        Self { plane, offset, step, half: [false, false] }
    }

    /// Number of samples in a row and in a column of a `width x height` frame.
    pub const fn size(self, width: usize, height: usize) -> [usize; 2] {
        [if self.half[0] { width.div_ceil(2) } else { width }, if self.half[1] { height.div_ceil(2) } else { height }]
    }

    /// Frame pixel position of sample (0, 0): chroma is co-sited with the left luma column and lies midway between
    /// two luma rows (the MPEG-2 siting of 4:2:0, H.264 Annex E chroma type 0).
    pub const fn origin(self) -> [f32; 2] {
        [0.0, if self.half[1] { 0.5 } else { 0.0 }]
    }

    /// Frame pixels from one sample to the next.
    pub const fn pitch(self) -> [f32; 2] {
        [if self.half[0] { 2.0 } else { 1.0 }, if self.half[1] { 2.0 } else { 1.0 }]
    }

    /// Frame position of sample (x, y).
    pub fn position(self, x: usize, y: usize) -> Vec2 {
        Vec2::from(self.origin()) + Vec2::from(self.pitch()) * Vec2::new(x as f32, y as f32)
    }
}

impl PixelFormat {
    /// The three channels' places.
    pub const fn components(self) -> [Component; 3] {
        const fn half(plane: usize, offset: usize, step: usize, rows: bool) -> Component {
            Component { plane, offset, step, half: [true, rows] }
        }
        match self {
            Self::Nv12 => [Component::full(0, 0, 1), half(1, 0, 2, true), half(1, 1, 2, true)],
            Self::I420 => [Component::full(0, 0, 1), half(1, 0, 1, true), half(2, 0, 1, true)],
            Self::Yuy2 => [Component::full(0, 0, 2), half(0, 1, 4, false), half(0, 3, 4, false)],
            Self::Rgba | Self::Rgbx => [Component::full(0, 0, 4), Component::full(0, 1, 4), Component::full(0, 2, 4)],
            Self::Bgra | Self::Bgrx => [Component::full(0, 2, 4), Component::full(0, 1, 4), Component::full(0, 0, 4)],
            Self::Rgb => [Component::full(0, 0, 3), Component::full(0, 1, 3), Component::full(0, 2, 3)],
            Self::Bgr => [Component::full(0, 2, 3), Component::full(0, 1, 3), Component::full(0, 0, 3)],
        }
    }

    /// The place of the opacity, where a format has one.
    pub const fn alpha(self) -> Option<Component> {
        match self {
            Self::Rgba | Self::Bgra => Some(Component::full(0, 3, 4)),
            _ => None,
        }
    }

    /// Groups of channels that share their sample positions.
    pub const fn sites(self) -> &'static [&'static [usize]] {
        if self.is_yuv() { &[&[0], &[1, 2]] } else { &[&[0, 1, 2]] }
    }
}

/// The affine map between codes (0 to 255) and working RGB: `rgb = matrix * code + offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conversion {
    /// Linear part.
    pub matrix: Mat3,
    /// Constant part.
    pub offset: Vec3,
}

impl Conversion {
    /// Codes of a frame to RGB.
    pub fn rgb_from_codes(info: &FrameInfo) -> Self {
        if !info.format.is_yuv() {
            return Self { matrix: Mat3::from_diagonal(Vec3::splat(1.0 / 255.0)), offset: Vec3::ZERO };
        }
        let ColorSpace { matrix, range } = info.color;
        let (kr, kb) = luma_weights(matrix);
        let kg = 1.0 - kr - kb;
        // Columns: what one unit of Y, Cb, Cr adds to R, G, B (ITU-R BT.709-6 item 3.3 solved for R, G, B).
        let rgb_from_ycc = Mat3::from_cols(
            Vec3::ONE,
            Vec3::new(0.0, -2.0 * kb * (1.0 - kb) / kg, 2.0 * (1.0 - kb)),
            Vec3::new(2.0 * (1.0 - kr), -2.0 * kr * (1.0 - kr) / kg, 0.0),
        );
        let (luma_zero, luma_span, chroma_span) = match range {
            Range::Limited => (16.0, 219.0, 224.0),
            Range::Full => (0.0, 255.0, 255.0),
        };
        let span = Vec3::new(luma_span, chroma_span, chroma_span);
        let matrix = rgb_from_ycc * Mat3::from_diagonal(span.recip());
        Self { matrix, offset: -(matrix * Vec3::new(luma_zero, 128.0, 128.0)) }
    }

    /// The opposite direction.
    pub fn inverse(&self) -> Self {
        let matrix = self.matrix.inverse();
        Self { matrix, offset: -(matrix * self.offset) }
    }

    /// Converts one pixel.
    #[inline]
    pub fn apply(&self, v: Vec3) -> Vec3 {
        self.matrix * v + self.offset
    }
}

/// Kr and Kb of the matrix (ITU-R BT.601-7, BT.709-6, BT.2020-2).
const fn luma_weights(matrix: Matrix) -> (f32, f32) {
    match matrix {
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.2126, 0.0722),
        Matrix::Bt2020 => (0.2627, 0.0593),
    }
}
