//! The badge: a small label in a corner of every frame in which a face was swapped.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use crate::frame::{FrameInfo, FrameViewMut};
use crate::settings::Corner;

/// What a user should know who hides the badge.
pub const HIDDEN: &str = "the badge is hidden: telling viewers, from the first frame on, that faces in it were changed is \
                          now up to you (in the EU: AI Act, article 50)";

/// Texts from long to short; the longest that fits into half the frame's width is shown.
const TEXTS: [&str; 2] = ["AI FACE", "AI"];
/// How dark the plate makes what is behind it.
const PLATE: f32 = 0.6;

/// The label as coverage, made once per frame size.
#[derive(Clone, Debug, PartialEq)]
pub struct Badge {
    info: FrameInfo,
    corner: Corner,
    width: usize,
    height: usize,
    /// Upper left corner in the frame, even so that chroma samples are covered whole.
    place: [usize; 2],
    /// Opacity of plate and text together, and brightness, per pixel.
    pixels: Vec<(f32, f32)>,
}

impl Badge {
    /// The label for frames like `info`. Frames below 32x24 pixels have no room for one: it is empty there.
    pub fn new(info: FrameInfo, corner: Corner) -> Self {
        let raster = match info.height {
            0..480 => RasterHeight::Size16,
            480..720 => RasterHeight::Size20,
            720..1080 => RasterHeight::Size24,
            _ => RasterHeight::Size32,
        };
        let zoom = (info.height / 1080).max(1);
        let (em, advance) = (raster.val() * zoom, get_raster_width(FontWeight::Bold, raster) * zoom);
        let (margin, pad) = ((em / 2).next_multiple_of(2), em / 4);
        let size = |text: &str| [(text.len() * advance + 2 * pad).next_multiple_of(2), (em + pad).next_multiple_of(2)];
        let fits = |text: &&str| size(text)[0] + margin <= info.width / 2 && size(text)[1] + margin <= info.height;
        let Some(text) = TEXTS.into_iter().find(fits) else {
            return Self { info, corner, width: 0, height: 0, place: [0, 0], pixels: Vec::new() };
        };
        let [width, height] = size(text);
        let mut badge = Self {
            info,
            corner,
            width,
            height,
            place: place(&info, corner, [width, height], margin),
            pixels: vec![(PLATE, 0.0); width * height],
        };
        badge.write(text, raster, zoom, [pad, pad / 2]);
        badge
    }

    /// Whether this badge is the one for `info` and `corner`.
    pub fn fits(&self, info: FrameInfo, corner: Corner) -> bool {
        self.info == info && self.corner == corner
    }

    fn write(&mut self, text: &str, raster: RasterHeight, zoom: usize, start: [usize; 2]) {
        let advance = get_raster_width(FontWeight::Bold, raster);
        for (i, letter) in text.chars().enumerate() {
            let Some(glyph) = get_raster(letter, FontWeight::Bold, raster) else { continue };
            for y in 0..raster.val() * zoom {
                for x in 0..advance * zoom {
                    let ink = f32::from(glyph.pixel(x / zoom, y / zoom).unwrap_or(0)) / 255.0;
                    let at = (start[1] + y) * self.width + start[0] + i * advance * zoom + x;
                    self.pixels[at] = (PLATE + (1.0 - PLATE) * ink, ink);
                }
            }
        }
    }

    /// Paints the label over `frame`.
    pub fn paint(&self, frame: &mut FrameViewMut<'_>) {
        let info = frame.info;
        let codes_from_rgb = crate::color::Conversion::rgb_from_codes(&info).inverse();
        for (channel, component) in info.format.components().into_iter().enumerate() {
            let step = component.pitch().map(|p| p as usize);
            for y in (0..self.height).step_by(step[1]) {
                let row = (self.place[1] + y) / step[1] * frame.strides[component.plane];
                for x in (0..self.width).step_by(step[0]) {
                    let (opacity, light) = self.pixels[y * self.width + x];
                    let code = codes_from_rgb.apply(glam::Vec3::splat(light))[channel];
                    let at = row + component.offset + (self.place[0] + x) / step[0] * component.step;
                    let byte = &mut frame.planes[component.plane][at];
                    let old = f32::from(*byte);
                    *byte = (old + (code - old) * opacity + 0.5) as u8;
                }
            }
        }
    }
}

fn place(info: &FrameInfo, corner: Corner, size: [usize; 2], margin: usize) -> [usize; 2] {
    let right = info.width.saturating_sub(size[0] + margin) & !1;
    let bottom = info.height.saturating_sub(size[1] + margin) & !1;
    match corner {
        Corner::TopLeft => [margin, margin],
        Corner::TopRight => [right, margin],
        Corner::BottomLeft => [margin, bottom],
        Corner::BottomRight => [right, bottom],
    }
}
