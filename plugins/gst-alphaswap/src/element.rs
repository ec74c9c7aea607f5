//! The element's type, its registration, and the text that `gst-inspect-1.0 alphaswap` prints.

use gst::glib;
use gst::prelude::*;

use crate::{imp, label};

glib::wrapper! {
    /// The element `alphaswap`: a video filter that puts an enrolled identity's face on the faces of a stream.
    pub struct AlphaSwap(ObjectSubclass<imp::AlphaSwap>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object,
        @implements gst::Preset;
}

/// Name of the element's factory.
pub const NAME: &str = "alphaswap";

/// Registers the element.
///
/// # Errors
/// When the type or the factory cannot be registered.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    AlphaSwap::register_enums();
    label::register();
    gst::Element::register(Some(plugin), NAME, gst::Rank::NONE, AlphaSwap::static_type())
}

impl AlphaSwap {
    fn register_enums() {
        crate::Fallback::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
        crate::BadgePosition::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    }
}

/// What `gst-inspect-1.0` shows as the description. The indentation lines the text up in its second column.
pub(crate) const DESCRIPTION: &str = "\
Puts an enrolled identity's face on the faces of a video stream, in place, frame by frame.

                           First make an identity from photos of a person who agreed to it:
                             alphaswap enroll photo.jpg -o me.alphaface --name Me --consent \"who agreed, to what\"
                           Then put the filter into any pipeline of raw video:
                             gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! alphaswap source=me.alphaface \\
                               ! videoconvert ! autovideosink
                           Interlaced video is refused: put `deinterlace` before the filter.

                           Consent. The identity's consent record must be signed, unaltered, in force today and not in
                           the property revocation-list: else the element refuses it with an error.
                           Faces.   Up to max-faces faces are followed and swapped. Frames without one leave
                           bit-identical, and so does the chroma outside faces and badge. A face that was swapped a
                           moment ago and cannot be swapped now is hidden as the property fallback says; only
                           fallback=pass shows the real one.
                           Marks.   Frames in which a face was swapped say so: by a badge (property badge) and by a
                           watermark in their luma, not seen, that names the identity's consent record and the
                           session; `alphaswap verify` reads it, `marked` in stats counts such frames.
                           Latency. No frame is held back unless latency-frames is 1 and a GPU works: then each frame
                           waits for the next one, and the latency grows by a frame's duration (1/25 s where the caps
                           name no rate). Timestamps always pass unchanged.
                           QoS.     A frame that downstream reports as late is not swapped: the faces known so far are
                           hidden as fallback says, a QOS message is posted, and `concealed` in stats counts it. At
                           most detect-interval frames in a row are treated so, for less than 0.3 s of the stream,
                           and none while no face is known. qos=true drops late frames instead.
                           Seeking. A flush, a new segment or a jump in time forgets all faces.
                           Device.  The property adapter and a WARNING tell when no hardware GPU is used; device=gpu
                           makes that an error.

                           Messages on the bus (element messages):
                             alphaswap-stats       once a second: fps, frame-ms (milliseconds inside the element: mean,
                                                   and frame-ms-p50, -p95, -p99), mean milliseconds of each stage
                                                   (colour-ms, detect-ms, ...), faces, adapter, counters
                             alphaswap-face-found  id, x, y, width, height, running-time
                             alphaswap-face-lost   the same, with the place where it was last seen
                             alphaswap-badge-hidden  text (what the user must then do), running-time: with the first
                                                   swapped face that has no badge
                           Buffers carry a GstVideoRegionOfInterestMeta of type `face` for each face, and frames in
                           which one was swapped an AlphaSwapSyntheticMeta (digital-source-type, consent, session).
                           Before the first of them the stream gets the tags keywords and comment that say so.";
