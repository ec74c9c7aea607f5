//! The swap inside a GStreamer pipeline: a probe that changes each buffer in place, so that its timestamps stay.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alphaswap::frame::FrameViewMut;
use alphaswap::marks::LABEL;
use alphaswap::marks::badge::HIDDEN;
use alphaswap::{Pipeline, Report};
use anyhow::{Context, Result};
use gst::prelude::*;
use gst_video::{VideoFrameExt, VideoFrameRef, VideoInfo};

use crate::media;

/// What the streaming thread tells the thread that waits.
#[derive(Default)]
pub struct Progress {
    frames: AtomicU64,
    frames_swapped: AtomicU64,
    /// Whether a frame was marked, and the muxer told so.
    announced: AtomicBool,
    end_ms: AtomicU64,
    input_end_ms: AtomicU64,
    failure: Mutex<Option<anyhow::Error>>,
    warnings: Mutex<Vec<String>>,
}

impl Progress {
    /// Frames that went through.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Frames in which at least one face was swapped.
    pub fn frames_swapped(&self) -> u64 {
        self.frames_swapped.load(Ordering::Relaxed)
    }

    /// Whether a frame was marked as synthetic.
    pub fn marked(&self) -> bool {
        self.announced.load(Ordering::Relaxed)
    }

    /// Running time at the end of the last frame.
    pub fn end(&self) -> Duration {
        Duration::from_millis(self.end_ms.load(Ordering::Relaxed))
    }

    /// Running time at the latest end of all streams of the input, sound and subtitles too.
    pub fn input_end(&self) -> Duration {
        self.end().max(Duration::from_millis(self.input_end_ms.load(Ordering::Relaxed)))
    }

    /// The error that stopped the stream, once.
    pub fn take_failure(&self) -> Option<anyhow::Error> {
        self.failure.lock().map_or(None, |mut f| f.take())
    }

    /// Keeps the first reason why the stream cannot go on.
    pub fn fail(&self, error: anyhow::Error) {
        if let Ok(mut failure) = self.failure.lock() {
            failure.get_or_insert(error);
        }
    }

    /// Warnings since the last call.
    pub fn take_warnings(&self) -> Vec<String> {
        self.warnings.lock().map_or(Vec::new(), |mut w| std::mem::take(&mut *w))
    }

    /// Keeps something the user should know.
    pub fn warn(&self, text: impl Into<String>) {
        if let Ok(mut warnings) = self.warnings.lock() {
            warnings.push(text.into());
        }
    }

    fn count(&self, report: Report, end: Option<gst::ClockTime>) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.frames_swapped.fetch_add(u64::from(report.faces.iter().any(|f| f.swapped)), Ordering::Relaxed);
        if let Some(end) = end {
            self.end_ms.fetch_max(end.mseconds(), Ordering::Relaxed);
        }
        report.warning.into_iter().for_each(|w| self.warn(w));
    }
}

/// Swaps in every buffer that leaves `pad`, whose caps are raw video in a format of the library. Before the first marked
/// frame downstream is told, and `muxer`, which would keep only the first comment that it hears of.
pub fn attach(pad: &gst::Pad, swapper: Pipeline, progress: Arc<Progress>, muxer: Option<gst::TagSetter>) {
    // Only the streaming thread ever locks it; a probe must be shareable.
    let swapper = Mutex::new(swapper);
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_FLUSH, move |pad, info| {
        let Ok(mut swapper) = swapper.lock() else { return gst::PadProbeReturn::Drop };
        let Some(buffer) = info.buffer_mut() else {
            swapper.reset();
            return gst::PadProbeReturn::Ok;
        };
        match swap_buffer(pad, buffer.make_mut(), &mut swapper, &progress) {
            Ok(false) => {}
            Ok(true) => {
                pad.push_event(tags());
                muxer.iter().for_each(|muxer| muxer.add_tag::<gst::tags::Comment>(&LABEL, gst::TagMergeMode::Append));
            }
            Err(error) => {
                progress.fail(error);
                info.flow_res = Err(gst::FlowError::Error);
                return gst::PadProbeReturn::Handled;
            }
        }
        gst::PadProbeReturn::Ok
    });
}

fn running_time(pad: &gst::Pad, time: Option<gst::ClockTime>) -> Option<gst::ClockTime> {
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    segment.segment().downcast_ref::<gst::ClockTime>()?.to_running_time(time)
}

/// What files say of themselves in which a face was swapped: MP4 and QuickTime keep keywords, Matroska comments.
fn tags() -> gst::Event {
    let mut tags = gst::TagList::new();
    if let Some(list) = tags.get_mut() {
        list.add::<gst::tags::Keywords>(&LABEL, gst::TagMergeMode::Append);
        list.add::<gst::tags::Comment>(&LABEL, gst::TagMergeMode::Append);
    }
    gst::event::Tag::new(tags)
}

/// Notes how far the stream of `pad`, of any kind, goes.
pub fn watch_end(pad: &gst::Pad, progress: Arc<Progress>) {
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some(buffer) = info.buffer()
            && let Some(start) = running_time(pad, buffer.pts())
        {
            progress
                .input_end_ms
                .fetch_max((start + buffer.duration().unwrap_or_default()).mseconds(), Ordering::Relaxed);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Says whether this is the first marked frame.
fn swap_buffer(
    pad: &gst::Pad,
    buffer: &mut gst::BufferRef,
    swapper: &mut Pipeline,
    progress: &Progress,
) -> Result<bool> {
    let caps = pad.current_caps().context("a frame came before its caps")?;
    let video = VideoInfo::from_caps(&caps)?;
    let info = media::frame_info(&video)?;
    let (start, duration) = (running_time(pad, buffer.pts()), buffer.duration());
    let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, &video).context("a frame cannot be written")?;
    let mut strides = [0; 3];
    strides.iter_mut().zip(frame.plane_stride()).for_each(|(s, p)| *s = (*p).max(0) as usize);
    let [a, b, c, _] = frame.planes_data_mut();
    let mut view = FrameViewMut::new(info, [a, b, c], strides)?;
    let report = swapper.process(&mut view, start.map(Duration::from))?;
    let first = report.marked.is_some() && !progress.announced.swap(true, Ordering::Relaxed);
    if first && !report.badged {
        progress.warn(HIDDEN);
    }
    progress.count(report, start.map(|s| s + duration.unwrap_or_default()));
    Ok(first)
}
