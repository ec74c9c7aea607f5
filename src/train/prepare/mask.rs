//! Where the face's skin is seen: a mask that came with the photo, or the mesh's hull without what looks like something
//! else.
//!
//! There is no network for this. A pixel of the hull counts as covered when its colour is very far from the skin's
//! around nose and cheeks, or when it is much darker than the skin would be there: hair, dark frames of glasses. Hands
//! and fair hair pass for skin, a very hard shadow may pass for hair. On AlphaFace's 55 sample photos, which come with
//! masks, two thirds of what is cut out is rightly so, and a quarter of what should be is; tighter bounds cut out more
//! skin than they find. Masks that a segmentation made are better: give them where there are any.

use glam::{Affine2, Mat3, Vec2, Vec3};
use image::{GrayImage, Luma, RgbImage};

use crate::error::Result;
use crate::face::Landmarks;
use crate::guide::features::{Edge, polygon};
use crate::guide::window::Window;
use crate::identity::photo::view;
use crate::identity::quality::{SKIN_LUMA, luma_chroma};
use crate::mask::HullMask;
use crate::mesh::topology::{LEFT_EYE, OUTER_LIPS, RIGHT_EYE};
use crate::path::cpu::sample::{Border, Sampler};

/// Eyebrows, which are darker than skin and belong to the face (MediaPipe's numbering).
const RIGHT_BROW: [u16; 10] = [70, 63, 105, 66, 107, 55, 65, 52, 53, 46];
const LEFT_BROW: [u16; 10] = [300, 293, 334, 296, 336, 285, 295, 282, 283, 276];
/// Distance in chroma codes from the median skin colour beyond which a pixel is something else: twice what enrolling
/// warns of, because lips, blush and coloured light stay below.
const OTHER_CHROMA: f32 = 48.0;
/// Share of the hull from which on something that covers it counts, and from which on what is left of the face does.
const LEAST_COVER: f32 = 0.004;
const LEAST_FACE: f32 = 0.05;

/// A mask that came with a photo, on the canvas: 255 where it is white. `size` is the photo's, which the mask's may
/// differ from.
///
/// # Errors
/// [`crate::Error::Frame`] for a mask of an absurd size.
pub fn given(mask: &RgbImage, size: (u32, u32), photo_from_canvas: Affine2, side: usize) -> Result<GrayImage> {
    let ratio = Vec2::new(mask.width() as f32 / size.0 as f32, mask.height() as f32 / size.1 as f32);
    // Pixel centres: (x + .5) * ratio - .5.
    let mask_from_photo = Affine2::from_scale_angle_translation(ratio, 0.0, (ratio - 1.0) / 2.0);
    let mut planes = vec![0.0; 3 * side * side];
    Sampler::new(&view(mask)?).warp(mask_from_photo * photo_from_canvas, side, Border::Black, &mut planes);
    Ok(picture(side, |i| planes[side * side + i] >= 0.5))
}

/// The mesh's hull without what covers it and what lies beyond the photo.
///
/// # Shapes
/// `canvas` planar RGB `[3, side, side]`, 0 to 1; `points` in canvas pixels; `size` the photo's in pixels.
pub fn of_mesh(
    canvas: &[f32],
    points: &Landmarks,
    side: usize,
    size: (u32, u32),
    photo_from_canvas: Affine2,
) -> GrayImage {
    let pixels: Vec<[f32; 3]> = (0..side * side).map(|i| luma_chroma(canvas, side * side, i)).collect();
    let mut face: Vec<bool> = HullMask::new(side).run(points, side, 1.0).iter().map(|&m| m > 0.0).collect();
    let area = face.iter().filter(|&&is| is).count() as f32;
    let mut covered = covered(&pixels, &face, points, side);
    drop_small(&mut covered, side, (area * LEAST_COVER) as usize);
    let most = Vec2::new(size.0 as f32, size.1 as f32) - 0.5;
    let is_seen = |i: usize| {
        let p = photo_from_canvas.transform_point2(place(i, side));
        p.cmpge(Vec2::splat(-0.5)).all() && p.cmple(most).all()
    };
    face.iter_mut().enumerate().for_each(|(i, face)| *face &= !covered[i] && is_seen(i));
    drop_small(&mut face, side, (area * LEAST_FACE) as usize);
    picture(side, |i| face[i])
}

/// Which pixels of the hull do not look like the face.
fn covered(pixels: &[[f32; 3]], hull: &[bool], points: &Landmarks, side: usize) -> Vec<bool> {
    let features = features(points, side);
    let at = |i: usize| points.0[i].truncate();
    let down = at(152) - at(10);
    let height = |i: usize| down.dot(place(i, side) - at(2));
    let eyes = down.dot((at(33) + at(263)) / 2.0 - at(2));
    // Nose and cheeks are what is least often covered.
    let middle = (0..pixels.len()).filter(|&i| hull[i] && !features[i] && (eyes..0.0).contains(&height(i)));
    let Some(skin) = Skin::of(pixels, &middle.collect::<Vec<_>>(), side) else {
        return vec![false; pixels.len()];
    };
    // Below the nose dark pixels are a beard rather than something before the face.
    let off = |i: usize| {
        let [y, u, v] = pixels[i];
        let dark = height(i) < 0.0 && y < SKIN_LUMA * skin.luma(place(i, side));
        hull[i] && !features[i] && (dark || (u - skin.chroma[0]).hypot(v - skin.chroma[1]) > OTHER_CHROMA)
    };
    let off: Vec<bool> = (0..pixels.len()).map(off).collect();
    majority(&off, side, (side / 256).max(1))
}

