//! How dark the plate must be so that the letters on it can be read.

use std::sync::LazyLock;

use glam::Vec3;

use super::layout::Rect;
use crate::color::Conversion;
use crate::frame::FrameView;

/// The plate's and the letters' brightness, as working RGB.
pub(super) const PLATE: f32 = 0.04;
pub(super) const LETTERS: f32 = 1.0;

/// The contrast between letters and plate that is never undercut, and the one aimed at: WCAG 2.2 asks for 4.5 (1.4.3)
/// and 7 (1.4.6), the rest is for rounding to codes.
const LEAST_RATIO: f32 = 4.7;
const RATIO: f32 = 7.2;
/// Opacity that shows a plate where the picture alone is dark enough.
const LEAST: f32 = 0.3;
/// Seconds in which the opacity comes nearer to what it should be by the factor e: quickly when it must be higher, so
/// slowly when it may be lower that a flickering picture does not make the plate flicker.
const RISE_SECS: f32 = 0.25;
const FALL_SECS: f32 = 2.0;

/// The plate's opacity over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Opacity(Option<f32>);

impl Opacity {
    /// The opacity over a picture whose brightest grey is `grey`, `elapsed_secs` after the last one. It jumps only where
    /// the letters could not be read otherwise.
    pub fn follow(&mut self, grey: f32, elapsed_secs: f32) -> f32 {
        let target = needed(grey, RATIO).max(LEAST);
        let now = self.0.map_or(target, |now| {
            let secs = if target > now { RISE_SECS } else { FALL_SECS };
            target + (now - target) * (-elapsed_secs / secs).exp()
        });
        *self.0.insert(now.max(needed(grey, LEAST_RATIO)))
    }

    /// Forgets: the next picture has nothing to do with the last one.
    pub fn forget(&mut self) {
        self.0 = None;
    }
}

/// Opacity at which the letters have a contrast of `ratio` (WCAG 2.2, relative luminance L: (L1 + .05) / (L2 + .05))
/// to a plate over `grey`.
fn needed(grey: f32, ratio: f32) -> f32 {
    let most = grey_of((luminance_of(LETTERS) + 0.05) / ratio - 0.05);
    if grey <= most { 0.0 } else { (grey - most) / (grey - PLATE) }
}

/// Relative luminance of a grey (sRGB, IEC 61966-2-1). Stream codes are taken for sRGB: displays treat them alike.
fn luminance_of(grey: f32) -> f32 {
    if grey <= 0.04045 { grey.max(0.0) / 12.92 } else { ((grey + 0.055) / 1.055).powf(2.4) }
}

/// The grey of a relative luminance.
fn grey_of(luminance: f32) -> f32 {
    if luminance <= 0.0031308 { luminance.max(0.0) * 12.92 } else { 1.055 * luminance.powf(1.0 / 2.4) - 0.055 }
}

/// [`luminance_of`] in steps of a code. Noise in luma and chroma has colours beyond 1, which the plate brings back into
/// view.
static LUMINANCE: LazyLock<[f32; 640]> = LazyLock::new(|| std::array::from_fn(|i| luminance_of(i as f32 / 255.0)));

/// The grey that is as bright as the brightest pixel of `area`, which begins with a chroma sample. An opacity that is
/// enough over this grey is enough over any colour of its luminance: the plate takes most from bright channels.
pub(super) fn brightest(frame: &FrameView<'_>, area: Rect) -> f32 {
    let (info, table) = (frame.info, &*LUMINANCE);
    let rgb_from_codes = Conversion::rgb_from_codes(&info);
    let components = info.format.components();
    let steps = components.map(|c| c.pitch().map(|p| p as usize));
    // The brightest of a chroma sample's lumas has that chroma, too.
    let block = steps[1];
    let code = |channel: usize, x: usize, y: usize| {
        let (c, step) = (&components[channel], steps[channel]);
        frame.planes[c.plane][y / step[1] * frame.strides[c.plane] + c.offset + x / step[0] * c.step]
    };
    let luminance = |x: usize, y: usize| {
        let lumas = (y..y + block[1]).flat_map(|y| (x..x + block[0]).map(move |x| (x, y)));
        let first = lumas.map(|(x, y)| code(0, x, y)).max().unwrap_or(0);
        let rgb = rgb_from_codes.apply(Vec3::new(f32::from(first), f32::from(code(1, x, y)), f32::from(code(2, x, y))));
        let linear = rgb.to_array().map(|v| table[((v * 255.0 + 0.99) as usize).min(table.len() - 1)]);
        // Kr, Kg and Kb of BT.709, as WCAG has them.
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    };
    let [(left, right), (top, bottom)] = [0, 1].map(|i| (area.origin[i], area.origin[i] + area.size[i]));
    let rows = (top..bottom).step_by(block[1]);
    let all = rows.flat_map(|y| (left..right).step_by(block[0]).map(move |x| (x, y)));
    grey_of(all.map(|(x, y)| luminance(x, y)).fold(0.0, f32::max))
}
