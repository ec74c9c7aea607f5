//! `alphaswap live`: a camera (or a test picture) to a window or to a virtual camera.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use alphaswap::settings::Look;
use anyhow::{Context, Result, anyhow, bail};
use gst::prelude::*;

use crate::filter::{self, Progress};
use crate::interrupt;
use crate::media::{self, Playing};
use crate::options::SwapperArgs;

/// How to make a virtual camera, for people who have none yet.
const LOOPBACK: &str = "make a virtual camera first (Debian: apt install v4l2loopback-dkms), then: \
    sudo modprobe v4l2loopback video_nr=10 card_label=alphaswap exclusive_caps=1, \
    and give --to /dev/video10; choose `alphaswap` as the camera in your call";

/// Swap the faces of a camera live.
///
/// Shows the result in a window, or with --to writes it to a v4l2loopback device that other programs use as a camera.
/// Frames that come too fast for this machine are dropped, so that the picture does not lag. Ctrl-C ends it.
#[derive(clap::Args)]
pub struct Args {
    /// Camera device, for example /dev/video0; the first camera found if left out.
    #[arg(long, value_name = "DEVICE", conflicts_with = "test")]
    camera: Option<PathBuf>,
    /// A moving test picture without a face instead of a camera, to try the way out.
    #[arg(long)]
    test: bool,
    /// v4l2loopback device to write to, for example /dev/video10, instead of a window.
    #[arg(long, value_name = "DEVICE")]
    to: Option<PathBuf>,
    /// Size of the picture asked of the camera.
    #[arg(long, value_name = "WxH", default_value = "1280x720", value_parser = size)]
    size: (i32, i32),
    /// Stop after this many frames.
    #[arg(long, value_name = "N")]
    frames: Option<u64>,
    /// Show nothing anywhere: to measure. The last line says how many frames went through, how fast, and how many were
    /// dropped.
    #[arg(long, conflicts_with = "to")]
    no_window: bool,
    #[command(flatten)]
    swapper: SwapperArgs,
}

/// Parses `1280x720`.
pub fn size(text: &str) -> Result<(i32, i32), String> {
    let parse = || {
        let (w, h) = text.split_once('x')?;
        Some((w.parse().ok()?, h.parse().ok()?))
    };
    match parse() {
        Some((w, h)) if (16..=8192).contains(&w) && (16..=8192).contains(&h) => Ok((w, h)),
        _ => Err("expected WIDTHxHEIGHT, 16 to 8192 each".into()),
    }
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    if let Some(device) = &args.to {
        check_loopback(device)?;
    }
    media::init()?;
    let source = source(args)?;
    let sink = sink(args)?;
    let swapper = args.swapper.pipeline(Look::default().detect_interval)?.0;
    interrupt::watch()?;
    let progress = Arc::new(Progress::default());
    let pipeline = gst::Pipeline::new();
    let (convert_in, format, queue, convert_out, format_out) = (
        media::make("videoconvert")?,
        media::make("capsfilter")?,
        media::make("queue")?,
        media::make("videoconvert")?,
        media::make("capsfilter")?,
    );
    let (width, height) = args.size;
    let wanted = gst_video::VideoCapsBuilder::new().format(gst_video::VideoFormat::I420).width(width).height(height);
    format.set_property("caps", wanted.build());
    if args.to.is_some() {
        // What most programs expect of a camera.
        format_out
            .set_property("caps", gst_video::VideoCapsBuilder::new().format(gst_video::VideoFormat::Yuy2).build());
    }
    queue.set_property("max-size-buffers", 1u32);
    queue.set_property_from_str("leaky", "downstream");
    let elements = [&source, &convert_in, &format, &queue, &convert_out, &format_out, &sink];
    pipeline.add_many(elements)?;
    gst::Element::link_many(elements).with_context(|| format!("the camera has no picture of {width}x{height}"))?;
    filter::attach(&queue.static_pad("src").context("a queue without an end")?, swapper, progress.clone(), None);
    let (dropped, start) = (count_dropped(&queue), Instant::now());
    watch(args, pipeline, &progress)?;
    let (frames, seconds) = (progress.frames(), start.elapsed().as_secs_f64());
    let (fps, dropped) = (frames as f64 / seconds, dropped.load(Ordering::Relaxed));
    let swapped = progress.frames_swapped();
    eprintln!(
        "{frames} frames in {seconds:.1} s, {swapped} with a swapped face: {fps:.1} fps; {dropped} dropped, as they came \
         too fast"
    );
    Ok(())
}

