//! Buffers of a face, and those that all faces share.

use std::mem::offset_of;

use glam::Vec3;

use super::state::{FaceHead, FaceInput, Placement};
use super::{GRID, MAX_SIDE, RING_CORNERS, SIZES, SUM_GROUPS};
use crate::align::canvas_side;
use crate::face::POINTS;
use crate::gpu::{BufferRange, Context};
use crate::guide::shape;
use crate::mesh::topology::{INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE};
use crate::mesh::{TRIANGLES, canonical};
use crate::path::FaceJob;

/// Bytes of WGSL's `Face`: head, six arrays of points, ring corners, ring boxes.
const FACE_SIZE: usize = size_of::<FaceHead>() + 6 * FaceHead::ARRAY + RING_CORNERS * 8 + 4 * 16;
/// Bytes of WGSL's `Triangle`, `Texel`, `Cover`, `LabPair`, `Moments`.
const TRIANGLE_SIZE: usize = 32;
const TEXEL_SIZE: usize = 12;
const COVER_SIZE: usize = 12;
const LAB_PAIR_SIZE: usize = 32;
const MOMENTS_SIZE: usize = 32;
/// Bytes of WGSL's `Light`: three vectors and two fields.
const LIGHT_SIZE: usize = 3 * 16 + 2 * GRID * GRID * 16;

/// Everything of one face in a frame. Pictures are planar f32 with the side of the frame's chosen canvas, at the
/// beginning of buffers for the largest.
#[derive(Clone, Debug)]
pub struct FaceBuffers {
    /// WGSL's `FaceInput`, written by [`Self::write`].
    pub input: BufferRange,
    /// WGSL's `Face`, made by [`super::Geometry`]; [`FaceHead::outcome`] reads its beginning.
    pub face: BufferRange,
    /// `[3, side, side]`, 0 to 1: the aligned target.
    pub canvas: BufferRange,
    /// `[3, side, side]`, 0 to 1: the guide blended over the target.
    pub guide: BufferRange,
    /// `[side, side]`: how much of the guide is in it.
    pub guide_mask: BufferRange,
    /// `[side, side]`: mask of the final blend.
    pub hull_mask: BufferRange,
    /// `[2, TRIANGLES]`: moved and unmoved.
    pub(super) triangles: BufferRange,
    crops: Vec<usize>,
}

impl FaceBuffers {
    /// Plans for the sizes that `workspace` was made for.
    pub fn new(ctx: &Context, workspace: &Workspace) -> Self {
        let plane = 4 * workspace.pixels as u64;
        Self {
            input: ctx.storage("face input", (size_of::<FaceInput>() + 2 * FaceHead::ARRAY) as u64),
            face: ctx.storage("face", FACE_SIZE as u64),
            canvas: ctx.storage("canvas", 3 * plane),
            guide: ctx.storage("guide", 3 * plane),
            guide_mask: ctx.storage("guide mask", plane),
            hull_mask: ctx.storage("hull mask", plane),
            triangles: ctx.storage("triangles", (2 * TRIANGLES * TRIANGLE_SIZE) as u64),
            crops: workspace.crops.clone(),
        }
    }

    /// Writes what the next submission must know of `job`: all of WGSL's `FaceInput`, or, of a face that is carried
    /// over, what the kernel `follow` does not write.
    ///
    /// # Panics
    /// When the crop is none of the planned sizes.
    pub fn write(&self, ctx: &Context, job: &FaceJob<'_>, placement: &Placement) {
        let level = self.crops.iter().position(|c| *c == placement.crop).expect("the crop is a planned size");
        let input = FaceInput::new(job, placement, level);
        let head = bytemuck::bytes_of(&input);
        if job.carried.is_some() {
            let rest = &head[offset_of!(FaceInput, elapsed_secs)..];
            return ctx.fill(&self.input, (head.len() - rest.len()) as u64, rest.len(), |put| put(0, rest));
        }
        ctx.fill(&self.input, 0, head.len() + 2 * FaceHead::ARRAY, |put| {
            put(0, head);
            // Zeros stand for no history.
            let history = job.history.into_iter().flat_map(|h| h.landmarks.0.iter().chain(&h.speed));
            let points = history.chain(std::iter::repeat(&Vec3::ZERO)).take(2 * POINTS);
            let mut at = head.len();
            for point in points {
                put(at, bytemuck::bytes_of(&point.extend(0.0).to_array()));
                at += 16;
            }
        });
    }
}

