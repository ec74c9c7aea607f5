//! Faces as element messages and as metas on the buffer.

use alphaswap::frame::FrameInfo;
use alphaswap::pipeline::FaceReport;
use gst::ClockTime;

/// A rectangle in frame pixels that lies inside the frame: x, y, width, height.
pub(crate) type Rect = (u32, u32, u32, u32);

/// `bounds` (left, top, right, bottom) in whole pixels, cut at the frame's edges, at least one pixel wide and high.
/// `max` and `min` rather than `clamp`: they turn a NaN into an edge of the frame.
pub(crate) fn rect(bounds: [f32; 4], info: FrameInfo) -> Rect {
    let (width, height) = (info.width as f32, info.height as f32);
    let left = bounds[0].floor().max(0.0).min(width - 1.0);
    let top = bounds[1].floor().max(0.0).min(height - 1.0);
    let right = bounds[2].ceil().max(left + 1.0).min(width);
    let bottom = bounds[3].ceil().max(top + 1.0).min(height);
    (left as u32, top as u32, (right - left) as u32, (bottom - top) as u32)
}

/// The structure of `alphaswap-face-found` or `-lost`.
pub(crate) fn face_structure(name: &str, id: u64, rect: Rect, running_time: Option<ClockTime>) -> gst::Structure {
    gst::Structure::builder(name)
        .field("id", id)
        .field("x", rect.0)
        .field("y", rect.1)
        .field("width", rect.2)
        .field("height", rect.3)
        .field("running-time", running_time)
        .build()
}

/// The structure that says what the user must do whose badge is hidden.
pub(crate) fn badge_hidden(running_time: Option<ClockTime>) -> gst::Structure {
    gst::Structure::builder("alphaswap-badge-hidden")
        .field("text", alphaswap::marks::badge::HIDDEN)
        .field("running-time", running_time)
        .build()
}

/// Puts a region of interest of type `face` on `buffer` for each face; its parameter `alphaswap` holds the track id,
/// presence, head pose in degrees, and whether the face was swapped.
pub(crate) fn attach(buffer: &mut gst::BufferRef, faces: &[FaceReport], info: FrameInfo) {
    for face in faces {
        let mut meta = gst_video::VideoRegionOfInterestMeta::add(buffer, "face", rect(face.bounds, info));
        let param = gst::Structure::builder("alphaswap")
            .field("id", face.id)
            .field("presence", face.presence)
            .field("yaw", face.pose.yaw)
            .field("pitch", face.pose.pitch)
            .field("roll", face.pose.roll)
            .field("swapped", face.swapped);
        meta.add_param(param.build());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alphaswap::face::Pose;
    use alphaswap::frame::{ColorSpace, PixelFormat};

    const INFO: FrameInfo = FrameInfo {
        format: PixelFormat::I420,
        width: 64,
        height: 48,
        color: ColorSpace { matrix: alphaswap::frame::Matrix::Bt601, range: alphaswap::frame::Range::Limited },
    };

    #[test]
    fn rectangles_stay_inside_the_frame() {
        assert_eq!(rect([10.2, 5.9, 20.1, 30.0], INFO), (10, 5, 11, 25));
        assert_eq!(rect([-10.0, -10.0, 100.0, 100.0], INFO), (0, 0, 64, 48));
        assert_eq!(rect([200.0, 200.0, 300.0, 300.0], INFO), (63, 47, 1, 1));
        assert_eq!(rect([f32::NAN; 4], INFO), (0, 0, 1, 1));
    }

    #[test]
    fn a_face_becomes_a_region_of_interest() {
        gst::init().unwrap();
        let pose = Pose { yaw: 12.0, pitch: 0.0, roll: 0.0 };
        let face = FaceReport { id: 7, bounds: [4.0, 4.0, 20.0, 24.0], pose, presence: 0.9, swapped: true };
        let mut buffer = gst::Buffer::with_size(16).unwrap();
        attach(buffer.get_mut().unwrap(), &[face], INFO);
        let meta = buffer.meta::<gst_video::VideoRegionOfInterestMeta>().unwrap();
        assert_eq!((meta.roi_type(), meta.rect()), ("face", (4, 4, 16, 20)));
        let param = meta.param("alphaswap").unwrap();
        assert_eq!((param.get::<u64>("id"), param.get::<f32>("yaw")), (Ok(7), Ok(12.0)));
    }
}
