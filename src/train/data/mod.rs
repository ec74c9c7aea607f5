//! A data set on disk: what `prepare` writes and every other step reads.
//!
//! ```text
//! DIR/dataset.toml                 the header: crop size, encoders, where the photos come from
//! DIR/index.jsonl                  one Item a line, in the order of ids
//! DIR/skipped.jsonl                one Skipped a line: photos that were not taken, and why
//! DIR/captions.jsonl               one Caption a line
//! DIR/journal.jsonl                what `prepare` has done so far; only it reads this
//! DIR/items/ab/ab12...png          the canvas: the aligned photo with a margin, see `align::canvas_side`
//! DIR/items/ab/ab12...mask.png     255 where the face's skin is seen, 0 on everything else
//! DIR/items/ab/ab12...safetensors  `points` [468, 3] in canvas pixels, `embedding.NAME` [n] by `embedding_name`
//! ```

mod store;
pub mod write;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use store::{Dataset, Features, VERSION, embedding_name, item_file};

use crate::face::Pose;

/// What holds for the whole data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Version of the layout.
    pub version: u32,
    /// Side of the crop in pixels; canvases have `align::canvas_side(crop)`.
    pub crop: usize,
    /// Names of the embeddings that are stored ([`embedding_name`]); the first is `faceres_224`.
    pub encoders: Vec<String>,
    /// Where the photos come from.
    pub sets: Vec<PhotoSet>,
}

/// A folder of photos that was prepared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhotoSet {
    /// Its name: the folder's, unless the user gave one.
    pub name: String,
    /// The folder as it was given.
    pub folder: PathBuf,
    /// Licence of the photos, in the user's words; goes into the cards of models trained on them.
    pub licence: String,
}

/// One photo of the data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// First 16 hexadecimal digits of the SHA-256 of the photo's file: the same photo is taken once.
    pub id: String,
    /// Name of its [`PhotoSet`].
    pub set: String,
    /// Path within the set's folder, with `/`.
    pub photo: String,
    /// Who is seen: `set/folder` where each person has a folder, else `set/photo` without its extension.
    pub person: String,
    /// The head's pose in degrees.
    pub pose: Pose,
    /// Ten ratios, see `mesh::EXPRESSIONS`.
    pub expression: [f32; 10],
    /// Side of the crop in the photo's own pixels: how sharp the photo is.
    pub crop_pixels: f32,
    /// How sure the landmark network is that there is a face, 0 to 1.
    pub presence: f32,
}

/// A photo that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Name of its [`PhotoSet`].
    pub set: String,
    /// Path within the set's folder, with `/`.
    pub photo: String,
    /// Why.
    pub reason: String,
}

/// The sentence that goes with a photo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caption {
    /// The item's id.
    pub id: String,
    /// One line.
    pub text: String,
}
