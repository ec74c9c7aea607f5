//! Signed manifests of what `swap` writes.

mod others;

use std::io::{Seek, SeekFrom, Write};

use super::swap::{packets, play};
use super::*;

/// Swaps `input`, a file of the media's folder or a path, into `output` of a fresh folder.
fn swapped(input: &Path, output: &str, arguments: &[&str]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join(output);
    let mut command = alphaswap();
    command.arg("swap").arg(input).arg(&out).arg("--source").arg(identity()).args(arguments);
    command.assert().success();
    (dir, out)
}

fn layers(file: &Path) -> serde_json::Value {
    let output =
        alphaswap().args(["verify", "--quick", "--json", "--source"]).arg(identity()).arg(file).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(if said["found"] == true { 0 } else { 1 }), "{said}");
    said["layers"].clone()
}

#[test]
fn a_file_carries_what_was_done_to_it() {
    for name in ["out.jpg", "out.png", "out.webp", "out.mov", "out.m4v"] {
        let input = if name.contains(['j', 'p']) { media("ada.jpg") } else { clip() };
        let (dir, out) = swapped(&input, name, &[]);
        assert_eq!(listing(dir.path()), [name]);
        let said = layers(&out);
        let manifest = &said["manifest"];
        assert_eq!((&manifest["state"], &manifest["synthetic"]), (&"valid".into(), &true.into()), "{name}: {manifest}");
        assert_eq!((&manifest["consent_is_of_source"], &manifest["sidecar"]), (&true.into(), &false.into()));
        assert!(manifest["generator"].as_str().unwrap().starts_with("alphaswap"), "{manifest}");
        let bits = manifest["watermark"].as_str().unwrap();
        let payload = &said["watermark"]["payloads"][0];
        let named = [&payload["consent"], &payload["session"]].map(|id| id.as_str().unwrap().to_string()).concat();
        assert_eq!(&bits[1..13], named, "the manifest names the watermark");
    }
}

#[test]
fn a_clip_carries_it_and_a_matroska_clip_has_it_beside() {
    let (dir, out) = swapped(&clip(), "out.mp4", &[]);
    assert_eq!(listing(dir.path()), ["out.mp4"]);
    let said = layers(&out);
    assert_eq!((&said["manifest"]["state"], &said["tags"]["found"]), (&"valid".into(), &true.into()), "{said}");
    assert!(packets(&clip(), "audio") == packets(&out, "audio"), "the manifest moved the sound");
    let times = |file: &Path| {
        let mut times: Vec<_> = packets(file, "video").iter().map(|(time, _)| time.as_millis()).collect();
        times.sort();
        times
    };
    assert_eq!(times(&clip()), times(&out));
    // What is swapped once more keeps what it was before.
    let (_other, again) = swapped(&out, "again.mp4", &[]);
    let said = layers(&again);
    assert_eq!((&said["manifest"]["before"], &said["manifest"]["state"]), (&1.into(), &"valid".into()), "{said}");
    let (_webm, out) = swapped(&clip(), "out.webm", &[]);
    assert_eq!(layers(&out)["manifest"]["state"], "valid");
    let (dir, out) = swapped(&clip(), "out.mkv", &[]);
    assert_eq!(listing(dir.path()), ["out.c2pa", "out.mkv"]);
    let said = layers(&out);
    assert_eq!((&said["manifest"]["state"], &said["manifest"]["sidecar"]), (&"valid".into(), &true.into()), "{said}");
    assert_eq!(said["tags"]["found"], true);
    // The manifest of another file of the same name is nobody's business.
    std::fs::copy(clip(), dir.path().join("out.mp4")).unwrap();
    assert_eq!(layers(&dir.path().join("out.mp4"))["manifest"], serde_json::Value::Null);
    alter(&out);
    assert_eq!(layers(&out)["manifest"]["state"], "tampered");
    let mut command = alphaswap();
    command.arg("swap").arg(clip()).arg(&out).arg("--source").arg(identity());
    fails(command.arg("--no-manifest"), &["out.mkv", "--overwrite"]);
    let kept = dir.path().join("kept.mkv");
    std::fs::rename(&out, &kept).unwrap();
    fails(command.arg("--overwrite"), &["out.c2pa", "another file"]);
    std::fs::rename(&kept, &out).unwrap();
    command.assert().success();
    assert_eq!(listing(dir.path()), ["out.mkv", "out.mp4"], "an old manifest does not stay beside a new video");
}

