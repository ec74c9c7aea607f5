//! The guide: the identity's own photo on this face's mesh, in this face's light. By itself it is the model `mesh`;
//! for a guided generator it is the second input.
//!
//! [`Stage::run`] reads top-down: choose a photo ([`select`]), exchange shapes ([`shape`]), rasterise the mesh
//! ([`raster`]), read the photo ([`warp`]), fill what is not covered ([`fill`]), make the mask ([`distance`],
//! [`features`], [`density`]), match the colour ([`color`], [`light`]), blend. Lengths that are given in crop 256ths
//! scale with the crop.

pub mod color;
pub mod density;
pub mod distance;
pub mod features;
pub mod fill;
pub mod light;
pub mod raster;
pub mod select;
pub mod shape;
mod source;
pub mod warp;
pub mod window;

use glam::Vec3;

pub use source::{Candidate, Level, Photo, Source};

use crate::align::canvas_side;
use crate::face::Landmarks;
use crate::mesh::topology::{INNER_LIPS, LEFT_EYE, NOSE_TIP, OUTER_LIPS, RIGHT_EYE};
use crate::mesh::{self, Fit, expression};
use features::{Edge, polygon};
use shape::smoothstep;
use window::Window;

/// Depth over which the guide fades in from the mesh's edge, in crop 256ths.
const FEATHER: f32 = 8.0;
/// Depth from which pixels count for the colour statistics, in crop 256ths.
const SKIN_DEPTH: f32 = 7.0;
/// Eye opening up to which the target's eye is kept, and from which the identity's is shown.
const EYE_OPEN: (f32, f32) = (0.18, 0.26);

/// Choices of the guide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// How much of the identity's face shape is taken over, 0 to 1. At 0.8 expressions survive better than at 1, and
    /// the likeness is the same (tests/fixtures/eval).
    pub shape: f32,
    /// How much of the identity's eyes is shown where both eyes are open, 0 to 1; the rest is the target's. At 0 gaze
    /// and blinks are the target's: the landmark net hardly tells a closed eye from a narrow one.
    pub eyes: f32,
}

impl Default for Options {
    fn default() -> Self {
        Self { shape: 0.8, eyes: 0.0 }
    }
}

/// What [`Stage::run`] made, on the canvas.
#[derive(Clone, Copy, Debug)]
pub struct Guide<'a> {
    /// Planar `[3, side, side]`, 0 to 1: the guide blended over the target by `mask`.
    pub rgb: &'a [f32],
    /// `[side, side]`: how much of the guide is in `rgb`; exactly 0 beyond the mesh and on the canvas' outermost ring.
    pub mask: &'a [f32],
    /// The mesh of the face in `rgb`, canvas pixels: the target's with the exchanged shape.
    pub points: &'a Landmarks,
}

/// Makes guides; all buffers are planned once and reused.
#[derive(Clone, Debug)]
pub struct Stage {
    /// May be changed between runs.
    pub options: Options,
    /// The colour match; its strength may be changed between runs.
    pub light: light::Light,
    raster: raster::Raster,
    distance: distance::Distance,
    target: Planes,
    guide: Planes,
    depth: Vec<f32>,
    rim: Vec<f32>,
    mask: Vec<f32>,
    skin: Vec<f32>,
    confidence: Vec<f32>,
    rgb_canvas: Vec<f32>,
    mask_canvas: Vec<f32>,
    moved: Landmarks,
}

/// Three window planes.
#[derive(Clone, Debug)]
struct Planes([Vec<f32>; 3]);

impl Planes {
    fn new(pixels: usize) -> Self {
        Self(std::array::from_fn(|_| vec![0.0; pixels]))
    }

    fn window(&mut self, window: Window) -> [&mut [f32]; 3] {
        self.0.each_mut().map(|p| &mut p[..window.len()])
    }
}

