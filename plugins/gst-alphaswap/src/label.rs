//! What says outside the picture that a frame is synthetic: a meta on the buffer, and tags on the stream, which muxers
//! write into files.

use std::sync::Once;

use alphaswap::marks::watermark::Payload;
use alphaswap::marks::{LABEL, SOURCE_TYPE};
use gst_base::prelude::*;

use crate::element::AlphaSwap;

/// Name of the meta.
pub const META: &str = "AlphaSwapSyntheticMeta";

/// Makes the meta known to GStreamer.
pub(crate) fn register() {
    static ONCE: Once = Once::new();
    // Without tags it stays on the buffer whatever happens to the picture.
    ONCE.call_once(|| gst::meta::CustomMeta::register(META, &[]));
}

/// Puts the meta on a frame that was marked.
pub(crate) fn attach(buffer: &mut gst::BufferRef, payload: Payload) {
    // Fails only if the meta was not registered.
    let Ok(mut meta) = gst::meta::CustomMeta::add(buffer, META) else { return };
    let structure = meta.mut_structure();
    structure.set("digital-source-type", SOURCE_TYPE);
    structure.set("consent", payload.consent);
    structure.set("session", payload.session);
}

/// Tells downstream, before the first marked frame, that the stream has synthetic parts. Says whether that arrived.
pub(crate) fn announce(element: &AlphaSwap) -> bool {
    let pad = element.sink_pad();
    let before = (0..).map_while(|i| pad.sticky_event::<gst::event::Tag>(i)).find(|event| of_stream(event.tag()));
    element.src_pad().push_event(tagged(before.as_ref().map(|event| event.tag())))
}

/// Whether tags are of this stream and not of the whole medium.
pub(crate) fn of_stream(tags: &gst::TagListRef) -> bool {
    tags.scope() == gst::TagScope::Stream
}

/// The stream's tags and ours.
pub(crate) fn tagged(tags: Option<&gst::TagListRef>) -> gst::Event {
    let mut tags = tags.map_or_else(gst::TagList::new, ToOwned::to_owned);
    let list = tags.make_mut();
    list.set_scope(gst::TagScope::Stream);
    // MP4 and QuickTime keep keywords, Matroska keeps comments; what was there before comes first.
    list.add::<gst::tags::Keywords>(&LABEL, gst::TagMergeMode::Append);
    list.add::<gst::tags::Comment>(&LABEL, gst::TagMergeMode::Append);
    gst::event::Tag::new(tags)
}