/// Some frames of a portrait.
fn clip() -> PathBuf {
    static MADE: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in.mp4");
        play(&format!(
            "filesrc location={} ! jpegdec ! imagefreeze num-buffers=6 ! videoconvert ! videoscale ! \
             video/x-raw,width=320,height=320,framerate=6/1 ! x264enc speed-preset=ultrafast ! mp4mux name=mux ! \
             filesink location={} audiotestsrc num-buffers=43 ! avenc_aac ! aacparse ! mux.",
            media("ada.jpg").display(),
            path.display()
        ));
        (dir, path)
    });
    MADE.1.clone()
}

/// Changes a byte in the middle.
fn alter(file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    let mut file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(middle as u64)).unwrap();
    file.write_all(&[!bytes[middle]]).unwrap();
}

#[test]
fn a_manifest_beside_the_source_is_kept() {
    let (dir, first) = swapped(&clip(), "first.mkv", &[]);
    let before = |source: &Path, output: &str| {
        let (_dir, out) = swapped(source, output, &[]);
        let manifest = layers(&out)["manifest"].clone();
        assert_eq!(manifest["state"], "valid", "{manifest}");
        manifest["before"].as_u64().unwrap()
    };
    assert_eq!((before(&first, "again.mkv"), before(&first, "again.mp4")), (1, 1));
    // One that is not this file's says nothing of it, nor does rubbish.
    let other = dir.path().join("other.webm");
    std::fs::copy(clip(), &other).unwrap();
    std::fs::copy(first.with_extension("c2pa"), other.with_extension("c2pa")).unwrap();
    assert_eq!(before(&other, "out.mkv"), 0);
    std::fs::write(first.with_extension("c2pa"), "no manifest").unwrap();
    assert_eq!(before(&first, "out.mp4"), 0);
}

#[test]
fn an_altered_file_is_reported_as_tampered_and_not_as_unmarked() {
    let (_dir, out) = swapped(&media("ada.jpg"), "out.png", &[]);
    let mut bytes = std::fs::read(&out).unwrap();
    // A text chunk behind the header: the picture stays the same, the file does not.
    let chunk = b"\0\0\0\x03tEXta\0b\xbf\x5e\x54\x1f";
    bytes.splice(33..33, chunk.iter().copied());
    std::fs::write(&out, bytes).unwrap();
    let manifest = layers(&out)["manifest"].clone();
    assert_eq!((&manifest["state"], &manifest["found"]), (&"tampered".into(), &true.into()), "{manifest}");
    assert!(!manifest["problems"].as_array().unwrap().is_empty(), "{manifest}");
    alphaswap().args(["verify", "--quick"]).arg(&out).assert().stdout(predicate::str::contains("ALTERED"));
}

#[test]
fn a_manifest_that_is_no_manifest_does_not_hide_the_watermark() {
    let (_dir, out) = swapped(&media("ada.jpg"), "out.png", &[]);
    let mut bytes = std::fs::read(&out).unwrap();
    let chunk = bytes.windows(4).position(|w| w == b"caBX").unwrap();
    let length = u32::from_be_bytes(bytes[chunk - 4..chunk].try_into().unwrap()) as usize;
    bytes[chunk + 4..chunk + 4 + length].fill(0x41);
    std::fs::write(&out, bytes).unwrap();
    let said = layers(&out);
    assert_eq!((&said["manifest"]["found"], &said["watermark"]["found"]), (&false.into(), &true.into()), "{said}");
    assert!(["unreadable", "tampered"].contains(&said["manifest"]["state"].as_str().unwrap()), "{said}");
}

#[test]
fn a_manifest_of_another_file_is_not_believed() {
    let (_one, one) = swapped(&clip(), "one.mkv", &[]);
    let (_two, two) = swapped(&clip(), "two.mkv", &["--no-manifest"]);
    std::fs::copy(one.with_extension("c2pa"), two.with_extension("c2pa")).unwrap();
    let manifest = layers(&two)["manifest"].clone();
    assert_eq!((&manifest["state"], &manifest["is_for_this_watermark"]), (&"tampered".into(), &false.into()));
    assert_eq!(manifest["consent_is_of_source"], serde_json::Value::Null, "{manifest}");
    alphaswap().args(["verify", "--quick"]).arg(&two).assert().stdout(predicate::str::contains("ANOTHER WATERMARK"));
}

