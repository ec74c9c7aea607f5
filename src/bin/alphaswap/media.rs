//! Small helpers around GStreamer.

pub mod color;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alphaswap::frame::{ColorSpace, FrameInfo, Matrix, PixelFormat, Range};
use alphaswap::identity::Identity;
use anyhow::{Context, Result, anyhow, bail};
use gst::prelude::*;
use gst_video::{VideoColorMatrix, VideoColorRange, VideoInfo};

/// How often waiting loops look at the interrupt flag and the progress.
pub const TICK: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// Debian packages that hold the elements we use beyond the base plugins.
const PACKAGES: [(&str, &str); 6] = [
    ("x264enc", "gstreamer1.0-plugins-ugly"),
    ("openh264enc", "gstreamer1.0-plugins-bad"),
    ("avenc_aac", "gstreamer1.0-libav"),
    ("parsebin", "gstreamer1.0-plugins-base"),
    ("autovideosink", "gstreamer1.0-plugins-good"),
    ("v4l2src", "gstreamer1.0-plugins-good"),
];

/// What is said of inputs that have none.
pub const NO_VIDEO: &str = "there is no video in it; name a file that has one";

/// What is said of inputs whose end or middle is missing.
pub const DAMAGED: &str = "is cut short or damaged; copy it again from where it came";

/// What is said of inputs that are something else, or of which too little is left to see what they were.
const NEITHER: &str = "is neither a video nor a picture that can be read; name one, such as an .mp4 or a .jpg";

/// Starts GStreamer.
pub fn init() -> Result<()> {
    gst::init().context("GStreamer cannot start")
}

/// An element, or a message that says where to get it.
pub fn make(factory: &str) -> Result<gst::Element> {
    gst::ElementFactory::make(factory).build().map_err(|_| {
        let package = PACKAGES.iter().find(|(f, _)| *f == factory).map_or("gstreamer1.0-plugins-good", |(_, p)| p);
        anyhow!("the GStreamer element `{factory}` is missing; on Debian it is in the package {package}")
    })
}

/// The first of `factories` that is installed.
pub fn make_first(factories: &[&str]) -> Result<gst::Element> {
    let found = factories.iter().find(|f| gst::ElementFactory::find(f).is_some());
    make(found.unwrap_or(&factories[0]))
}

/// Size, format and colour of the frames that these caps describe.
pub fn frame_info(info: &VideoInfo) -> Result<FrameInfo> {
    let name = info.format().to_str();
    let format = PixelFormat::from_name(name).with_context(|| format!("the pixel format {name} is not supported"))?;
    if info.is_interlaced() {
        bail!("the video is interlaced; deinterlace it first");
    }
    let matrix = match info.colorimetry().matrix() {
        VideoColorMatrix::Bt601 | VideoColorMatrix::Fcc => Matrix::Bt601,
        VideoColorMatrix::Bt2020 => Matrix::Bt2020,
        _ => Matrix::Bt709,
    };
    let range = match info.colorimetry().range() {
        VideoColorRange::Range0_255 => Range::Full,
        _ => Range::Limited,
    };
    let (width, height) = (info.width() as usize, info.height() as usize);
    Ok(FrameInfo { format, width, height, color: ColorSpace { matrix, range } })
}

/// What an error message on the bus means to the user, in one line.
pub fn bus_error(error: &gst::message::Error) -> anyhow::Error {
    let glib = error.error();
    if glib.matches(gst::ResourceError::NoSpaceLeft) {
        return anyhow!("the disk is full");
    }
    let text = glib.message().trim_end_matches('.').to_string();
    let source = error.src().map(|s| s.name().to_string()).unwrap_or_default();
    if source.contains("264enc") && text.contains("initialize") {
        return anyhow!("{source}: {text}: H.264 needs an even width and height; .webm takes odd ones");
    }
    // GStreamer's own debug text often holds the operating system's words, at the end of its last line; a last line
    // that is a path only names the element.
    let debug = error.debug().unwrap_or_default();
    let detail = debug.lines().last().and_then(|line| line.rsplit(": ").next()).unwrap_or_default().trim();
    if detail.is_empty() || detail.starts_with('/') || text.contains(detail) {
        return anyhow!("{source}: {text}");
    }
    anyhow!("{source}: {text} ({detail})")
}

/// Why an input cannot be read: what GStreamer's elements say, in the user's words where these are known.
pub fn input_error(error: &gst::message::Error) -> anyhow::Error {
    use gst::StreamError::{Decode, Demux, Failed, TypeNotFound, WrongType};
    let source = error.src().map(|s| s.name().to_string()).unwrap_or_default();
    let is_bin = source.starts_with("decodebin") || source.starts_with("parsebin");
    let damaged = || bus_error(error).context(DAMAGED);
    match error.error().kind::<gst::StreamError>() {
        Some(TypeNotFound) => anyhow!(NEITHER),
        Some(WrongType) if is_bin => anyhow!(NEITHER),
        Some(WrongType | Demux | Decode) => damaged(),
        // None of its streams has anything in it.
        Some(Failed) if is_bin => damaged(),
        _ => bus_error(error),
    }
}

