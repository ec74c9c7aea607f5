//! GStreamer's caps and buffers in the library's words.

use alphaswap::frame::{ColorSpace, FrameInfo, FrameView, FrameViewMut, Matrix, PixelFormat, Range};
use alphaswap::{Error, Result};
use gst::prelude::*;
use gst_video::{VideoColorMatrix, VideoColorRange, VideoFrameExt, VideoInfo};

/// The caps that the filter takes on both pads: every format and every size the library takes.
pub(crate) fn caps() -> gst::Caps {
    let side = gst::IntRange::new(*FrameInfo::SIDE.start() as i32, *FrameInfo::SIDE.end() as i32);
    gst_video::VideoCapsBuilder::new()
        .format_list(PixelFormat::ALL.map(|f| gst_video::VideoFormat::from_string(f.name())))
        .width_range(side.min()..=side.max())
        .height_range(side.min()..=side.max())
        .build()
}

/// Size, format and colour of the frames that `info` describes.
///
/// # Errors
/// [`Error::Frame`] for interlaced video and for a format that the library does not take.
pub(crate) fn frame_info(info: &VideoInfo) -> Result<FrameInfo> {
    if info.is_interlaced() {
        let mode = info.interlace_mode().to_str();
        return Err(Error::Frame(format!(
            "interlaced video (interlace-mode={mode}) cannot be swapped: put `deinterlace` before this element"
        )));
    }
    let name = info.format().to_str();
    let Some(format) = PixelFormat::from_name(name) else {
        return Err(Error::Frame(format!("the pixel format {name} is not supported: put `videoconvert` before")));
    };
    let (width, height) = (info.width() as usize, info.height() as usize);
    Ok(FrameInfo { format, width, height, color: color_space(info) })
}

/// Colorimetry of the caps. FCC's weights are BT.601's to the second digit, SMPTE 240M's are BT.709's. Caps without
/// colorimetry were completed by GStreamer: BT.601 up to 576 rows, else BT.709; limited range.
fn color_space(info: &VideoInfo) -> ColorSpace {
    let colorimetry = info.colorimetry();
    let matrix = match colorimetry.matrix() {
        VideoColorMatrix::Bt601 | VideoColorMatrix::Fcc => Matrix::Bt601,
        VideoColorMatrix::Bt2020 => Matrix::Bt2020,
        _ => Matrix::Bt709,
    };
    let range = match colorimetry.range() {
        VideoColorRange::Range0_255 => Range::Full,
        _ => Range::Limited,
    };
    ColorSpace { matrix, range }
}

