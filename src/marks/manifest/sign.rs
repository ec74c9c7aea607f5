//! Writing manifests.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use c2pa::assertions::DataHash;
use c2pa::{Builder, Ingredient, Signer};
use serde_json::{Value, json};

use super::read::read_bytes;
use super::{
    ACTIONS, ANY_FORMAT, BINDING, CONSENT, Credentials, SOFT_BINDING, context, embeds, failed, lies_beside,
    read_sidecar,
};
use crate::digest::{hex, sha256_bytes_of};
use crate::error::{Error, Result};
use crate::files::{Readers, beside};
use crate::identity::Identity;
use crate::marks::SOURCE_TYPE;
use crate::marks::watermark::Payload;

/// What a manifest says of a file.
#[derive(Clone, Debug)]
pub struct Facts {
    /// SHA-256 of the consent record, in hexadecimal digits.
    pub record: String,
    /// The enroller's public key, in hexadecimal digits, if the record is signed.
    pub enroller: Option<String>,
    /// What the watermark says.
    pub payload: Payload,
}

impl Facts {
    /// Of a file in which `identity` was put on under `payload`.
    pub fn new(identity: &Identity, payload: Payload) -> Self {
        let enroller = identity.consent.signature.map(|s| s.enroller_name());
        Self { record: hex(&identity.consent_digest()), enroller, payload }
    }

    fn definition(&self, title: &str, format: &str) -> Value {
        let agent = json!({"name": "alphaswap", "version": env!("CARGO_PKG_VERSION")});
        let binding = json!({"scope": {}, "value": self.payload.to_string()});
        json!({
            "title": title,
            "format": format,
            "claim_generator_info": [agent],
            "assertions": [
                {"label": ACTIONS, "data": {"actions": [
                    {"action": "c2pa.opened", "parameters": {"ingredientIds": ["source"]}},
                    {"action": "c2pa.edited", "digitalSourceType": SOURCE_TYPE, "softwareAgent": agent,
                        "description": "A face was replaced by that of a person who agreed to it."},
                    {"action": "c2pa.watermarked.bound", "softwareAgent": agent,
                        "description": "Every frame in which a face was replaced carries a watermark."},
                ]}},
                {"label": BINDING, "data": {"alg": SOFT_BINDING, "blocks": [binding]}},
                {"label": CONSENT, "data": {"record": self.record, "enroller": self.enroller}},
            ],
        })
    }
}

/// Signs the file at `path`, which was made of `source` and will be named `target`: what comes back in its place
/// carries the manifest. If its kind, which its first bytes show, cannot, the manifest is returned, for
/// [`sidecar`](super::sidecar).
///
/// # Errors
/// [`Error::Io`], and [`Error::Manifest`] for what cannot be signed.
pub fn sign(
    path: &Path,
    target: &Path,
    source: &Path,
    facts: &Facts,
    credentials: &Credentials,
) -> Result<Option<Vec<u8>>> {
    let signer = credentials.signer()?;
    let title = target.file_name().unwrap_or_default().to_string_lossy();
    let format = embeds(path)?;
    let definition = facts.definition(&title, format.unwrap_or(ANY_FORMAT));
    let wrong = failed(target);
    let signer = signer.as_ref();
    let mut builder = Builder::from_context(context().map_err(&wrong)?).with_definition(definition).map_err(&wrong)?;
    add_source(&mut builder, source)?;
    let signed = match format {
        Some(format) => embed(&mut builder, signer, format, path).map(|()| None),
        None => detached(&mut builder, signer, path).map(Some),
    };
    signed.map_err(|e| e.of_manifest(target))
}

/// Puts the file with its manifest in the place of the file without.
fn embed(builder: &mut Builder, signer: &dyn Signer, format: &str, path: &Path) -> Result<()> {
    let mut before = File::open(path).map_err(Error::io(path))?;
    let mut after = beside(path, Readers::Usual).map_err(Error::io(path))?;
    builder.sign(signer, format, &mut before, after.as_file_mut()).map_err(failed(path))?;
    after.into_temp_path().persist(path).map_err(|e| Error::io(path)(e.error))
}

/// A manifest that is bound to all bytes of the file at `path`.
fn detached(builder: &mut Builder, signer: &dyn Signer, path: &Path) -> Result<Vec<u8>> {
    let hash = || sha256_bytes_of(BufReader::new(File::open(path)?));
    sign_bytes(builder, signer, hash().map_err(Error::io(path))?.to_vec()).map_err(failed(path))
}

/// A manifest that is bound to bytes of this SHA-256.
pub(super) fn sign_bytes(builder: &mut Builder, signer: &dyn Signer, sha256: Vec<u8>) -> Result<Vec<u8>, c2pa::Error> {
    // The name that the crate gives such hashes, too: what it puts in its place must be as long.
    let mut whole = DataHash::new("jumbf manifest", "sha256");
    whole.set_hash(sha256);
    builder.add_assertion(DataHash::LABEL, &whole)?;
    builder.sign_data_hashed_embeddable(signer, &whole, "application/c2pa")
}

/// The source clip, with its own manifest if it has one. Its name and picture stay out: they may show who was replaced.
fn add_source(builder: &mut Builder, source: &Path) -> Result<()> {
    let about = json!({"title": "source", "relationship": "parentOf", "label": "source"}).to_string();
    let kept = match embeds(source)? {
        Some(format) => {
            let mut file = File::open(source).map_err(Error::io(source))?;
            builder.add_ingredient_from_stream(about.as_str(), format, &mut file).map(|_| true).map_err(failed(source))
        }
        None => from_sidecar(source).map(|found| found.map(|ingredient| builder.add_ingredient(ingredient)).is_some()),
    };
    let kept = kept.unwrap_or_else(|error| {
        tracing::warn!("what manifest the source has is left out: {error}");
        false
    });
    if !kept {
        builder.add_ingredient(Ingredient::from_json(&about).map_err(failed(source))?);
    }
    Ok(())
}

/// The source with the manifest that lies beside it, if one does. One that does not fit is that of another file.
fn from_sidecar(source: &Path) -> Result<Option<Ingredient>> {
    let Some(beside) = lies_beside(source) else { return Ok(None) };
    let manifest = read_sidecar(&beside)?;
    let mut file = File::open(source).map_err(Error::io(source))?;
    if read_bytes(&manifest, &mut file).map_err(failed(&beside))?.may_be_of_another() {
        return Err(Error::Manifest { path: beside, reason: "it does not fit the source, or is malformed".into() });
    }
    // The crate has no other way to put the two together. Nothing is fetched, so nothing is waited for.
    #[allow(deprecated)]
    let ingredient = Ingredient::from_manifest_and_asset_stream_async(manifest, ANY_FORMAT, &mut file);
    let mut ingredient = pollster::block_on(ingredient).map_err(failed(&beside))?;
    ingredient.set_title("source").set_is_parent().set_label("source");
    Ok(Some(ingredient))
}
