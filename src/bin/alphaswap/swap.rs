//! `alphaswap swap`: a recorded video or a picture in, the same with another face out.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use alphaswap::settings::Look;
use anyhow::{Context, Result, anyhow, bail};
use gst::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};

use crate::contact_sheet::Sheet;
use crate::container::Container;
use crate::filter::Progress;
use crate::manifest::{self, ManifestArgs};
use crate::media::{self, Playing};
use crate::options::SwapperArgs;
use crate::output::Pending;
use crate::{decode, interrupt, picture, transcode};

/// A file all of whose streams end this much before its announced end was cut.
const CUT: Duration = Duration::from_millis(500);

/// Quality of the encoded video unless the user says otherwise.
const QUALITY: u32 = 20;

/// Swap the faces of a video file or a picture.
///
/// The video is decoded, swapped and encoded again; sound is copied as it is where the new container can hold it, and all
/// timestamps stay. The container follows OUTPUT's extension: .mp4, .m4v, .mov, .mkv, .webm, or
/// .png, .jpg, .webp for a picture. OUTPUT appears under its name only when it is complete. A video that is cut in the
/// middle is written as far as it goes, with exit code 1.
#[derive(clap::Args)]
pub struct Args {
    /// Video or picture to read, in any format that GStreamer reads.
    input: PathBuf,
    /// File to write.
    output: PathBuf,
    /// Also write a picture of twelve moments of the video, before and after.
    #[arg(long, value_name = "PICTURE")]
    contact_sheet: Option<PathBuf>,
    /// Replace OUTPUT, and the contact sheet, if they exist.
    #[arg(long)]
    overwrite: bool,
    #[arg(long, value_name = "0..51", value_parser = clap::value_parser!(u32).range(0..=51),
          help = format!("Quality of the encoded video, 0 (best, largest) to 51 [default: {QUALITY}]"))]
    quality: Option<u32>,
    #[command(flatten)]
    swapper: SwapperArgs,
    #[command(flatten)]
    manifest: ManifestArgs,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    media::check_input(&args.input)?;
    let same = |a: &Path, b: &Path| a.canonicalize().ok().is_some_and(|a| b.canonicalize().is_ok_and(|b| a == b));
    if same(&args.input, &args.output) {
        bail!("{}: is input and output at once; name another output", args.output.display());
    }
    // From here on there are files to clean up.
    interrupt::watch()?;
    if picture::is_picture(&args.input)? {
        return swap_picture(args);
    }
    media::init()?;
    let container = container_of(args)?;
    let pending = Pending::new(&args.output, args.overwrite)?;
    let others = [&*args.input, &*args.output, &*args.swapper.source];
    let sheet = args.contact_sheet.as_deref().map(|sheet| Sheet::new(sheet, args.overwrite, &others)).transpose()?;
    // Asks for the consent first: without it no certificate is made.
    let (swapper, identity) = args.swapper.pipeline(Look::DETECT_INTERVAL_RECORDED)?;
    let signing = args.manifest.signing()?;
    let beside = manifest::beside(&args.output, &args.input, args.overwrite, signing.is_some())?;
    interrupt::check()?;
    let payload = swapper.payload();
    let progress = Arc::new(Progress::default());
    let start = Instant::now();
    let quality = args.quality.unwrap_or(QUALITY);
    let pipeline = transcode::build(&args.input, pending.path(), container, quality, swapper, &progress)?;
    let end = play(args, pipeline, &progress)?;
    if progress.frames() == 0 {
        bail!("{}: is cut short or damaged: not one frame could be decoded; copy it again", args.input.display());
    }
    let signing = signing.filter(|_| progress.marked());
    let sign = |path: &Path, target: &Path| {
        signing.as_ref().map_or(Ok(None), |s| s.sign([path, target, &args.input], &identity, payload))
    };
    let manifest = sign(pending.path(), &args.output)?;
    interrupt::check()?;
    pending.commit()?;
    beside.map_or(Ok(()), |beside| beside.commit(manifest))?;
    summary(args, &progress, start.elapsed());
    if let (Some(sheet), Some(path)) = (sheet, &args.contact_sheet) {
        let payload = progress.marked().then_some(payload);
        let sign = |drawn: &Path| sign(drawn, path).map(drop);
        sheet.write([&args.input, &args.output], progress.end(), payload, sign)?;
        eprintln!("wrote {}", path.display());
    }
    match end {
        End::Complete => Ok(()),
        End::Cut { expected } => bail!(
            "{}: cut in the middle: it ends after {:.1} s of {:.1} s; what there was is in {}",
            args.input.display(),
            progress.input_end().as_secs_f64(),
            expected.as_secs_f64(),
            args.output.display()
        ),
    }
}

