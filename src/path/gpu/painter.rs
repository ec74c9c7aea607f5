//! What puts faces on: the identity, the generator, and what all faces share.

use std::sync::Arc;

use super::crop;
use super::face::{FaceBuffers, MAX_SIDE, SourceBuffers, Workspace};
use super::generator::Generator;
use super::image::FrameBuffer;
use super::slot::{Shared, Slot};
use super::{Options, Precision};
use crate::align::canvas_side;
use crate::engine::gpu::Net;
use crate::error::{Error, Result};
use crate::gpu::Context;
use crate::guide;
use crate::identity::Identity;
use crate::path::{FaceJob, Painter};

/// A painter on the device.
#[derive(Debug)]
pub struct DevicePainter {
    /// The generator, if the model has one.
    pub generator: Option<Generator>,
    source: SourceBuffers,
    workspace: Workspace,
    guided: bool,
    crops: Vec<usize>,
    range: (usize, usize),
    /// Buffers of the faces so far; they outlive their slots.
    faces: Vec<FaceBuffers>,
}

impl DevicePainter {
    /// Uploads the identity and plans the generator.
    ///
    /// # Errors
    /// [`Error::Model`] for a generator that does not fit, [`Error::Device`] for one whose crop is too large for the
    /// kernels, [`Error::DeviceLost`].
    pub fn new(ctx: &Arc<Context>, painter: &Painter, identity: &Identity, options: Options) -> Result<Self> {
        let range = painter.crops(options.max_crop);
        let crops = crop::sizes(range.0, range.1);
        if crops.iter().any(|c| canvas_side(*c) > MAX_SIDE) {
            let reason = format!("the generator's crop of {} px is too large for the GPU path: use the CPU", range.1);
            return Err(Error::Device(reason));
        }
        let generator = match painter {
            Painter::Mesh => None,
            Painter::Generator { model, config } => {
                Some(Generator::new(ctx, model, config.clone(), options.precision, identity)?)
            }
        };
        Ok(Self {
            generator,
            source: SourceBuffers::new(ctx, &guide::Source::new(identity), &crops),
            workspace: Workspace::new(ctx, &crops),
            guided: painter.guided(),
            crops,
            range,
            faces: Vec::new(),
        })
    }

    /// Another person. Slots that were bound before show the old one.
    ///
    /// # Errors
    /// As [`Identity::embedding`].
    pub fn set_identity(&mut self, ctx: &Context, identity: &Identity) -> Result<()> {
        if let Some(generator) = &mut self.generator {
            generator.set_identity(ctx, identity)?;
        }
        self.source = SourceBuffers::new(ctx, &guide::Source::new(identity), &self.crops);
        Ok(())
    }

    /// Number of dispatches of the generator.
    pub fn dispatches(&self) -> usize {
        self.generator.as_ref().map_or(0, Generator::dispatches)
    }

    /// How the generator stores feature maps.
    pub fn precision(&self) -> Option<Precision> {
        self.generator.as_ref().map(Generator::precision)
    }

    /// The crop for `job`.
    pub fn crop(&self, job: &FaceJob<'_>) -> usize {
        crop::choose(job, self.range.0, self.range.1)
    }

    /// Binds slot `index` to `frame`.
    ///
    /// # Errors
    /// [`Error::Model`] when a network lacks a port.
    pub fn slot(&mut self, ctx: &Context, landmarks: &Net, frame: &FrameBuffer, index: usize) -> Result<Slot> {
        while self.faces.len() <= index {
            self.faces.push(FaceBuffers::new(ctx, &self.workspace));
        }
        let shared = Shared {
            ctx,
            frame,
            landmarks,
            source: &self.source,
            workspace: &self.workspace,
            generator: self.generator.as_ref(),
            guided: self.guided,
            crops: &self.crops,
        };
        Slot::new(&shared, self.faces[index].clone())
    }
}
