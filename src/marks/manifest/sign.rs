//! Writing manifests.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use c2pa::assertions::DataHash;
use c2pa::{Builder, Signer};
use serde_json::{Value, json};

use super::{CONSENT, Credentials, SOFT_BINDING, context, embeds, failed, sidecar};
use crate::digest::hex;
use crate::error::{Error, Result};
use crate::files::{Readers, beside, replace};
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
                {"label": "c2pa.actions.v2", "data": {"actions": [
                    {"action": "c2pa.opened", "parameters": {"ingredientIds": ["source"]}},
                    {"action": "c2pa.edited", "digitalSourceType": SOURCE_TYPE, "softwareAgent": agent,
                        "description": "A face was replaced by that of a person who agreed to it."},
                    {"action": "c2pa.watermarked.bound", "softwareAgent": agent,
                        "description": "Every frame in which a face was replaced carries a watermark."},
                ]}},
                {"label": "c2pa.soft-binding", "data": {"alg": SOFT_BINDING, "blocks": [binding]}},
                {"label": CONSENT, "data": {"record": self.record, "enroller": self.enroller}},
            ],
        })
    }
}

/// Signs the file at `path`, which was made of `source` and is named `title`: what comes back in its place carries the
/// manifest, or stands beside one ([`sidecar`]) if its kind cannot; says whether it is the latter. `target` is the name that `path` will get; its
/// extension says of which kind it is.
///
/// # Errors
/// [`Error::Io`], and [`Error::Manifest`] for what cannot be signed.
pub fn sign(path: &Path, target: &Path, source: &Path, facts: &Facts, credentials: &Credentials) -> Result<bool> {
    let signer = credentials.signer()?;
    let title = target.file_name().unwrap_or_default().to_string_lossy();
    let format = embeds(target);
    let definition = facts.definition(&title, format.as_deref().unwrap_or("application/octet-stream"));
    let wrong = failed(target);
    let signer = signer.as_ref();
    let mut builder = Builder::from_context(context().map_err(&wrong)?).with_definition(definition).map_err(&wrong)?;
    add_source(&mut builder, source)?;
    match &format {
        Some(format) => embed(&mut builder, signer, format, path).map_err(|e| e.of_manifest(target))?,
        None => {
            let manifest = detached(&mut builder, signer, path).map_err(|e| e.of_manifest(target))?;
            replace(&sidecar(target), &manifest)?;
        }
    }
    Ok(format.is_none())
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
    // The name that the crate gives such hashes, too: what it puts in its place must be as long.
    let mut whole = DataHash::new("jumbf manifest", "sha256");
    let hash = || -> io::Result<Vec<u8>> {
        let hash = crate::digest::sha256_bytes_of(BufReader::new(File::open(path)?))?;
        Ok(hash.to_vec())
    };
    whole.set_hash(hash().map_err(Error::io(path))?);
    builder.add_assertion(DataHash::LABEL, &whole).map_err(failed(path))?;
    builder.sign_data_hashed_embeddable(signer, &whole, "application/c2pa").map_err(failed(path))
}

/// The source clip, with its own manifest if it has one. Its name and picture stay out: they may show who was replaced.
fn add_source(builder: &mut Builder, source: &Path) -> Result<()> {
    let about = json!({"title": "source", "relationship": "parentOf", "label": "source"});
    let Some(format) = embeds(source) else {
        let ingredient = c2pa::Ingredient::from_json(&about.to_string()).map_err(failed(source))?;
        builder.add_ingredient(ingredient);
        return Ok(());
    };
    let mut file = File::open(source).map_err(Error::io(source))?;
    builder.add_ingredient_from_stream(about.to_string(), &format, &mut file).map_err(failed(source))?;
    Ok(())
}
