//! Subtitles with Pango's markup, as demuxers hand them out, to the plain text that muxers ask for.

use anyhow::{Context, Result};
use gst::prelude::*;

use crate::media;

/// What muxers take.
const FORMAT: &str = "utf8";

/// Whether these caps are of text with markup.
pub fn is_markup(caps: &gst::Caps) -> bool {
    caps.structure(0).is_some_and(|s| s.name() == "text/x-raw" && s.get::<&str>("format") == Ok("pango-markup"))
}

/// Caps of the same text without markup.
pub fn plain_caps() -> gst::Caps {
    gst::Caps::builder("text/x-raw").field("format", FORMAT).build()
}

/// An element that makes text of markup; `keep_tags` keeps `<i>` and its like, which Matroska's subtitles may hold.
pub fn to_plain(keep_tags: bool) -> Result<gst::Element> {
    let setter = media::make("capssetter")?;
    setter.set_property("caps", plain_caps());
    let source = setter.static_pad("src").context("an element without an end")?;
    source.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer_mut()
            && let Some(text) = converted(buffer, keep_tags)
        {
            *buffer = text;
        }
        gst::PadProbeReturn::Ok
    });
    Ok(setter)
}

/// The same buffer with plain text; none if it cannot be read.
fn converted(buffer: &gst::Buffer, keep_tags: bool) -> Option<gst::Buffer> {
    let text = plain(std::str::from_utf8(&buffer.map_readable().ok()?).ok()?, keep_tags);
    let mut copy = gst::Buffer::from_mut_slice(text.into_bytes());
    buffer.copy_into(copy.get_mut()?, gst::BUFFER_COPY_METADATA, ..).ok()?;
    Some(copy)
}

fn plain(markup: &str, keep_tags: bool) -> String {
    let mut text = markup.to_string();
    if !keep_tags {
        let mut pieces = markup.split('<');
        text = pieces.next().unwrap_or_default().to_string();
        for piece in pieces {
            match piece.split_once('>') {
                Some((tag, after)) if tag.trim_start_matches('/').starts_with(char::is_alphabetic) => text += after,
                // A sign that somebody forgot to escape.
                _ => text.extend(["<", piece]),
            }
        }
    }
    // The ampersand comes last: `&amp;lt;` is the text `&lt;`.
    let escapes = [("&lt;", "<"), ("&gt;", ">"), ("&apos;", "'"), ("&#39;", "'"), ("&quot;", "\""), ("&amp;", "&")];
    escapes.iter().fold(text, |text, (escape, sign)| text.replace(escape, sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text() {
        let markup = "<i>Tom</i> &amp; &lt;Ann&gt;: &quot;it&apos;s&quot; &amp;lt;";
        assert_eq!(plain(markup, false), "Tom & <Ann>: \"it's\" &lt;");
        assert_eq!(plain("a < b and <b>c</b> > d", false), "a < b and c > d");
        assert_eq!(plain(markup, true), "<i>Tom</i> & <Ann>: \"it's\" &lt;");
    }
}
