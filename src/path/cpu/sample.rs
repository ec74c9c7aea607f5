//! Reading pixels out of a frame as working RGB: bilinear through an affine map, and by area for the detector.

use glam::{Affine2, Vec2, Vec3};
use rayon::prelude::*;

use super::taps::{SEGMENT, Taps, convert};
use crate::color::{Component, Conversion};
use crate::frame::FrameView;
use crate::guide::window::Window;
pub use crate::path::letterbox::Border;
use crate::path::letterbox::{letterbox_map, letterbox_place};
use crate::path::planes_mut;

/// A frame ready to be sampled.
pub struct Sampler<'a> {
    frame: FrameView<'a>,
    channels: [Channel<'a>; 3],
    rgb_from_codes: Conversion,
}

/// One channel's samples.
#[derive(Clone, Copy)]
struct Channel<'a> {
    bytes: &'a [u8],
    component: Component,
    stride: usize,
    size: [usize; 2],
}

impl Channel<'_> {
    /// Whether a place has the same taps in both channels, but for the offset.
    fn shares_taps(&self, other: &Self) -> bool {
        let (a, b) = (self.component, other.component);
        (a.half, a.step, self.stride) == (b.half, b.step, other.stride)
    }
}

impl<'a> Sampler<'a> {
    /// Prepares `frame`.
    pub fn new(frame: &FrameView<'a>) -> Self {
        let info = frame.info;
        let channels = info.format.components().map(|component| Channel {
            bytes: frame.planes[component.plane],
            component,
            stride: frame.strides[component.plane],
            size: component.size(info.width, info.height),
        });
        Self { frame: *frame, channels, rgb_from_codes: Conversion::rgb_from_codes(&info) }
    }

    /// 1 inside the frame, falling to 0 within one pixel beyond its edge.
    #[inline]
    fn cover(&self, p: Vec2) -> f32 {
        let size = Vec2::new(self.frame.info.width as f32, self.frame.info.height as f32);
        let inside = (p + 1.0).clamp(Vec2::ZERO, Vec2::ONE) * (size - p).clamp(Vec2::ZERO, Vec2::ONE);
        inside.x * inside.y
    }

    /// Fills `out`, planar RGB `[3, side, side]`, with the picture seen through `frame_from_out`.
    pub fn warp(&self, frame_from_out: Affine2, side: usize, border: Border, out: &mut [f32]) {
        self.warp_window(frame_from_out, side, Window { left: 0, top: 0, width: side, height: side }, border, out);
    }

    /// Like [`Self::warp`], but only `window` of `out` is filled.
    pub fn warp_window(&self, frame_from_out: Affine2, side: usize, window: Window, border: Border, out: &mut [f32]) {
        let [r, g, b] = planes_mut(&mut out[..3 * side * side]);
        let rows = r.par_chunks_mut(side).zip(g.par_chunks_mut(side)).zip(b.par_chunks_mut(side)).enumerate();
        let columns = window.left..window.left + window.width;
        let step = frame_from_out.matrix2.x_axis;
        rows.skip(window.top).take(window.height).with_min_len(16).for_each(|(y, ((r, g), b))| {
            for first in columns.clone().step_by(SEGMENT) {
                let run = first..(first + SEGMENT).min(columns.end);
                let start = frame_from_out.transform_point2(Vec2::new(first as f32, y as f32));
                self.segment(start, step, [&mut r[run.clone()], &mut g[run.clone()], &mut b[run]], border);
            }
        });
    }

    /// Up to [`SEGMENT`] pixels at frame positions `start + i * step`.
    fn segment(&self, start: Vec2, step: Vec2, mut rgb: [&mut [f32]; 3], border: Border) {
        let n = rgb[0].len();
        let mut taps = Taps::default();
        for (c, channel) in self.channels.iter().enumerate() {
            if c == 0 || !channel.shares_taps(&self.channels[c - 1]) {
                let Channel { component, stride, size, .. } = *channel;
                taps.place(component, size, stride, start, step, n);
            }
            taps.read(&channel.bytes[channel.component.offset..], rgb[c]);
        }
        let [r, g, b] = &mut rgb;
        convert(&self.rgb_from_codes, [0.0, 1.0], [r, g, b]);
        let at = |i: usize| start + step * i as f32;
        if border == Border::Black && self.cover(at(0)).min(self.cover(at(n - 1))) < 1.0 {
            for (i, ((r, g), b)) in r.iter_mut().zip(&mut **g).zip(&mut **b).enumerate() {
                let cover = self.cover(at(i));
                (*r, *g, *b) = (*r * cover, *g * cover, *b * cover);
            }
        }
    }

