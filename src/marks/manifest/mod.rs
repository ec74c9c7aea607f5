//! The manifest: signed metadata (Content Credentials, C2PA) that says what was done to a recorded file, with which
//! program, on whose consent, and what the clip was before.
//!
//! The crate `c2pa` writes and reads it; here is what alphaswap says in it. MP4, QuickTime and pictures carry it inside;
//! Matroska and WebM cannot: theirs stands beside them in a file of the same name that ends in `.c2pa`
//! ([`sidecar`]).

mod certificate;
mod read;
mod sign;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

pub use self::certificate::Credentials;
pub use self::read::{Found, State, read};
pub use self::sign::{Facts, sign};

use crate::error::Error;

/// Labels of C2PA's own assertions that are written and read here.
const ACTIONS: &str = "c2pa.actions.v2";
const BINDING: &str = "c2pa.soft-binding";

/// The watermark's name in the soft binding; its value is the payload of 64 bits in hexadecimal digits.
pub const SOFT_BINDING: &str = "alphaswap.watermark.1";
/// Label of the assertion that names the consent record.
pub const CONSENT: &str = "alphaswap.consent";

/// Bytes of a manifest beside a file at most.
const MAX_SIDECAR: u64 = 64 << 20;

/// Media type of files that cannot hold a manifest: for them it is bound to all of their bytes.
const ANY_FORMAT: &str = "application/octet-stream";

/// The file beside `path` that holds its manifest if it cannot hold one itself.
pub fn sidecar(path: &Path) -> PathBuf {
    path.with_extension("c2pa")
}

/// The [`sidecar`] of `path`, if it is there and may be its: what lies beside a file that carries its manifest inside is
/// another file's of the same name.
fn lies_beside(path: &Path) -> Option<PathBuf> {
    let beside = sidecar(path);
    (!is_inside(path) && beside != path && beside.is_file()).then_some(beside)
}

/// The manifest in the file `beside` another.
fn read_sidecar(beside: &Path) -> Result<Vec<u8>, Error> {
    let mut manifest = Vec::new();
    let file = File::open(beside).map_err(Error::io(beside))?;
    file.take(MAX_SIDECAR + 1).read_to_end(&mut manifest).map_err(Error::io(beside))?;
    match manifest.len() as u64 > MAX_SIDECAR {
        false => Ok(manifest),
        true => Err(Error::Manifest { path: beside.into(), reason: format!("larger than {} MiB", MAX_SIDECAR >> 20) }),
    }
}

/// Whether files named like `path` carry their manifest inside.
pub fn is_inside(path: &Path) -> bool {
    embeds(path).is_some()
}

/// The media type of a file that carries its manifest inside, by its extension.
fn embeds(path: &Path) -> Option<String> {
    let format = c2pa::format_from_path(path)?;
    c2pa::Reader::supported_mime_types().contains(&format).then_some(format)
}

fn context() -> Result<c2pa::Context, c2pa::Error> {
    // Without a list of trusted signers nobody is trusted: that must not be an error, but be told.
    c2pa::Context::new().with_settings(r#"{"verify": {"verify_after_sign": false, "remote_manifest_fetch": false}}"#)
}

fn failed(path: &Path) -> impl Fn(c2pa::Error) -> Error {
    move |error| Error::Manifest { path: path.into(), reason: error.to_string() }
}
