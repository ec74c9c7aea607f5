//! One caption per photo of a data set, for the losses that read text.
//!
//! A [`Captioner`] writes them: [`Files`] takes texts that exist, [`Server`] asks a vision model behind an
//! OpenAI-compatible endpoint, [`Measured`] puts what our own networks saw into words. [`run()`] goes through the data
//! set and keeps `captions.jsonl` beside its index, so that a second run asks only for what is missing.
//!
//! Left and right in captions that this program writes or asks for are those of the picture, as the viewer sees it.
//! [`flip()`] exchanges them when the picture is mirrored.

mod files;
mod flip;
mod measured;
mod run;
mod server;
mod store;

use sha2::{Digest, Sha256};

pub use files::Files;
pub use flip::flip;
pub use measured::Measured;
pub use run::{Failed, Options, Progress, Summary, run};
pub use server::{Key, Preset, Server, ServerConfig};
pub use store::Origin;

use super::data::{Dataset, Item};

/// Longest caption in characters. CLIP reads 77 tokens, about 300 characters of English.
pub const MAX_CHARS: usize = 400;

/// A photo that wants a caption. Its pictures are read only by those who look.
#[derive(Clone, Copy, Debug)]
pub struct Photo<'a> {
    /// The data set that it belongs to.
    pub dataset: &'a Dataset,
    /// The photo.
    pub item: &'a Item,
}

/// Becomes true once the user wants the run to end. Captioners that wait look at it.
pub type Stop<'a> = dyn Fn() -> bool + Sync + 'a;

/// Why there is no caption.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// This photo gets none, others may. The same words for the same reason, so that photos can be counted by it.
    #[error("{0}")]
    Skip(String),
    /// No photo would get one: what is wrong and what to do.
    #[error("{0}")]
    Fatal(String),
    /// The user wants to end; the photo was not asked for.
    #[error("interrupted")]
    Interrupted,
}

impl From<crate::error::Error> for Failure {
    fn from(error: crate::error::Error) -> Self {
        Self::Skip(error.to_string())
    }
}

/// Writes captions. Photos come from several threads at once and in any order.
pub trait Captioner: Sync {
    /// What has to stay the same for captions to belong together.
    fn origin(&self) -> Origin;

    /// The caption of `photo`: one line, not empty.
    ///
    /// # Errors
    /// [`Failure`] says whether it is worth going on.
    fn caption(&self, photo: Photo<'_>, stop: &Stop<'_>) -> Result<String, Failure>;
}

/// `text` as one line: runs of white space become one space.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The generator of random numbers that belongs to `id`, whatever was drawn for other photos.
fn random_of(seed: u64, id: &str) -> rand_chacha::ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(id.as_bytes());
    rand::SeedableRng::from_seed(hash.finalize().into())
}
