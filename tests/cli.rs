//! The command line tool: exit codes and messages for good and bad input.

mod enroll;
mod help;
mod identity;
#[cfg(feature = "c2pa")]
mod manifest;
mod picture;
mod swap;
mod tools;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use assert_cmd::Command;
use predicates::prelude::*;
use tempfile::TempDir;

/// The tool.
fn alphaswap() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alphaswap"));
    command.env("XDG_CONFIG_HOME", CONFIG.path());
    command
}

/// The user's configuration folder, for keys and lists.
static CONFIG: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

/// A file of the demo's media.
pub fn media(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/media").join(name)
}

/// A portrait, and the identity that was enrolled from it, made once.
fn identity() -> &'static Path {
    static MADE: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kai.alphaface");
        alphaswap().arg("enroll").arg(media("kai.jpg")).arg("-o").arg(&path).args(CONSENT).assert().success();
        (dir, path)
    });
    &MADE.1
}

/// The options that every enrolling needs.
const CONSENT: [&str; 4] = ["--name", "Kai", "--consent", "a made-up person; no consent needed"];

/// A run that fails with exit code 1 and says all of `words` in one line.
pub fn fails(command: &mut Command, words: &[&str]) {
    let assert = command.assert().code(1);
    let stderr = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    let line = stderr.lines().rfind(|l| l.starts_with("error: ")).unwrap_or_else(|| panic!("no error in: {stderr}"));
    for word in words {
        assert!(predicate::str::contains(*word).eval(line), "{line:?} does not say {word:?}");
    }
}

/// Names of the files in a folder, hidden ones too.
pub fn listing(dir: &Path) -> Vec<String> {
    let name = |e: std::io::Result<std::fs::DirEntry>| e.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = std::fs::read_dir(dir).unwrap().map(name).collect();
    names.sort();
    names
}
