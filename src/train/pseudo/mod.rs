//! Pseudo-triplets: the made-up picture is the INPUT, the real photo the TARGET, so that a generator learns from true
//! pictures what it must bring about (APPLE's attribute-aware pseudo-labels; here the filter's own guide makes them).
//!
//! [`mesh`] makes them by the guide stage, [`Shards`] reads them, [`ShardWriter`] writes them for any maker.
//!
//! ```text
//! DIR/pseudo.toml                the Header
//! DIR/shards/00000.safetensors   SHARD samples, the last shard fewer; N counts within the shard, all u8:
//!                                N.input [3, side, side], N.guide [3, side, side], N.mask [side, side];
//!                                the metadata `samples` is a JSON list of Records
//! ```

pub mod mesh;
mod neighbours;
mod photos;
mod shards;
mod sheet;
mod writer;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use neighbours::{Crowd, Match, View};
pub use photos::canvas_at;
pub use shards::Shards;
pub use sheet::sheet;
pub use writer::ShardWriter;

use super::data::Dataset;
use crate::align::canvas_side;
use crate::digest;
use crate::error::{Error, Result};

/// Version of the layout that is written and read.
pub const VERSION: u32 = 1;
/// Samples of a shard: some ten megabytes at a crop of 128.
pub const SHARD: usize = 64;

/// What holds for all samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Version of the layout.
    pub version: u32,
    /// Who made the pictures: `mesh`, or the name of a teacher.
    pub maker: String,
    /// Side of the crop in pixels; pictures are canvases of `align::canvas_side(crop)`.
    pub crop: usize,
    /// How many samples there are once all are made.
    pub samples: usize,
    /// All randomness comes from this number and the photos' ids.
    pub seed: u64,
    /// The photos.
    pub data: DataRef,
    /// Choices of the maker `mesh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mesh: Option<mesh::Options>,
}

/// The data set that samples were made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRef {
    /// Its folder when they were made.
    pub folder: PathBuf,
    /// SHA-256 of its index.jsonl in hexadecimal digits.
    pub index_sha256: String,
}

/// What a sample is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Input T', the photo A with somebody else's face; target the photo A; identity A. No guide.
    Label,
    /// A label with a guide: A's face, taken from a made-up picture of somebody else with A's face, on T'.
    Trip,
    /// Input the photo A itself, guide B's face on it, identity B. There is no target; A tells colour and light.
    Swap,
}

/// What one sample shows. Item ids are those of the data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What it is for.
    pub kind: Kind,
    /// The item A.
    pub photo: String,
    /// The item whose face is to be seen in the end: A, for swaps B.
    pub identity: String,
    /// Other items that it was made of: B; for trips B, then the photo that A's face came back from.
    pub from: Vec<String>,
    /// How the maker `mesh` put B's face on A.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mesh: Option<mesh::Look>,
}

/// One sample. Pictures are planar RGB, `[3, side, side]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What it shows.
    pub record: Record,
    /// The made-up picture; swaps have none, their input is the photo A at this crop, see [`canvas_at`].
    pub input: Option<Vec<u8>>,
    /// The input with the identity's face, as the filter's guide stage gives it; labels have none.
    pub guide: Option<Vec<u8>>,
    /// `[side, side]`: how much of the guide (of labels: of the other person's face) was blended in, 255 all.
    pub mask: Vec<u8>,
}

impl Kind {
    /// Whether its samples have an input picture.
    pub fn has_input(self) -> bool {
        self != Self::Swap
    }

    /// Whether its samples have a guide.
    pub fn has_guide(self) -> bool {
        self != Self::Label
    }
}

impl Header {
    /// Side of the pictures in pixels.
    pub fn side(&self) -> usize {
        canvas_side(self.crop)
    }
}

impl DataRef {
    /// What tells this data set from others.
    ///
    /// # Errors
    /// [`Error::Io`] when its index cannot be read.
    pub fn of(data: &Dataset) -> Result<Self> {
        let path = data.folder.join("index.jsonl");
        let index = std::fs::read(&path).map_err(Error::io(&path))?;
        Ok(Self { folder: data.folder.clone(), index_sha256: digest::sha256(index) })
    }
}
