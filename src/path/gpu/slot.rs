//! One face's place in a submission: its buffers, and every dispatch bound to them.

use std::mem::offset_of;

use super::face::{
    FaceBuffers, FaceHead, FaceInput, Follow, Geometry, GuideStage, HullMask, Placement, SourceBuffers, Workspace,
};
use super::generator::{Bound, Generator};
use super::image::{FrameBuffer, Map, Picture};
use super::timer::Timer;
use crate::align::canvas_side;
use crate::engine::gpu::Net;
use crate::error::{Error, Result};
use crate::gpu::{BufferRange, Context, Dispatch};
use crate::path::letterbox::Border;
use crate::path::{FaceJob, LANDMARK_SIDE, Stage};

/// First word of the region's map in WGSL's `FaceInput`, and of gate and maps in `Face`.
const REGION: u32 = word(offset_of!(FaceInput, region_x));
const GATE: u32 = word(offset_of!(FaceHead, gate));
const CANVAS_FROM_FRAME: u32 = word(offset_of!(FaceHead, canvas_from_frame_x));
const FRAME_FROM_CANVAS: u32 = word(offset_of!(FaceHead, frame_from_canvas_x));

const fn word(offset: usize) -> u32 {
    (offset / 4) as u32
}

/// What all faces of a frame share.
pub struct Shared<'a> {
    /// The device.
    pub ctx: &'a Context,
    /// The frame.
    pub frame: &'a FrameBuffer,
    /// The landmark network.
    pub landmarks: &'a Net,
    /// The identity.
    pub source: &'a SourceBuffers,
    /// Tables and scratch buffers.
    pub workspace: &'a Workspace,
    /// The generator, if there is one.
    pub generator: Option<&'a Generator>,
    /// Whether the guide is part of the picture.
    pub guided: bool,
    /// Crop sizes that may be chosen.
    pub crops: &'a [usize],
}

/// A face, bound.
#[derive(Debug)]
pub struct Slot {
    /// What the host reads of it: [`FaceHead::READBACK`] bytes.
    pub result: BufferRange,
    buffers: FaceBuffers,
    follow: Follow,
    region: Dispatch,
    geometry: Geometry,
    guide: Option<GuideStage>,
    hull: HullMask,
    sizes: Vec<(usize, Size)>,
}

/// What depends on the crop's size.
#[derive(Debug)]
struct Size {
    canvas: Dispatch,
    generator: Option<Bound>,
    blend: Dispatch,
}

impl Slot {
    /// Binds `buffers`.
    ///
    /// # Errors
    /// [`Error::Model`] when a network lacks a port.
    pub fn new(shared: &Shared<'_>, buffers: FaceBuffers) -> Result<Self> {
        let Shared { ctx, frame, source, workspace, .. } = shared;
        let [input, points, presence] = mesh_ports(shared.landmarks)?;
        let map = Map { buffer: &buffers.input, word: REGION };
        let region = frame.warp(ctx, map, Border::Black, Picture::unit(input, LANDMARK_SIDE));
        let geometry = Geometry::new(ctx, [points, presence], &buffers, source, workspace);
        let guide = shared.guided.then(|| GuideStage::new(ctx, &buffers, source, workspace));
        let hull = HullMask::new(ctx, &buffers, workspace);
        let size = |&crop: &usize| Ok((crop, Size::new(shared, &buffers, crop)?));
        let sizes = shared.crops.iter().map(size).collect::<Result<_>>()?;
        let result = buffers.face.prefix(FaceHead::READBACK as u64);
        let follow = Follow::new(ctx, &buffers);
        Ok(Self { result, buffers, follow, region, geometry, guide, hull, sizes })
    }

    /// Writes what the next submission must know of the face.
    pub fn write(&self, ctx: &Context, job: &FaceJob<'_>, placement: &Placement) {
        self.buffers.write(ctx, job, placement);
    }

    /// Reads the face's landmarks and places it; nothing is painted. A face that is `carried` was in this slot in the
    /// submission before.
    pub fn record_geometry(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        timer: &mut Timer,
        landmarks: &Net,
        carried: bool,
    ) {
        {
            let mut pass = timer.pass(encoder, Stage::Colour);
            if carried {
                self.follow.record(&mut pass);
            }
            self.region.record(&mut pass);
        }
        let mut pass = timer.pass(encoder, Stage::Landmarks);
        landmarks.record(&mut pass);
        self.geometry.record(&mut pass);
    }

    /// Paints the face with a crop of side `crop`.
    pub fn record_paint(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        timer: &mut Timer,
        generator: Option<&Generator>,
        crop: usize,
    ) {
        let Some((_, size)) = self.sizes.iter().find(|(c, _)| *c == crop) else { return };
        size.canvas.record(&mut timer.pass(encoder, Stage::Align));
        if let Some(guide) = &self.guide {
            guide.record(&mut timer.pass(encoder, Stage::Guide), crop);
        }
        if let (Some(generator), Some(bound)) = (generator, &size.generator) {
            generator.record(&mut timer.pass(encoder, Stage::Swap), bound);
        }
        self.hull.record(&mut timer.pass(encoder, Stage::Mask), crop);
        size.blend.record(&mut timer.pass(encoder, Stage::Blend));
    }
}

impl Size {
    fn new(shared: &Shared<'_>, buffers: &FaceBuffers, crop: usize) -> Result<Self> {
        let (Shared { ctx, frame, .. }, side) = (shared, canvas_side(crop));
        let FaceBuffers { face, canvas, guide, hull_mask, .. } = buffers;
        let picture = if shared.guided { guide } else { canvas };
        let map = |word| Map { buffer: face, word };
        let bind = |g: &Generator| g.bind(ctx, crop, canvas, picture);
        Ok(Self {
            canvas: frame.warp(ctx, map(FRAME_FROM_CANVAS), Border::Repeat, Picture::unit(canvas, side)),
            generator: shared.generator.map(bind).transpose()?,
            blend: frame.blend(ctx, map(CANVAS_FROM_FRAME), GATE, [picture, hull_mask], side),
        })
    }
}

/// The landmark network's input, points and presence.
///
/// # Errors
/// [`Error::Model`] when it has no such port.
pub fn mesh_ports(net: &Net) -> Result<[&BufferRange; 3]> {
    let ports = [net.input_buffer("input"), net.output_buffer("landmarks"), net.output_buffer("presence")];
    match ports {
        [Some(input), Some(points), Some(presence)] => Ok([input, points, presence]),
        _ => Err(Error::model("landmarks", "a port is missing")),
    }
}
