//! The pipeline of `swap`: parse, decode the video, swap in place, encode; sound and subtitles go around untouched.
//!
//! ```text
//! filesrc ! parsebin --video--> multiqueue ! decodebin ! deinterlace ! videoconvert ! I420 ! videoflip ! queue ! [swap]
//!                   |                                                         queue ! encoder ! muxer ! filesink
//!                   '--others-> multiqueue ! (parser | decodebin ! ... ! encoder) --------------^
//! ```

mod chapters;
mod subtitles;

use std::path::Path;
use std::sync::{Arc, Mutex};

use alphaswap::Pipeline;
use anyhow::{Context, Result, anyhow};
use gst::prelude::*;

use crate::container::{self, Container};
use crate::filter::{self, Progress};
use crate::media::{self, color};

/// Everything that the branches need while they are linked.
struct Plan {
    pipeline: gst::glib::WeakRef<gst::Pipeline>,
    queues: gst::Element,
    muxer: gst::Element,
    container: &'static Container,
    quality: u32,
    swapper: Option<Pipeline>,
    progress: Arc<Progress>,
}

/// Builds the pipeline that turns `input` into `output`.
pub fn build(
    input: &Path,
    output: &Path,
    container: &'static Container,
    quality: u32,
    swapper: Pipeline,
    progress: &Arc<Progress>,
) -> Result<gst::Pipeline> {
    let pipeline = gst::Pipeline::new();
    color::trust_streams(&pipeline);
    chapters::warn_of_file(input, progress);
    let (source, parser) = (media::make("filesrc")?, media::make("parsebin")?);
    let (queues, muxer, sink) = (media::make("multiqueue")?, container.muxer()?, media::make("filesink")?);
    source.set_property("location", input);
    sink.set_property("location", output);
    // A queue may hold more buffers while another is empty, which encoders that look ahead and badly interleaved files
    // need; bytes are the hard limit, and time would be another one.
    queues.set_property("max-size-buffers", 64u32);
    queues.set_property("max-size-bytes", 256u32 << 20);
    queues.set_property("max-size-time", 0u64);
    pipeline.add_many([&source, &parser, &queues, &muxer, &sink])?;
    source.link(&parser)?;
    muxer.link(&sink)?;
    let plan = Plan {
        pipeline: pipeline.downgrade(),
        queues,
        muxer,
        container,
        quality,
        swapper: Some(swapper),
        progress: progress.clone(),
    };
    connect(&parser, plan);
    Ok(pipeline)
}

/// Links all streams at once, before data flows: muxers want to know their streams first. `parsebin` shows all its
/// pads before it lets data through any of them, so the first thing that arrives at one of them is the sign.
fn connect(parser: &gst::Element, plan: Plan) {
    let progress = plan.progress.clone();
    let plan = Arc::new(Mutex::new(Some(plan)));
    parser.connect_pad_added(move |parser, pad| {
        filter::watch_end(pad, progress.clone());
        let (plan, progress, parser) = (plan.clone(), progress.clone(), parser.downgrade());
        pad.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, move |_, _| {
            // Held while linking, so that no other stream gets ahead.
            let Ok(mut plan) = plan.lock() else { return gst::PadProbeReturn::Remove };
            if let (Some(mut plan), Some(parser)) = (plan.take(), parser.upgrade()) {
                plan.link_all(&parser).unwrap_or_else(|error| progress.fail(error));
            }
            gst::PadProbeReturn::Remove
        });
    });
}

impl Plan {
    fn link_all(&mut self, parser: &gst::Element) -> Result<()> {
        let mut pads = parser.src_pads();
        // The video comes first: it is the muxer's main stream.
        pads.sort_by_key(|pad| !is_video(&caps_of(pad)));
        for pad in pads {
            let caps = caps_of(&pad);
            match (is_video(&caps), self.swapper.take()) {
                (true, Some(swapper)) => self.link_video(&pad, swapper)?,
                (false, Some(_)) => break,
                (_, None) => self.link_other(&pad, &caps)?,
            }
        }
        let linked = parser.src_pads().iter().any(|pad| pad.is_linked());
        if linked { Ok(()) } else { Err(anyhow!(media::NO_VIDEO)) }
    }

    /// Adds elements, linked one after the other, and starts them.
    fn chain(&self, elements: &[&gst::Element]) -> Result<()> {
        let pipeline = self.pipeline.upgrade().context("the pipeline is gone")?;
        pipeline.add_many(elements)?;
        gst::Element::link_many(elements)?;
        elements.iter().try_for_each(|e| e.sync_state_with_parent())?;
        Ok(())
    }

    /// Puts a queue behind `pad` and returns its end.
    fn queued(&self, pad: &gst::Pad) -> Result<gst::Pad> {
        let sink = self.queues.request_pad_simple("sink_%u").context("no queue")?;
        let source = sink.iterate_internal_links().next().ok().flatten().context("a queue without an end")?;
        pad.link(&sink)?;
        Ok(source)
    }