impl Stage {
    /// Plans for crops of a side of up to `max_crop` pixels.
    pub fn new(max_crop: usize) -> Self {
        let side = canvas_side(max_crop);
        let pixels = side * side;
        Self {
            options: Options::default(),
            light: light::Light::new(pixels),
            raster: raster::Raster::new(pixels),
            distance: distance::Distance::new(pixels, side),
            target: Planes::new(pixels),
            guide: Planes::new(pixels),
            depth: vec![0.0; pixels],
            rim: vec![0.0; pixels],
            mask: vec![0.0; pixels],
            skin: vec![0.0; pixels],
            confidence: Vec::new(),
            rgb_canvas: vec![0.0; 3 * pixels],
            mask_canvas: vec![0.0; pixels],
            moved: Landmarks::default(),
        }
    }

    /// Puts the identity's face onto the target's. `canvas` is planar `[3, side, side]`, 0 to 1, with `side` =
    /// [`canvas_side`]`(crop)`; `points` is the target's mesh in canvas pixels.
    ///
    /// # Panics
    /// When `canvas` does not fit `crop` or `crop` exceeds the planned one.
    pub fn run(&mut self, source: &Source, canvas: &[f32], points: &Landmarks, crop: usize) -> Guide<'_> {
        let side = canvas_side(crop);
        let pixels = side * side;
        assert_eq!(canvas.len(), 3 * pixels, "the canvas of a {crop}-px crop is {side} x {side} with three planes");
        assert!(pixels <= self.mask_canvas.len(), "planned for smaller crops than {crop} px");
        self.rgb_canvas[..3 * pixels].copy_from_slice(canvas);
        self.mask_canvas[..pixels].fill(0.0);
        self.paint(source, points, crop);
        Guide { rgb: &self.rgb_canvas[..3 * pixels], mask: &self.mask_canvas[..pixels], points: &self.moved }
    }

    fn paint(&mut self, source: &Source, points: &Landmarks, crop: usize) {
        let (side, scale) = (canvas_side(crop), crop as f32 / 256.0);
        let fit = mesh::pose(points);
        let choice = select::choose(source.candidates.iter().map(|c| c.view), fit.pose.yaw);
        let choice = choice.map(|(i, weight)| (&source.candidates[i], weight));
        let moved = shape::exchange(points, &fit, &blend_shapes(choice), self.options.shape);
        let window = Window::around(moved.0.iter().map(|p| p.truncate()), side);
        if window.is_empty() {
            self.moved = moved;
            return;
        }
        self.raster.draw(&moved, window);
        self.read(source, choice, window, side);
        self.cover(&moved, window, scale);
        self.attenuate(choice, &moved, window, side);
        self.cut_features(eye_shares(choice, &fit, self.options.eyes), &moved, window, scale);
        self.match_color(&moved, window, scale);
        self.compose(window, side);
        self.moved = moved;
    }

    /// The target's and the guide's window planes.
    fn read(&mut self, source: &Source, choice: [(&Candidate, f32); 2], window: Window, side: usize) {
        let texels = &self.raster.texels[..window.len()];
        fill::cut(&self.rgb_canvas[..3 * side * side], side, window, self.target.window(window));
        for (k, (candidate, weight)) in choice.into_iter().enumerate().filter(|(_, (_, w))| *w > 0.0) {
            let photo = &source.photos[candidate.photo];
            warp::sample(texels, (candidate, photo), side, weight, k > 0, self.guide.window(window));
        }
        for (target, guide) in self.target.window(window).into_iter().zip(self.guide.window(window)) {
            fill::fill(texels, target, guide);
        }
    }

    /// Depth below the mesh's edge, and from it mask, rim and skin weight.
    fn cover(&mut self, moved: &Landmarks, window: Window, scale: f32) {
        let texels = &self.raster.texels;
        let covered = |i: usize| texels[i].triangle != raster::UNCOVERED;
        self.distance.run(covered, window.width, window.height, &mut self.depth[..window.len()]);
        let planes = self.mask.iter_mut().zip(&mut self.skin).zip(&mut self.rim).zip(&self.depth);
        for (((mask, skin), rim), depth) in planes.take(window.len()) {
            *rim = light::rim(*depth, scale);
            *mask = smoothstep(0.0, FEATHER * scale, *depth);
            *skin = if *depth > SKIN_DEPTH * scale { 1.0 } else { 0.0 };
        }
        let edge = Edge { from: -4.0 * scale, to: -2.0 * scale };
        for ring in [&RIGHT_EYE[..], &LEFT_EYE[..], &OUTER_LIPS[..]] {
            polygon(moved, ring, edge, window, |i, share| self.skin[i] *= 1.0 - share);
        }
    }

    /// Lets stretched and turned-over areas fade out.
    fn attenuate(&mut self, choice: [(&Candidate, f32); 2], moved: &Landmarks, window: Window, side: usize) {
        let target = density::areas(|i| moved.0[i].truncate(), side as f32);
        let [(first, weight), (second, rest)] = choice;
        let texture: Vec<f32> = first.areas.iter().zip(&second.areas).map(|(a, b)| a * weight + b * rest).collect();
        density::confidence(&texture, &target, &mut self.confidence);
        density::attenuate(&self.raster.texels[..window.len()], &self.confidence, &mut self.mask[..window.len()]);
    }

    /// Keeps the target's open mouth, and its eyes where the identity's must not be shown. `shares` are the identity's
    /// parts in the right and the left eye.
    fn cut_features(&mut self, shares: [f32; 2], moved: &Landmarks, window: Window, scale: f32) {
        let mask = &mut self.mask;
        let lips = Edge { from: 0.0, to: 1.6 * scale };
        polygon(moved, &INNER_LIPS, lips, window, |i, share| mask[i] *= 1.0 - share);
        let lids = Edge { from: -3.0 * scale, to: 1.0 * scale };
        for (ring, kept) in [RIGHT_EYE, LEFT_EYE].into_iter().zip(shares) {
            polygon(moved, &ring, lids, window, |i, share| mask[i] *= 1.0 - share * (1.0 - kept));
        }
    }

    fn match_color(&mut self, moved: &Landmarks, window: Window, scale: f32) {
        for planes in [&mut self.target, &mut self.guide] {
            let [r, g, b] = planes.window(window);
            color::lab_from_rgb(r, g, b);
        }
        let (skin, rim) = (&self.skin[..window.len()], &self.rim[..window.len()]);
        let nose = (moved.0[NOSE_TIP].y - window.top as f32).max(0.0) as usize;
        let upper = nose.min(window.height) * window.width;
        self.light.weigh(&self.target.0[0][..window.len()], &self.guide.0[0][..window.len()], skin, upper);
        for (target, guide) in self.target.window(window).into_iter().zip(self.guide.window(window)) {
            self.light.run(light::Channel { target, guide, rim }, window, scale);
        }
        let [l, a, b] = self.guide.window(window);
        color::rgb_from_lab(l, a, b);
    }

    fn compose(&mut self, window: Window, side: usize) {
        let mask = &self.mask[..window.len()];
        for (guide, canvas) in self.guide.window(window).into_iter().zip(self.rgb_canvas.chunks_exact_mut(side * side))
        {
            fill::compose(guide, mask, window, side, canvas);
        }
        for (y, row) in mask.chunks_exact(window.width).enumerate() {
            self.mask_canvas[window.canvas_row(y, side)].copy_from_slice(row);
        }
    }
}

/// The chosen candidates' smoothed shapes, weighted.
fn blend_shapes([(first, weight), (second, rest)]: [(&Candidate, f32); 2]) -> Vec<Vec3> {
    first.shape.iter().zip(&second.shape).map(|(a, b)| *a * weight + *b * rest).collect()
}

/// How much of the identity's right and left eye may be shown: none when either person's is closed.
fn eye_shares([(first, weight), (second, rest)]: [(&Candidate, f32); 2], fit: &Fit, most: f32) -> [f32; 2] {
    let [right, left, ..] = expression(&fit.normalised);
    let share = |k: usize, target: f32| {
        let identity = first.eyes[k] * weight + second.eyes[k] * rest;
        most * smoothstep(EYE_OPEN.0, EYE_OPEN.1, target.min(identity))
    };
    [share(0, right), share(1, left)]
}
