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
    let code =
        program(TOOL).arg("verify").arg(media("ada.jpg")).stdout(full).stderr(std::process::Stdio::null()).status();
    assert_eq!(code.unwrap().code(), Some(2));
}

/// That such a file was altered is certain.
#[cfg(feature = "c2pa")]
#[test]
fn the_manifest_of_a_video_that_cannot_be_decoded_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let [clip, out] = ["in.mp4", "out.mp4"].map(|name| dir.path().join(name));
    super::swap::portrait(&clip);
    let mut command = alphaswap();
    command.arg("swap").arg(&clip).arg(&out).args(["--model", "mesh", "--device", "cpu", "--source"]).arg(identity());
    command.assert().success();
    let mut bytes = std::fs::read(&out).unwrap();
    let length = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let mut at = 0;
    while bytes[at + 4..at + 8] != *b"mdat" {
        at += length(at);
    }
    let end = at + length(at);
    bytes[at + 8..end].fill(0);
    std::fs::write(&out, bytes).unwrap();
    let assert = verify(&out).arg("--json").assert().code(2);
    let said: serde_json::Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    let (watermark, manifest) = (&said["layers"]["watermark"], &said["layers"]["manifest"]);
    assert_eq!((&manifest["state"], &manifest["found"]), (&"tampered".into(), &true.into()), "{said}");
    assert_eq!((&said["found"], &watermark["found"]), (&true.into(), &serde_json::Value::Null), "{said}");
    assert!(watermark["error"].as_str().unwrap().contains("out.mp4"), "{said}");
    let told =
        predicate::str::contains("a manifest that is not in order says").and(predicate::str::contains("ALTERED"));
    verify(&out).assert().code(2).stdout(told.and(predicate::str::contains("the pictures cannot be read: ")));
}

/// Matroska keeps comments: the source's own and ours.
#[test]
fn a_comment_of_the_source_does_not_hide_the_tag() {
    let dir = tempfile::tempdir().unwrap();
    let [plain, clip, out] = ["plain.mp4", "clip.mp4", "out.mkv"].map(|name| dir.path().join(name));
    super::swap::portrait(&plain);
    super::swap::play(&format!(
        "filesrc location={} ! qtdemux ! h264parse ! taginject tags=comment=privatenote ! mp4mux ! filesink location={}",
        plain.display(),
        clip.display()
    ));
    let mut command = alphaswap();
    command.arg("swap").arg(&clip).arg(&out).args(["--no-manifest", "--device", "cpu", "--source"]).arg(identity());
    command.assert().success();
    let bytes = std::fs::read(&out).unwrap();
    assert!(bytes.windows(11).any(|window| window == b"privatenote"));
    let assert = verify(&out).args(["--json", "--quick"]).assert().code(0);
    let said: serde_json::Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(said["layers"]["tags"]["found"], true, "{said}");
}

#[test]
fn of_what_is_no_local_file_no_manifest_is_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("clip.mkv");
    super::swap::play(&format!(
        "videotestsrc num-buffers=10 ! video/x-raw,width=160,height=120,framerate=25/1 ! x264enc ! h264parse \
         ! matroskamux ! filesink location={}",
        clip.display()
    ));
    // Standard input, as GStreamer calls it.
    let mut command = verify(Path::new("fd://0"));
    command.arg("--quick").write_stdin(std::fs::read(&clip).unwrap());
    command.assert().code(1).stdout(predicate::str::contains("manifest   not looked for: only local files"));
    let assert = command.arg("--json").assert().code(1);
    let said: serde_json::Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(said["layers"]["manifest"]["state"], "not_looked_for", "{said}");
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
