//! How well a photo serves as a source. Whatever it shows travels into every swapped frame: hair over the face, hard
//! light from one side, blur, a turned head.

use crate::align::canvas_side;
use crate::face::{Landmarks, Pose};
use crate::guide::features::{Edge, polygon};
use crate::guide::window::Window;
use crate::mask::HullMask;
use crate::mesh::topology::{LEFT_EYE, OUTER_LIPS, RIGHT_EYE};
use crate::path::PRESENCE;

/// Crop at which light, sharpness and cover are measured, so that they do not depend on the photo's size.
pub const CROP: usize = 128;

/// Smallest crop in photo pixels that is taken; the face itself is about three quarters of it. Photos shrunk to it keep
/// an embedding with a centred cosine of .96 to that of the full photo, and little of the skin.
const MIN_CROP: f32 = 80.0;
/// Below this crop the result looks soft.
const SMALL_CROP: f32 = 160.0;
/// Mean luma of the skin below which, and above which, a photo is refused. Photos darkened to 50 keep a centred cosine
/// of .9.
const LUMA: std::ops::Range<f32> = 35.0..235.0;
/// Mean luma below which a photo is called dark.
const DARK: f32 = 70.0;
/// Sharpness below which a photo is refused, and below which it is called soft. 177 portraits lie at .04 to .3; blurred
/// until their embedding's centred cosine to the sharp photo was .9 they lay at .013 to .026, at .65 at .008 to .016.
const SHARPNESS: (f32, f32) = (0.011, 0.022);
/// Luma ratio of the brighter to the darker half of the face from which on the light is called one-sided.
const SIDE_LIGHT: f32 = 1.5;
/// Share of the upper face that does not look like its skin from which on something seems to cover it.
const COVERED: f32 = 0.2;
/// Distance in chroma codes from the median skin colour, and share of its luma, beyond which a pixel is no skin. Wide,
/// so that highlights and wrinkles do not count; a thin fringe passes unnoticed.
const SKIN_CHROMA: f32 = 24.0;
pub(crate) const SKIN_LUMA: f32 = 0.45;
/// Turn in degrees up to which a photo can stand alone, and beyond which none is taken.
pub const FRONT_YAW: f32 = 25.0;
const MAX_YAW: f32 = 50.0;
/// Nod in degrees from which on a photo is called tilted.
const MAX_PITCH: f32 = 25.0;
/// Eye opening (lid distance over eye width) below which an eye counts as closed, mouth opening in distances between
/// the outer eye corners from which on the mouth counts as open.
const EYE_CLOSED: f32 = 0.15;
const MOUTH_OPEN: f32 = 0.12;

/// What was measured on one photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// Side of the generator's crop in photo pixels: the face's native size.
    pub crop_pixels: f32,
    /// The landmark network's belief, 0 to 1.
    pub presence: f32,
    /// Head pose.
    pub pose: Pose,
    /// Mean luma of the skin, 0 to 255.
    pub luma: f32,
    /// Mean absolute Laplacian of the luma at a crop of 128 px, as a share of the mean luma.
    pub sharpness: f32,
    /// Mean luma of the brighter half of the face over that of the darker half.
    pub side_light: f32,
    /// Share of the face above the mouth that does not have the colour of its skin. (A beard belongs to the face.)
    pub covered: f32,
    /// Opening of the narrower eye.
    pub eye_opening: f32,
    /// Opening of the mouth.
    pub mouth_opening: f32,
}

/// What the pixels of a face say.
struct Light {
    luma: f32,
    sharpness: f32,
    side_light: f32,
    covered: f32,
}

impl Quality {
    /// Measures a face on its canvas at [`CROP`].
    ///
    /// # Shapes
    /// `canvas` planar RGB `[3, side, side]`, 0 to 1, with side = `canvas_side(CROP)`; `points` in canvas pixels.
    pub fn measure(canvas: &[f32], points: &Landmarks, crop_pixels: f32, presence: f32) -> Self {
        let fit = crate::mesh::pose(points);
        let expression = crate::mesh::expression(&fit.normalised);
        let Light { luma, sharpness, side_light, covered } = light(canvas, points);
        Self {
            crop_pixels,
            presence,
            pose: fit.pose,
            luma,
            sharpness,
            side_light,
            covered,
            eye_opening: expression[0].min(expression[1]),
            mouth_opening: expression[2],
        }
    }

    /// Why this photo cannot be used, if so.
    pub fn refusal(&self) -> Option<String> {
        let Self { crop_pixels, presence, pose, luma, sharpness, .. } = *self;
        if presence < PRESENCE {
            return Some(
                "the face cannot be read: a profile, or much of it is covered; use a photo from the front".into(),
            );
        }
        if crop_pixels < MIN_CROP {
            let face = crop_pixels * 0.75;
            return Some(format!(
                "the face is too small, about {face:.0} pixels high; it needs 60, and 200 for good results"
            ));
        }
        if pose.yaw.abs() > MAX_YAW {
            return Some(format!(
                "the head is turned by {:.0} degrees; at most {MAX_YAW:.0} can be used",
                pose.yaw.abs()
            ));
        }
        if !LUMA.contains(&luma) {
            let what = if luma < LUMA.start { "too dark" } else { "overexposed" };
            return Some(format!("the face is {what} (mean brightness {luma:.0} of 255)"));
        }
        if sharpness < SHARPNESS.0 {
            return Some("the face is blurred; use a sharp photo".into());
        }
        None
    }

