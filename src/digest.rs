//! SHA-256 in hexadecimal digits, as cards, checkpoints and notes tell it.

use std::io::{self, BufRead};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// Two digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Hash of `bytes`.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes))
}

/// Hash of all that `source` gives.
///
/// # Errors
/// What reading says.
pub fn sha256_of(source: impl BufRead) -> io::Result<String> {
    Ok(hex(&sha256_bytes_of(source)?))
}

/// Hash of all that `source` gives, as bytes.
///
/// # Errors
/// What reading says.
pub fn sha256_bytes_of(mut source: impl BufRead) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    while let chunk @ [_, ..] = source.fill_buf()? {
        hash.update(chunk);
        let read = chunk.len();
        source.consume(read);
    }
    Ok(hash.finalize().into())
}
