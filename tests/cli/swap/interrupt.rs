//! Ctrl-C.

use std::fs::{File, read_dir};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use super::*;
use crate::support::process::{PATIENCE, Started};

/// `swap` of a file of the media's folder, at work in `dir`.
fn started(dir: &Path, input: &str, output: &str, arguments: &[&str]) -> Started {
    let mut command = program(TOOL);
    command.current_dir(dir).arg("swap").arg(media(input)).args([output, "--device", "cpu", "--source"]);
    Started::new(command.arg(identity()).args(arguments).stderr(Stdio::piped()))
}

fn ends_as_interrupted(swap: Started) {
    let output = swap.ended();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("interrupted"), "{said}");
}

#[test]
fn an_interrupted_run_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let swap = started(dir.path(), "scenes.mp4", "out.mp4", &[]);
    // When the first frames are written, hundreds are still to come.
    let start = Instant::now();
    while !read_dir(dir.path()).unwrap().any(|file| file.unwrap().metadata().is_ok_and(|m| m.len() > 0)) {
        assert!(start.elapsed() < PATIENCE, "nothing is written");
        thread::sleep(Duration::from_millis(5));
    }
    swap.interrupt();
    ends_as_interrupted(swap);
    assert!(listing(dir.path()).is_empty());
}

/// A list that does not come stands in for a large model that loads.
#[test]
fn a_run_that_is_interrupted_while_it_loads_leaves_nothing_behind() {
    for (input, output) in [("scenes.mp4", "out.mp4"), ("ada.jpg", "out.png")] {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("list");
        assert!(std::process::Command::new("mkfifo").arg(&list).status().unwrap().success());
        let swap = started(dir.path(), input, output, &["--revocation-list", "list"]);
        // Opening one end of a pipe waits for somebody at the other.
        let (sender, opened) = mpsc::channel();
        thread::spawn(move || sender.send(File::options().write(true).open(list)));
        let end = opened.recv_timeout(PATIENCE).expect("nobody reads the list").unwrap();
        assert_eq!(listing(dir.path()).len(), 2, "there is no file that could be left behind");
        swap.interrupt();
        drop(end);
        ends_as_interrupted(swap);
        assert_eq!(listing(dir.path()), ["list"]);
    }
}
