//! Reading manifests.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use c2pa::validation_results::{StatusCodes, ValidationResults};
use c2pa::validation_status::{
    CLAIM_SIGNATURE_INSIDE_VALIDITY, CLAIM_SIGNATURE_VALIDATED, SIGNING_CREDENTIAL_UNTRUSTED,
};
use c2pa::{Manifest, Reader, ValidationState};
use serde::Serialize;
use serde_json::Value;

use super::{ACTIONS, ANY_FORMAT, BINDING, CONSENT, SOFT_BINDING, context, embeds, failed, lies_beside, read_sidecar};
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
    /// What is, or was at signing, wrong with the source's own manifest.
    pub source_problems: Vec<String>,
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
    let manifest = read_sidecar(beside)?;
    let file = File::open(path).map_err(Error::io(path))?;
    read_bytes(&manifest, file).map_err(failed(beside))
}

/// What `manifest` says, which is not inside the file.
pub(super) fn read_bytes(manifest: &[u8], file: impl Read + Seek + Send) -> Result<Found, c2pa::Error> {
    let reader = Reader::from_context(context()?).with_manifest_data_and_stream(manifest, ANY_FORMAT, file)?;
    Ok(found(&reader, true))
}

fn found(reader: &Reader, sidecar: bool) -> Found {
    let results = reader.validation_results();
    let own = results.and_then(ValidationResults::active_manifest);
    let problems = own.map(problems).unwrap_or_default();
    let active = reader.active_manifest();
    let consent: Option<Value> = active.and_then(|m| m.find_assertion(CONSENT).ok());
    let binding: Option<Value> = active.and_then(|m| m.find_assertion(BINDING).ok());
    let text = |value: &Value| value.as_str().map(str::to_string);
    let agent = active.and_then(|m| m.claim_generator_info.as_ref()?.first());
    Found {
        state: state(reader.validation_state(), own, &problems),
        problems,
        source_problems: source_problems(active, results),
        sidecar,
        generator: agent.map(|a| format!("{} {}", a.name, a.version.as_deref().unwrap_or_default()).trim_end().into()),
        signer: active.and_then(|m| m.signature_info()?.common_name.clone()),
        synthetic: active.is_some_and(is_synthetic),
        record: consent.and_then(|c| text(&c["record"])),
        watermark: binding.filter(|b| b["alg"] == SOFT_BINDING).and_then(|b| text(&b["blocks"][0]["value"])),
        before: reader.manifests().len().saturating_sub(1),
    }
}

/// How far a manifest can be believed in which there are `problems`. Those of its source's say nothing of it.
fn state(of_all: ValidationState, own: Option<&StatusCodes>, problems: &[String]) -> State {
    let signed = [CLAIM_SIGNATURE_VALIDATED, CLAIM_SIGNATURE_INSIDE_VALIDITY];
    let is_signed = own.is_some_and(|own| signed.iter().all(|code| own.success().iter().any(|s| s.code() == *code)));
    match of_all {
        _ if problems.iter().any(|code| !code.starts_with("signingCredential.")) => State::Tampered,
        _ if !problems.is_empty() || !is_signed => State::BadCertificate,
        ValidationState::Trusted => State::Trusted,
        ValidationState::Valid | ValidationState::Invalid => State::Valid,
    }
}

fn problems(codes: &StatusCodes) -> Vec<String> {
    // Untrusted signers are told in another way.
    let codes = codes.failure().iter().map(|status| status.code());
    codes.filter(|code| *code != SIGNING_CREDENTIAL_UNTRUSTED).map(str::to_string).collect()
}

/// What was wrong with the source's manifest when this one was signed, and what became wrong with it since.
fn source_problems(active: Option<&Manifest>, results: Option<&ValidationResults>) -> Vec<String> {
    let sources = active.iter().flat_map(|manifest| manifest.ingredients());
    let before = sources.filter_map(|source| source.validation_results()?.active_manifest());
    let since = results.and_then(ValidationResults::ingredient_deltas).into_iter().flatten();
    let mut all: Vec<_> = before.chain(since.map(|delta| delta.validation_deltas())).flat_map(problems).collect();
    all.sort();
    all.dedup();
    all
}

fn is_synthetic(manifest: &Manifest) -> bool {
    let actions: Option<Value> = [ACTIONS, "c2pa.actions"].iter().find_map(|l| manifest.find_assertion(l).ok());
    actions.iter().filter_map(|a| a["actions"].as_array()).flatten().any(|action| {
        let kind = action["digitalSourceType"].as_str().unwrap_or_default();
        kind == SOURCE_TYPE || kind.ends_with("/trainedAlgorithmicMedia")
    })
}
