//! What `--help` says is part of the interface: a change shows up in a diff. `INSTA_UPDATE=always cargo test` accepts it.

use super::*;

fn help(arguments: &[&str]) -> String {
    let output = alphaswap().args(arguments).arg("--help").env("COLUMNS", "100").output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_is_as_agreed() {
    insta::assert_snapshot!("help", help(&[]));
    for command in ["enroll", "swap", "live", "verify", "identity", "doctor", "bench", "net"] {
        insta::assert_snapshot!(format!("help_{command}"), help(&[command]));
    }
}

#[test]
fn wrong_usage_has_exit_code_2() {
    let wrong: [&[&str]; 11] = [
        &[],
        &["paint"],
        &["swap", "a.mp4"],
        &["swap", "a.mp4", "b.mp4", "--source", "c", "--strength", "2"],
        &["swap", "a.mp4", "b.mp4", "--source", "c", "--fallback", "mosaic"],
        &["swap", "a.mp4", "b.mp4", "--source", "c", "--max-faces", "17"],
        &["swap", "a.mp4", "b.mp4", "--source", "c", "--detect-interval", "301"],
        &["swap", "a.mp4", "b.mp4", "--source", "c", "--feather", "0.3"],
        &["enroll", "a.jpg", "-o", "b", "--name", "n"],
        &["enroll", "a.jpg", "-o", "b", "--name", "n", "--consent", ""],
        &["swap", "a.mp4", "b.mp4", "--source", "c", "--badge-language", "tlh"],
    ];
    for arguments in wrong {
        alphaswap().args(arguments).assert().code(2);
    }
    alphaswap().args(wrong[8]).assert().stderr(predicate::str::contains("--consent"));
    alphaswap().args(wrong[10]).assert().stderr(predicate::str::contains("auto (the locale's language), en, bg"));
}
