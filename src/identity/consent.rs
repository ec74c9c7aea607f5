//! The consent record: who agreed to what, since when and until when, on what evidence; signed by who enrolled the
//! person, and bound to the face that it is about.
//!
//! What is signed (Ed25519, RFC 8032) is the SHA-256 of these fields, each with its length in front so that no two
//! records read alike: [`CONTEXT`], name, text, date, `until`, `evidence` (the last two empty if there are none), the
//! digest of embeddings and textures ([`Identity::face_digest`]), and those of the records that this one replaced.
//! Whoever changes a record or puts it on another face needs the key of the enroller for a signature that is worth
//! anything; who the enroller is, a signature cannot say: compare the public key with one that you got from them.

use std::iter;

use ed25519_dalek::VerifyingKey;
use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::key::Key;
use super::revocations::Revocations;
use super::{Embedding, Identity, Texture};
use crate::digest::hex;

/// Keeps signatures of consent records apart from all others by the same key.
const CONTEXT: &str = "alphaswap consent record 1";
/// It is still yesterday somewhere on earth for this long after midnight UTC, and already tomorrow before it.
const LAST_ZONE: SignedDuration = SignedDuration::from_hours(12);
const FIRST_ZONE: SignedDuration = SignedDuration::from_hours(14);

/// Who agreed to what, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Free text: who agreed, to what.
    pub text: String,
    /// Day of the enrolment.
    pub date: Date,
    /// Last day on which it holds; without end if none.
    pub until: Option<Date>,
    /// Where it is written down: free text, or `sha256:` and the digest of a file.
    pub evidence: Option<String>,
    /// SHA-256 of the records that this one replaced, oldest first: whoever takes the consent back takes back those, too.
    pub former: Vec<[u8; 32]>,
    /// The enroller's signature.
    pub signature: Option<Signature>,
}

/// An Ed25519 signature and who made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The enroller's public key.
    pub enroller: [u8; 32],
    /// The signature of the record's digest.
    pub bytes: [u8; 64],
}

impl Consent {
    /// A record that is not signed and has no end.
    pub fn new(text: impl Into<String>, date: Date) -> Self {
        Self { text: text.into(), date, until: None, evidence: None, former: Vec::new(), signature: None }
    }
}

impl Signature {
    /// How users tell enrollers apart: the public key in hexadecimal digits.
    pub fn enroller_name(&self) -> String {
        hex(&self.enroller)
    }
}

/// SHA-256 of fields that cannot run into each other.
struct Fields(Sha256);

impl Fields {
    fn new(context: &str) -> Self {
        Self(Sha256::new()).field(context)
    }