/// Swaps a picture, for which some options mean nothing.
fn swap_picture(args: &Args) -> Result<()> {
    let input = args.input.display();
    if args.contact_sheet.is_some() {
        bail!("--contact-sheet shows moments of a video; {input} is a picture");
    }
    if args.quality.is_some() {
        eprintln!("warning: --quality is for videos and is not used: {input} is a picture");
    }
    picture::swap(&args.input, &args.output, args.overwrite, &args.swapper, &args.manifest)
}

/// The container that OUTPUT's name asks for. If it asks for none, the input is looked at: it may be what is wrong.
fn container_of(args: &Args) -> Result<&'static Container> {
    Container::of(&args.output).or_else(|error| {
        decode::pictures(&args.input, Duration::ZERO, None, |_| Ok(ControlFlow::Break(())))?;
        Err(error.context(format!("{} is a video", args.input.display())))
    })
}

/// How a stream ended.
enum End {
    Complete,
    Cut { expected: Duration },
}

/// Plays to the end and shows progress.
fn play(args: &Args, pipeline: gst::Pipeline, progress: &Progress) -> Result<End> {
    let input = |e: anyhow::Error| e.context(args.input.display().to_string());
    let bus = pipeline.bus().context("a pipeline without a bus")?;
    let mut playing = Playing::start(pipeline).map_err(|e| input(progress.take_failure().unwrap_or(e)))?;
    let bar = bar();
    let start = Instant::now();
    let mut expected = Duration::ZERO;
    loop {
        let message = bus.timed_pop_filtered(media::TICK, &[gst::MessageType::Error, gst::MessageType::Eos]);
        progress.take_warnings().iter().for_each(|w| bar.suspend(|| eprintln!("warning: {w}")));
        if let Some(failure) = progress.take_failure() {
            return Err(input(failure));
        }
        interrupt::check()?;
        expected = expected.max(playing.duration().unwrap_or_default());
        show(&bar, progress, expected, start.elapsed());
        match message.as_ref().map(|m| m.view()) {
            Some(gst::MessageView::Error(error)) if media::is_output(error) => {
                return Err(media::bus_error(error).context(format!("cannot write {}", args.output.display())));
            }
            Some(gst::MessageView::Error(error)) => return Err(input(media::input_error(error))),
            Some(gst::MessageView::Eos(_)) => break,
            _ if progress.frames() == 0 && playing.is_lost() => return Err(input(anyhow!(media::DAMAGED))),
            _ => {}
        }
    }
    bar.finish_and_clear();
    let cut = expected > progress.input_end() + CUT.max(expected / 50);
    Ok(if cut { End::Cut { expected } } else { End::Complete })
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  ETA {eta}");
    ProgressBar::new(1).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, progress: &Progress, expected: Duration, elapsed: Duration) {
    bar.set_length(expected.max(progress.end()).as_millis() as u64);
    bar.set_position(progress.end().as_millis() as u64);
    bar.set_message(format!("{:.1} fps", progress.frames() as f64 / elapsed.as_secs_f64().max(1e-3)));
}

fn summary(args: &Args, progress: &Progress, elapsed: Duration) {
    let (frames, faces) = (progress.frames(), progress.frames_swapped());
    let fps = frames as f64 / elapsed.as_secs_f64().max(1e-3);
    eprintln!("wrote {}: {frames} frames, {faces} with a swapped face, {fps:.1} fps", args.output.display());
    if faces == 0 {
        eprintln!(
            "warning: no face was found in any frame, or --strength is 0; the picture is as before, only encoded anew"
        );
    }
}
