//! Video files as pictures, for enrolling, measuring and verifying.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use gst::prelude::*;
use gst_video::{VideoFrameExt, VideoFrameRef, VideoInfo};
use image::RgbImage;

use crate::interrupt::{self, Interrupted};
use crate::media::{self, Playing, color};

/// A decoded frame.
type Frame<'a> = VideoFrameRef<&'a gst::BufferRef>;

/// Calls `take` with pictures of the video at `path`, one for each `every`, until it breaks or the video ends. They are
/// scaled to `size` if given, with black borders where their shape is another.
pub fn pictures(
    path: &Path,
    every: Duration,
    size: Option<(u32, u32)>,
    mut take: impl FnMut(RgbImage) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let each = |frame: &Frame<'_>, _| take(picture(frame)?);
    samples(&media::uri(path)?, gst_video::VideoFormat::Rgb, every, size, each, |_| {})
        .with_context(|| path.display().to_string())
}

/// Calls `take` with the luma codes of pictures of the video at `uri`, one for each `every`: columns, rows, bytes from
/// row to row, and when it is shown. Hands each text of the stream's tags to `tag`.
pub fn luma(
    uri: &str,
    every: Duration,
    mut take: impl FnMut(&[u8], [usize; 3], Duration) -> Result<ControlFlow<()>>,
    mut tag: impl FnMut(&str),
) -> Result<()> {
    let each = |frame: &Frame<'_>, time| {
        let size = [frame.width() as usize, frame.height() as usize, frame.plane_stride()[0] as usize];
        take(frame.plane_data(0)?, size, time)
    };
    samples(uri, gst_video::VideoFormat::Gray8, every, None, each, |tags| {
        tags.iter().filter_map(|(_, value)| value.get::<String>().ok()).for_each(|text| tag(&text));
    })
}

/// Calls `take` with the first frame of each `every`, all if that is zero, until it breaks or the video ends.
fn samples(
    uri: &str,
    format: gst_video::VideoFormat,
    every: Duration,
    size: Option<(u32, u32)>,
    mut take: impl FnMut(&Frame<'_>, Duration) -> Result<ControlFlow<()>>,
    mut tags: impl FnMut(&gst::TagListRef),
) -> Result<()> {
    let (pipeline, sink) = build(uri, format, size)?;
    let bus = pipeline.bus().context("a pipeline without a bus")?;
    let mut playing = Playing::start(pipeline)?;
    let (mut next, mut came) = (Duration::ZERO, false);
    // Each time around, as no stream promises to end or to get on.
    while !interrupt::pressed() {
        if let Some(sample) = sink.try_pull_sample(media::TICK) {
            came = true;
            let buffer = sample.buffer().context("a frame without pixels")?;
            let time = running_time(&sample).unwrap_or(next);
            if time >= next {
                next = following(time, every);
                let info = VideoInfo::from_caps(sample.caps().context("no caps")?)?;
                let frame = VideoFrameRef::from_buffer_ref_readable(buffer, &info).context("a frame cannot be read")?;
                if take(&frame, time)?.is_break() {
                    return Ok(());
                }
            }
        } else if let Some(message) = bus.pop_filtered(&[gst::MessageType::Error, gst::MessageType::Tag]) {
            match message.view() {
                gst::MessageView::Error(error) => return Err(failure(error)),
                gst::MessageView::Tag(message) => tags(&message.tags()),
                _ => {}
            }
        } else if sink.is_eos() {
            drop(playing);
            return Ok(());
        } else if !came && playing.is_lost() {
            return Err(anyhow!(media::DAMAGED));
        }
    }
    Err(Interrupted.into())
}

/// Why there are no (more) pictures. Sound alone is said to miss a plug-in: none makes pictures of it.
fn failure(error: &gst::message::Error) -> anyhow::Error {
    let missing = error.debug().filter(|text| text.contains("no suitable plugins"));
    match missing {
        Some(text) if !text.contains("(video/") && !text.contains("(image/") => anyhow!(media::NO_VIDEO),
        _ => media::input_error(error),
    }
}

/// When a sample is shown, from the start of the video on: timestamps alone count from anywhere.
fn running_time(sample: &gst::Sample) -> Option<Duration> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    segment.to_running_time(sample.buffer()?.pts()).map(Duration::from)
}

/// The first whole number of `step` after `time`.
fn following(time: Duration, step: Duration) -> Duration {
    match step.as_nanos() {
        0 => time,
        step => Duration::from_nanos(((time.as_nanos() / step + 1) * step) as u64),
    }
}

fn build(
    uri: &str,
    format: gst_video::VideoFormat,
    size: Option<(u32, u32)>,
) -> Result<(gst::Pipeline, gst_app::AppSink)> {
    let pipeline = gst::Pipeline::new();
    color::trust_streams(&pipeline);
    let (source, convert, scale, flip) = (
        media::make("uridecodebin")?,
        media::make("videoconvert")?,
        media::make("videoscale")?,
        media::make("videoflip")?,
    );
    source.set_property("uri", uri);
    source.set_property("caps", gst::Caps::new_empty_simple("video/x-raw"));
    flip.set_property_from_str("video-direction", "auto");
    let mut caps = gst_video::VideoCapsBuilder::new().format(format);
    if let Some((width, height)) = size {
        // Square pixels, lest the scaler squeezes the picture and says so.
        caps = caps.width(width as i32).height(height as i32).pixel_aspect_ratio(gst::Fraction::new(1, 1));
    }
    let sink = gst_app::AppSink::builder().caps(&caps.build()).sync(false).max_buffers(2).build();
    pipeline.add_many([&source, &convert, &scale, &flip, sink.upcast_ref()])?;
    gst::Element::link_many([&convert, &flip, &scale, sink.upcast_ref()])?;
    let start = convert.static_pad("sink").context("a converter without a start")?;
    color::settle(&start);
    source.connect_pad_added(move |_, pad| {
        // Further video streams stay unlinked.
        if !start.is_linked() {
            let _ = pad.link(&start);
        }
    });
    Ok((pipeline, sink))
}

fn picture(frame: &Frame<'_>) -> Result<RgbImage> {
    let (stride, row) = (frame.plane_stride()[0] as usize, frame.width() as usize * 3);
    let rows = frame.plane_data(0)?.chunks(stride).take(frame.height() as usize);
    let pixels = rows.flat_map(|r| &r[..row]).copied().collect();
    RgbImage::from_raw(frame.width(), frame.height(), pixels).ok_or_else(|| anyhow!("a frame is too short"))
}
