//! The image kernels, bound to their buffers. Each is the twin of a function of [`path::cpu`](crate::path::cpu) or of
//! [`path::window`](crate::path::window).

use alphaswap_shaders as shaders;
use alphaswap_shaders::Shader;

use super::planes::{FrameParams, Planes};
use crate::error::{Error, Result};
use crate::frame::{FrameInfo, FrameView};
use crate::gpu::{BufferRange, Context, Dispatch};
use crate::path::letterbox::Border;
use crate::path::window::Window;

/// A frame on the GPU.
#[derive(Debug)]
pub struct FrameBuffer {
    /// How the planes are packed.
    pub planes: Planes,
    /// The packed planes.
    pub codes: BufferRange,
    /// One word: not 0 once a face was painted into the frame.
    pub painted: BufferRange,
    pub(super) params: BufferRange,
}

/// An affine map in a buffer: six floats (x axis, y axis, shift) from word `word` on.
#[derive(Clone, Copy, Debug)]
pub struct Map<'a> {
    /// The buffer.
    pub buffer: &'a BufferRange,
    /// Its first word that belongs to the map.
    pub word: u32,
}

/// Square planar RGB to be written, f32 `[3, side, side]`: what is stored is `rgb * gain + bias`.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// The buffer.
    pub buffer: &'a BufferRange,
    /// Columns and rows.
    pub side: usize,
    /// Factor.
    pub gain: f32,
    /// Summand.
    pub bias: f32,
}

impl<'a> Picture<'a> {
    /// RGB in 0 to 1.
    pub const fn unit(buffer: &'a BufferRange, side: usize) -> Self {
        Self { buffer, side, gain: 1.0, bias: 0.0 }
    }

    fn constants(&self) -> Vec<(&'static str, f64)> {
        vec![("SIDE", self.side as f64), ("GAIN", self.gain.into()), ("BIAS", self.bias.into())]
    }
}

impl FrameBuffer {
    /// Plans for frames like `info`.
    ///
    /// # Errors
    /// [`Error::Device`] when the adapter cannot bind a buffer of that size.
    pub fn new(ctx: &Context, info: FrameInfo) -> Result<Self> {
        let planes = Planes::new(info);
        let most = ctx.device.limits().max_storage_buffer_binding_size;
        if planes.size() > most {
            let (name, size) = (info.format.name(), planes.size());
            let text = format!("a {}x{} {name} picture has {size} bytes", info.width, info.height);
            return Err(Error::Device(format!(
                "{text}; this GPU takes at most {most}: use the CPU or a smaller picture"
            )));
        }
        let codes = ctx.storage("planes", planes.size());
        let painted = ctx.storage("painted", 4);
        Ok(Self { codes, painted, params: ctx.uniform("frame", &FrameParams::default()), planes })
    }

    /// Hands `frame`, of the planned size and format, to the next submission.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub fn upload(&self, ctx: &Context, frame: &FrameView<'_>, strength: f32) -> Result<()> {
        debug_assert_eq!(frame.info, self.planes.info());
        ctx.check()?;
        ctx.write(&self.params, &[self.planes.params(strength)]);
        ctx.write(&self.painted, &[0u32]);
        ctx.fill(&self.codes, 0, self.codes.size as usize, |put| self.planes.pack(frame, put));
        ctx.check()
    }

    /// The frame seen through `frame_from_out`.
    pub fn warp(&self, ctx: &Context, frame_from_out: Map<'_>, border: Border, out: Picture<'_>) -> Dispatch {
        let mut constants = out.constants();
        constants.push(("REPEAT", if border == Border::Repeat { 1.0 } else { 0.0 }));
        constants.push(("MAP", frame_from_out.word.into()));
        let buffers = [&self.params, &self.codes, frame_from_out.buffer, out.buffer];
        over(ctx, &shaders::WARP, &constants, &buffers, [out.side, out.side, 1])
    }

    /// The whole frame in the middle of a black square that is smaller than the frame, by area.
    pub fn letterbox(&self, ctx: &Context, out: Picture<'_>) -> Dispatch {
        let buffers = [&self.params, &self.codes, out.buffer];
        over(ctx, &shaders::LETTERBOX, &out.constants(), &buffers, [out.side, out.side, 1])
    }

    /// Pastes `canvas` (planar RGB `[3, side, side]`) into the frame where `mask` (`[side, side]`) is above zero.
    /// Nothing happens when word `gate` of `canvas_from_frame`'s buffer is below .5.
    pub fn blend(
        &self,
        ctx: &Context,
        canvas_from_frame: Map<'_>,
        gate: u32,
        [canvas, mask]: [&BufferRange; 2],
        side: usize,
    ) -> Dispatch {
        let constants = [("SIDE", side as f64), ("MAP", canvas_from_frame.word.into()), ("GATE", gate.into())];
        let buffers = [&self.params, &self.codes, canvas_from_frame.buffer, canvas, mask, &self.painted];
        let [words, rows] = self.planes.words();
        over(ctx, &shaders::BLEND, &constants, &buffers, [words as usize, rows as usize, 1])
    }
}

/// Means over a generator's window of `canvas` (`[3, side, side]`) into `out` (`[3, height, width]`).
pub fn window_read(ctx: &Context, window: &Window, side: usize, canvas: &BufferRange, out: &BufferRange) -> Dispatch {
    let [width, height] = window.size;
    over(ctx, &shaders::WINDOW_READ, &constants_of(window, side), &[canvas, out], [width, height, 3])
}

/// What a generator `made` (`[3, height, width]`) onto `canvas` (`[3, side, side]`), in place. With `seen`, the guide
/// that the network was given, the difference is added; without it the picture replaces the canvas.
pub fn window_write(
    ctx: &Context,
    window: &Window,
    side: usize,
    (made, seen): (&BufferRange, Option<&BufferRange>),
    canvas: &BufferRange,
) -> Dispatch {
    let mut constants = constants_of(window, side);
    constants.push(("GUIDED", if seen.is_some() { 1.0 } else { 0.0 }));
    let buffers = [made, seen.unwrap_or(made), canvas];
    over(ctx, &shaders::WINDOW_WRITE, &constants, &buffers, [side, side, 3])
}

fn constants_of(window: &Window, side: usize) -> Vec<(&'static str, f64)> {
    let Window { ratio, start: [left, top], size: [width, height] } = *window;
    let names = ["SIDE", "RATIO", "LEFT", "TOP", "WIDTH", "HEIGHT"];
    names.into_iter().zip([side, ratio, left, top, width, height].map(|v| v as f64)).collect()
}

/// A dispatch of enough workgroups for one invocation per element of `size`.
pub(super) fn over(
    ctx: &Context,
    shader: &'static Shader,
    constants: &[(&'static str, f64)],
    buffers: &[&BufferRange],
    size: [usize; 3],
) -> Dispatch {
    let kernel = ctx.kernel(shader, constants);
    let groups = std::array::from_fn(|i| (size[i] as u32).div_ceil(shader.workgroup_size[i]));
    ctx.dispatch(&kernel, buffers, groups)
}
