//! Identity files: whatever the bytes are, they are refused or can be used.
#![no_main]

use alphaswap::identity::{Identity, Key, Revocations};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut identity) = Identity::parse(bytes) else { return };
    let (revoked, now) = (Revocations::default(), "2026-11-22T12:00:00Z".parse().expect("a time"));
    let _ = identity.permit(now, &revoked);
    identity.sign(&Key::from_secret(&[1; 32]));
    identity.check_signature().expect("what was just signed is in order");
    let _ = identity.textures[0].mirrored();
});