    fn field(mut self, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.0.update((value.len() as u64).to_le_bytes());
        self.0.update(value);
        self
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

impl Identity {
    /// SHA-256 of all embeddings and textures: the face, whatever name and record it carries.
    pub fn face_digest(&self) -> [u8; 32] {
        let mut fields = Fields::new("alphaswap face 1");
        for Embedding { encoder, crop, sha256, values } in &self.embeddings {
            fields = fields.field("embedding").field(encoder).field(crop.name());
            fields = fields.field(sha256.as_deref().unwrap_or_default()).field(bytemuck::cast_slice::<f32, u8>(values));
        }
        for Texture { side, rgb, points, pose } in &self.textures {
            let pose = [pose.yaw, pose.pitch, pose.roll];
            let points: Vec<f32> = points.0.iter().flat_map(|p| p.to_array()).collect();
            fields = fields.field("texture").field((*side as u64).to_le_bytes()).field(rgb);
            fields =
                fields.field(bytemuck::cast_slice::<f32, u8>(&points)).field(bytemuck::cast_slice::<f32, u8>(&pose));
        }
        fields.finish()
    }

    /// SHA-256 of what a revocation list tells a face by: the face as a whole ([`Self::face_digest`]), the pixels of
    /// each texture, the values of each embedding. Who enrolls the same photo again, alone or among others, has one.
    pub fn traces(&self) -> impl Iterator<Item = [u8; 32]> {
        let photo = |texture: &Texture| Fields::new("alphaswap photo 1").field(&texture.rgb).finish();
        let embedding = |embedding: &Embedding| {
            let values = bytemuck::cast_slice::<f32, u8>(&embedding.values);
            Fields::new("alphaswap embedding 1").field(values).finish()
        };
        let parts = self.textures.iter().map(photo).chain(self.embeddings.iter().map(embedding));
        iter::once(self.face_digest()).chain(parts)
    }

    /// SHA-256 of the consent record, the name and the face it is about: what is signed, and what revocation lists and
    /// manifests name.
    pub fn consent_digest(&self) -> [u8; 32] {
        let Consent { text, date, until, evidence, former, signature: _ } = &self.consent;
        let until = until.map(|day| day.to_string()).unwrap_or_default();
        let record = Fields::new(CONTEXT).field(&self.name).field(text).field(date.to_string());
        let record = record.field(until).field(evidence.as_deref().unwrap_or_default()).field(self.face_digest());
        former.iter().fold(record, Fields::field).finish()
    }

    /// The consent record's [`short_name`], as watermarks have it.
    pub fn consent_id(&self) -> u32 {
        short_name(&self.consent_digest())
    }

    /// SHA-256 of all records of this consent: those that were replaced, oldest first, then the one in force. Without a
    /// signature that holds, what a file says of others means nothing.
    pub fn records(&self) -> Vec<[u8; 32]> {
        let former = if self.check_signature().is_ok() { self.consent.former.as_slice() } else { &[] };
        [former, &[self.consent_digest()]].concat()
    }

    /// Puts `consent` in the place of the record, which it remembers, and signs it.
    pub fn renew(&mut self, consent: Consent, key: &Key) {
        self.consent = Consent { former: self.records(), ..consent };
        self.sign(key);
    }

    /// Signs the consent record as it is now.
    pub fn sign(&mut self, key: &Key) {
        self.consent.signature = Some(key.sign(&self.consent_digest()));
    }

    /// Whether this face may be put on at `now`.
    ///
    /// # Errors
    /// What is wrong and what to do: the record is not signed, was altered, has expired or was revoked, or the clock is
    /// wrong.
    pub fn permit(&self, now: Timestamp, revoked: &Revocations) -> Result<(), String> {
        self.check_signature()?;
        let Consent { date, until, .. } = &self.consent;
        if revoked.contains(self) {
            return Err(format!(
                "the consent of {:?} was revoked: a list names this face, or a photo in it; if they agree anew, enroll \
                 other photos of them",
                self.name
            ));
        }
        let [earliest, latest] = days_on_earth(now);
        if latest < *date {
            return Err(format!(
                "this machine's clock says {latest}, but the consent was given on {date}: set the clock"
            ));
        }
        match until {
            Some(until) if *until < earliest => Err(format!(
                "the consent of {:?} expired after {until}; with the person's new consent: alphaswap identity renew",
                self.name
            )),
            _ => Ok(()),
        }
    }

    /// Whether the record is as its enroller signed it.
    ///
    /// # Errors
    /// What is wrong and what to do.
    pub fn check_signature(&self) -> Result<(), String> {
        let Some(signature) = &self.consent.signature else {
            return Err("its consent record is not signed (older versions did not sign): with the person's consent, \
                        alphaswap identity renew signs it"
                .into());
        };
        let key = VerifyingKey::from_bytes(&signature.enroller);
        let right = key.and_then(|key| {
            key.verify_strict(&self.consent_digest(), &ed25519_dalek::Signature::from_bytes(&signature.bytes))
        });
        right.map_err(|_| {
            "its consent record, name or face was altered after it was signed: ask for the original file, or enroll again"
                .into()
        })
    }
}

/// Short name of the consent record with this digest: the first 24 bits.
pub fn short_name([a, b, c, ..]: &[u8; 32]) -> u32 {
    u32::from_be_bytes([0, *a, *b, *c])
}

/// The earliest and the latest date that it is anywhere on earth.
fn days_on_earth(now: Timestamp) -> [Date; 2] {
    [-LAST_ZONE, FIRST_ZONE].map(|shift| {
        let there = now.checked_add(shift).unwrap_or(now);
        Offset::UTC.to_datetime(there).date()
    })
}
