//! Manifests before a file's own: a tool that knows manifests and works on the file keeps them, and signs anew.

use std::collections::{HashSet, VecDeque};

use c2pa::validation_results::ValidationResults;
use c2pa::validation_status::{SIGNING_CREDENTIAL_UNTRUSTED, ValidationStatus, is_success};
use c2pa::{Ingredient, Manifest, Reader, Relationship};

use super::read::{failures, record};

/// The nearest manifest before the file's own that names a consent record. Nothing may be wrong with it, nor with those
/// on the way to it.
pub(super) fn nearest(reader: &Reader) -> Option<&Manifest> {
    let wrong = all_failures(reader);
    let is_named = |label: &str| wrong.iter().any(|status| status.url().is_some_and(|url| url.contains(label)));
    let mut seen = HashSet::new();
    let mut waiting: VecDeque<&Manifest> = reader.active_manifest().into_iter().collect();
    while let Some(after) = waiting.pop_front() {
        // What was an input only need not be seen in the file.
        for source in after.ingredients().iter().filter(|source| *source.relationship() != Relationship::InputTo) {
            let entry = source.active_manifest().and_then(|label| reader.manifests().get_key_value(label));
            let Some((label, before)) = entry else { continue };
            // Not every failure says where it is.
            let in_order = !is_named(label) && recorded(source).is_empty() && since(reader, after, source).is_empty();
            if !in_order || !seen.insert(label) {
                continue;
            }
            if record(before).is_some() {
                return Some(before);
            }
            waiting.push_back(before);
        }
    }
    None
}

/// What is wrong in any manifest, or was when another took it up.
fn all_failures(reader: &Reader) -> Vec<&ValidationStatus> {
    let sources = || reader.manifests().values().flat_map(|manifest| manifest.ingredients());
    let results = sources().filter_map(|source| source.validation_results()).chain(reader.validation_results());
    results.flat_map(in_results).chain(sources().flat_map(listed)).collect()
}

fn in_results(results: &ValidationResults) -> impl Iterator<Item = &ValidationStatus> {
    let deltas = results.ingredient_deltas().into_iter().flatten().map(|delta| delta.validation_deltas());
    results.active_manifest().into_iter().chain(deltas).flat_map(failures)
}

/// What was wrong as C2PA 1 lists it, and of what the manifest came from, too.
fn listed(source: &Ingredient) -> impl Iterator<Item = &ValidationStatus> {
    let list = source.validation_status().filter(|_| source.validation_results().is_none()).unwrap_or_default();
    list.iter().filter(|status| !is_success(status.code()) && status.code() != SIGNING_CREDENTIAL_UNTRUSTED)
}

/// What was wrong with the manifest of `source` when another took it up.
fn recorded(source: &Ingredient) -> Vec<&ValidationStatus> {
    let codes = source.validation_results().and_then(ValidationResults::active_manifest);
    codes.into_iter().flat_map(failures).chain(listed(source)).collect()
}

/// What became wrong with the manifest of `source`, which is one of those of `after`.
fn since<'a>(reader: &'a Reader, after: &Manifest, source: &Ingredient) -> Vec<&'a ValidationStatus> {
    let place =
        format!("/{}/c2pa.assertions/{}", after.label().unwrap_or_default(), source.label().unwrap_or_default());
    let deltas = reader.validation_results().and_then(ValidationResults::ingredient_deltas).into_iter().flatten();
    let of_source = deltas.filter(|delta| delta.ingredient_assertion_uri().ends_with(&place));
    of_source.flat_map(|delta| failures(delta.validation_deltas())).collect()
}
