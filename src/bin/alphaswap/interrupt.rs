//! Ctrl-C as a flag that long loops look at, so that they can clean up, and what the shell sees at the end.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

/// What the shell sees when a run was interrupted: 128 plus the number of SIGINT.
const INTERRUPTED: u8 = 130;

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

/// # Errors
/// [`Interrupted`] when the user wants the run to end.
pub fn check() -> Result<()> {
    if pressed() { Err(Interrupted.into()) } else { Ok(()) }
}

/// Says why a run failed, and turns its end into an exit code.
pub fn exit_code(result: Result<()>) -> ExitCode {
    result.map_or_else(|error| failed(&error, ExitCode::FAILURE), |()| ExitCode::SUCCESS)
}

/// Says why a run failed; `code` is the exit code unless it was interrupted.
pub fn failed(error: &anyhow::Error, code: ExitCode) -> ExitCode {
    if error.is::<Interrupted>() {
        eprintln!("{error}");
        return ExitCode::from(INTERRUPTED);
    }
    eprintln!("error: {}", line(error));
    code
}

/// An error and its causes. Some errors say their cause themselves; it is not said again.
fn line(error: &anyhow::Error) -> String {
    error
        .chain()
        .skip(1)
        .map(ToString::to_string)
        .fold(error.to_string(), |line, cause| if line.ends_with(&cause) { line } else { format!("{line}: {cause}") })
}
