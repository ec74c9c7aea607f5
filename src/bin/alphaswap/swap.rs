//! `alphaswap swap`: a recorded video or a picture in, the same with another face out.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use gst::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};

use crate::contact_sheet::Sheet;
use crate::container::Container;
use crate::filter::Progress;
use crate::manifest::{self, ManifestArgs, Signing};
use crate::media::{self, Playing};
use crate::options::SwapperArgs;
use crate::output::Pending;
use crate::{interrupt, picture, transcode};

/// A file all of whose streams end this much before its announced end was cut.
const CUT: Duration = Duration::from_millis(500);

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
    /// Quality of the encoded video, 0 (best, largest) to 51.
    #[arg(long, value_name = "0..51", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=51))]
    quality: u32,
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    swapper: SwapperArgs,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    media::check_input(&args.input)?;
    let same = |a: &Path, b: &Path| a.canonicalize().ok().is_some_and(|a| b.canonicalize().is_ok_and(|b| a == b));
    if same(&args.input, &args.output) {
        bail!("{}: is input and output at once; name another output", args.output.display());
    }
    if picture::is_picture(&args.input)? {
        if args.contact_sheet.is_some() {
            bail!("--contact-sheet shows moments of a video; {} is a picture", args.input.display());
        }
        return picture::swap(&args.input, &args.output, args.overwrite, &args.swapper, &args.manifest);
    }
    let container = Container::of(&args.output)?;
    media::init()?;
    let pending = Pending::new(&args.output, args.overwrite)?;
    let others = [&*args.input, &*args.output, &*args.swapper.source];
    let sheet = args.contact_sheet.as_deref().map(|sheet| Sheet::new(sheet, args.overwrite, &others)).transpose()?;
    let signing = args.manifest.signing()?;
    let beside = manifest::beside(&args.output, &args.input, args.overwrite, signing.is_some())?;
    let (swapper, identity) = args.swapper.pipeline()?;
    let payload = swapper.payload();
    interrupt::watch()?;
    let progress = Arc::new(Progress::default());
    let start = Instant::now();
    let pipeline = transcode::build(&args.input, pending.path(), container, args.quality, swapper, &progress)?;
    let end = play(args, pipeline, &progress)?;
    if progress.frames() == 0 {
        bail!("{}: not one frame could be decoded; nothing was written", args.input.display());
    }
    let sign = |s: Signing| s.sign([pending.path(), &args.output, &args.input], &identity, payload);
    let manifest = signing.filter(|_| progress.marked()).map_or(Ok(None), sign)?;
    if interrupt::pressed() {
        return Err(interrupt::Interrupted.into());
    }
    pending.commit()?;
    beside.map_or(Ok(()), |beside| beside.commit(manifest))?;
    summary(args, &progress, start.elapsed());
    if let (Some(sheet), Some(path)) = (sheet, &args.contact_sheet) {
        sheet.write(&args.input, &args.output, progress.end())?;
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

/// How a stream ended.
enum End {
    Complete,
    Cut { expected: Duration },
}

/// Plays to the end and shows progress.
fn play(args: &Args, pipeline: gst::Pipeline, progress: &Progress) -> Result<End> {
    let input = |e: anyhow::Error| e.context(args.input.display().to_string());
    let bus = pipeline.bus().context("a pipeline without a bus")?;
    let playing = Playing::start(pipeline).map_err(|e| input(progress.take_failure().unwrap_or(e)))?;
    let bar = bar();
    let start = Instant::now();
    let mut expected = Duration::ZERO;
    loop {
        let message = bus.timed_pop_filtered(media::TICK, &[gst::MessageType::Error, gst::MessageType::Eos]);
        progress.take_warnings().iter().for_each(|w| bar.suspend(|| eprintln!("warning: {w}")));
        if let Some(failure) = progress.take_failure() {
            return Err(input(failure));
        }
        if interrupt::pressed() {
            return Err(interrupt::Interrupted.into());
        }
        expected = expected.max(playing.duration().unwrap_or_default());
        show(&bar, progress, expected, start.elapsed());
        match message.as_ref().map(|m| m.view()) {
            Some(gst::MessageView::Error(error)) if media::is_output(error) => {
                return Err(media::bus_error(error).context(format!("cannot write {}", args.output.display())));
            }
            Some(gst::MessageView::Error(error)) => return Err(input(media::bus_error(error))),
            Some(gst::MessageView::Eos(_)) => break,
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
        eprintln!("warning: no face was found in any frame; the picture is as before, only encoded anew");
    }
}
