//! The manifest: signed metadata (Content Credentials, C2PA) that says what was done to a recorded file, with which
//! program, on whose consent, and what the clip was before.
//!
//! The crate `c2pa` writes and reads it; here is what alphaswap says in it. MP4, QuickTime and pictures carry it inside;
//! Matroska and WebM cannot: theirs stands beside them in a file of the same name that ends in `.c2pa`
//! ([`sidecar`]).

mod certificate;
mod earlier;
mod read;
mod sign;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

pub use self::certificate::Credentials;
pub use self::read::{Earlier, Found, State, read};
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

/// First bytes of a file that show its kind.
const HEAD: u64 = 12;

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

/// Whether a file that is written under the name `target` will carry its manifest inside.
pub fn goes_inside(target: &Path) -> bool {
    let format = c2pa::format_from_path(target);
    format.is_some_and(|format| c2pa::Reader::supported_mime_types().contains(&format))
}

/// Whether the file at `path` is of a kind that carries its manifest inside, whatever its name.
pub fn is_inside(path: &Path) -> bool {
    embeds(path).is_ok_and(|format| format.is_some())
}

/// The media type of the file at `path`, if it is of a kind that carries its manifest inside.
fn embeds(path: &Path) -> Result<Option<&'static str>, Error> {
    let mut head = Vec::new();
    let file = File::open(path).map_err(Error::io(path))?;
    file.take(HEAD).read_to_end(&mut head).map_err(Error::io(path))?;
    Ok(media_type(&head))
}

/// The media type of a file that begins with `head`, if it is of a kind that carries its manifest inside.
fn media_type(head: &[u8]) -> Option<&'static str> {
    Some(match head {
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', b' ', ..] => "video/avi",
        [_, _, _, _, b'f', b't', b'y', b'p', b'q', b't', b' ', b' ', ..] => "video/quicktime",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "video/mp4",
        _ => return None,
    })
}

fn context() -> Result<c2pa::Context, c2pa::Error> {
    // Without a list of trusted signers nobody is trusted: that must not be an error, but be told.
    c2pa::Context::new().with_settings(r#"{"verify": {"verify_after_sign": false, "remote_manifest_fetch": false}}"#)
}

fn failed(path: &Path) -> impl Fn(c2pa::Error) -> Error {
    move |error| Error::Manifest { path: path.into(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_show_what_carries_its_manifest_inside() {
        let kinds: [(&[u8], Option<&str>); 11] = [
            (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01", Some("image/jpeg")),
            (b"\x89PNG\r\n\x1a\n\0\0\0\x0d", Some("image/png")),
            (b"RIFF\x24\0\0\0WEBP", Some("image/webp")),
            (b"RIFF\x24\0\0\0AVI ", Some("video/avi")),
            (b"RIFF\x24\0\0\0WAVE", None),
            (b"\0\0\0\x14ftypqt  ", Some("video/quicktime")),
            (b"\0\0\0\x20ftypisom", Some("video/mp4")),
            (b"\0\0\0\x20moovisom", None),
            (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matr", None),
            (b"\xff\xd8", None),
            (b"", None),
        ];
        for (head, kind) in kinds {
            assert_eq!(media_type(head), kind, "{head:?}");
        }
    }

    #[test]
    fn names_show_where_the_manifest_of_an_output_goes() {
        for (name, inside) in [("a.mp4", true), ("a.M4V", true), ("a.mov", true), ("a.mkv", false), ("a.webm", false)] {
            assert_eq!(goes_inside(Path::new(name)), inside, "{name}");
        }
    }
}
