//! Reading manifests.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use c2pa::validation_results::{StatusCodes, ValidationResults};
use c2pa::validation_status::{
    ALGORITHM_UNSUPPORTED, ASSERTION_BOXHASH_UNKNOWN_BOX, ASSERTION_COLLECTIONHASH_INCORRECT_FILE_COUNT,
    ASSERTION_REQUIRED_MISSING, ASSERTION_UNDECLARED, CLAIM_REQUIRED_MISSING, CLAIM_SIGNATURE_INSIDE_VALIDITY,
    CLAIM_SIGNATURE_MISMATCH, CLAIM_SIGNATURE_VALIDATED, HARD_BINDINGS_MISSING, SIGNING_CREDENTIAL_UNTRUSTED,
    ValidationStatus,
};
use c2pa::{Manifest, Reader, ValidationState};
use serde::Serialize;
use serde_json::Value;

use super::earlier::nearest;
use super::{ACTIONS, ANY_FORMAT, BINDING, CONSENT, SOFT_BINDING, context, embeds, failed, lies_beside, read_sidecar};
use crate::error::{Error, Result};
use crate::marks::SOURCE_TYPE;

/// What was added after signing, in C2PA's words. Other changes are told as a `.mismatch`, or as `.missing`.
const ADDED: [&str; 3] =
    [ASSERTION_UNDECLARED, ASSERTION_BOXHASH_UNKNOWN_BOX, ASSERTION_COLLECTIONHASH_INCORRECT_FILE_COUNT];
/// What was missing already when it was signed.
const LEFT_OUT: [&str; 3] = [CLAIM_REQUIRED_MISSING, ASSERTION_REQUIRED_MISSING, HARD_BINDINGS_MISSING];

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
    /// Not made as C2PA asks, or in a way that is not known here: it proves nothing, and nothing shows that it was
    /// changed.
    Malformed,
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
    /// SHA-256 of the consent record, if alphaswap made it, or made what it was made of.
    pub record: Option<String>,
    /// What the watermark should say, in hexadecimal digits.
    pub watermark: Option<String>,
    /// Whose words `record` and `watermark` are, if not this manifest's but those of one before it, which is in order:
    /// another tool worked on the file since.
    pub earlier: Option<Earlier>,
    /// Manifests that the clip had before, back to its source.
    pub before: usize,
}

/// A manifest that the file had before its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Earlier {
    /// The program that made what it was about, by its own words.
    pub generator: Option<String>,
    /// Name in the signer's certificate.
    pub signer: Option<String>,
}

impl Found {
    /// Whether it may be about another file: it lies beside this one, and is not known to fit it.
    pub fn may_be_of_another(&self) -> bool {
        self.sidecar && matches!(self.state, State::Tampered | State::Malformed)
    }
}