    /// What will be seen in the result, in words that tell what to do better.
    pub fn warnings(&self) -> Vec<String> {
        let checks = [
            (self.crop_pixels < SMALL_CROP, "the face is small; the result will look soft"),
            (self.luma < DARK, "the face is dark"),
            (self.sharpness < SHARPNESS.1, "the photo is soft"),
            (self.side_light > SIDE_LIGHT, "the light comes from one side; it will be seen in every frame"),
            (self.covered > COVERED, "something (hair, glasses, a hand, hard shadow) seems to cover part of the face"),
            (self.pose.pitch.abs() > MAX_PITCH, "the head is tilted up or down"),
            (self.eye_opening < EYE_CLOSED, "an eye seems closed"),
            (self.mouth_opening > MOUTH_OPEN, "the mouth is open; a neutral face works best"),
        ];
        checks.into_iter().filter(|(is, _)| *is).map(|(_, text)| text.to_string()).collect()
    }

    /// Larger is better, among photos that are not refused; for choosing frames of a video.
    pub fn score(&self) -> f32 {
        let size = (self.crop_pixels / 256.0).min(1.0);
        let faults = self.warnings().len() as f32;
        size * self.sharpness.min(0.1) * self.presence / (1.0 + faults) / (1.0 + self.mouth_opening)
    }
}

/// Luma and the two chroma differences of a pixel in codes (BT.601 weights; chroma scaled to the same range).
pub(crate) fn luma_chroma(canvas: &[f32], area: usize, i: usize) -> [f32; 3] {
    let (r, g, b) = (canvas[i] * 255.0, canvas[area + i] * 255.0, canvas[2 * area + i] * 255.0);
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    [y, 0.564 * (b - y), 0.713 * (r - y)]
}

fn light(canvas: &[f32], points: &Landmarks) -> Light {
    let side = canvas_side(CROP);
    let area = side * side;
    let pixels: Vec<[f32; 3]> = (0..area).map(|i| luma_chroma(canvas, area, i)).collect();
    let skin = skin(points, side);
    let chosen: Vec<usize> = (0..area).filter(|&i| skin[i]).collect();
    let mean = |indices: &mut dyn Iterator<Item = usize>| {
        let (sum, n) = indices.fold((0.0, 0.0), |(s, n), i| (s + pixels[i][0], n + 1.0));
        sum / f32::max(n, 1.0)
    };
    let luma = mean(&mut chosen.iter().copied());
    // The face's middle line, from the forehead's top to the chin.
    let (top, chin) = (points.0[10].truncate(), points.0[152].truncate());
    let is_left = |i: &usize| {
        let p = glam::Vec2::new((i % side) as f32, (i / side) as f32);
        (chin - top).perp_dot(p - top) > 0.0
    };
    let left = mean(&mut chosen.iter().copied().filter(is_left));
    let right = mean(&mut chosen.iter().copied().filter(|i| !is_left(i)));
    let nose_base = points.0[2].truncate();
    let is_upper = |i: &usize| {
        let p = glam::Vec2::new((i % side) as f32, (i / side) as f32);
        (chin - top).dot(p - nose_base) < 0.0
    };
    let upper: Vec<usize> = chosen.iter().copied().filter(is_upper).collect();
    let laplacian = |i: usize| {
        let y = |j: usize| pixels[j][0];
        (4.0 * y(i) - y(i - 1) - y(i + 1) - y(i - side) - y(i + side)).abs()
    };
    // The whole hull without its rim: eyes and lips are what blur takes first.
    let detail: f32 = chosen.iter().map(|&i| laplacian(i)).sum::<f32>() / chosen.len().max(1) as f32;
    Light {
        luma,
        sharpness: detail / luma.max(1.0),
        side_light: left.max(right) / left.min(right).max(1.0),
        covered: covered(&pixels, &upper),
    }
}

/// Which canvas pixels show skin: the hull without its rim, eyes and lips.
fn skin(points: &Landmarks, side: usize) -> Vec<bool> {
    const RIM: f32 = 4.0;
    let mut hull = HullMask::new(side);
    let mut skin: Vec<bool> = hull.run(points, side, RIM).iter().map(|&m| m >= 1.0).collect();
    let window = Window::around(points.0.iter().map(|p| p.truncate()), side);
    for ring in [&LEFT_EYE[..], &RIGHT_EYE, &OUTER_LIPS] {
        polygon(points, ring, Edge { from: -2.0, to: -1.0 }, window, |i, _| {
            skin[window.canvas_row(i / window.width, side).start + i % window.width] = false;
        });
    }
    skin
}

/// Share of the chosen pixels whose colour is far from the median of all of them, or that are much darker.
fn covered(pixels: &[[f32; 3]], chosen: &[usize]) -> f32 {
    if chosen.is_empty() {
        return 1.0;
    }
    let median = |channel: usize| {
        let mut values: Vec<f32> = chosen.iter().map(|&i| pixels[i][channel]).collect();
        let middle = values.len() / 2;
        *values.select_nth_unstable_by(middle, f32::total_cmp).1
    };
    let [y, u, v] = [0, 1, 2].map(median);
    let off = |i: &&usize| {
        let p = pixels[**i];
        (p[1] - u).hypot(p[2] - v) > SKIN_CHROMA || p[0] < SKIN_LUMA * y
    };
    chosen.iter().filter(off).count() as f32 / chosen.len() as f32
}
