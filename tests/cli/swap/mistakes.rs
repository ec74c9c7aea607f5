//! Files that are not what the user takes them for: each is named, by every command that reads it.

use super::*;

/// Half of an MP4, whose index stands at its end.
fn cut(dir: &TempDir) {
    let whole = dir.path().join("whole.mp4");
    play(&format!("{CLIP} mp4mux name=mux ! filesink location={}", whole.display()));
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(dir.path().join("cut.mp4"), &bytes[..bytes.len() / 2]).unwrap();
    std::fs::remove_file(whole).unwrap();
}

fn enroll(dir: &TempDir, input: &str) -> Command {
    let mut command = alphaswap();
    command.current_dir(dir.path()).args(["enroll", input, "-o", "x.alphaface"]).args(CONSENT);
    command
}

#[test]
fn inputs_that_are_no_video_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
    write("text.mp4", b"these are only words, many words");
    write("notes.jpg", "a text that is long enough to be known as one\n".repeat(20).as_bytes());
    write("empty.mp4", b"");
    write("kai.mp4", &std::fs::read(identity()).unwrap());
    write("model.mp4", &std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/models/detector.safetensors")).unwrap());
    play(&format!(
        "audiotestsrc num-buffers=20 ! avenc_aac ! aacparse ! mp4mux ! filesink location={}",
        dir.path().join("sound.mp4").display()
    ));
    cut(&dir);
    let files = listing(dir.path());
    let cases: [(&str, &[&str]); 9] = [
        ("text.mp4", &["text.mp4", "neither a video nor a picture"]),
        ("notes.jpg", &["notes.jpg", "neither a video nor a picture"]),
        ("empty.mp4", &["empty.mp4", "is empty"]),
        ("kai.mp4", &["kai.mp4", "is an identity file", "`alphaswap identity show`"]),
        ("model.mp4", &["model.mp4", "is a model"]),
        ("sound.mp4", &["sound.mp4", "there is no video in it"]),
        ("cut.mp4", &["cut.mp4", "cut short or damaged", "copy it again"]),
        ("no.mp4", &["cannot read no.mp4"]),
        (".", &["is a folder"]),
    ];
    for (input, words) in cases {
        // A name for pictures does not turn the blame on the output.
        fails(&mut swap(&dir, input, "out.mp4"), words);
        fails(&mut swap(&dir, input, "out.jpg"), words);
        fails(&mut enroll(&dir, input), words);
        let assert = alphaswap().current_dir(dir.path()).args(["verify", input]).assert().code(2);
        let said = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        assert!(words.iter().all(|word| said.contains(word)), "{said:?} does not say {words:?}");
    }
    assert_eq!(listing(dir.path()), files);
}

#[test]
fn the_output_is_of_the_inputs_kind() {
    let dir = clip();
    fails(&mut swap(&dir, "in.mkv", "out.jpg"), &["in.mkv is a video", "out.jpg", ".mp4"]);
    let ada = media("ada.jpg");
    fails(&mut swap(&dir, ada.to_str().unwrap(), "out.mp4"), &["ada.jpg is a picture", "out.mp4", ".png"]);
    fails(&mut swap(&dir, ada.to_str().unwrap(), "no/out.png"), &["no/out.png", "the folder no does not exist"]);
    assert_eq!(listing(dir.path()), ["in.mkv"]);
}