    /// Fills `out`, planar RGB `[3, side, side]`, with the whole frame in the middle of a black square: by area where
    /// the frame is larger than `side`, bilinear where it is smaller. Returns the map from out to frame pixels.
    pub fn letterbox(&self, side: usize, out: &mut [f32]) -> Affine2 {
        let info = &self.frame.info;
        let frame_from_out = letterbox_map(info, side);
        let (long, scale, bars) = letterbox_place(info, side);
        if long <= side {
            self.warp(frame_from_out, side, Border::Black, out);
            return frame_from_out;
        }
        let mut codes = vec![0.0; 3 * side * side];
        codes.par_chunks_mut(side * side).zip(&self.channels).for_each(|(plane, channel)| {
            area_resize(channel, [bars.x, bars.y], scale, side, plane);
        });
        self.codes_to_rgb(&codes, bars, scale, side, out);
        frame_from_out
    }

    /// Converts averaged codes to RGB; the part of an output pixel that lies on the bars is black.
    fn codes_to_rgb(&self, codes: &[f32], bars: Vec2, scale: f32, side: usize, out: &mut [f32]) {
        let (area, size) = (side * side, [self.frame.info.width, self.frame.info.height]);
        let cover = |i: usize, bar: f32, n: usize| {
            let (lo, hi) = (i as f32 * scale - bar, (i + 1) as f32 * scale - bar);
            ((hi.min(n as f32) - lo.max(0.0)) / scale).max(0.0)
        };
        for y in 0..side {
            for x in 0..side {
                let (i, part) = (y * side + x, cover(x, bars.x, size[0]) * cover(y, bars.y, size[1]));
                let code = Vec3::new(codes[i], codes[area + i], codes[2 * area + i]);
                let rgb = self.rgb_from_codes.apply(code).clamp(Vec3::ZERO, Vec3::ONE) * part;
                (out[i], out[area + i], out[2 * area + i]) = (rgb.x, rgb.y, rgb.z);
            }
        }
    }
}

/// The samples that an output pixel covers along one axis: first index, one past the last, weight of the first and
/// of the last.
struct Span {
    from: usize,
    to: usize,
    first: f32,
    last: f32,
}

fn spans(side: usize, scale: f32, bar: f32, pitch: f32, n: usize) -> Vec<Span> {
    let edge = |v: f32| ((v - bar) / pitch).clamp(0.0, n as f32);
    let span = |i: usize| {
        let (lo, hi) = (edge(i as f32 * scale), edge((i + 1) as f32 * scale));
        let from = (lo as usize).min(n - 1);
        let to = (hi.ceil() as usize).clamp(from + 1, n);
        Span { from, to, first: (from + 1) as f32 - lo, last: hi - (to - 1) as f32 }
    };
    (0..side).map(span).collect()
}

/// Mean of a channel over each output pixel's footprint (OpenCV's INTER_AREA).
fn area_resize(channel: &Channel<'_>, bars: [f32; 2], scale: f32, side: usize, out: &mut [f32]) {
    let pitch = channel.component.pitch();
    let columns = spans(side, scale, bars[0], pitch[0], channel.size[0]);
    let rows = spans(side, scale, bars[1], pitch[1], channel.size[1]);
    let weight = |s: &Span, i: usize| {
        let single = s.to - s.from == 1;
        match i {
            _ if single => 1.0,
            _ if i == s.from => s.first,
            _ if i + 1 == s.to => s.last,
            _ => 1.0,
        }
    };
    // All bytes of a row are summed, other channels' too: that is one straight run, which vectorises.
    let step = channel.component.step;
    let run = (channel.size[0] - 1) * step + 1;
    let mut column_sums = vec![0.0f32; run];
    for (row, out) in rows.iter().zip(out.chunks_exact_mut(side)) {
        column_sums.fill(0.0);
        let mut total = 0.0;
        for y in row.from..row.to {
            let w = weight(row, y);
            total += w;
            let line = &channel.bytes[y * channel.stride + channel.component.offset..][..run];
            column_sums.iter_mut().zip(line).for_each(|(sum, &code)| *sum += w * f32::from(code));
        }
        for (span, value) in columns.iter().zip(out) {
            let (mut sum, mut weights) = (0.0, 0.0);
            for x in span.from..span.to {
                let w = weight(span, x);
                sum += w * column_sums[x * step];
                weights += w;
            }
            *value = sum / (weights * total).max(f32::MIN_POSITIVE);
        }
    }
}