/// Maps `buffer` for reading and writing (strides and offsets from its `GstVideoMeta` if it has one) and hands it to
/// `work`.
///
/// # Errors
/// [`Error::Frame`] when the buffer does not hold the picture that the caps promise, else what `work` returned.
pub(crate) fn with_frame<T>(
    buffer: &mut gst::BufferRef,
    video: &VideoInfo,
    info: FrameInfo,
    work: impl FnOnce(&mut FrameViewMut<'_>) -> Result<T>,
) -> Result<T> {
    let bytes = buffer.size();
    let mut frame =
        gst_video::VideoFrameRef::from_buffer_ref_writable(buffer, video).map_err(|e| unmapped(bytes, &e))?;
    let strides = check_planes(&frame, info, bytes)?;
    let [a, b, c, _] = frame.planes_data_mut();
    work(&mut FrameViewMut::new(info, [a, b, c], strides)?)
}

/// As [`with_frame`], for reading only.
pub(crate) fn with_view<T>(
    buffer: &gst::BufferRef,
    video: &VideoInfo,
    info: FrameInfo,
    work: impl FnOnce(&FrameView<'_>) -> Result<T>,
) -> Result<T> {
    let bytes = buffer.size();
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, video).map_err(|e| unmapped(bytes, &e))?;
    let strides = check_planes(&frame, info, bytes)?;
    let [a, b, c, _] = frame.planes_data();
    work(&FrameView::new(info, [a, b, c], strides)?)
}

fn unmapped(bytes: usize, why: &gst::glib::BoolError) -> Error {
    Error::Frame(format!("the buffer of {bytes} bytes cannot be mapped: {why}"))
}

/// Time from one frame to the next at `rate`. Frames without a rate are taken for 25 a second: a live pipeline that is
/// told of no latency would be late with every frame.
pub(crate) fn duration(rate: gst::Fraction) -> gst::ClockTime {
    let (numerator, denominator) = if rate.numer() > 0 { (rate.numer(), rate.denom()) } else { (25, 1) };
    let one = |n: i32| u64::from(n.unsigned_abs());
    gst::ClockTime::SECOND.mul_div_ceil(one(denominator), one(numerator)).unwrap_or_default()
}

/// Strides of the planes, once it is sure that each plane ends inside the buffer: a `GstVideoMeta` may claim anything.
fn check_planes<T: gst_video::video_frame::IsVideoFrame>(
    frame: &T,
    info: FrameInfo,
    bytes: usize,
) -> Result<[usize; 3]> {
    let mut strides = [0; 3];
    if (frame.width() as usize, frame.height() as usize) != (info.width, info.height) {
        return Err(Error::Frame("the buffer's GstVideoMeta has another size than the caps".into()));
    }
    for (plane, slot) in strides.iter_mut().enumerate().take(info.format.planes()) {
        let (row, rows) = info.format.plane_size(plane, info.width, info.height);
        let (Some(&stride), Some(&offset)) = (frame.plane_stride().get(plane), frame.plane_offset().get(plane)) else {
            return Err(Error::Frame("the buffer's GstVideoMeta has fewer planes than the caps".into()));
        };
        *slot = usize::try_from(stride).unwrap_or(0);
        let end = slot.checked_mul(rows - 1).and_then(|last_row| last_row.checked_add(offset)?.checked_add(row));
        if *slot < row || end.is_none_or(|end| end > bytes) {
            return Err(Error::Frame(format!(
                "plane {plane} with a stride of {stride} does not fit the buffer of {bytes} bytes"
            )));
        }
    }
    Ok(strides)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gst_video::VideoFormat;
    use std::str::FromStr;

    fn info_of(caps: &str) -> Result<FrameInfo> {
        gst::init().unwrap();
        let caps = gst::Caps::from_str(caps).unwrap();
        frame_info(&VideoInfo::from_caps(&caps).unwrap())
    }

    #[test]
    fn colorimetry_is_honoured() {
        let yuv = "video/x-raw,format=I420,width=64,height=64,framerate=30/1";
        let cases = [
            ("bt601", Matrix::Bt601, Range::Limited),
            ("bt709", Matrix::Bt709, Range::Limited),
            ("bt2020", Matrix::Bt2020, Range::Limited),
            ("1:4:0:0", Matrix::Bt601, Range::Full),
            ("1:3:5:1", Matrix::Bt709, Range::Full),
        ];
        for (name, matrix, range) in cases {
            let info = info_of(&format!("{yuv},colorimetry=(string){name}")).unwrap();
            assert_eq!(info.color, ColorSpace { matrix, range }, "{name}");
        }
    }

    #[test]
    fn colorimetry_left_out_follows_the_height() {
        let info = |h| info_of(&format!("video/x-raw,format=NV12,width=64,height={h},framerate=30/1")).unwrap();
        assert_eq!(info(480).color.matrix, Matrix::Bt601);
        assert_eq!(info(720).color.matrix, Matrix::Bt709);
    }

    #[test]
    fn every_format_has_the_same_name() {
        for format in PixelFormat::ALL {
            assert_ne!(VideoFormat::from_string(format.name()), VideoFormat::Unknown, "{}", format.name());
        }
    }

    #[test]
    fn interlaced_is_refused_with_advice() {
        let caps = "video/x-raw,format=I420,width=64,height=64,framerate=30/1,interlace-mode=interleaved";
        let message = info_of(caps).unwrap_err().to_string();
        assert!(message.contains("interleaved") && message.contains("deinterlace"), "{message}");
    }
}
