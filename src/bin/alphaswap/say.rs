//! What the tool prints on standard output, and text of others in it.

use std::io::{self, ErrorKind, Write};

use anyhow::{Context, Result};

/// Prints `text`, which ends its own lines. Somebody who reads no further (`| head`) is no failure.
pub fn say(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// `text` that came with a file, on one line and as it reads: it must not look like the tool's own words, nor steer the
/// terminal or the direction of writing.
pub fn plain(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let seen = |c: char| match c {
        '\n' | '\t' => ' ',
        c if steers(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(seen).collect()
}
