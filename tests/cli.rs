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

use crate::support::process::patient;

/// The tool's file.
const TOOL: &str = env!("CARGO_BIN_EXE_alphaswap");

/// A program that sees nothing of the user's: keys, lists, compiled kernels.
fn program(file: &str) -> std::process::Command {
    let mut command = std::process::Command::new(file);
    // What is cached is checked by whoever reads it, and takes long to make, so it stays for the next run.
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    command.env("XDG_CONFIG_HOME", CONFIG.path()).env("XDG_CACHE_HOME", cache);
    command
}

/// The tool.
fn alphaswap() -> Command {
    patient(program(TOOL))
}

/// The user's configuration folder, for keys and lists.
static CONFIG: LazyLock<Folder> = LazyLock::new(Folder::take);

/// An empty folder for this process alone. What is static is never dropped, so it is left to the next run.
struct Folder {
    path: PathBuf,
    /// Held while the process runs.
    _lock: std::fs::File,
}

impl Folder {
    fn take() -> Self {
        let free = |number: usize| {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{number}"));
            let lock = std::fs::File::create(path.with_extension("lock")).unwrap();
            // A file system that cannot lock is not waited for.
            (!matches!(lock.try_lock(), Err(std::fs::TryLockError::WouldBlock))).then_some(Self { path, _lock: lock })
        };
        let folder = (0..).find_map(free).unwrap();
        if folder.path.exists() {
            std::fs::remove_dir_all(&folder.path).unwrap();
        }
        std::fs::create_dir(&folder.path).unwrap();
        folder
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

/// A file of the demo's media.
pub fn media(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/media").join(name)
}

/// A portrait, and the identity that was enrolled from it, made once.
fn identity() -> &'static Path {
    static MADE: LazyLock<PathBuf> = LazyLock::new(|| {
        let path = CONFIG.path().join("kai.alphaface");
        alphaswap().arg("enroll").arg(media("kai.jpg")).arg("-o").arg(&path).args(CONSENT).assert().success();
        path
    });
    &MADE
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