/// The manifest of the file at `path`, inside or beside it; none if it has none.
///
/// # Errors
/// [`Error::Io`], and [`Error::Manifest`] when what is there is no manifest at all. One that does not fit the file is
/// [`State::Tampered`].
pub fn read(path: &Path) -> Result<Option<Found>> {
    if let Some(format) = embeds(path)? {
        let file = File::open(path).map_err(Error::io(path))?;
        let reader = Reader::from_context(context().map_err(failed(path))?);
        return match reader.with_stream(format, file) {
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
    let earlier = active.filter(|active| record(active).is_none()).and_then(|_| nearest(reader));
    let ours = earlier.or(active);
    let binding: Option<Value> = ours.and_then(|m| m.find_assertion(BINDING).ok());
    Found {
        state: state(reader.validation_state(), own, &problems),
        problems,
        source_problems: source_problems(active, results),
        sidecar,
        generator: active.and_then(generator),
        signer: active.and_then(signer),
        synthetic: active.is_some_and(is_synthetic),
        record: ours.and_then(record),
        watermark: binding.filter(|b| b["alg"] == SOFT_BINDING).and_then(|b| text(&b["blocks"][0]["value"])),
        earlier: earlier.map(|m| Earlier { generator: generator(m), signer: signer(m) }),
        before: reader.manifests().len().saturating_sub(1),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_string)
}

/// SHA-256 of the consent record that `manifest` names.
pub(super) fn record(manifest: &Manifest) -> Option<String> {
    let consent: Value = manifest.find_assertion(CONSENT).ok()?;
    text(&consent["record"])
}

fn generator(manifest: &Manifest) -> Option<String> {
    let agent = manifest.claim_generator_info.as_ref()?.first()?;
    let version = agent.version.as_deref().unwrap_or_default();
    Some(format!("{} {version}", agent.name).trim_end().into())
}

fn signer(manifest: &Manifest) -> Option<String> {
    manifest.signature_info()?.common_name.clone()
}

/// How far a manifest can be believed in which there are `problems`. Those of its source's say nothing of it.
fn state(of_all: ValidationState, own: Option<&StatusCodes>, problems: &[String]) -> State {
    let signed = [CLAIM_SIGNATURE_VALIDATED, CLAIM_SIGNATURE_INSIDE_VALIDITY];
    let is_signed = own.is_some_and(|own| signed.iter().all(|code| own.success().iter().any(|s| s.code() == *code)));
    match of_all {
        _ if is_altered(problems) => State::Tampered,
        _ if problems.iter().any(|code| code.starts_with("signingCredential.")) => State::BadCertificate,
        _ if !problems.is_empty() => State::Malformed,
        _ if !is_signed => State::BadCertificate,
        ValidationState::Trusted => State::Trusted,
        ValidationState::Valid | ValidationState::Invalid => State::Valid,
    }
}

/// Whether `problems` show that the file or the manifest was changed after it was signed.
fn is_altered(problems: &[String]) -> bool {
    // A signature that cannot be checked is also told as one that does not fit.
    let unchecked = problems.iter().any(|code| code == ALGORITHM_UNSUPPORTED);
    problems.iter().map(String::as_str).any(|code| match code {
        CLAIM_SIGNATURE_MISMATCH => !unchecked,
        _ if LEFT_OUT.contains(&code) => false,
        _ => code.ends_with(".mismatch") || code.ends_with(".missing") || ADDED.contains(&code),
    })
}

/// What is wrong. Untrusted signers are told in another way.
pub(super) fn failures(codes: &StatusCodes) -> impl Iterator<Item = &ValidationStatus> {
    codes.failure().iter().filter(|status| status.code() != SIGNING_CREDENTIAL_UNTRUSTED)
}

fn problems(codes: &StatusCodes) -> Vec<String> {
    failures(codes).map(|status| status.code().to_string()).collect()
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

#[cfg(test)]
mod tests {
    use c2pa::validation_status::{
        ASSERTION_ACTION_INGREDIENT_MISMATCH, ASSERTION_ACTION_MALFORMED, ASSERTION_BMFFHASH_MISMATCH,
        ASSERTION_DATAHASH_MISMATCH, ASSERTION_HASHEDURI_MISMATCH, ASSERTION_MISSING, MANIFEST_MULTIPLE_PARENTS,
        SIGNING_CREDENTIAL_EXPIRED, SIGNING_CREDENTIAL_INVALID,
    };
    use serde_json::json;

    use super::*;

    /// The state of a signed manifest in which these are wrong.
    fn state_with(failures: &[&str]) -> State {
        let status = |code: &&str| json!({"code": code});
        let signed = [CLAIM_SIGNATURE_VALIDATED, CLAIM_SIGNATURE_INSIDE_VALIDITY];
        let codes = json!({
            "success": signed.iter().map(status).collect::<Vec<_>>(),
            "informational": [],
            "failure": failures.iter().map(status).collect::<Vec<_>>(),
        });
        let own: StatusCodes = serde_json::from_value(codes).unwrap();
        state(ValidationState::Valid, Some(&own), &problems(&own))
    }

    #[test]
    fn only_what_shows_a_change_is_called_one() {
        for code in [
            ASSERTION_DATAHASH_MISMATCH,
            ASSERTION_BMFFHASH_MISMATCH,
            ASSERTION_HASHEDURI_MISMATCH,
            ASSERTION_MISSING,
            ASSERTION_UNDECLARED,
            CLAIM_SIGNATURE_MISMATCH,
        ] {
            let others = [ASSERTION_ACTION_MALFORMED, SIGNING_CREDENTIAL_EXPIRED, SIGNING_CREDENTIAL_UNTRUSTED];
            assert_eq!(state_with(&[code]), State::Tampered, "{code}");
            assert!(others.iter().all(|&other| state_with(&[other, code]) == State::Tampered), "{code}");
        }
        for code in [
            ASSERTION_ACTION_MALFORMED,
            ASSERTION_ACTION_INGREDIENT_MISMATCH,
            CLAIM_REQUIRED_MISSING,
            HARD_BINDINGS_MISSING,
            MANIFEST_MULTIPLE_PARENTS,
            ALGORITHM_UNSUPPORTED,
        ] {
            assert_eq!(state_with(&[code]), State::Malformed, "{code}");
        }
        assert_eq!(state_with(&[ALGORITHM_UNSUPPORTED, CLAIM_SIGNATURE_MISMATCH]), State::Malformed);
        assert_eq!(state_with(&[ALGORITHM_UNSUPPORTED, ASSERTION_DATAHASH_MISMATCH]), State::Tampered);
        for code in [SIGNING_CREDENTIAL_EXPIRED, SIGNING_CREDENTIAL_INVALID] {
            assert_eq!(state_with(&[code, ASSERTION_ACTION_MALFORMED]), State::BadCertificate, "{code}");
        }
        assert_eq!(state_with(&[SIGNING_CREDENTIAL_UNTRUSTED]), State::Valid);
    }
}
