//! Texts as the numbers that the text tower reads.

use std::path::Path;

use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::BpeTrainer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Tokenizer as Inner};

use crate::error::{Error, Result};

/// Stands before every text.
const START: &str = "<|startoftext|>";
/// Stands behind every text; the text tower's answer is read there.
const END: &str = "<|endoftext|>";

/// What [`Tokenizer::train`] begins with: lower case, single spaces, pairs of bytes, no vocabulary yet.
const UNTRAINED: &str = r#"{
    "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "post_processor": null,
    "normalizer": { "type": "Sequence", "normalizers": [
        { "type": "NFC" },
        { "type": "Replace", "pattern": { "Regex": "\\s+" }, "content": " " },
        { "type": "Strip", "strip_left": true, "strip_right": true },
        { "type": "Lowercase" }
    ] },
    "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
    "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
    "model": { "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "vocab": {}, "merges": [] }
}"#;

/// A tokenizer as Hugging Face's `tokenizer.json` describes it, with CLIP's start and end.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: Inner,
    start: u32,
    end: u32,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// [`Error::Training`] for a missing or damaged file, or one that does not know CLIP's start and end.
    pub fn open(path: &Path) -> Result<Self> {
        let inner = Inner::from_file(path).map_err(|e| Error::training(path.display(), e.to_string()))?;
        Self::new(inner).map_err(|reason| Error::training(path.display(), reason))
    }

    /// A tokenizer for texts such as `captions`, with at most `vocabulary` tokens (at least 258: every byte, start and
    /// end). As in CLIP's own the end has the highest number.
    ///
    /// # Errors
    /// [`Error::Training`] if `captions` are empty or the vocabulary is too small.
    pub fn train(captions: &[String], vocabulary: usize) -> Result<Self> {
        let failed = |reason: String| Error::training("tokenizer", reason);
        let alphabet = ByteLevel::alphabet();
        if captions.is_empty() || vocabulary < alphabet.len() + 2 {
            let least = alphabet.len() + 2;
            return Err(failed(format!(
                "{} captions and {vocabulary} tokens; one and {least} at least",
                captions.len()
            )));
        }
        let mut trainer = TrainerWrapper::from(
            BpeTrainer::builder()
                .vocab_size(vocabulary - 2)
                .min_frequency(2)
                .initial_alphabet(alphabet.into_iter().collect())
                .show_progress(false)
                .build(),
        );
        let mut inner: Inner = UNTRAINED.parse().map_err(|e: tokenizers::Error| failed(e.to_string()))?;
        inner.train(&mut trainer, captions.iter().map(String::as_str)).map_err(|e| failed(e.to_string()))?;
        let special = [START, END].map(|token| AddedToken::from(token, true));
        inner.add_special_tokens(special).map_err(|e| failed(e.to_string()))?;
        Self::new(inner).map_err(failed)
    }

    fn new(mut inner: Inner) -> Result<Self, String> {
        let id = |token| inner.token_to_id(token).ok_or_else(|| format!("has no token {token}; CLIP's have it"));
        let (start, end) = (id(START)?, id(END)?);
        // A caption that spells out a special token means its letters.
        inner.set_encode_special_tokens(true);
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|e| e.to_string())?;
        Ok(Self { inner, start, end })
    }

    /// Number of different tokens.
    pub fn vocabulary(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The contents of a `tokenizer.json`.
    ///
    /// # Errors
    /// [`Error::Training`] if it cannot be written down.
    pub fn to_json(&self) -> Result<String> {
        self.inner.to_string(true).map_err(|e| Error::training("tokenizer", e.to_string()))
    }

    /// A text between start and end; what is beyond `context` tokens is cut off before the end.
    ///
    /// # Errors
    /// [`Error::Training`] for a text that cannot be encoded.
    pub fn encode(&self, text: &str, context: usize) -> Result<Vec<u32>> {
        let encoding =
            self.inner.encode_fast(text, false).map_err(|e| Error::training(format!("{text:?}"), e.to_string()))?;
        let room = context.saturating_sub(2);
        let words = encoding.get_ids().iter().copied().take(room);
        Ok([self.start].into_iter().chain(words).chain([self.end]).collect())
    }

    /// The text of `ids` without start and end.
    ///
    /// # Errors
    /// [`Error::Training`] for numbers that are no text.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.inner.decode(ids, true).map_err(|e| Error::training("tokens", e.to_string()))
    }
}

/// Some texts as tokens.
///
/// Rows are filled up with zeros to the longest one and not to the whole context: no token sees those behind it, so
/// that the features are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    rows: Vec<Vec<u32>>,
}

impl Tokens {
    /// Of the rows that [`Tokenizer::encode`] gave, at least one.
    pub fn new(rows: Vec<Vec<u32>>) -> Self {
        Self { rows }
    }

    /// One row a text, each from its start to its end.
    pub fn rows(&self) -> &[Vec<u32>] {
        &self.rows
    }

    /// Number of texts and length of the longest.
    pub fn dims(&self) -> [usize; 2] {
        [self.rows.len(), self.rows.iter().map(Vec::len).max().unwrap_or(0)]
    }

    /// All rows, filled up, one behind the other.
    pub(super) fn ids(&self) -> Vec<i32> {
        let length = self.dims()[1];
        let mut ids = vec![0; self.rows.len() * length];
        for (filled, row) in ids.chunks_mut(length.max(1)).zip(&self.rows) {
            filled.iter_mut().zip(row).for_each(|(id, token)| *id = *token as i32);
        }
        ids
    }

    /// Where in [`Self::ids`] each text ends.
    pub(super) fn ends(&self) -> Vec<i32> {
        let length = self.dims()[1];
        self.rows.iter().enumerate().map(|(i, row)| (i * length + row.len() - 1) as i32).collect()
    }
}
