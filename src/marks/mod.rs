//! Marks that say a frame was changed.

pub mod badge;
#[cfg(feature = "c2pa")]
pub mod manifest;
pub mod watermark;

/// What the tags of a stream or file say.
pub const LABEL: &str = "synthetic: a face was swapped with alphaswap";
/// What a swap makes of a clip, in IPTC's vocabulary of digital source types.
pub const SOURCE_TYPE: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia";
