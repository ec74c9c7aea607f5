//! `alphaswap verify`.

use super::*;

fn verify(input: &Path) -> Command {
    let mut command = alphaswap();
    command.arg("verify").arg(input);
    command
}

#[test]
fn a_swapped_picture_is_recognised_and_its_consent_named() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out.jpg");
    alphaswap().arg("swap").arg(media("ada.jpg")).arg(&out).arg("--source").arg(identity()).assert().success();
    let assert = verify(&out).arg("--json").arg("--source").arg(identity()).assert().code(0);
    let said: serde_json::Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    let watermark = &said["layers"]["watermark"];
    assert_eq!((&said["found"], &watermark["found"]), (&true.into(), &true.into()), "{said}");
    assert_eq!(watermark["payloads"][0]["consent_is_of_source"], true, "{said}");
    assert!(watermark["log10_false_positive"].as_f64().unwrap() < -20.0, "{said}");
    verify(&out).assert().code(0).stdout(predicate::str::contains("in 1 of 1 second(s)"));
}

#[test]
fn output_that_nobody_reads_is_no_crash() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(alphaswap().get_program());
    let code = command.arg("verify").arg(media("ada.jpg")).stdout(full).stderr(std::process::Stdio::null()).status();
    assert_eq!(code.unwrap().code(), Some(2));
}

#[test]
fn what_was_not_swapped_is_not_accused() {
    verify(&media("ada.jpg")).assert().code(1).stdout(predicate::str::contains("no mark of alphaswap"));
    verify(&media("scenes.mp4")).arg("--quick").assert().code(1);
}

#[test]
fn seconds_count_from_the_first_picture_on() {
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("clip.mp4");
    // Frames that are stored in another order than shown: the first timestamp is not zero.
    super::swap::play(&format!(
        "videotestsrc num-buffers=50 ! video/x-raw,width=160,height=120,framerate=25/1 ! x264enc bframes=2 ! h264parse \
         ! mp4mux ! filesink location={}",
        clip.display()
    ));
    verify(&clip).arg("--quick").assert().code(1).stdout(predicate::str::contains("in none of 2 second(s)"));
}

#[test]
fn what_never_ends_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("clip.gif");
    std::fs::write(&clip, b"GIF89a, and so on for ever").unwrap();
    let told = || predicate::str::contains("is a GIF").and(predicate::str::contains("MP4"));
    verify(&clip).assert().code(2).stderr(told());
    verify(Path::new(&format!("file://{}", clip.display()))).assert().code(2).stderr(told());
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text.mp4");
    std::fs::write(&text, "no video at all, whatever its name says").unwrap();
    let sound = dir.path().join("sound.wav");
    std::fs::write(&sound, b"RIFF\x24\0\0\0WAVEfmt ").unwrap();
    let missing = dir.path().join("missing.mp4");
    for input in [&text, &sound, &missing, &dir.path().to_path_buf()] {
        verify(input).assert().code(2).stderr(predicate::str::contains("error: "));
    }
    verify(Path::new("file:///nowhere/at/all.mp4")).assert().code(2);
}
