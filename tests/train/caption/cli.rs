//! `alphaswap-train caption`.

use assert_cmd::Command;
use predicates::prelude::*;

use super::*;
use crate::support::process::trainer;

/// The tool, told to caption the data set in `dir`.
fn tool(dir: &TempDir, args: &[&str]) -> Command {
    let mut command = trainer();
    command.current_dir(dir.path()).args(["caption", "."]).args(args);
    command
}

#[test]
fn measured_captions_are_written_once() {
    let (dir, dataset) = data_set(&["a.png", "b.png"]);
    let told = predicate::str::contains("written").and(predicate::str::contains("from before"));
    tool(&dir, &["measured"]).assert().success().stderr(told);
    assert_eq!(dataset.captions().unwrap().len(), 2);
    let before = std::fs::read(dir.path().join("captions.jsonl")).unwrap();
    tool(&dir, &["measured", "--jobs", "1"]).assert().success();
    assert_eq!(std::fs::read(dir.path().join("captions.jsonl")).unwrap(), before);
}

#[test]
fn other_captions_need_to_be_overwritten() {
    let (dir, dataset) = data_set(&["a.png"]);
    std::fs::write(dir.path().join("a.txt"), "My own words.").unwrap();
    tool(&dir, &["measured"]).assert().success();
    let refused = predicate::str::contains("error: ").and(predicate::str::contains("--overwrite replaces them all"));
    tool(&dir, &["files", "."]).assert().failure().stderr(refused);
    tool(&dir, &["files", ".", "--overwrite"]).assert().success();
    assert_eq!(dataset.captions().unwrap()[&id(0)], "My own words.");
}

#[test]
fn what_is_wrong_is_said() {
    let (dir, _dataset) = data_set(&["a.png"]);
    tool(&dir, &["files", "items"]).assert().failure().stderr(
        predicate::str::contains("no text file of its name")
            .and(predicate::str::contains("not one photo got a caption")),
    );
    let server = ["server", "--url", "http://127.0.0.1:9/v1", "--model", "m"];
    let unset = tool(&dir, &[&server[..], &["--key-env", "ALPHASWAP_NO_SUCH_KEY"]].concat()).assert().failure();
    unset.stderr(predicate::str::contains("environment variable ALPHASWAP_NO_SUCH_KEY: is not set"));
    tool(&dir, &[&server[..], &["--prompt", "a.txt", "--prompt-preset", "scene"]].concat()).assert().code(2);
    let nobody = tool(&dir, &[&server[..], &["--max-retries", "0"]].concat()).assert().failure();
    nobody.stderr(predicate::str::contains("check --url").and(predicate::str::contains("not tried")));
    std::fs::remove_file(dir.path().join("dataset.toml")).unwrap();
    tool(&dir, &["measured"])
        .assert()
        .failure()
        .stderr(predicate::str::contains("`alphaswap-train prepare` makes one"));
}
