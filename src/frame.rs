//! Frames as the stream brings them: planes of bytes, a pixel format, a colour space. Nothing is copied here.

use crate::error::{Error, Result};

/// Pixel formats that the filter takes, named as GStreamer names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Luma plane, then a half-size plane of interleaved U and V.
    Nv12,
    /// Luma plane, half-size U plane, half-size V plane.
    I420,
    /// Packed 4:2:2: Y0 U Y1 V.
    Yuy2,
    /// R G B A, 8 bits each; alpha is kept.
    Rgba,
    /// R G B and a byte that is kept.
    Rgbx,
    /// B G R A.
    Bgra,
    /// B G R and a byte that is kept.
    Bgrx,
    /// R G B.
    Rgb,
    /// B G R.
    Bgr,
}

impl PixelFormat {
    /// All of them, in order of preference.
    pub const ALL: [Self; 9] =
        [Self::Nv12, Self::I420, Self::Yuy2, Self::Rgba, Self::Rgbx, Self::Bgra, Self::Bgrx, Self::Rgb, Self::Bgr];

    /// GStreamer's name of the format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nv12 => "NV12",
            Self::I420 => "I420",
            Self::Yuy2 => "YUY2",
            Self::Rgba => "RGBA",
            Self::Rgbx => "RGBx",
            Self::Bgra => "BGRA",
            Self::Bgrx => "BGRx",
            Self::Rgb => "RGB",
            Self::Bgr => "BGR",
        }
    }

    /// The format that GStreamer calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }

    /// Number of planes.
    pub const fn planes(self) -> usize {
        match self {
            Self::Nv12 => 2,
            Self::I420 => 3,
            _ => 1,
        }
    }

    /// Whether pixels are luma and chroma rather than R, G, B.
    pub const fn is_yuv(self) -> bool {
        matches!(self, Self::Nv12 | Self::I420 | Self::Yuy2)
    }

    /// Bytes of one row and number of rows of `plane` for a `width x height` picture, without row padding.
    pub const fn plane_size(self, plane: usize, width: usize, height: usize) -> (usize, usize) {
        let (cw, ch) = (width.div_ceil(2), height.div_ceil(2));
        match (self, plane) {
            (Self::Nv12 | Self::I420, 0) => (width, height),
            (Self::Nv12, _) => (cw * 2, ch),
            (Self::I420, _) => (cw, ch),
            (Self::Yuy2, _) => (cw * 4, height),
            (Self::Rgb | Self::Bgr, _) => (width * 3, height),
            _ => (width * 4, height),
        }
    }
}

/// Which weights turn R, G, B into luma.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Matrix {
    /// ITU-R BT.601: Kr .299, Kb .114.
    Bt601,
    /// ITU-R BT.709: Kr .2126, Kb .0722.
    #[default]
    Bt709,
    /// ITU-R BT.2020 non-constant luminance: Kr .2627, Kb .0593.
    Bt2020,
}

/// What the codes 0 and 255 stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Range {
    /// Luma 16 to 235, chroma 16 to 240.
    #[default]
    Limited,
    /// 0 to 255.
    Full,
}

/// How luma and chroma codes relate to R, G, B; ignored by the RGB formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct ColorSpace {
    /// Luma weights.
    pub matrix: Matrix,
    /// Code range.
    pub range: Range,
}

/// Size, format and colour of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameInfo {
    /// Pixel format.
    pub format: PixelFormat,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Meaning of the codes.
    pub color: ColorSpace,
}

impl FrameInfo {
    /// Smallest and largest side that is taken, in pixels.
    pub const SIDE: std::ops::RangeInclusive<usize> = 16..=8192;
}

/// A frame to read. Strides are in bytes and may exceed the row; planes beyond the format's are empty.
#[derive(Clone, Copy, Debug)]
pub struct FrameView<'a> {
    /// Size, format and colour.
    pub info: FrameInfo,
    /// Bytes of each plane.
    pub planes: [&'a [u8]; 3],
    /// Bytes from one row to the next.
    pub strides: [usize; 3],
}

/// A frame to change in place.
#[derive(Debug)]
pub struct FrameViewMut<'a> {
    /// Size, format and colour.
    pub info: FrameInfo,
    /// Bytes of each plane.
    pub planes: [&'a mut [u8]; 3],
    /// Bytes from one row to the next.
    pub strides: [usize; 3],
}

impl<'a> FrameView<'a> {
    /// Checks that the planes hold the picture.
    pub fn new(info: FrameInfo, planes: [&'a [u8]; 3], strides: [usize; 3]) -> Result<Self> {
        check(info, planes.map(<[u8]>::len), strides)?;
        Ok(Self { info, planes, strides })
    }
}

impl<'a> FrameViewMut<'a> {
    /// Checks that the planes hold the picture.
    pub fn new(info: FrameInfo, planes: [&'a mut [u8]; 3], strides: [usize; 3]) -> Result<Self> {
        check(info, [planes[0].len(), planes[1].len(), planes[2].len()], strides)?;
        Ok(Self { info, planes, strides })
    }

    /// The same frame to read.
    pub fn view(&self) -> FrameView<'_> {
        let [a, b, c] = &self.planes;
        FrameView { info: self.info, planes: [a, b, c], strides: self.strides }
    }
}

fn check(info: FrameInfo, lengths: [usize; 3], strides: [usize; 3]) -> Result<()> {
    let FrameInfo { format, width, height, .. } = info;
    if width == 0 || height == 0 || width > *FrameInfo::SIDE.end() || height > *FrameInfo::SIDE.end() {
        return Err(Error::Frame(format!("{width}x{height} is outside 1x1 to 8192x8192")));
    }
    for plane in 0..format.planes() {
        let (row, rows) = format.plane_size(plane, width, height);
        let need = strides[plane] * (rows - 1) + row;
        if strides[plane] < row || lengths[plane] < need {
            let (stride, len) = (strides[plane], lengths[plane]);
            let name = format.name();
            return Err(Error::Frame(format!(
                "plane {plane} of a {width}x{height} {name} picture needs {need} bytes and a stride of at least {row}, \
                 got {len} bytes and a stride of {stride}"
            )));
        }
    }
    Ok(())
}
