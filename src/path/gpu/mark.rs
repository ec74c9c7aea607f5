//! The watermark on the device: shaders/marks, the twin of [`Embedder`](crate::marks::watermark::Embedder), whose
//! constants and tables it is made with.
//!
//! Every frame is measured; the mark is added to those into which a face was painted, which only the device knows.

use alphaswap_shaders as shaders;
use alphaswap_shaders::Shader;

use super::image::{FrameBuffer, over};
use crate::gpu::params::params;
use crate::gpu::{BufferRange, Context, Dispatch};
use crate::marks::watermark::{GROUPS, Payload, twin};

params! {
    /// What depends on a frame's format and size (shaders/shared/mark.wgsl).
    MarkParams {
        /// By channel: its weight in the luma, of 256, and 0 if the mark leaves it alone; one unused.
        weights: [u32; 4],
        /// By level (fine, coarse; two unused): by how much a cell's residual changes with its mark.
        response: [f32; 4],
        /// By level: what a cell's mark, squared, adds to the frame's mean square change.
        energy: [f32; 4],
        /// By level: how much of it compression leaves.
        kept: [f32; 4],
    }
}

/// The key's tables, and what is measured and decided: the same for frames of all sizes. Cells are in the key's order.
#[derive(Debug)]
pub struct MarkBuffers {
    /// What [`Self::wanted`] says.
    payload: Option<Payload>,
    /// `[GROUPS]`: 1 or -1.
    wanted: BufferRange,
    key: BufferRange,
    starts: BufferRange,
    members: BufferRange,
    /// `[cells, 2]`: mean luma and room, codes.
    cells: BufferRange,
    /// `[cells]` codes.
    residuals: BufferRange,
    /// `[cells, 2]`: contrast and its slope.
    contrasts: BufferRange,
    /// `[2, GROUPS, 4]`.
    sums: BufferRange,
    /// `[2, GROUPS]`.
    strengths: BufferRange,
    /// `[fine cells]` codes.
    marks: BufferRange,
}

impl MarkBuffers {
    /// Uploads the key.
    pub fn new(ctx: &Context) -> Self {
        let (starts, members) = twin::members();
        let [cells, fine] = twin::COUNTS;
        let floats = |label: &str, count: usize| ctx.storage(label, 4 * count as u64);
        Self {
            payload: None,
            wanted: floats("wanted", GROUPS),
            key: ctx.constant("key", &twin::key()),
            starts: ctx.constant("starts", &starts),
            members: ctx.constant("members", &members),
            cells: floats("cells", 2 * cells),
            residuals: floats("residuals", cells),
            contrasts: floats("contrasts", 2 * cells),
            sums: floats("sums", 2 * GROUPS * 4),
            strengths: floats("strengths", 2 * GROUPS),
            marks: floats("marks", fine),
        }
    }

    /// What the frames of the next submission say, and those after it.
    pub fn write(&mut self, ctx: &Context, payload: Payload) {
        if self.payload.replace(payload) != Some(payload) {
            ctx.write(&self.wanted, &payload.wanted());
        }
    }
}

/// Marks frames of one size and format.
#[derive(Debug)]
pub struct Marker(Vec<Dispatch>);

impl Marker {
    /// Binds `buffers` to `frame`.
    pub fn new(ctx: &Context, frame: &FrameBuffer, buffers: &MarkBuffers) -> Self {
        let info = frame.planes.info();
        let ([a, b, c], [fine, coarse]) = (twin::weights(info.format), twin::gains(&info));
        let by_level = |i: usize| [fine[i], coarse[i], 0.0, 0.0];
        let [response, energy, kept] = [0, 1, 2].map(by_level);
        let params = ctx.uniform("mark", &MarkParams { weights: [a, b, c, 0], response, energy, kept });
        let MarkBuffers { wanted, key, starts, members, cells, residuals, contrasts, sums, strengths, marks, .. } =
            buffers;
        let ([all, fine], [columns, rows], [words, _]) = (twin::COUNTS, twin::FINE_SIZE, frame.planes.words());
        let (lanes, tile) = (shaders::MARK_DECIDE.workgroup_size[0] as usize, shaders::MARK_MEASURE.workgroup_size);
        debug_assert!(GROUPS <= lanes, "an invocation for each group");
        debug_assert!(columns % tile[0] as usize == 0 && rows % tile[1] as usize == 0, "coarse cells lie in one tile");
        let bind = |shader: &'static Shader, buffers: &[&BufferRange], size: [usize; 2]| {
            let known = twin::constants().into_iter().filter(|(name, _)| shader.overrides.contains(name));
            over(ctx, shader, &known.collect::<Vec<_>>(), buffers, [size[0], size[1], 1])
        };
        let per_group = 2 * GROUPS * shaders::MARK_SUMS.workgroup_size[0] as usize;
        Self(vec![
            bind(&shaders::MARK_MEASURE, &[&frame.params, &frame.codes, &params, cells], [columns, rows]),
            bind(&shaders::MARK_RESIDUAL, &[cells, residuals], [all, 1]),
            bind(&shaders::MARK_CONTRAST, &[residuals, contrasts], [all, 1]),
            bind(&shaders::MARK_SUMS, &[starts, members, cells, contrasts, sums], [per_group, 1]),
            bind(&shaders::MARK_DECIDE, &[&params, wanted, sums, strengths], [lanes, 1]),
            bind(&shaders::MARK_MERGE, &[key, cells, strengths, marks], [fine, 1]),
            bind(
                &shaders::MARK_ADD,
                &[&frame.params, &frame.codes, &params, marks, &frame.painted],
                [words as usize, info.height],
            ),
        ])
    }

    /// Marks the frame, if a face was painted into it since it was uploaded.
    pub fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.0.iter().for_each(|d| d.record(pass));
    }
}