/// What the face's skin looks like: chroma, and luma as a plane over the canvas, so that light from one side is no
/// cover.
struct Skin {
    chroma: [f32; 2],
    plane: Vec3,
    least: f32,
}

impl Skin {
    /// Median chroma of the `chosen` pixels, and the plane through their luma. Pixels that are far from the plane (dark
    /// glasses, highlights) do not count in the second and third fit.
    fn of(pixels: &[[f32; 3]], chosen: &[usize], side: usize) -> Option<Self> {
        if chosen.is_empty() {
            return None;
        }
        let median = |channel: usize| {
            let mut values: Vec<f32> = chosen.iter().map(|&i| pixels[i][channel]).collect();
            let middle = values.len() / 2;
            *values.select_nth_unstable_by(middle, f32::total_cmp).1
        };
        let [luma, u, v] = [0, 1, 2].map(median);
        // Light may fall off, but not to nothing.
        let mut skin = Self { chroma: [u, v], plane: Vec3::Z * luma, least: luma / 3.0 };
        for _ in 0..3 {
            let (mut squares, mut sums) = (Mat3::ZERO, Vec3::ZERO);
            for &i in chosen {
                let (p, y) = (place(i, side), pixels[i][0]);
                if (0.6..1.5).contains(&(y / skin.luma(p).max(1.0))) {
                    let p = p.extend(side as f32) / side as f32;
                    squares += Mat3::from_cols(p * p.x, p * p.y, p * p.z);
                    sums += p * y;
                }
            }
            if squares.determinant().abs() > 1e-3 {
                let plane = squares.inverse() * sums;
                skin.plane = Vec3::new(plane.x / side as f32, plane.y / side as f32, plane.z);
            }
        }
        Some(skin)
    }

    /// Luma that skin has at a place.
    fn luma(&self, place: Vec2) -> f32 {
        self.plane.dot(place.extend(1.0)).max(self.least)
    }
}

/// Eyes, brows and mouth: no skin, but the face.
fn features(points: &Landmarks, side: usize) -> Vec<bool> {
    let mut inside = vec![false; side * side];
    let window = Window::around(points.0.iter().map(|p| p.truncate()), side);
    let rim = side as f32 / 80.0;
    for ring in [&LEFT_EYE[..], &RIGHT_EYE, &OUTER_LIPS, &LEFT_BROW, &RIGHT_BROW] {
        polygon(points, ring, Edge { from: -rim, to: -rim + 1.0 }, window, |i, _| {
            inside[window.canvas_row(i / window.width, side).start + i % window.width] = true;
        });
    }
    inside
}

/// Whether more than half of the square of `2 reach + 1` pixels around each pixel is set.
fn majority(set: &[bool], side: usize, reach: usize) -> Vec<bool> {
    let near = |v: usize| v.saturating_sub(reach)..(v + reach + 1).min(side);
    let is_most = |i: usize| {
        let (x, y) = (i % side, i / side);
        let count = near(y).map(|y| near(x).filter(|x| set[y * side + x]).count()).sum::<usize>();
        2 * count > near(y).len() * near(x).len()
    };
    (0..set.len()).map(is_most).collect()
}

/// Clears connected parts of fewer than `least` pixels.
fn drop_small(set: &mut [bool], side: usize, least: usize) {
    let mut seen = vec![false; set.len()];
    for start in 0..set.len() {
        if !set[start] || seen[start] {
            continue;
        }
        seen[start] = true;
        let mut part = vec![start];
        let mut next = 0;
        while let Some(&i) = part.get(next) {
            next += 1;
            let (x, y) = (i % side, i / side);
            let neighbours = [
                (x > 0).then(|| i - 1),
                (x + 1 < side).then(|| i + 1),
                (y > 0).then(|| i - side),
                (y + 1 < side).then(|| i + side),
            ];
            for n in neighbours.into_iter().flatten() {
                if set[n] && !seen[n] {
                    seen[n] = true;
                    part.push(n);
                }
            }
        }
        if part.len() < least {
            part.into_iter().for_each(|i| set[i] = false);
        }
    }
}

fn place(i: usize, side: usize) -> Vec2 {
    Vec2::new((i % side) as f32, (i / side) as f32)
}

fn picture(side: usize, is_face: impl Fn(usize) -> bool) -> GrayImage {
    let pixel = |x: u32, y: u32| Luma([if is_face(y as usize * side + x as usize) { 255 } else { 0 }]);
    GrayImage::from_fn(side as u32, side as u32, pixel)
}
