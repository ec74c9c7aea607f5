//! Which muxer and which codecs belong to a file name's extension.

use std::path::Path;

use anyhow::{Result, bail};
use gst::prelude::*;

use crate::media;

/// A way to write a video file.
#[derive(Debug, PartialEq)]
pub struct Container {
    /// Name for messages.
    pub name: &'static str,
    extensions: &'static [&'static str],
    muxer: &'static str,
    video: &'static [&'static str],
    audio: &'static [&'static str],
}

const H264: &[&str] = &["x264enc", "openh264enc"];
const AAC: &[&str] = &["avenc_aac", "fdkaacenc", "voaacenc"];
const OPUS: &[&str] = &["opusenc", "vorbisenc"];

/// All that can be written.
const CONTAINERS: [Container; 4] = [
    Container { name: "MP4", extensions: &["mp4", "m4v"], muxer: "mp4mux", video: H264, audio: AAC },
    Container { name: "QuickTime", extensions: &["mov"], muxer: "qtmux", video: H264, audio: AAC },
    Container { name: "Matroska", extensions: &["mkv"], muxer: "matroskamux", video: H264, audio: OPUS },
    Container { name: "WebM", extensions: &["webm"], muxer: "webmmux", video: &["vp9enc", "vp8enc"], audio: OPUS },
];

/// All containers that can be written.
pub fn all() -> impl Iterator<Item = &'static Container> {
    CONTAINERS.iter()
}

impl Container {
    /// The container that `path`'s extension stands for.
    pub fn of(path: &Path) -> Result<&'static Self> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let found = CONTAINERS.iter().find(|c| c.extensions.contains(&extension.as_str()));
        let Some(container) = found else {
            bail!("{}: a video can be written as .mp4, .m4v, .mov, .mkv or .webm", path.display());
        };
        Ok(container)
    }

    /// The muxer, set up to keep timestamps.
    pub fn muxer(&self) -> Result<gst::Element> {
        media::make(self.muxer)
    }

    /// Whether it keeps chapters, and tags such as `<i>` in subtitles.
    pub fn is_matroska(&self) -> bool {
        matches!(self.muxer, "matroskamux" | "webmmux")
    }

    /// A video encoder at constant quality; `quality` is 0 (best) to 51, as x264 counts.
    pub fn video_encoder(&self, quality: u32) -> Result<gst::Element> {
        let encoder = media::make_first(self.video)?;
        let name = encoder.factory().map(|f| f.name().to_string()).unwrap_or_default();
        match name.as_str() {
            "x264enc" => {
                encoder.set_property_from_str("pass", "qual");
                encoder.set_property("quantizer", quality.min(50));
                encoder.set_property_from_str("speed-preset", "veryfast");
            }
            "openh264enc" => {
                encoder.set_property_from_str("rate-control", "off");
                encoder.set_property("qp-min", quality);
                encoder.set_property("qp-max", quality);
            }
            _ => {
                // libvpx counts to 63; speed 5 of its real-time mode is what two cores can follow.
                encoder.set_property_from_str("end-usage", "cq");
                encoder.set_property("cq-level", (quality * 63 / 51) as i32);
                encoder.set_property("target-bitrate", 20_000_000);
                encoder.set_property("deadline", 1i64);
                encoder.set_property("cpu-used", 5);
                encoder.set_property("threads", std::thread::available_parallelism().map_or(2, |n| n.get() as i32));
            }
        }
        Ok(encoder)
    }

    /// An encoder for sound that the container cannot hold as it is.
    pub fn audio_encoder(&self) -> Result<gst::Element> {
        media::make_first(self.audio)
    }
}

/// A new sink pad of `muxer` for a stream of `caps`, if it takes any.
pub fn request_pad(muxer: &gst::Element, caps: &gst::Caps) -> Option<gst::Pad> {
    let fits = |t: &gst::PadTemplate| t.direction() == gst::PadDirection::Sink && t.caps().can_intersect(caps);
    let template = muxer.pad_template_list().into_iter().find(fits)?;
    let pad = muxer.request_pad(&template, None, None)?;
    // QuickTime counts time in fractions of a second: 90000 holds all common frame rates and whole milliseconds.
    if template.name_template().starts_with("video") && pad.has_property("trak-timescale") {
        pad.set_property("trak-timescale", 90_000u32);
    }
    Some(pad)
}

/// Caps without the fields that a parser can change.
pub fn without_framing(caps: &gst::Caps) -> gst::Caps {
    let mut caps = caps.to_owned();
    for structure in caps.make_mut().iter_mut() {
        structure.remove_fields(["stream-format", "framed", "parsed", "alignment", "codec_data"]);
    }
    caps
}

/// The parser that brings sound of `caps` into the form that muxers ask for.
pub fn audio_parser(caps: &gst::Caps) -> Option<&'static str> {
    let structure = caps.structure(0)?;
    Some(match structure.name().as_str() {
        "audio/mpeg" if structure.get::<i32>("mpegversion") == Ok(1) => "mpegaudioparse",
        "audio/mpeg" => "aacparse",
        "audio/x-ac3" | "audio/x-eac3" => "ac3parse",
        "audio/x-opus" => "opusparse",
        "audio/x-flac" => "flacparse",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_choose_the_container() {
        for (file, name) in [("a.mp4", "MP4"), ("b.c.MOV", "QuickTime"), ("d.webm", "WebM"), ("e.mkv", "Matroska")] {
            assert_eq!(Container::of(Path::new(file)).unwrap().name, name);
        }
        for file in ["a.avi", "mp4", "noextension"] {
            assert!(Container::of(Path::new(file)).unwrap_err().to_string().contains(".mkv"));
        }
    }
}
