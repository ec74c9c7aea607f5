//! How a sample is varied: one map and one change of colour for all its pictures.

use glam::{Affine2, Mat2, Vec2};
use rand::{Rng, RngExt};

use super::config::Augment;
use super::planes::Planes;

/// Luminance of red, green and blue (BT.601), which saturation keeps.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// The choices for one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Variation {
    crop: usize,
    /// Whether left and right are exchanged.
    pub mirrored: bool,
    canvas_from_crop: Affine2,
    /// Factors of brightness, contrast and saturation.
    color: [f32; 3],
    /// Factors of the guide's channels on its face.
    guide: [f32; 3],
}

impl Variation {
    /// The crop as it is.
    pub fn none(crop: usize) -> Self {
        Self {
            crop,
            mirrored: false,
            canvas_from_crop: Affine2::from_translation(Vec2::splat((crop / 8) as f32)),
            color: [1.0; 3],
            guide: [1.0; 3],
        }
    }

    /// Draws the choices of a sample, every one uniformly within its bound.
    pub fn draw(augment: &Augment, crop: usize, rng: &mut impl Rng) -> Self {
        let mut within = |bound: f32| rng.random_range(-1.0..=1.0) * bound;
        let angle = within(augment.rotation).to_radians();
        let scale = 1.0 + within(augment.scale);
        let shift = Vec2::new(within(augment.shift), within(augment.shift)) * crop as f32;
        let color = [(); 3].map(|()| 1.0 + within(augment.color));
        let guide = [(); 3].map(|()| 1.0 + within(augment.guide_color));
        let mirrored = augment.flip && rng.random_bool(0.5);
        let center = Vec2::splat((crop - 1) as f32 / 2.0);
        let turn =
            Mat2::from_angle(angle) * scale * Mat2::from_diagonal(Vec2::new(if mirrored { -1.0 } else { 1.0 }, 1.0));
        let varied =
            Affine2::from_translation(center + shift) * Affine2::from_mat2(turn) * Affine2::from_translation(-center);
        let none = Self::none(crop);
        Self { mirrored, canvas_from_crop: none.canvas_from_crop * varied, color, guide, ..none }
    }

    /// The crop of a canvas' picture (three planes).
    pub fn picture(&self, canvas: &Planes) -> Planes {
        let mut crop = self.place(canvas);
        self.paint(&mut crop);
        crop
    }

    /// The crop of a canvas' mask.
    pub fn place(&self, canvas: &Planes) -> Planes {
        canvas.warp(self.canvas_from_crop, self.crop)
    }

    /// The crop of a guide, whose face under `mask` (a crop's plane) is of other colours.
    pub fn guide(&self, canvas: &Planes, mask: &Planes) -> Planes {
        let mut crop = self.place(canvas);
        for (plane, factor) in crop.data.chunks_exact_mut(self.crop * self.crop).zip(self.guide) {
            plane.iter_mut().zip(&mask.data).for_each(|(v, m)| *v = (*v * (1.0 + (factor - 1.0) * m)).min(1.0));
        }
        self.paint(&mut crop);
        crop
    }

    /// Brightness, contrast around the middle grey, saturation around the luminance.
    fn paint(&self, picture: &mut Planes) {
        let [brightness, contrast, saturation] = self.color;
        if self.color == [1.0; 3] {
            return;
        }
        let (red, rest) = picture.data.split_at_mut(self.crop * self.crop);
        let (green, blue) = rest.split_at_mut(self.crop * self.crop);
        for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
            let rgb = [*r, *g, *b].map(|v| (v * brightness - 0.5) * contrast + 0.5);
            let luma: f32 = rgb.iter().zip(LUMA).map(|(v, l)| v * l).sum();
            [*r, *g, *b] = rgb.map(|v| (luma + (v - luma) * saturation).clamp(0.0, 1.0));
        }
    }
}