    fn link_video(&self, pad: &gst::Pad, swapper: Pipeline) -> Result<()> {
        let format = media::make("capsfilter")?;
        format.set_property("caps", gst_video::VideoCapsBuilder::new().format(gst_video::VideoFormat::I420).build());
        let (deinterlace, convert, flip) =
            (media::make("deinterlace")?, media::make("videoconvert")?, media::make("videoflip")?);
        // One picture per frame, not per field: the frame rate stays. Progressive video passes untouched.
        deinterlace.set_property_from_str("fields", "top");
        // Phones store pictures lying down and say so in a tag.
        flip.set_property_from_str("video-direction", "auto");
        let (before, after) = (short_queue()?, short_queue()?);
        let encoder = self.container.video_encoder(self.quality)?;
        self.chain(&[&deinterlace, &convert, &format, &flip, &before, &after, &encoder])?;
        color::settle(&deinterlace.static_pad("sink").context("an element without a start")?);
        chapters::warn_of_stream(pad, self.container, self.progress.clone());
        let swap_pad = before.static_pad("src").context("a queue without an end")?;
        filter::attach(&swap_pad, swapper, self.progress.clone(), self.muxer.clone().dynamic_cast().ok());
        self.link_to_muxer(&encoder)?;
        self.decode(pad, &deinterlace)
    }

    fn link_to_muxer(&self, encoder: &gst::Element) -> Result<()> {
        let source = encoder.static_pad("src").context("an encoder without an end")?;
        let sink = container::request_pad(&self.muxer, &source.query_caps(None))
            .with_context(|| format!("{} does not fit {}", encoder.name(), self.container.name))?;
        source.link(&sink)?;
        Ok(())
    }

    /// Decodes the stream of `pad` into `next`.
    fn decode(&self, pad: &gst::Pad, next: &gst::Element) -> Result<()> {
        let decoder = media::make("decodebin")?;
        let sink = next.static_pad("sink").context("an element without a start")?;
        let progress = self.progress.clone();
        decoder.connect_pad_added(move |_, pad| {
            if !sink.is_linked() && pad.link(&sink).is_err() {
                progress.fail(anyhow!("a stream of the input cannot be decoded"));
            }
        });
        self.chain(&[&decoder])?;
        self.queued(pad)?.link(&decoder.static_pad("sink").context("a decoder without a start")?)?;
        Ok(())
    }

    /// Sound and subtitles: as they are where the container takes them.
    fn link_other(&self, pad: &gst::Pad, caps: &gst::Caps) -> Result<()> {
        let name = caps.structure(0).map(|s| s.name().to_string()).unwrap_or_default();
        let sound = name.starts_with("audio/");
        let direct = match is_video(caps) {
            true => None,
            false if subtitles::is_markup(caps) => Some(subtitles::plain_caps()),
            false => Some(container::without_framing(caps)),
        };
        if let Some(sink) = direct.and_then(|caps| container::request_pad(&self.muxer, &caps)) {
            return self.pass(pad, caps, &sink);
        }
        if !sound {
            let reason = match is_video(caps) {
                true => "only the first video is kept".into(),
                false => format!("{} cannot hold it", self.container.name),
            };
            self.progress.warn(format!("a further stream ({name}) is left out: {reason}"));
            let sink = media::make("fakesink")?;
            // Nobody waits for a stream whose first piece comes late.
            sink.set_property("async", false);
            self.chain(&[&sink])?;
            pad.link(&sink.static_pad("sink").context("a sink without a start")?)?;
            return Ok(());
        }
        let encoder = self.container.audio_encoder()?;
        let codec = encoder.factory().map(|f| f.name().to_string()).unwrap_or_default();
        self.progress.warn(format!("{} cannot hold the sound ({name}): encoded anew by {codec}", self.container.name));
        let (convert, resample) = (media::make("audioconvert")?, media::make("audioresample")?);
        self.chain(&[&convert, &resample, &encoder])?;
        self.link_to_muxer(&encoder)?;
        self.decode(pad, &convert)
    }

    fn pass(&self, pad: &gst::Pad, caps: &gst::Caps, sink: &gst::Pad) -> Result<()> {
        let source = self.queued(pad)?;
        let between = match container::audio_parser(caps) {
            Some(parser) => media::make(parser)?,
            None if subtitles::is_markup(caps) => subtitles::to_plain(self.container.is_matroska())?,
            None => {
                source.link(sink)?;
                return Ok(());
            }
        };
        self.chain(&[&between])?;
        between.static_pad("src").context("an element without an end")?.link(sink)?;
        source.link(&between.static_pad("sink").context("an element without a start")?)?;
        Ok(())
    }
}

fn short_queue() -> Result<gst::Element> {
    let queue = media::make("queue")?;
    queue.set_property("max-size-buffers", 3u32);
    queue.set_property("max-size-bytes", 0u32);
    queue.set_property("max-size-time", 0u64);
    Ok(queue)
}

fn caps_of(pad: &gst::Pad) -> gst::Caps {
    pad.current_caps().unwrap_or_else(|| pad.query_caps(None))
}

fn is_video(caps: &gst::Caps) -> bool {
    caps.structure(0).is_some_and(|s| s.name().starts_with("video/") || s.name().starts_with("image/"))
}