/// Files of one name share a place for manifests: what lies there must not be taken for the other's.
#[test]
fn a_manifest_beside_is_not_made_for_two_files() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    play(&format!(
        "filesrc location={} ! qtdemux ! h264parse ! matroskamux ! filesink location={}",
        clip().display(),
        file("in.mkv").display()
    ));
    let mut command = alphaswap();
    command.arg("swap").arg(file("in.mkv")).arg(file("in.webm")).arg("--source").arg(identity());
    fails(&mut command, &["in.c2pa", "in.mkv as well"]);
    std::fs::write(file("in.c2pa"), "the source's").unwrap();
    command.arg("--no-manifest").assert().success();
    assert_eq!(std::fs::read_to_string(file("in.c2pa")).unwrap(), "the source's");
    // The source itself is not accused by what fits another file.
    let (_dir, out) = swapped(&clip(), "out.mkv", &[]);
    std::fs::copy(out.with_extension("c2pa"), file("in.c2pa")).unwrap();
    let manifest = layers(&file("in.mkv"))["manifest"].clone();
    assert_eq!((&manifest["found"], &manifest["state"]), (&false.into(), &"tampered".into()), "{manifest}");
    alphaswap().arg("verify").arg(file("in.mkv")).assert().code(1).stdout(predicate::str::contains("DOES NOT FIT"));
}

#[test]
fn a_manifest_that_cannot_be_read_leaves_the_watermark_its_say() {
    let (_dir, out) = swapped(&clip(), "out.mkv", &[]);
    let beside = out.with_extension("c2pa");
    let huge = std::fs::OpenOptions::new().write(true).open(&beside).unwrap();
    huge.set_len(1 << 40).unwrap();
    let said = layers(&out);
    assert_eq!(said["manifest"]["state"], "unreadable", "{said}");
    assert_eq!(said["manifest"]["is_for_this_watermark"], serde_json::Value::Null, "{said}");
    assert_eq!(said["watermark"]["found"], true, "{said}");
}

/// What became of the source's manifest is told, and is not held against the file's own.
#[test]
fn a_source_that_was_altered_is_told() {
    let (_dir, first) = swapped(&clip(), "first.mp4", &[]);
    alter(&first);
    assert_eq!(layers(&first)["manifest"]["state"], "tampered");
    let (_dir, again) = swapped(&first, "again.mp4", &[]);
    let manifest = layers(&again)["manifest"].clone();
    assert_eq!((&manifest["state"], &manifest["before"]), (&"valid".into(), &1.into()), "{manifest}");
    assert!(!manifest["source_problems"].as_array().unwrap().is_empty(), "{manifest}");
    alphaswap().args(["verify", "--quick"]).arg(&again).assert().stdout(predicate::str::contains("not in order"));
}

#[test]
fn a_key_that_is_made_is_told() {
    let (dir, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let swap = || {
        let mut command = alphaswap();
        command.env("XDG_CONFIG_HOME", config.path()).current_dir(dir.path()).arg("swap").arg(media("ada.jpg"));
        command.args(["out.jpg", "--overwrite", "--model", "mesh", "--device", "cpu", "--source"]).arg(identity());
        command
    };
    let told = || predicate::str::contains("made your key");
    swap().assert().success().stderr(told());
    swap().assert().success().stderr(told().not());
}

#[test]
fn nothing_synthetic_is_not_signed() {
    let (dir, out) = swapped(&clip(), "out.mp4", &["--strength", "0"]);
    assert_eq!(
        (layers(&out)["manifest"].clone(), listing(dir.path())),
        (serde_json::Value::Null, vec!["out.mp4".into()])
    );
}

#[test]
fn a_certificate_can_be_brought_and_signing_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    let (_out, out) = swapped(&media("ada.jpg"), "out.jpg", &["--no-manifest"]);
    assert_eq!(layers(&out)["manifest"], serde_json::Value::Null);
    // What was made for the own key serves as a certificate from elsewhere.
    let own = CONFIG.path().join("alphaswap");
    swapped(&media("ada.jpg"), "own.jpg", &[]);
    for name in ["key.pem", "certificate.pem"] {
        std::fs::copy(own.join(name), file(name)).unwrap();
    }
    let brought = ["--certificate", &file("certificate.pem"), "--certificate-key", &file("key.pem")];
    let (_out, out) = swapped(&media("ada.jpg"), "out.jpg", &brought);
    assert_eq!(layers(&out)["manifest"]["state"], "valid");
    // Another key than the certificate's is noticed before anything is encoded.
    std::fs::write(file("key.pem"), alphaswap::identity::Key::random().unwrap().to_pem()).unwrap();
    let mut command = alphaswap();
    command.arg("swap").arg(media("ada.jpg")).arg(file("x.jpg")).arg("--source").arg(identity()).args(brought);
    fails(&mut command, &["certificate.pem", "does not belong to its key"]);
    std::fs::write(file("key.pem"), "no key").unwrap();
    let mut command = alphaswap();
    command.arg("swap").arg(media("ada.jpg")).arg(file("x.jpg")).arg("--source").arg(identity()).args(brought);
    fails(&mut command, &["certificate.pem", "PKCS #8"]);
    assert!(!dir.path().join("x.jpg").exists());
}
