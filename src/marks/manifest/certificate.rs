//! The certificate that manifests are signed with: one's own, or one that is made here at first use.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use c2pa::{BoxedSigner, Builder, SigningAlg, create_signer};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose,
    PublicKeyData, SerialNumber, SignatureAlgorithm, date_time_ymd,
};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::read::{Found, read_bytes};
use super::sign::sign_bytes;
use super::{ACTIONS, context};
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::identity::{Date, Key};
use crate::marks::SOURCE_TYPE;

/// Whose certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// The user's key, and a certificate for it that is made at first use.
    Own {
        /// Key file, see [`Key::open_or_make`].
        key: PathBuf,
        /// Certificate file.
        certificate: PathBuf,
    },
    /// A certificate that somebody issued.
    Brought {
        /// The chain, the signer's certificate first (PEM).
        certificate: PathBuf,
        /// Its key (PKCS #8, PEM).
        key: PathBuf,
    },
}

/// Kinds of keys that C2PA allows; for RSA the hash may be chosen.
const ALGORITHMS: [SigningAlg; 5] =
    [SigningAlg::Ed25519, SigningAlg::Es256, SigningAlg::Es384, SigningAlg::Es512, SigningAlg::Ps256];
/// C2PA 2.1, section 14.4.1: the extended key usage of those who sign claims.
const CLAIM_SIGNING: [u64; 9] = [1, 3, 6, 1, 4, 1, 62558, 2, 1];
/// What is signed to see whether signing works.
const TRIAL: &[u8] = b"trial";
/// Years that a certificate made here lasts.
const YEARS: i32 = 20;

impl Credentials {
    /// Whether they can sign; makes key and certificate if they are to be made, and the own certificate anew if it does
    /// not work.
    ///
    /// # Errors
    /// [`Error::Io`] for files that cannot be read or made, [`Error::Manifest`] for a key and a certificate that do not
    /// fit.
    pub fn check(&self) -> Result<()> {
        match (self, self.try_out()) {
            // The clock was wrong when it was made, or the file is not whole: as it is it will never sign.
            (Self::Own { key, certificate }, Err(error @ Error::Manifest { .. })) => {
                tracing::warn!("{error}; a new certificate is made");
                make_chain(&Key::open_or_make(key)?, certificate)?;
                self.try_out()
            }
            (_, result) => result,
        }
    }

