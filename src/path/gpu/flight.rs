//! A frame that was submitted: where its faces are worked on, and how its results are read.

use std::sync::Arc;

use glam::Vec2;

use super::face::FaceHead;
use super::planes::Planes;
use super::trip::Trip;
use crate::align::canvas_side;
use crate::detect;
use crate::error::{Error, Result};
use crate::frame::{FrameInfo, FrameViewMut};
use crate::gpu::Context;
use crate::path::letterbox::letterbox_map;
use crate::path::{Done, FaceOutcome, StageTimes};

/// The detector's boxes and scores.
pub const DETECTOR_OUTPUTS: [&str; 2] = ["boxes", "scores"];

/// A frame that was submitted. Its results are the detector's outputs, a [`FaceHead`] and what follows it for each
/// face, and the planes; what was not asked for is left out.
#[derive(Debug)]
pub struct Flight {
    /// Brings the results home.
    pub trip: Trip,
    /// Of the frame.
    pub planes: Planes,
    /// Detector score from which on something is a face, if the frame is searched.
    pub threshold: Option<f32>,
    /// By job.
    pub faces: Vec<Place>,
    /// Whether the frame is marked, if one of its faces is painted.
    pub marks: bool,
}

/// Where a face is worked on.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its slot.
    pub slot: usize,
    /// Side of its crop in pixels.
    pub crop: usize,
}

impl Flight {
    /// For a frame like `info`.
    pub fn new(ctx: &Arc<Context>, info: FrameInfo) -> Self {
        let (threshold, faces, marks) = Default::default();
        Self { trip: Trip::new(ctx), planes: Planes::new(info), threshold, faces, marks }
    }

    /// Waits for the results; `boxes` are the sizes of the detector's outputs in bytes.
    pub fn land(
        &mut self,
        boxes: [usize; 2],
        times: &mut StageTimes,
        frame: &mut FrameViewMut<'_>,
        done: &mut Done,
    ) -> Result<()> {
        let Self { trip, planes, threshold, faces, marks } = self;
        if frame.info != planes.info() {
            return Err(Error::Frame("another frame was submitted".into()));
        }
        trip.arrive(times, |bytes| {
            let mut rest = bytes;
            done.detections = threshold.map(|threshold| {
                let ([boxes, scores], after) = two(bytes, boxes);
                rest = after;
                detect::decode(&boxes, &scores, threshold, letterbox_map(&frame.info, detect::SIDE))
            });
            let (heads, codes) = rest.split_at(faces.len() * FaceHead::READBACK);
            let heads = heads.chunks_exact(FaceHead::READBACK);
            let painted = painted_rows(heads.clone().zip(faces.iter().map(|f| f.crop)), frame.info.height);
            done.faces.resize_with(faces.len(), FaceOutcome::default);
            done.faces.iter_mut().zip(heads).for_each(|(out, head)| FaceHead::outcome(head, out));
            done.marked = *marks && done.faces.iter().any(|face| face.swapped);
            planes.unpack(codes, frame, if done.marked { 0..frame.info.height } else { painted });
        })
    }
}

/// The floats of two results of `sizes` bytes at the beginning of `bytes`, and what follows them.
pub fn two(bytes: &[u8], sizes: [usize; 2]) -> ([Vec<f32>; 2], &[u8]) {
    let (first, rest) = bytes.split_at(sizes[0]);
    let (second, rest) = rest.split_at(sizes[1]);
    ([first, second].map(bytemuck::pod_collect_to_vec), rest)
}

/// Frame rows that the painted faces can have changed.
fn painted_rows<'a>(faces: impl Iterator<Item = (&'a [u8], usize)>, height: usize) -> std::ops::Range<usize> {
    let mut rows = height..0;
    for (bytes, crop) in faces {
        let head = FaceHead::read(bytes);
        if head.gate < 0.5 {
            continue;
        }
        let (frame_from_canvas, side) = (head.canvas_from_frame().inverse(), canvas_side(crop) as f32);
        let corners = [Vec2::ZERO, Vec2::new(side, 0.0), Vec2::new(0.0, side), Vec2::splat(side)];
        let ys = corners.map(|c| frame_from_canvas.transform_point2(c).y);
        // Two rows to spare: chroma samples stand between rows. `as` saturates.
        let (lo, hi) = ys.iter().fold((f32::MAX, f32::MIN), |(lo, hi), y| (lo.min(*y), hi.max(*y)));
        rows.start = rows.start.min((lo - 2.0) as usize);
        rows.end = rows.end.max((hi + 3.0) as usize).min(height);
    }
    if rows.start < rows.end { rows } else { 0..0 }
}