/// Counts the frames that a leaky queue of one frame throws away: one each time it is full.
fn count_dropped(queue: &gst::Element) -> Arc<AtomicU64> {
    let dropped = Arc::new(AtomicU64::new(0));
    let counter = dropped.clone();
    queue.connect("overrun", false, move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        None
    });
    dropped
}

fn source(args: &Args) -> Result<gst::Element> {
    if args.test {
        let source = media::make("videotestsrc")?;
        source.set_property("is-live", true);
        source.set_property_from_str("pattern", "ball");
        return Ok(source);
    }
    let Some(device) = &args.camera else {
        let any = std::fs::read_dir("/dev")
            .is_ok_and(|mut d| d.any(|e| e.is_ok_and(|e| e.file_name().to_string_lossy().starts_with("video"))));
        if cfg!(target_os = "linux") && !any {
            bail!("no camera found (there is no /dev/video*); plug one in, or try --test");
        }
        return media::make("autovideosrc");
    };
    if !device.exists() {
        bail!("{}: there is no such camera; `ls /dev/video*` lists them", device.display());
    }
    let source = media::make("v4l2src")?;
    source.set_property("device", device.to_string_lossy().as_ref());
    Ok(source)
}

fn sink(args: &Args) -> Result<gst::Element> {
    if args.no_window {
        return media::make("fakesink");
    }
    let Some(device) = &args.to else {
        // Without a screen some of the window elements that are tried crash instead of failing.
        let screen = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|v| std::env::var_os(v).is_some_and(|v| !v.is_empty()));
        if cfg!(target_os = "linux") && !screen {
            bail!("no window can be opened: this session has no screen (DISPLAY, WAYLAND_DISPLAY); use --to DEVICE");
        }
        // With a screen that does not answer, `autovideosink` tries this one at last, which crashes.
        gst::ElementFactory::find("dfbvideosink").iter().for_each(|factory| factory.set_rank(gst::Rank::NONE));
        let sink = media::make("autovideosink")?;
        sink.set_property("sync", false);
        return Ok(sink);
    };
    let sink = media::make("v4l2sink")?;
    sink.set_property("device", device.to_string_lossy().as_ref());
    sink.set_property("sync", false);
    Ok(sink)
}

fn check_loopback(device: &Path) -> Result<()> {
    if !device.exists() {
        bail!("{}: there is no such device; {LOOPBACK}", device.display());
    }
    if !device.starts_with("/dev/") {
        bail!("{}: is no video device; {LOOPBACK}", device.display());
    }
    Ok(())
}

/// Waits until the user, the stream or an error ends it; says once in five seconds how fast it is.
fn watch(args: &Args, pipeline: gst::Pipeline, progress: &Progress) -> Result<()> {
    let explain = |error: anyhow::Error| match &args.to {
        Some(device) => error.context(format!("{} cannot be written to; {LOOPBACK}", device.display())),
        None => error,
    };
    let bus = pipeline.bus().context("a pipeline without a bus")?;
    let _playing = Playing::start(pipeline).map_err(explain)?;
    let (mut since, mut frames) = (Instant::now(), 0);
    while !interrupt::pressed() && args.frames.is_none_or(|n| progress.frames() < n) {
        let message = bus.timed_pop_filtered(media::TICK, &[gst::MessageType::Error, gst::MessageType::Eos]);
        progress.take_warnings().iter().for_each(|w| eprintln!("warning: {w}"));
        if let Some(failure) = progress.take_failure() {
            return Err(failure);
        }
        match message.as_ref().map(|m| m.view()) {
            Some(gst::MessageView::Error(error)) => return Err(stopped(args, error, explain)),
            Some(gst::MessageView::Eos(_)) => break,
            _ => {}
        }
        if since.elapsed() >= Duration::from_secs(5) {
            let fps = (progress.frames() - frames) as f64 / since.elapsed().as_secs_f64();
            eprintln!("{fps:.1} fps");
            (since, frames) = (Instant::now(), progress.frames());
        }
    }
    Ok(())
}

fn stopped(
    args: &Args,
    error: &gst::message::Error,
    explain: impl Fn(anyhow::Error) -> anyhow::Error,
) -> anyhow::Error {
    let name = error.src().map(|s| s.name().to_string()).unwrap_or_default();
    let reason = media::bus_error(error);
    match (name.contains("sink"), name.contains("src")) {
        (true, _) if args.to.is_some() => explain(reason),
        (true, _) => anyhow!("no window can be opened ({reason}); on a machine without a screen use --to DEVICE"),
        (_, true) => anyhow!("the camera cannot be used ({reason}); choose one with --camera, or try --test"),
        _ => reason,
    }
}
