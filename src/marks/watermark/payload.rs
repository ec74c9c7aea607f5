//! What the watermark says, and its error-correcting code.

use labrador_ldpc::LDPCCode;

use super::key::{DATA, GROUPS};

/// Version that is written.
pub const VERSION: u8 = 1;

/// The CCSDS telecommand code (CCSDS 231.1-O-1): 64 bits in, 128 out.
const CODE: LDPCCode = LDPCCode::TC128;
const BYTES: usize = 8;
/// Bits that a payload is free to choose: all but the version and the check.
pub(super) const FREE: usize = 48;
/// The bits of an id.
const ID: u32 = 0xff_ffff;
/// Generator of the check: CRC-12 (polynomial 0x80f).
const CRC: u16 = 0x80f;

/// What the watermark says: 4 bits of version, 24 of consent, 24 of session, and a 12-bit check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Payload {
    /// First 24 bits of the SHA-256 of the identity's consent record.
    pub consent: u32,
    /// Chosen at random when a pipeline is made, 24 bits.
    pub session: u32,
}

impl Payload {
    /// Another one for each call.
    pub fn random_session() -> u32 {
        // The standard library's hash maps draw their keys from the operating system's random numbers.
        let random = std::hash::RandomState::new();
        std::hash::BuildHasher::hash_one(&random, 0) as u32 & ID
    }

    /// The coded bits as they are embedded: 1 for a bit of 0, -1 for a 1.
    pub(super) fn encode(self) -> [f32; DATA] {
        let mut codeword = [0_u8; DATA / 8];
        CODE.copy_encode(&self.bytes(), &mut codeword);
        std::array::from_fn(|i| if bit(&codeword, i) { -1.0 } else { 1.0 })
    }

    /// The sign that each group's sum must have: data, then pilots.
    pub(crate) fn wanted(self) -> [f32; GROUPS] {
        let mut wanted = [1.0; GROUPS];
        wanted[..DATA].copy_from_slice(&self.encode());
        wanted
    }

    /// From its [`FREE`] bits.
    pub(super) fn from_free(bits: u64) -> Self {
        Self { consent: (bits >> 24) as u32 & ID, session: bits as u32 & ID }
    }

    /// The bits before coding, as numbers from 0 on.
    pub fn bits(self) -> [bool; 8 * BYTES] {
        let bytes = self.bytes();
        std::array::from_fn(|i| bit(&bytes, i))
    }

    fn bytes(self) -> [u8; BYTES] {
        let said =
            (u64::from(VERSION) << 60) | (u64::from(self.consent & ID) << 36) | (u64::from(self.session & ID) << 12);
        (said | u64::from(crc(said >> 12))).to_be_bytes()
    }
}

/// The 64 bits in hexadecimal digits.
impl std::fmt::Display for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::digest::hex(&self.bytes()))
    }
}

/// Bit `i`, the highest of the first byte being bit 0.
fn bit(bytes: &[u8], i: usize) -> bool {
    bytes[i / 8] >> (7 - i % 8) & 1 == 1
}

/// Remainder of 52 bits, begun with all ones.
fn crc(bits: u64) -> u16 {
    (0..52).rev().fold(0xfff, |crc: u16, i| {
        let out = (crc >> 11) as u64 & 1 ^ bits >> i & 1;
        (crc << 1 & 0xfff) ^ if out == 1 { CRC } else { 0 }
    })
}
