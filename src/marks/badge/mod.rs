//! The badge: a small label in a corner of every frame in which a face was swapped.

mod contrast;
mod language;
mod layout;
mod letters;
mod mask;

use glam::Vec3;

pub use self::language::Language;

use self::contrast::{LETTERS, Opacity, PLATE};
use self::layout::{Layout, Rect};
use self::mask::Mask;
use crate::color::{Component, Conversion};
use crate::frame::{FrameInfo, FrameViewMut};
use crate::settings::{Corner, Look};

/// What a user should know whose frames carry no badge: it was hidden, or they are too small.
pub const HIDDEN: &str = "the badge is hidden: telling viewers, from the first frame on, that faces in it were changed is \
                          now up to you (in the EU: AI Act, article 50)";

/// Colour of the left edge, as working RGB: a warm yellow that differs from skin.
const EDGE: Vec3 = Vec3::new(1.0, 0.74, 0.18);

/// What a badge says and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The corner of the frame.
    pub corner: Corner,
    /// The language of its text.
    pub language: Language,
    /// Whether a second, smaller line says that the face was changed.
    pub note: bool,
}

impl From<&Look> for Label {
    fn from(look: &Look) -> Self {
        Self { corner: look.badge_position, language: look.badge_language.language(), note: look.badge_note }
    }
}

/// The badge for frames of one kind, drawn once.
#[derive(Clone, Debug, PartialEq)]
pub struct Badge {
    info: FrameInfo,
    label: Label,
    /// What the letters stand on, in frame pixels.
    text: Rect,
    /// Three of colour, and one of opacity where the format has it.
    channels: Vec<Channel>,
    opacity: Opacity,
}

/// One channel's part of the badge.
#[derive(Clone, Debug, PartialEq)]
struct Channel {
    component: Component,
    /// Column and row of the first sample in the frame, in samples.
    place: [usize; 2],
    /// Samples in a row.
    width: usize,
    /// The plate's code.
    plate: f32,
    samples: Vec<Sample>,
}

/// What becomes of a frame's sample: `code * (keep - opacity * plate) + opacity * plate * plate's code + ink`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sample {
    /// How much of it neither letters nor edge cover, 0 to 1.
    keep: f32,
    /// How much of it only the plate covers, 0 to 1.
    plate: f32,
    /// What letters and edge add, in codes.
    ink: f32,
}

impl Badge {
    /// The badge for frames like `info`. Frames that have no room for a readable one get an empty one.
    pub fn new(info: FrameInfo, label: Label) -> Self {
        let layout = Layout::fitting(&info, &label);
        let (place, text) = layout.as_ref().map_or_else(Default::default, |layout| {
            let place = layout.place(&info, label.corner);
            (place, layout.text.moved(place).grown_to_even())
        });
        let masks = Masks::new(layout.as_ref());
        let codes_from_rgb = Conversion::rgb_from_codes(&info).inverse();
        let colors = [Vec3::splat(PLATE), Vec3::splat(LETTERS), EDGE].map(|rgb| codes_from_rgb.apply(rgb));
        let components = info.format.components();
        let colors = (0..3).map(|i| masks.channel(components[i], place, colors.map(|codes| codes[i])));
        let alpha = info.format.alpha().map(|component| masks.alpha(component, place));
        let channels = colors.chain(alpha).collect();
        Self { info, label, text, channels, opacity: Opacity::default() }
    }

    /// Whether this badge is the one for `info` and `label`.
    pub fn fits(&self, info: FrameInfo, label: Label) -> bool {
        self.info == info && self.label == label
    }

    /// Whether there is anything to see: not in frames that are too small.
    pub fn is_visible(&self) -> bool {
        !self.channels[0].samples.is_empty()
    }

    /// Paints the badge over `frame`, which is shown `elapsed_secs` after the last one that was painted.
    pub fn paint(&mut self, frame: &mut FrameViewMut<'_>, elapsed_secs: f32) {
        if !self.is_visible() {
            return;
        }
        let grey = contrast::brightest(&frame.view(), self.text);
        let opacity = self.opacity.follow(grey, elapsed_secs);
        self.channels.iter().for_each(|channel| channel.paint(frame, opacity));
    }

    /// A frame went without the badge: what was behind it says nothing about the next one.
    pub fn skip(&mut self) {
        self.opacity.forget();
    }
}

impl Channel {
    fn paint(&self, frame: &mut FrameViewMut<'_>, opacity: f32) {
        let Component { plane, offset, step, .. } = self.component;
        for (y, row) in self.samples.chunks_exact(self.width).enumerate() {
            let start = (self.place[1] + y) * frame.strides[plane] + offset + self.place[0] * step;
            for (byte, sample) in frame.planes[plane][start..].iter_mut().step_by(step).zip(row) {
                let cover = opacity * sample.plate;
                let code = f32::from(*byte) * (sample.keep - cover) + cover * self.plate + sample.ink;
                *byte = (code + 0.5) as u8;
            }
        }
    }
}

/// The badge's parts as coverage, on a grid with even sides.
struct Masks {
    size: [usize; 2],
    plate: Mask,
    letters: Mask,
    edge: Mask,
}

impl Masks {
    /// Of nothing where there is no room.
    fn new(layout: Option<&Layout>) -> Self {
        let size = layout.map_or([0, 0], |layout| layout.size.map(|side| side.next_multiple_of(2)));
        let [mut plate, mut letters, mut edge] = [(); 3].map(|()| Mask::new(size));
        if let Some(layout) = layout {
            plate.add_rounded(layout.size, layout.radius);
            edge.add_left_part(&plate, layout.edge);
            layout.lines.iter().for_each(|(line, origin)| line.draw(&mut letters, *origin));
        }
        Self { size, plate, letters, edge }
    }

    /// The opacity, at `component`. The badge is opaque even where the plate is not: what the picture is laid over later
    /// must not come through.
    fn alpha(&self, component: Component, place: [usize; 2]) -> Channel {
        let mut channel = self.channel(component, place, [f32::from(u8::MAX); 3]);
        for sample in &mut channel.samples {
            let keep = sample.keep - sample.plate;
            *sample = Sample { keep, plate: 0.0, ink: f32::from(u8::MAX) * (1.0 - keep) };
        }
        channel
    }

    /// The part of the channel at `component`; `place` is the badge's in the frame, the codes are those of plate,
    /// letters and edge.
    fn channel(&self, component: Component, place: [usize; 2], [plate, letters, edge]: [f32; 3]) -> Channel {
        let step = component.pitch().map(|p| p as usize);
        let rows = (0..self.size[1]).step_by(step[1]);
        let all = rows.flat_map(|y| (0..self.size[0]).step_by(step[0]).map(move |x| [x, y]));
        let sample = |at| {
            let [on_plate, on_edge] = [&self.plate, &self.edge].map(|mask| mask.mean(at, step));
            // A chroma sample that a letter touches is the letter's, or the picture's colour would tint the letter.
            let on_letters = self.letters.most(at, step);
            let keep = (1.0 - on_letters - on_edge).max(0.0);
            Sample { keep, plate: on_plate * keep, ink: letters * on_letters + edge * on_edge }
        };
        Channel {
            component,
            place: [place[0] / step[0], place[1] / step[1]],
            width: (self.size[0] / step[0]).max(1),
            plate,
            samples: all.map(sample).collect(),
        }
    }
}
