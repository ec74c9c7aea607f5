//! The enroller's key (Ed25519), in a file that only its owner can read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use ed25519_dalek::{Signer, SigningKey};
use etcetera::BaseStrategy;

use super::consent::Signature;
use crate::error::{Error, Result};
use crate::files::{Readers, part};

/// What is wrong with a file without a key, and what to do.
const NO_KEY: &str = "no Ed25519 key in PKCS #8 (PEM), or a damaged one: name another file, or restore this one from a \
                      copy; if there is none, move it away and a new key is made: what you signed stays valid, but \
                      tell those who know you by the old one";

/// A key that signs.
pub struct Key(SigningKey);

/// The user's folder for keys and lists; none where the user has no home.
pub fn user_folder() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.config_dir().join("alphaswap"))
}

impl Key {
    /// A new random key.
    ///
    /// # Errors
    /// [`Error::Io`] when the operating system gives no random numbers.
    pub fn random() -> Result<Self> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|e| Error::io("random numbers")(io::Error::other(e)))?;
        Ok(Self::from_secret(&secret))
    }

    /// The key whose secret is `secret`.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The usual file of the user's key; none where the user has no home.
    pub fn user_file() -> Option<PathBuf> {
        Some(user_folder()?.join("key.pem"))
    }

    /// The key in the file at `path` (PKCS #8, PEM); made at first use.
    ///
    /// # Errors
    /// [`Error::Io`] when the file can neither be read nor made, or holds no such key.
    pub fn open_or_make(path: &Path) -> Result<Self> {
        match Self::open(path) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        Self::random()?.keep(path)?;
        // Another process may have been first: its key counts.
        Self::open(path)
    }

    fn open(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(Error::io(path))?;
        let invalid = |_| Error::io(path)(io::Error::new(io::ErrorKind::InvalidData, NO_KEY));
        let key = SigningKey::from_pkcs8_pem(&String::from_utf8_lossy(&bytes)).map_err(invalid)?;
        warn_if_others_can_read(path);
        Ok(Self(key))
    }

    /// Writes the key where no file is yet; one that is there stays.
    fn keep(&self, path: &Path) -> Result<()> {
        let write = || -> io::Result<()> {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let part = part(path, self.to_pem().as_bytes(), Readers::Owner)?;
            match part.persist_noclobber(path) {
                Err(e) if e.error.kind() != io::ErrorKind::AlreadyExists => Err(e.error),
                _ => Ok(()),
            }
        };
        write().map_err(Error::io(path))
    }

    /// The key as it stands in its file.
    pub fn to_pem(&self) -> String {
        // Writing 32 known bytes as PEM cannot fail.
        self.0.to_pkcs8_pem(LineEnding::LF).map(|text| text.to_string()).unwrap_or_default()
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// The raw signature of `message`.
    pub fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// Signs a digest of a consent record.
    pub(super) fn sign(&self, digest: &[u8; 32]) -> Signature {
        Signature { enroller: self.public(), bytes: self.sign_bytes(digest) }
    }
}

/// Not every file system knows owners, so that is no error.
fn warn_if_others_can_read(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0) {
            tracing::warn!("others can read your key: chmod 600 {}", path.display());
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}
