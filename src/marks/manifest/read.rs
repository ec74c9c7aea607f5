//! Reading manifests.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::Path;

use c2pa::{Manifest, Reader, ValidationState};
use serde::Serialize;
use serde_json::Value;

use super::{ACTIONS, ANY_FORMAT, BINDING, CONSENT, SOFT_BINDING, context, embeds, failed, lies_beside};
use crate::error::{Error, Result};
use crate::marks::SOURCE_TYPE;

/// How far a manifest can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Whole and as it was signed; the signer is on no list of trusted ones.
    Valid,
    /// Whole, and the signer is trusted.
    Trusted,
    /// The file or the manifest was changed after it was signed.
    Tampered,
    /// The signer's certificate is not valid (any more): what was signed proves nothing.
    BadCertificate,
}

/// A manifest that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// How far it can be believed.
    pub state: State,
    /// What is wrong, in C2PA's words (`assertion.dataHash.mismatch`).
    pub problems: Vec<String>,
    /// Whether it stands beside the file.
    pub sidecar: bool,
    /// The program that made the file, by its own words.
    pub generator: Option<String>,
    /// Name in the signer's certificate.
    pub signer: Option<String>,
    /// Whether it says that a trained network made the picture or a part of it.
    pub synthetic: bool,
    /// SHA-256 of the consent record, if alphaswap made it.
    pub record: Option<String>,
    /// What the watermark should say, in hexadecimal digits.
    pub watermark: Option<String>,
    /// Manifests that the clip had before, back to its source.
    pub before: usize,
}

/// The manifest of the file at `path`, inside or beside it; none if it has none.
///
/// # Errors
/// [`Error::Io`], and [`Error::Manifest`] when what is there is no manifest at all. One that does not fit the file is
/// [`State::Tampered`].
pub fn read(path: &Path) -> Result<Option<Found>> {
    if let Some(format) = embeds(path) {
        let file = File::open(path).map_err(Error::io(path))?;
        let reader = Reader::from_context(context().map_err(failed(path))?);
        return match reader.with_stream(&format, file) {
            Ok(reader) => Ok(Some(found(&reader, false))),
            // What lies beside it is another file's of the same name.
            Err(c2pa::Error::JumbfNotFound | c2pa::Error::ProvenanceMissing) => Ok(None),
            Err(error) => Err(failed(path)(error)),
        };
    }
    lies_beside(path).map(|beside| detached(path, &beside)).transpose()
}

fn detached(path: &Path, beside: &Path) -> Result<Found> {
    let manifest = fs::read(beside).map_err(Error::io(beside))?;
    let file = File::open(path).map_err(Error::io(path))?;
    read_bytes(&manifest, file).map_err(failed(beside))
}

/// What `manifest` says, which is not inside the file.
pub(super) fn read_bytes(manifest: &[u8], file: impl Read + Seek + Send) -> Result<Found, c2pa::Error> {
    let reader = Reader::from_context(context()?).with_manifest_data_and_stream(manifest, ANY_FORMAT, file)?;
    Ok(found(&reader, true))
}

fn found(reader: &Reader, sidecar: bool) -> Found {
    /// What untrusted signers get in every manifest.
    const UNTRUSTED: &str = "signingCredential.untrusted";
    let codes = reader.validation_status().unwrap_or_default().iter().map(|s| s.code().to_string());
    let problems: Vec<String> = codes.filter(|code| code != UNTRUSTED).collect();
    let state = match reader.validation_state() {
        ValidationState::Invalid if problems.iter().all(|code| code.starts_with("signingCredential.")) => {
            State::BadCertificate
        }
        ValidationState::Invalid => State::Tampered,
        ValidationState::Valid => State::Valid,
        ValidationState::Trusted => State::Trusted,
    };
    let active = reader.active_manifest();
    let consent: Option<Value> = active.and_then(|m| m.find_assertion(CONSENT).ok());
    let binding: Option<Value> = active.and_then(|m| m.find_assertion(BINDING).ok());
    let text = |value: &Value| value.as_str().map(str::to_string);
    let agent = active.and_then(|m| m.claim_generator_info.as_ref()?.first());
    Found {
        state,
        problems,
        sidecar,
        generator: agent.map(|a| format!("{} {}", a.name, a.version.as_deref().unwrap_or_default()).trim_end().into()),
        signer: active.and_then(|m| m.signature_info()?.common_name.clone()),
        synthetic: active.is_some_and(is_synthetic),
        record: consent.and_then(|c| text(&c["record"])),
        watermark: binding.filter(|b| b["alg"] == SOFT_BINDING).and_then(|b| text(&b["blocks"][0]["value"])),
        before: reader.manifests().len().saturating_sub(1),
    }
}

fn is_synthetic(manifest: &Manifest) -> bool {
    let actions: Option<Value> = [ACTIONS, "c2pa.actions"].iter().find_map(|l| manifest.find_assertion(l).ok());
    actions.iter().filter_map(|a| a["actions"].as_array()).flatten().any(|action| {
        let kind = action["digitalSourceType"].as_str().unwrap_or_default();
        kind == SOURCE_TYPE || kind.ends_with("/trainedAlgorithmicMedia")
    })
}
