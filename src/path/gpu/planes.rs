//! A frame's planes packed for the GPU, and what the image kernels must know of them.

use crate::color::Conversion;
use crate::frame::{FrameInfo, FrameView, FrameViewMut};
use crate::gpu::params::params;

params! {
    /// A frame as the image kernels see it (shaders/shared/frame.wgsl).
    FrameParams {
        /// Columns, rows, words of the longest row, rows of all planes together.
        size: [u32; 4],
        /// By plane: first word, words in a row, place of the first row among the rows of all planes, rows.
        planes: [[u32; 4]; 3],
        /// By channel: first byte, bytes from row to row, bytes from sample to sample, plane.
        samples: [[u32; 4]; 3],
        /// By channel: samples in a row, samples in a column, byte of the first sample in its row, unused.
        counts: [[u32; 4]; 3],
        /// By channel: frame position of the first sample, frame pixels between samples.
        sites: [[f32; 4]; 3],
        /// By row: three weights and a constant.
        rgb_from_codes: [[f32; 4]; 3],
        /// By row: three weights and a constant.
        codes_from_rgb: [[f32; 4]; 3],
        /// How much of the swapped face is shown; three unused.
        look: [f32; 4],
    }
}

/// Where the planes stand in one buffer: row after row without the stream's padding, each row at a whole word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planes {
    info: FrameInfo,
    places: [Place; 3],
}

/// Where one plane stands, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    first: usize,
    /// From one row to the next.
    pitch: usize,
    /// Of a row that hold samples.
    row: usize,
    rows: usize,
}

impl Planes {
    /// Places the planes of frames like `info`.
    pub fn new(info: FrameInfo) -> Self {
        let (mut places, mut first) = ([Place::default(); 3], 0);
        for (plane, place) in places.iter_mut().enumerate().take(info.format.planes()) {
            let (row, rows) = info.format.plane_size(plane, info.width, info.height);
            *place = Place { first, pitch: row.next_multiple_of(4), row, rows };
            first += place.pitch * rows;
        }
        Self { info, places }
    }

    /// The frames that it is for.
    pub const fn info(&self) -> FrameInfo {
        self.info
    }

    /// Length of the buffer in bytes, a multiple of 4.
    pub fn size(&self) -> u64 {
        self.places.iter().map(|p| (p.pitch * p.rows) as u64).sum()
    }

    /// Calls `write` with each piece of the frame and its place in the buffer. Bytes between rows are not written.
    pub fn pack(&self, frame: &FrameView<'_>, mut write: impl FnMut(usize, &[u8])) {
        for (plane, place) in self.places.iter().enumerate().take(self.info.format.planes()) {
            let (bytes, stride) = (frame.planes[plane], frame.strides[plane]);
            if stride == place.pitch {
                // The last row may end before its stride does.
                let len = (place.pitch * (place.rows - 1) + place.row).min(bytes.len());
                write(place.first, &bytes[..len]);
                continue;
            }
            for y in 0..place.rows {
                write(place.first + y * place.pitch, &bytes[y * stride..][..place.row]);
            }
        }
    }

    /// Copies the samples of the frame rows in `rows` from a packed buffer back into `frame`; bytes between rows of
    /// the stream's planes stay as they are.
    pub fn unpack(&self, bytes: &[u8], frame: &mut FrameViewMut<'_>, rows: std::ops::Range<usize>) {
        for (plane, place) in self.places.iter().enumerate().take(self.info.format.planes()) {
            let halves = self.info.height.div_ceil(place.rows.max(1));
            let stride = frame.strides[plane];
            for y in rows.start / halves..rows.end.div_ceil(halves).min(place.rows) {
                let row = &bytes[place.first + y * place.pitch..][..place.row];
                frame.planes[plane][y * stride..][..place.row].copy_from_slice(row);
            }
        }
    }

    /// Rows of all planes together, and words of the longest row.
    pub fn words(&self) -> [u32; 2] {
        let longest = self.places.iter().map(|p| p.pitch / 4).max().unwrap_or(0);
        [longest as u32, self.places.iter().map(|p| p.rows as u32).sum()]
    }

    /// What the kernels must know; `strength` is how much of the swapped face is shown.
    pub fn params(&self, strength: f32) -> FrameParams {
        let (info, [words, rows]) = (self.info, self.words());
        let components = info.format.components();
        let conversion = Conversion::rgb_from_codes(&info);
        let mut above = 0;
        let planes = self.places.map(|p| {
            above += p.rows;
            [p.first / 4, p.pitch / 4, above - p.rows, p.rows].map(|v| v as u32)
        });
        let samples = components.map(|c| {
            let place = &self.places[c.plane];
            [(place.first + c.offset) as u32, place.pitch as u32, c.step as u32, c.plane as u32]
        });
        let counts = components.map(|c| {
            let [w, h] = c.size(info.width, info.height);
            [w as u32, h as u32, c.offset as u32, 0]
        });
        let sites = components.map(|c| {
            let ([x, y], [dx, dy]) = (c.origin(), c.pitch());
            [x, y, dx, dy]
        });
        FrameParams {
            size: [info.width as u32, info.height as u32, words, rows],
            planes,
            samples,
            counts,
            sites,
            rgb_from_codes: rows_of(&conversion),
            codes_from_rgb: rows_of(&conversion.inverse()),
            look: [strength, 0.0, 0.0, 0.0],
        }
    }
}

fn rows_of(conversion: &Conversion) -> [[f32; 4]; 3] {
    std::array::from_fn(|i| conversion.matrix.row(i).extend(conversion.offset[i]).to_array())
}
