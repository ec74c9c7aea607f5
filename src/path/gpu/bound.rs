//! What is bound to a frame's size and format.

use super::image::{FrameBuffer, Map, Picture};
use super::mark::{MarkBuffers, Marker};
use super::slot::{Slot, mesh_ports};
use crate::detect;
use crate::engine::gpu::Net;
use crate::error::{Error, Result};
use crate::frame::FrameInfo;
use crate::gpu::{BufferRange, Context, Dispatch};
use crate::path::LANDMARK_SIDE;
use crate::path::letterbox::{Border, letterbox_map};

/// The frame on the device and everything that reads or writes it.
#[derive(Debug)]
pub struct Bound {
    /// The frame.
    pub frame: FrameBuffer,
    /// Frame to detector input.
    pub letterbox: Dispatch,
    /// Frame to landmark-net input, outside of a swap.
    pub region: Dispatch,
    /// The map that `region` reads.
    pub region_map: BufferRange,
    /// Marks the frame.
    pub marker: Marker,
    /// Faces so far.
    pub slots: Vec<Slot>,
}

impl Bound {
    /// Plans for frames like `info`; the detector wants -1 to 1.
    ///
    /// # Errors
    /// [`Error::Device`] when the frame is too large for the device, [`Error::Model`] when a network lacks a port.
    pub fn new(ctx: &Context, info: FrameInfo, [detector, landmarks]: [&Net; 2], marks: &MarkBuffers) -> Result<Self> {
        let frame = FrameBuffer::new(ctx, info)?;
        let input = detector.input_buffer("input").ok_or_else(|| Error::model("detector", "it has no input"))?;
        let picture = Picture { buffer: input, side: detect::SIDE, gain: 2.0, bias: -1.0 };
        let letterbox = if info.width.max(info.height) > detect::SIDE {
            frame.letterbox(ctx, picture)
        } else {
            let map = ctx.constant("letterbox", &letterbox_map(&info, detect::SIDE).to_cols_array());
            frame.warp(ctx, Map { buffer: &map, word: 0 }, Border::Black, picture)
        };
        let region_map = ctx.storage("region", 24);
        let [input, ..] = mesh_ports(landmarks)?;
        let map = Map { buffer: &region_map, word: 0 };
        let region = frame.warp(ctx, map, Border::Black, Picture::unit(input, LANDMARK_SIDE));
        let marker = Marker::new(ctx, &frame, marks);
        Ok(Self { frame, letterbox, region, region_map, marker, slots: Vec::new() })
    }
}
