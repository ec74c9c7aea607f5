//! Revocation lists.
#![no_main]

use alphaswap::identity::Revocations;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = Revocations::parse(text);
});
