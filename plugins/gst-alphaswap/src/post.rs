//! Messages on the bus. A message that nobody takes is no error.

use gst_base::prelude::*;

use crate::element::AlphaSwap;
use crate::error::Code;

/// Posts a WARNING.
pub(crate) fn warning(element: &AlphaSwap, code: Code, text: &str) {
    let _ = element.post_message(gst::message::Warning::builder_from_error(code.warning(text)).src(element).build());
}

/// Posts an element message.
pub(crate) fn element(element: &AlphaSwap, structure: gst::Structure) {
    let _ = element.post_message(gst::message::Element::builder(structure).src(element).build());
}

/// Posts that the latency has changed.
pub(crate) fn latency(element: &AlphaSwap) {
    let _ = element.post_message(gst::message::Latency::builder().src(element).build());
}

/// A frame that was not swapped because downstream reported it as late.
pub(crate) struct Late {
    /// The frame's running time.
    pub running_time: Option<gst::ClockTime>,
    /// Nanoseconds by which it is late.
    pub late: i64,
    /// Speed of downstream relative to real time.
    pub proportion: f64,
    /// Frames since start, and those of them that were late.
    pub counts: (u64, u64),
}

/// Posts a QOS message about `buffer`.
pub(crate) fn late(element: &AlphaSwap, buffer: &gst::BufferRef, frame: Late) {
    /// GStreamer's value for "nothing was taken away from the quality".
    const FULL_QUALITY: i32 = 1_000_000;
    let segment = element.segment();
    let stream_time = segment.downcast_ref::<gst::ClockTime>().and_then(|s| s.to_stream_time(buffer.pts()));
    let (processed, dropped) = frame.counts;
    let message = gst::message::Qos::builder(false)
        .running_time(frame.running_time)
        .stream_time(stream_time)
        .timestamp(buffer.pts())
        .duration(buffer.duration())
        .values(frame.late, frame.proportion, FULL_QUALITY)
        .stats(gst::format::Buffers::from_u64(processed), gst::format::Buffers::from_u64(dropped));
    let _ = element.post_message(message.src(element).build());
}
