//! Text as coverage: how much of each pixel the letters cover.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, OutlinedGlyph, PxScale, ScaleFont, point};

use super::mask::Mask;

/// The letters; `font.py` made the file.
static FONT: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(include_bytes!("capitals.ttf")).ok());

/// Height of the capitals in font units of 1000 per em (sCapHeight in the font's table OS/2).
const CAPITAL: f32 = 714.0;

/// One line of text, its glyphs placed: the left edge of the first letter's box is at x = 0, the baseline at y = 0.
#[derive(Debug)]
pub(super) struct Line {
    glyphs: Vec<OutlinedGlyph>,
    /// From the first letter's ink to the last one's, in pixels.
    pub width: f32,
}

impl Line {
    /// `text` with capitals `capital` pixels high and `tracking` pixels more between letters than the font asks for.
    pub fn new(text: &str, capital: f32, tracking: f32) -> Self {
        let Some(font) = FONT.as_ref() else { return Self { glyphs: Vec::new(), width: 0.0 } };
        let scaled = font.as_scaled(PxScale::from(capital / CAPITAL * font.height_unscaled()));
        let (mut pen, mut last, mut glyphs) = (0.0, None, Vec::new());
        for letter in text.chars() {
            let id = font.glyph_id(letter);
            pen += last.map_or(0.0, |last| scaled.kern(last, id) + tracking);
            let at = |x| id.with_scale_and_position(scaled.scale(), point(x, 0.0));
            // The first letter's own margin would add to the plate's.
            if last.is_none() {
                pen -= scaled.h_side_bearing(id);
            }
            glyphs.extend(font.outline_glyph(at(pen)));
            pen += scaled.h_advance(id);
            last = Some(id);
        }
        let width = glyphs.iter().map(|g| g.px_bounds().max.x).fold(0.0, f32::max);
        Self { glyphs, width }
    }

    /// Adds the letters to `ink`, with the line's origin at pixel corner `origin`.
    pub fn draw(&self, ink: &mut Mask, origin: [usize; 2]) {
        for glyph in &self.glyphs {
            let corner = glyph.px_bounds().min;
            let [left, top] = [origin[0] as f32 + corner.x, origin[1] as f32 + corner.y];
            glyph.draw(|x, y, cover| ink.add(left as isize + x as isize, top as isize + y as isize, cover));
        }
    }
}
