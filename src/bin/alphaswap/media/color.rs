//! What caps say of a stream's colours, mended on the way where GStreamer's elements leave gaps or err.

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gst_video::{
    VideoColorMatrix, VideoColorPrimaries, VideoColorRange, VideoColorimetry, VideoInfo, VideoTransferFunction,
};

const FIELD: &str = "colorimetry";

/// Parsers that read colours from the stream, but let stand what the file says.
const PARSERS: [&str; 2] = ["h264parse", "h265parse"];

/// In all parsers that `pipeline` will hold the stream's own word on its colours wins over the file's: `qtdemux` 1.22
/// takes full range for limited.
pub fn trust_streams(pipeline: &gst::Pipeline) {
    pipeline.connect_deep_element_added(|_, _, element| {
        let is_parser = element.factory().is_some_and(|f| PARSERS.contains(&f.name().as_str()));
        if let (true, Some(sink), Some(source)) = (is_parser, element.static_pad("sink"), element.static_pad("src")) {
            let of_file = Arc::new(Mutex::new(None));
            let fallback = of_file.clone();
            on_caps(&sink, move |caps| {
                let told = told(caps);
                caps.make_mut().iter_mut().for_each(|s| s.remove_field(FIELD));
                if let Ok(mut of_file) = of_file.lock() {
                    *of_file = told.map(|told| believable(&told));
                }
            });
            on_caps(&source, move |caps| {
                let fallback = fallback.lock().map_or(None, |f| *f);
                if let Some(colors) = fallback.map(|fallback| filled(told(caps), &fallback)) {
                    write(caps, colors);
                }
            });
        }
    });
}

/// Writes the usual colours of pictures of this size into raw caps that do not say theirs, as long as the picture is as
/// it was stored: turned upright, small pictures can be taller than many large ones.
pub fn settle(pad: &gst::Pad) {
    on_caps(pad, |caps| {
        let mut untold = caps.clone();
        untold.make_mut().iter_mut().for_each(|s| s.remove_field(FIELD));
        if let Ok(usual) = VideoInfo::from_caps(&untold) {
            let colors = filled(told(caps), &usual.colorimetry());
            write(caps, colors);
        }
    });
}

/// Changes the caps that come by.
fn on_caps(pad: &gst::Pad, change: impl Fn(&mut gst::Caps) + Send + Sync + 'static) {
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(event) = info.event_mut()
            && let gst::EventView::Caps(told) = event.view()
        {
            let (mut caps, seqnum) = (told.caps_owned(), event.seqnum());
            change(&mut caps);
            *event = gst::event::Caps::builder(&caps).seqnum(seqnum).build();
        }
        gst::PadProbeReturn::Ok
    });
}

fn told(caps: &gst::Caps) -> Option<VideoColorimetry> {
    caps.structure(0)?.get::<&str>(FIELD).ok()?.parse().ok()
}

/// Writes colours into caps, unless nothing is known of them: that has no name in GStreamer.
fn write(caps: &mut gst::Caps, colors: VideoColorimetry) {
    if is_known(&colors) {
        caps.make_mut().set(FIELD, colors.to_string());
    }
}

fn is_known(colors: &VideoColorimetry) -> bool {
    colors.range() != VideoColorRange::Unknown
        || colors.matrix() != VideoColorMatrix::Unknown
        || colors.transfer() != VideoTransferFunction::Unknown
        || colors.primaries() != VideoColorPrimaries::Unknown
}

/// What a file says, but for a limited range: some demuxers say that of all files.
fn believable(told: &VideoColorimetry) -> VideoColorimetry {
    let range = match told.range() {
        VideoColorRange::Range16_235 => VideoColorRange::Unknown,
        range => range,
    };
    VideoColorimetry::new(range, told.matrix(), told.transfer(), told.primaries())
}

/// What is told, and where nothing is, the fallback.
fn filled(told: Option<VideoColorimetry>, fallback: &VideoColorimetry) -> VideoColorimetry {
    let Some(told) = told else { return *fallback };
    fn or<T: PartialEq>(told: T, unknown: T, fallback: T) -> T {
        if told == unknown { fallback } else { told }
    }
    VideoColorimetry::new(
        or(told.range(), VideoColorRange::Unknown, fallback.range()),
        or(told.matrix(), VideoColorMatrix::Unknown, fallback.matrix()),
        or(told.transfer(), VideoTransferFunction::Unknown, fallback.transfer()),
        or(told.primaries(), VideoColorPrimaries::Unknown, fallback.primaries()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colors(text: &str) -> VideoColorimetry {
        text.parse().unwrap()
    }

    #[test]
    fn gaps_are_filled_and_nothing_else() {
        gst::init().unwrap();
        let file = believable(&colors("bt709"));
        assert_eq!(filled(None, &file), colors("0:3:5:1"));
        assert_eq!(filled(Some(colors("1:0:0:0")), &file), colors("1:3:5:1"));
        assert_eq!(filled(Some(colors("bt601")), &file), colors("bt601"));
        assert_eq!(believable(&colors("1:3:5:1")), colors("1:3:5:1"));
        // A file that says no more than "limited range".
        let nothing = filled(None, &believable(&colors("2:0:0:0")));
        let mut caps = gst::Caps::new_empty_simple("video/x-h264");
        write(&mut caps, nothing);
        assert!(!is_known(&nothing) && told(&caps).is_none(), "{caps}");
    }
}
