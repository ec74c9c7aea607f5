//! The identity's side of the guide on the device, uploaded once.

use std::collections::HashMap;

use glam::{Vec2, Vec3};

use super::SIZES;
use crate::align::canvas_side;
use crate::gpu::{BufferRange, Context};
use crate::guide::{Candidate, Level, Source};

/// WGSL's `Candidate` (shaders/shared/candidate.wgsl).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct CandidateHead {
    /// Degrees, as shown.
    pub yaw: f32,
    /// 1 for a mirror image, else 0.
    pub mirrored: f32,
    /// Openings of the right and the left eye.
    pub eyes: [f32; 2],
    /// For each size of canvas: first texel, side, bits of the scale from the photo's own pixels, 0.
    pub levels: [[u32; 4]; SIZES],
}

impl CandidateHead {
    /// Names and byte offsets of the members, for the test that compares them with WGSL.
    pub const OFFSETS: &[(&str, usize)] = &[
        ("yaw", std::mem::offset_of!(Self, yaw)),
        ("mirrored", std::mem::offset_of!(Self, mirrored)),
        ("eyes", std::mem::offset_of!(Self, eyes)),
        ("levels", std::mem::offset_of!(Self, levels)),
    ];
}

/// Photos and tables of one identity.
#[derive(Clone, Debug)]
pub struct SourceBuffers {
    /// `[candidates]` of [`CandidateHead`].
    pub(super) candidates: BufferRange,
    /// `[candidates, POINTS, 2]` photo pixels.
    pub(super) places: BufferRange,
    /// `[candidates, POINTS, 4]` cm.
    pub(super) shapes: BufferRange,
    /// `[candidates, TRIANGLES]` canvas sides squared.
    pub(super) areas: BufferRange,
    /// All levels that any of the canvases needs, R G B 0.
    pub(super) photos: BufferRange,
}

/// The levels that are needed, one after the other.
#[derive(Default)]
struct Atlas {
    texels: Vec<[u8; 4]>,
    /// First texel by address of the level.
    known: HashMap<*const Level, u32>,
}

impl Atlas {
    fn add(&mut self, level: &Level) -> u32 {
        *self.known.entry(std::ptr::from_ref(level)).or_insert_with(|| {
            let first = self.texels.len() as u32;
            self.texels.extend_from_slice(&level.texels);
            first
        })
    }
}

impl SourceBuffers {
    /// Uploads `source` for canvases around crops of the sides `crops` (at most [`SIZES`]).
    pub fn new(ctx: &Context, source: &Source, crops: &[usize]) -> Self {
        assert!(crops.len() <= SIZES, "at most {SIZES} crop sizes");
        let mut atlas = Atlas::default();
        let candidates = &source.candidates;
        let heads: Vec<CandidateHead> = candidates.iter().map(|c| head(c, source, crops, &mut atlas)).collect();
        let places: Vec<Vec2> = candidates.iter().flat_map(|c| c.places.iter().copied()).collect();
        let shape = |p: &Vec3| p.extend(0.0).to_array();
        let shapes: Vec<[f32; 4]> = candidates.iter().flat_map(|c| c.shape.iter().map(shape)).collect();
        let areas: Vec<f32> = candidates.iter().flat_map(|c| c.areas.iter().copied()).collect();
        Self {
            candidates: ctx.constant("candidates", &heads),
            places: ctx.constant("places", &places),
            shapes: ctx.constant("shapes", &shapes),
            areas: ctx.constant("areas", &areas),
            photos: ctx.constant("photos", &atlas.texels),
        }
    }
}

fn head(candidate: &Candidate, source: &Source, crops: &[usize], atlas: &mut Atlas) -> CandidateHead {
    let mut levels = [[0; 4]; SIZES];
    for (out, &crop) in levels.iter_mut().zip(crops) {
        let (level, halvings) = source.photos[candidate.photo].level(canvas_side(crop));
        let shrink = 1.0 / (1u32 << halvings) as f32;
        *out = [atlas.add(level), level.side as u32, shrink.to_bits(), 0];
    }
    let mirrored = if candidate.view.mirrored { 1.0 } else { 0.0 };
    CandidateHead { yaw: candidate.view.yaw, mirrored, eyes: candidate.eyes, levels }
}