/// Whether an error message came from the end of the pipeline that writes the output.
pub fn is_output(error: &gst::message::Error) -> bool {
    error.src().is_some_and(|s| s.name().starts_with("filesink"))
}

/// A file's URI.
pub fn uri(path: &Path) -> Result<String> {
    let full = path.canonicalize().with_context(|| path.display().to_string())?;
    Ok(gst::glib::filename_to_uri(full, None)?.to_string())
}

/// The file that a URI names, if it names one of this machine.
pub fn path_of(uri: &str) -> Option<PathBuf> {
    gst::glib::filename_from_uri(uri).ok().map(|(path, _)| path)
}

/// Checks that `path` is a file that can be read, and none that GStreamer would take for something else.
pub fn check_input(path: &Path) -> Result<()> {
    let meta = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if meta.is_dir() {
        bail!("{}: is a folder; name a video or a picture in it", path.display());
    }
    let mut head = Vec::new();
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    file.take(9).read_to_end(&mut head).with_context(|| format!("cannot read {}", path.display()))?;
    match head.as_slice() {
        [] => bail!("{}: is empty; copy it again from where it came", path.display()),
        // Its demuxer plays it again and again, without an end.
        [b'G', b'I', b'F', b'8', ..] => bail!(
            "{}: is a GIF, which cannot be read; turn it into an MP4 (ffmpeg -i in.gif -pix_fmt yuv420p out.mp4) \
             or take a still PNG of it",
            path.display()
        ),
        // Safetensors: the length of a header, and its first character.
        [_, _, _, 0, 0, 0, 0, 0, b'{'] => match Identity::open(path) {
            Ok(_) => bail!(
                "{}: is an identity file, no video and no picture; `alphaswap identity show` says what is in it",
                path.display()
            ),
            Err(_) => bail!("{}: is a model or a broken identity file; name a video or a picture", path.display()),
        },
        _ => Ok(()),
    }
}

/// How long all threads may rest before anything has come of an input.
const REST: Duration = Duration::from_secs(10);

/// Stops a pipeline when it goes out of scope, whatever happens.
pub struct Playing {
    pipeline: gst::Pipeline,
    /// Since when all its threads rest.
    rest: Option<Instant>,
}

impl Playing {
    /// Starts `pipeline`.
    pub fn start(pipeline: gst::Pipeline) -> Result<Self> {
        let playing = Self { pipeline, rest: None };
        if playing.pipeline.set_state(gst::State::Playing).is_err() {
            let bus = playing.pipeline.bus().context("a pipeline without a bus")?;
            return Err(match bus.timed_pop_filtered(gst::ClockTime::ZERO, &[gst::MessageType::Error]) {
                Some(message) => match message.view() {
                    gst::MessageView::Error(error) => bus_error(error),
                    _ => anyhow!("the pipeline cannot start"),
                },
                None => anyhow!("the pipeline cannot start"),
            });
        }
        Ok(playing)
    }

    /// How long the stream is, once known.
    pub fn duration(&self) -> Option<Duration> {
        self.pipeline.query_duration::<gst::ClockTime>().map(Duration::from)
    }

    /// Whether no frame will ever come, if none has come so far. `decodebin` and `parsebin` lose what an element says
    /// while they plug it in: a demuxer that gives up at once (half of an MP4) rests without an error and without an end.
    pub fn is_lost(&mut self) -> bool {
        let since = self.is_at_rest().then(|| self.rest.unwrap_or_else(Instant::now));
        self.rest = since;
        since.is_some_and(|since| since.elapsed() > REST)
    }

    /// Whether no element has a thread at work.
    fn is_at_rest(&self) -> bool {
        let at_work = |pad: &gst::Pad| pad.task_state() == gst::TaskState::Started;
        // Elements that come and go while they are counted are at work as well.
        !self.pipeline.iterate_recurse().into_iter().any(|e| e.map_or(true, |e| e.pads().iter().any(at_work)))
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_rest_after_the_end_and_not_before() {
        init().unwrap();
        let play = |text: &str| Playing::start(gst::parse::launch(text).unwrap().downcast().unwrap()).unwrap();
        let [mut endless, ended] = ["fakesrc ! queue ! fakesink", "fakesrc num-buffers=1 ! queue ! fakesink"].map(play);
        let bus = ended.pipeline.bus().unwrap();
        bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &[gst::MessageType::Eos]).unwrap();
        let rests = (0..60_000).any(|_| {
            std::thread::sleep(Duration::from_millis(1));
            ended.is_at_rest()
        });
        assert!(rests);
        assert!(!endless.is_at_rest() && !endless.is_lost());
    }
}
