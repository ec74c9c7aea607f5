//! Where the badge's parts stand and how large they are.

use super::Label;
use super::letters::Line;
use crate::frame::FrameInfo;
use crate::settings::Corner;

/// Part of the frame's width and height that the title-safe area leaves out at each side (SMPTE ST 2046-1: 90 % are
/// safe).
const MARGIN: f32 = 0.05;
/// The largest part of the frame's width and height that the badge takes.
const MOST: [f32; 2] = [0.6, 0.5];
/// Letters lower than this many pixels are not read.
const LEAST: [f32; 2] = [7.0, 6.0];

/// Parts of the badge, in units of the first line's capitals.
mod part {
    /// Height of the second line's capitals.
    pub const NOTE: f32 = 0.64;
    /// From the first line's baseline to the second line's capitals: room for the marks above and below letters.
    pub const GAP: f32 = 0.64;
    /// Left and right of the text, above and below it.
    pub const PAD: [f32; 2] = [0.72, 0.64];
    /// Width of the coloured left edge, which is made even: whole chroma samples.
    pub const EDGE: f32 = 0.3;
    /// Radius of the plate's corners.
    pub const RADIUS: f32 = 0.46;
    /// Space between letters beyond the font's own, in units of their own line's capitals: capitals want more than the
    /// small letters that a font is spaced for.
    pub const TRACKING: f32 = 0.09;
}

/// A rectangle in pixels of the badge.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rect {
    pub origin: [usize; 2],
    pub size: [usize; 2],
}

impl Rect {
    /// The same one as seen from where `by` is the old origin.
    pub fn moved(self, by: [usize; 2]) -> Self {
        Self { origin: [0, 1].map(|i| self.origin[i] + by[i]), ..self }
    }

    /// Grown to the left and to the top so that it begins with a chroma sample.
    pub fn grown_to_even(self) -> Self {
        Self { origin: self.origin.map(|at| at & !1), size: [0, 1].map(|i| self.size[i] + self.origin[i] % 2) }
    }
}

/// The badge's parts, in pixels from its upper left corner.
#[derive(Debug)]
pub(super) struct Layout {
    /// Width and height.
    pub size: [usize; 2],
    /// Radius of the corners.
    pub radius: f32,
    /// Width of the coloured left edge.
    pub edge: usize,
    /// What the letters stand on, marks above and below them included.
    pub text: Rect,
    /// Each line and the left end of its baseline.
    pub lines: Vec<(Line, [usize; 2])>,
}

impl Layout {
    /// The fullest badge that a frame has room for: with the second line if `label` asks for it, without, or with the
    /// short text.
    pub fn fitting(info: &FrameInfo, label: &Label) -> Option<Self> {
        let [long, short] = label.language.texts();
        let note = label.note.then(|| label.language.note());
        let choices = [(long, note), (long, None), (short, None)];
        choices.into_iter().map(|(text, note)| Self::new(capital(info), text, note)).find(|l| l.fits(info))
    }

    fn new(capital: f32, text: &str, note: Option<&str>) -> Self {
        let whole = |part: f32| (part * capital).round() as usize;
        let line = |text: &str, capital: f32| Line::new(text, capital, part::TRACKING * capital);
        let pad = part::PAD.map(whole);
        let edge = 2 * whole(part::EDGE / 2.0).max(1);
        let left = edge + pad[0];
        let mut baseline = pad[1] + capital as usize;
        let mut lines = vec![(line(text, capital), [left, baseline])];
        if let Some(note) = note {
            let small = (part::NOTE * capital).round().max(LEAST[1]);
            baseline += whole(part::GAP) + small as usize;
            lines.push((line(note, small), [left, baseline]));
        }
        let width = lines.iter().map(|(line, _)| line.width).fold(0.0, f32::max).ceil() as usize;
        let size = [left + width + pad[0], baseline + pad[1]];
        let text = Rect { origin: [left, 0], size: [width, size[1]] };
        Self { size, radius: part::RADIUS * capital, edge, text, lines }
    }

    fn fits(&self, info: &FrameInfo) -> bool {
        let frame = [info.width, info.height];
        (0..2).all(|i| self.size[i] as f32 <= MOST[i] * frame[i] as f32)
    }

    /// The badge's upper left corner in the frame: inside the title-safe area, and even, so that it begins with a
    /// chroma sample.
    pub fn place(&self, info: &FrameInfo, corner: Corner) -> [usize; 2] {
        let (right, bottom) = match corner {
            Corner::TopLeft => (false, false),
            Corner::TopRight => (true, false),
            Corner::BottomLeft => (false, true),
            Corner::BottomRight => (true, true),
        };
        [(info.width, self.size[0], right), (info.height, self.size[1], bottom)].map(|(frame, own, far)| {
            let margin = (MARGIN * frame as f32).ceil() as usize;
            if far { frame.saturating_sub(margin + own) & !1 } else { margin.next_multiple_of(2) }
        })
    }
}

/// Height of the first line's capitals in whole pixels, so that their upper and lower edges are sharp. The fixed part
/// gives small frames letters that can be read: 13 pixels at 480 lines, 25 at 1080, 47 at 2160.
fn capital(info: &FrameInfo) -> f32 {
    let side = info.width.min(info.height) as f32;
    (3.5 + 0.02 * side).round().max(LEAST[0])
}
