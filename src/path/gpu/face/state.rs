//! What host and device tell each other of a face (shaders/shared/face.wgsl).

use glam::{Affine2, Vec2, Vec3};

use super::cell;
use crate::align::canvas_side;
use crate::face::{POINTS, Pose};
use crate::guide::Options;
use crate::path::{FaceJob, FaceOutcome, PRESENCE};

/// Declares a `#[repr(C)]` struct without padding and the offsets of its members.
macro_rules! head {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
        pub struct $name { $($(#[$about])* pub $field: $ty,)* }

        impl $name {
            /// Names and byte offsets of the members, for the test that compares them with WGSL.
            pub const OFFSETS: &[(&str, usize)] = &[$((stringify!($field), std::mem::offset_of!($name, $field))),*];
        }
    };
}

head! {
    /// The beginning of WGSL's `FaceInput`; the filter's history follows. The kernel `follow` writes region and history
    /// of a face that is carried over from a frame in flight.
    FaceInput {
        /// The map from landmark-net input pixels to frame pixels: first column,
        region_x: [f32; 2],
        /// second column,
        region_y: [f32; 2],
        /// and shift.
        region_origin: [f32; 2],
        /// Seconds since the history was made, 0 without one.
        elapsed_secs: f32,
        /// 0 none to 1 strongest.
        smoothing: f32,
        /// Side of the crop in pixels.
        crop: u32,
        /// Side of the canvas in pixels.
        side: u32,
        /// Which of a candidate's levels fits this canvas.
        level: u32,
        /// Width of the hull mask's soft edge in canvas pixels.
        feather: f32,
        /// How much of the identity's shape is taken over, 0 to 1.
        shape: f32,
        /// How much of the identity's open eyes is shown, 0 to 1.
        eyes: f32,
        /// Presence logit from which the face is painted.
        least_presence: f32,
        /// Side of a cell of the light's grid in canvas pixels.
        cell: u32,
    }
}

head! {
    /// The beginning of WGSL's `Face`; `raw`, `smoothed` and `speed` follow, then what the host does not read.
    FaceHead {
        /// 1 when the face is painted, else 0.
        gate: f32,
        /// The landmark network's belief, 0 to 1.
        presence: f32,
        /// Degrees.
        yaw: f32,
        /// Degrees.
        pitch: f32,
        /// Degrees.
        roll: f32,
        /// Canvas pixels per cm of the canonical head.
        scale: f32,
        /// How much of the identity's right and left eye is shown.
        eye_shares: [f32; 2],
        /// The map from frame to canvas pixels: first column,
        canvas_from_frame_x: [f32; 2],
        /// second column,
        canvas_from_frame_y: [f32; 2],
        /// and shift.
        canvas_from_frame_origin: [f32; 2],
        /// Its inverse: first column,
        frame_from_canvas_x: [f32; 2],
        /// second column,
        frame_from_canvas_y: [f32; 2],
        /// and shift.
        frame_from_canvas_origin: [f32; 2],
        /// The part of the canvas that the guide is made on: first column and row, columns, rows.
        window: [u32; 4],
        /// The chosen candidates.
        candidates: [u32; 2],
        /// Their weights.
        candidate_weights: [f32; 2],
        /// Their photos' levels: first texel, side, bits of the scale from the photo's own pixels, 0.
        levels: [[u32; 4]; 2],
        /// Canonical axes to camera axes, columns.
        rotation: [[f32; 4]; 3],
    }
}

/// How a face is put on this frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Side of the crop in pixels, one of the sizes that the buffers were made for.
    pub crop: usize,
    /// Landmark smoothing, 0 to 1.
    pub smoothing: f32,
    /// Width of the hull mask's soft edge as a fraction of the crop's side.
    pub feather: f32,
    /// Choices of the guide.
    pub options: Options,
}

impl FaceInput {
    /// What the device must know of `job`; `level` is the place of the crop among the planned sizes.
    pub(super) fn new(job: &FaceJob<'_>, placement: &Placement, level: usize) -> Self {
        let Placement { crop, smoothing, feather, options } = *placement;
        let region = job.frame_from_region;
        Self {
            region_x: region.matrix2.x_axis.into(),
            region_y: region.matrix2.y_axis.into(),
            region_origin: region.translation.into(),
            elapsed_secs: if job.history.is_some() { job.elapsed_secs } else { 0.0 },
            smoothing,
            crop: crop as u32,
            side: canvas_side(crop) as u32,
            level: level as u32,
            feather: feather * crop as f32,
            shape: options.shape,
            eyes: options.eyes,
            least_presence: (PRESENCE / (1.0 - PRESENCE)).ln(),
            cell: cell(crop) as u32,
        }
    }
}

impl FaceHead {
    /// Bytes of a `[POINTS]` array of WGSL's `Face`.
    pub(super) const ARRAY: usize = POINTS * 16;
    /// Bytes of `Face` that [`Self::outcome`] needs.
    pub const READBACK: usize = size_of::<Self>() + 3 * Self::ARRAY;

    /// Reads the first [`Self::READBACK`] bytes of `Face` into `out`.
    pub fn outcome(bytes: &[u8], out: &mut FaceOutcome) {
        let head = Self::read(bytes);
        let (_, arrays) = bytes.split_at(size_of::<Self>());
        let FaceOutcome { reading, smoothed, .. } = out;
        let into = [&mut reading.landmarks.0, &mut smoothed.landmarks.0, &mut smoothed.speed];
        into.into_iter().zip(arrays.chunks_exact(Self::ARRAY)).for_each(|(out, array)| read_points(array, out));
        reading.presence = head.presence;
        out.pose = Pose { yaw: head.yaw, pitch: head.pitch, roll: head.roll };
        out.swapped = head.gate > 0.5;
    }

    /// Reads the beginning of `Face`.
    pub fn read(bytes: &[u8]) -> Self {
        bytemuck::pod_read_unaligned(&bytes[..size_of::<Self>()])
    }

    /// Frame pixels to canvas pixels.
    pub fn canvas_from_frame(&self) -> Affine2 {
        let [x, y, origin] =
            [self.canvas_from_frame_x, self.canvas_from_frame_y, self.canvas_from_frame_origin].map(Vec2::from);
        Affine2::from_cols(x, y, origin)
    }
}

/// The first three of each four numbers.
fn read_points(bytes: &[u8], out: &mut Vec<Vec3>) {
    let point = |b: &[u8]| Vec3::from(bytemuck::pod_read_unaligned::<[f32; 3]>(&b[..12]));
    out.clear();
    out.extend(bytes.chunks_exact(16).map(point));
}
