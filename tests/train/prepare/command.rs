//! The command: its words, its exit codes, stops and full disks.

use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use predicates::prelude::*;

use super::*;
use crate::cli::{fails, listing};
use crate::support::process::{PATIENCE, Started, TRAINER, patient, trainer};

/// Prepares the folder `set` of `dir` into `out`.
fn command(dir: &TempDir) -> Command {
    let mut command = trainer();
    command.current_dir(dir.path()).args(["prepare", "set", "-o", "out", "--crop", "128"]);
    command.args(["--licence", "CC0-1.0"]);
    command
}

#[test]
fn the_command_tells_what_it_did() {
    let dir = mixed();
    let told = ["skipped, too dark", "skipped, no face", "yaw -8 to 8", "2 people"];
    let mut done = command(&dir).assert().success().stderr(predicate::str::contains("4 photos of 2 people"));
    for words in told {
        done = done.stdout(predicate::str::contains(words));
    }
    let files = [".lock", "dataset.toml", "index.jsonl", "items", "journal.jsonl", "sheet.png", "skipped.jsonl"];
    assert_eq!(listing(&dir.path().join("out")), files);
    let header = Dataset::open(&dir.path().join("out")).unwrap().header;
    assert_eq!((header.sets[0].name.as_str(), header.sets[0].licence.as_str()), ("set", "CC0-1.0"));
}

#[test]
fn sets_and_licences_are_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(media("kai.jpg"), place(&dir, "a/faces/1.jpg")).unwrap();
    fs::copy(media("ada.jpg"), place(&dir, "b/faces/1.jpg")).unwrap();
    let prepare = |words: &[&str]| {
        let mut command = trainer();
        command.current_dir(dir.path()).args(["prepare", "-o", "out", "--crop", "128", "--no-sheet"]).args(words);
        command
    };
    fails(&mut prepare(&["a/faces", "b/faces", "--licence", "CC0"]), &["set faces", "two sets", "NAME="]);
    fails(&mut prepare(&["a/faces"]), &["set faces", "--licence"]);
    fails(&mut prepare(&["a=b=a/faces"]), &["b=a/faces"]);
    prepare(&["kai=a/faces", "ada=b/faces", "--licence", "ada=MIT = Expat", "--licence", "CC0"]).assert().success();
    let sets = Dataset::open(&dir.path().join("out")).unwrap().header.sets;
    let told: Vec<_> = sets.iter().map(|s| (s.name.as_str(), s.licence.as_str())).collect();
    assert_eq!(told, [("kai", "CC0"), ("ada", "MIT = Expat")]);
}

#[test]
fn no_face_is_a_failure_and_one_person_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    RgbImage::new(64, 64).save(place(&dir, "set/black.png")).unwrap();
    fails(&mut command(&dir), &["out", "no photo was taken", "skipped.jsonl"]);
    fs::copy(media("kai.jpg"), place(&dir, "set/1.jpg")).unwrap();
    command(&dir).assert().success().stderr(predicate::str::contains("at least two"));
}

/// A disk that is full: no file may get larger than some kilobytes.
#[test]
fn a_full_disk_stops_the_run_and_it_can_go_on() {
    let dir = mixed();
    let limited =
        format!("trap '' XFSZ; ulimit -f 16; exec {TRAINER} prepare set -o out --crop 128 --licence CC0-1.0 --jobs 1");
    let mut full = patient(Process::new("bash"));
    fails(full.current_dir(dir.path()).args(["-c", &limited]), &["out/items", "png", "File too large"]);
    let items = walkdir::WalkDir::new(dir.path().join("out/items"));
    let is_whole = |e: walkdir::DirEntry| {
        e.file_type().is_dir() || image::open(e.path()).is_ok() || e.path().extension().unwrap() == "safetensors"
    };
    assert!(items.into_iter().all(|e| is_whole(e.unwrap())), "a file was left half-written");
    command(&dir).assert().success().stderr(predicate::str::contains("4 photos of 2 people"));
}

#[test]
fn ctrl_c_finishes_the_photo_and_the_next_run_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let photo = kai();
    for i in 0..24 {
        photo.adjust_contrast(i as f32).save(place(&dir, &format!("set/{i:02}.jpg"))).unwrap();
    }
    let words = ["prepare", "set", "-o", "out", "--crop", "128", "--licence", "CC0-1.0", "--jobs", "1", "--no-sheet"];
    let mut process = Process::new(TRAINER);
    process.current_dir(dir.path()).args(words).stderr(Stdio::piped()).stdout(Stdio::null());
    let started = Started::new(&mut process);
    let journal = dir.path().join("out/journal.jsonl");
    let start = Instant::now();
    while fs::read_to_string(&journal).unwrap_or_default().lines().count() < 3 {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(2));
    }
    started.interrupt();
    let output = started.ended();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("photos are left"), "{stderr}");
    let taken = Dataset::open(&dir.path().join("out")).unwrap().items.len();
    assert!((1..24).contains(&taken));
    command(&dir).arg("--no-sheet").assert().success();
    assert_eq!(Dataset::open(&dir.path().join("out")).unwrap().items.len(), 24);
}
