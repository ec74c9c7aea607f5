//! Sends a picture through the element from a program's own memory and back into it.
//!
//! ```sh
//! cargo run --release --example appsrc_appsink -- photo.jpg me.alphaface swapped.png
//! ```
//! The pipeline is `appsrc ! alphaswap ! appsink`: frames are pushed as they come (from a camera library, a network, a
//! game engine) and pulled as soon as they are done. Statistics and warnings come over the pipeline's bus.

use anyhow::{Context, Result, anyhow, bail};
use gst::prelude::*;

/// Frames to send; the picture stands still, so a few are enough.
const FRAMES: u64 = 30;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, identity, output] = args.as_slice() else {
        bail!("usage: appsrc_appsink PICTURE IDENTITY.alphaface OUTPUT.png");
    };
    gst::init()?;
    // A program links the plugin in; without this line GStreamer looks for the installed one.
    gstalphaswap::plugin_register_static()?;

    let picture = image::open(input).with_context(|| format!("cannot read {input}"))?.to_rgb8();
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::Rgb, picture.width(), picture.height())
        .fps(gst::Fraction::new(30, 1))
        .build()?;
    let source = gst_app::AppSrc::builder().caps(&info.to_caps()?).format(gst::Format::Time).build();
    let filter = gst::ElementFactory::make("alphaswap").property("source", identity).build()?;
    let sink = gst_app::AppSink::builder().sync(false).build();
    let pipeline = gst::Pipeline::new();
    let elements = [source.upcast_ref(), &filter, sink.upcast_ref::<gst::Element>()];
    pipeline.add_many(elements)?;
    gst::Element::link_many(elements)?;

    let result = swap(&pipeline, &source, &sink, &picture, &info);
    println!("{}: {}", filter.property::<String>("adapter"), filter.property::<gst::Structure>("stats"));
    pipeline.set_state(gst::State::Null)?;
    result?.save(output).with_context(|| format!("cannot write {output}"))
}

/// Pushes the picture [`FRAMES`] times and returns the last frame that came back.
fn swap(
    pipeline: &gst::Pipeline,
    source: &gst_app::AppSrc,
    sink: &gst_app::AppSink,
    picture: &image::RgbImage,
    info: &gst_video::VideoInfo,
) -> Result<image::RgbImage> {
    let failed = || bus_error(pipeline);
    pipeline.set_state(gst::State::Playing).map_err(|_| failed())?;
    let mut last = None;
    for frame in 0..FRAMES {
        source.push_buffer(to_buffer(picture, info, frame)?).map_err(|_| failed())?;
        last = Some(sink.pull_sample().map_err(|_| failed())?);
    }
    source.end_of_stream()?;
    let sample = last.context("no frame came back")?;
    from_buffer(sample.buffer().context("a sample without a buffer")?, info)
}

/// A buffer that holds the picture row by row, each in the stride that GStreamer expects.
fn to_buffer(picture: &image::RgbImage, info: &gst_video::VideoInfo, frame: u64) -> Result<gst::Buffer> {
    let mut buffer = gst::Buffer::with_size(info.size())?;
    {
        let writable = buffer.get_mut().context("a new buffer is writable")?;
        writable.set_pts(gst::ClockTime::SECOND * frame / 30);
        writable.set_duration(gst::ClockTime::SECOND / 30);
        let mut map = writable.map_writable()?;
        let (row, stride) = (picture.width() as usize * 3, info.stride()[0] as usize);
        for (to, from) in map.chunks_mut(stride).zip(picture.chunks_exact(row)) {
            to[..row].copy_from_slice(from);
        }
    }
    Ok(buffer)
}

fn from_buffer(buffer: &gst::BufferRef, info: &gst_video::VideoInfo) -> Result<image::RgbImage> {
    let map = buffer.map_readable()?;
    let (row, stride) = (info.width() as usize * 3, info.stride()[0] as usize);
    let bytes = map.chunks(stride).flat_map(|r| &r[..row]).copied().collect();
    image::RgbImage::from_raw(info.width(), info.height(), bytes).context("the frame is too small")
}

/// What the pipeline said was wrong.
fn bus_error(pipeline: &gst::Pipeline) -> anyhow::Error {
    let message = pipeline.bus().and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
    match message.as_ref().map(|m| m.view()) {
        Some(gst::MessageView::Error(e)) => anyhow!("{}", e.error()),
        _ => anyhow!("the pipeline stopped without saying why"),
    }
}
