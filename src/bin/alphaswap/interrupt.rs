//! Ctrl-C as a flag that long loops look at, so that they can clean up.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

static PRESSED: AtomicBool = AtomicBool::new(false);

/// The run was stopped by the user.
#[derive(Debug)]
pub struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted: nothing was written")
    }
}

impl std::error::Error for Interrupted {}

/// From now on Ctrl-C (and a request to terminate) sets the flag instead of ending the process.
pub fn watch() -> Result<()> {
    ctrlc::set_handler(|| PRESSED.store(true, Ordering::Relaxed)).context("cannot watch for Ctrl-C")
}

/// Whether the user wants the run to end.
pub fn pressed() -> bool {
    PRESSED.load(Ordering::Relaxed)
}