    /// Signs something, and reads it. Only a manifest shows whether key and certificate belong together, and whether
    /// the certificate is in force.
    fn try_out(&self) -> Result<()> {
        let signer = self.signer()?;
        let (Self::Own { certificate, .. } | Self::Brought { certificate, .. }) = self;
        let trial = || -> Result<Found, c2pa::Error> {
            let actions = json!({"actions": [{"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE}]});
            let trial = json!({"title": "trial", "assertions": [{"label": ACTIONS, "data": actions}]});
            let mut builder = Builder::from_context(context()?).with_definition(trial)?;
            let manifest = sign_bytes(&mut builder, signer.as_ref(), Sha256::digest(TRIAL).to_vec())?;
            read_bytes(&manifest, Cursor::new(TRIAL))
        };
        let reason = match trial().map(|found| found.problems) {
            Ok(problems) if problems.is_empty() => return Ok(()),
            Ok(problems) => problems.join(", "),
            Err(error) => error.to_string(),
        };
        let reason = format!("it does not belong to its key, or it cannot sign now: {reason}");
        Err(Error::Manifest { path: certificate.clone(), reason })
    }

    /// What signs with them; errors as [`Self::check`].
    pub(super) fn signer(&self) -> Result<BoxedSigner> {
        match self {
            Self::Own { key: key_file, certificate } => {
                let key = Key::open_or_make(key_file)?;
                let chain = own_chain(&key, certificate)?;
                signer(certificate, chain.as_bytes(), key.to_pem().as_bytes())
            }
            Self::Brought { certificate, key } => {
                let read = |path: &Path| fs::read(path).map_err(Error::io(path));
                signer(certificate, &read(certificate)?, &read(key)?)
            }
        }
    }
}

fn signer(path: &Path, chain: &[u8], key: &[u8]) -> Result<BoxedSigner> {
    let fits = |algorithm: &SigningAlg| create_signer::from_keys(chain, key, *algorithm, None).ok();
    let none = || Error::Manifest {
        path: path.into(),
        reason: "with this certificate and key nothing can be signed: they must be PEM, the key PKCS #8, of Ed25519, \
                 ECDSA (P-256, P-384, P-521) or RSA"
            .into(),
    };
    ALGORITHMS.iter().find_map(fits).ok_or_else(none)
}

/// The chain in `file`; made if there is none, or if it is another key's.
fn own_chain(key: &Key, file: &Path) -> Result<String> {
    if let Ok(kept) = fs::read_to_string(file)
        && let Some(chain) = kept.strip_prefix(&first_line(key))
    {
        return Ok(chain.into());
    }
    make_chain(key, file)
}

/// A new chain, which is kept in `file`.
fn make_chain(key: &Key, file: &Path) -> Result<String> {
    let chain = make(key, today()).map_err(|e| Error::Manifest { path: file.into(), reason: e.to_string() })?;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
    }
    write_atomically(file, (first_line(key) + &chain).as_bytes()).map_err(Error::io(file))?;
    Ok(chain)
}

/// Says in a file with a chain whose it is.
fn first_line(key: &Key) -> String {
    format!("# of key {}\n", crate::digest::sha256(key.public()))
}

fn today() -> Date {
    jiff::tz::Offset::UTC.to_datetime(crate::identity::now()).date()
}

/// A certificate for `key`, by a root that is made for it alone and signs nothing else: its key is forgotten. C2PA does
/// not take certificates that sign themselves.
fn make(key: &Key, today: Date) -> Result<String, Box<dyn std::error::Error>> {
    let (key, root_key) = (Pair::of(key), Key::random()?);
    let root_key = Pair::of(&root_key);
    let name = &crate::digest::hex(&root_key.id())[..8];
    let mut root = params(&root_key, &format!("alphaswap local root {name}"), today);
    root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let mut leaf = params(&key, "alphaswap user (self-signed)", today);
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let claim_signing = ExtendedKeyUsagePurpose::Other(CLAIM_SIGNING.to_vec());
    leaf.extended_key_usages = vec![claim_signing, ExtendedKeyUsagePurpose::EmailProtection];
    leaf.use_authority_key_identifier_extension = true;
    let root_certificate = root.self_signed(&root_key)?;
    let leaf = leaf.signed_by(&key, &Issuer::new(root, &root_key))?;
    Ok(leaf.pem() + &root_certificate.pem())
}

fn params(key: &Pair<'_>, name: &str, today: Date) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, "alphaswap");
    // From the year's beginning, for clocks that are behind.
    params.not_before = date_time_ymd(today.year().into(), 1, 1);
    params.not_after = date_time_ymd(i32::from(today.year()) + YEARS, 1, 1);
    params.serial_number = Some(SerialNumber::from_slice(&key.id()[..16]));
    params.key_identifier_method = KeyIdMethod::PreSpecified(key.id().to_vec());
    params
}

/// A key as rcgen wants it.
struct Pair<'a> {
    key: &'a Key,
    public: [u8; 32],
}

impl<'a> Pair<'a> {
    fn of(key: &'a Key) -> Self {
        Self { key, public: key.public() }
    }

    /// RFC 7093's first method: the leftmost 160 bits of the public key's SHA-256.
    fn id(&self) -> [u8; 20] {
        let hash = Sha256::digest(self.public);
        std::array::from_fn(|i| hash[i])
    }
}

impl PublicKeyData for Pair<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl rcgen::SigningKey for Pair<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.key.sign_bytes(message).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_cannot_sign_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let [key, certificate] = ["key.pem", "certificate.pem"].map(|name| folder.path().join(name));
        let kept = || fs::read_to_string(&certificate).unwrap();
        let credentials = Credentials::Own { key: key.clone(), certificate: certificate.clone() };
        credentials.check().unwrap();
        let made = kept();
        credentials.check().unwrap();
        assert_eq!(kept(), made, "what signs stays");
        let own = Key::open_or_make(&key).unwrap();
        let of = |year: i16| first_line(&own) + &make(&own, Date::constant(year, 1, 1)).unwrap();
        let part = made[..first_line(&own).len() + 100].to_string();
        // Clocks that were fifty years behind and five ahead at first use; files that were not written to their end.
        for stale in [of(1976), of(today().year() + 5), part, first_line(&own)] {
            fs::write(&certificate, &stale).unwrap();
            credentials.check().unwrap();
            assert_ne!(kept(), stale);
            let renewed = kept();
            credentials.check().unwrap();
            assert_eq!(kept(), renewed, "once is enough");
        }
        // One that was brought is its owner's business.
        let stale = of(1976);
        fs::write(&certificate, &stale).unwrap();
        let brought = Credentials::Brought { certificate: certificate.clone(), key };
        assert!(matches!(brought.check(), Err(Error::Manifest { .. })));
        assert_eq!(kept(), stale);
    }
}