/// Tables of the canonical mesh, and the buffers in between that all faces use one after the other.
#[derive(Clone, Debug)]
pub struct Workspace {
    pub(super) crops: Vec<usize>,
    pixels: usize,
    pub(super) head: BufferRange,
    pub(super) kernel_rows: BufferRange,
    pub(super) kernel_entries: BufferRange,
    pub(super) ring_points: BufferRange,
    pub(super) topology: BufferRange,
    pub(super) fan_rows: BufferRange,
    pub(super) fans: BufferRange,
    pub(super) texels: BufferRange,
    pub(super) distances: BufferRange,
    pub(super) depth: BufferRange,
    pub(super) lab: BufferRange,
    pub(super) covers: BufferRange,
    pub(super) partials: BufferRange,
    pub(super) light: BufferRange,
    pub(super) cells: BufferRange,
    pub(super) smooth_rows: BufferRange,
}

impl Workspace {
    /// Plans for crops of the sides `crops`, of which the caller chooses one each frame.
    ///
    /// # Panics
    /// With more than [`SIZES`] sizes, or one whose canvas is larger than [`MAX_SIDE`].
    pub fn new(ctx: &Context, crops: &[usize]) -> Self {
        let side = crops.iter().map(|c| canvas_side(*c)).max().unwrap_or(0);
        assert!(crops.len() <= SIZES && side <= MAX_SIDE, "cannot plan for crops {crops:?}");
        let pixels = side * side;
        let storage = |label: &str, size: usize| ctx.storage(label, size as u64);
        let (kernel_rows, kernel_entries) = rows(shape::kernel_rows(), |&(j, w)| [u32::from(j), w.to_bits()]);
        let (fan_rows, fans) = rows(&fans(), |&t| t);
        Self {
            crops: crops.to_vec(),
            pixels,
            head: ctx.constant("head", &head()),
            kernel_rows: ctx.constant("kernel rows", &kernel_rows),
            kernel_entries: ctx.constant("kernel entries", &kernel_entries),
            ring_points: ctx.constant("ring points", &ring_points()),
            topology: ctx.constant("topology", &topology()),
            fan_rows: ctx.constant("fan rows", &fan_rows),
            fans: ctx.constant("fans", &fans),
            texels: storage("texels", pixels * TEXEL_SIZE),
            distances: storage("distances", pixels * 4),
            depth: storage("depth", pixels * 4),
            lab: storage("lab", pixels * LAB_PAIR_SIZE),
            covers: storage("covers", pixels * COVER_SIZE),
            partials: storage("partials", 2 * SUM_GROUPS * MOMENTS_SIZE),
            light: storage("light", LIGHT_SIZE),
            cells: storage("cells", GRID * GRID * 16),
            smooth_rows: storage("smooth rows", GRID * GRID * 16),
        }
    }
}

/// Where each row begins (and the end of the last), and all rows in one.
fn rows<T, U>(rows: &[Vec<T>], convert: impl Fn(&T) -> U) -> (Vec<u32>, Vec<U>) {
    let (mut starts, mut entries) = (vec![0], Vec::new());
    for row in rows {
        entries.extend(row.iter().map(&convert));
        starts.push(entries.len() as u32);
    }
    (starts, entries)
}

/// The canonical points and their weights in the pose fit.
fn head() -> Vec<[f32; 4]> {
    let mut head: Vec<[f32; 4]> = canonical().points.iter().map(|p| p.extend(0.0).to_array()).collect();
    for &(i, weight) in &canonical().basis {
        head[usize::from(i)][3] += weight;
    }
    head
}

fn ring_points() -> Vec<u32> {
    RIGHT_EYE.into_iter().chain(LEFT_EYE).chain(OUTER_LIPS).chain(INNER_LIPS).map(u32::from).collect()
}

/// Triangles with ten bits for each corner.
fn topology() -> Vec<u32> {
    let pack = |[a, b, c]: &[u16; 3]| u32::from(*a) | u32::from(*b) << 10 | u32::from(*c) << 20;
    canonical().triangles.iter().map(pack).collect()
}

/// The triangles around each point.
fn fans() -> Vec<Vec<u32>> {
    let mut fans = vec![Vec::new(); POINTS];
    for (t, corners) in canonical().triangles.iter().enumerate() {
        corners.iter().for_each(|i| fans[usize::from(*i)].push(t as u32));
    }
    fans
}
