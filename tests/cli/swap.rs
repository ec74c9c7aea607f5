//! `alphaswap swap`.

#[cfg(unix)]
mod interrupt;
mod mistakes;
mod sheet;
mod streams;

use std::time::Duration;

use alphaswap::identity::{Identity, Key};
use gst::prelude::*;
use image::{Rgb, RgbImage};

use super::*;

/// A short clip without faces, with sound, at a varying frame rate (a third of the frames is missing), cheap to
/// encode.
const CLIP: &str = "videotestsrc num-buffers=60 pattern=ball ! video/x-raw,width=160,height=120,framerate=25/1 \
    ! identity drop-probability=0.3 ! x264enc speed-preset=ultrafast ! h264parse ! mux. \
    audiotestsrc num-buffers=100 samplesperbuffer=1024 ! audio/x-raw,rate=44100 ! avenc_aac ! aacparse ! mux. ";

/// Plays a pipeline to its end.
pub fn play(description: &str) {
    play_prepared(description, |_| ());
}

/// The same after a last touch.
fn play_prepared(description: &str, touch: impl FnOnce(&gst::Bin)) {
    gst::init().unwrap();
    let pipeline = gst::parse::launch(description).unwrap();
    touch(pipeline.downcast_ref().unwrap());
    pipeline.set_state(gst::State::Playing).unwrap();
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(120), &ends);
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(matches!(message.unwrap().view(), gst::MessageView::Eos(_)), "{description}");
}

/// A Matroska clip in a fresh folder.
fn clip() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    play(&format!("{CLIP} matroskamux name=mux ! filesink location={}", dir.path().join("in.mkv").display()));
    dir
}

/// A second of a portrait that stands still.
pub fn portrait(path: &Path) {
    play(&format!(
        "filesrc location={} ! jpegdec ! imagefreeze num-buffers=15 ! videoconvert ! videoscale ! \
         video/x-raw,width=320,height=320,framerate=15/1 ! x264enc speed-preset=ultrafast ! mp4mux ! \
         filesink location={}",
        media("ada.jpg").display(),
        path.display()
    ));
}

/// Presentation times and bytes of the packets of the first stream of a kind (`video`, `audio`).
pub fn packets(path: &Path, kind: &'static str) -> Vec<(Duration, Vec<u8>)> {
    gst::init().unwrap();
    let pipeline = gst::parse::launch(&format!("filesrc location={} ! parsebin name=p", path.display())).unwrap();
    let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
    let (found, pads) = (std::sync::Arc::new(std::sync::Mutex::new(Vec::new())), pipeline.downgrade());
    let list = found.clone();
    pipeline.by_name("p").unwrap().connect_pad_added(move |_, pad| {
        let sink = gst::ElementFactory::make("fakesink").property("async", false).build().unwrap();
        pads.upgrade().unwrap().add(&sink).unwrap();
        sink.sync_state_with_parent().unwrap();
        pad.link(&sink.static_pad("sink").unwrap()).unwrap();
        let list = list.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if !pad.current_caps().unwrap().structure(0).unwrap().name().starts_with(kind) {
                return gst::PadProbeReturn::Remove;
            }
            let buffer = info.buffer().unwrap();
            let segment = pad.sticky_event::<gst::event::Segment>(0).unwrap();
            let segment = segment.segment().downcast_ref::<gst::ClockTime>().unwrap().clone();
            // What lies before the segment is the encoder's priming, which nobody hears.
            if let Some(time) = segment.to_running_time(buffer.pts().unwrap()) {
                list.lock().unwrap().push((time.into(), buffer.map_readable().unwrap().to_vec()));
            }
            gst::PadProbeReturn::Ok
        });
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &ends).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    found.lock().unwrap().clone()
}

/// `swap` in a folder, on the CPU.
fn swap(dir: &TempDir, input: &str, output: &str) -> Command {
    let mut command = alphaswap();
    command.current_dir(dir.path()).args(["swap", input, output, "--device", "cpu", "--source"]).arg(identity());
    command
}

#[test]
fn timestamps_and_sound_stay() {
    let dir = clip();
    let times = |name: &str, kind| -> Vec<u128> {
        // Packets come in decoding order. Matroska counts whole milliseconds.
        let packets = packets(&dir.path().join(name), kind);
        let mut times: Vec<_> = packets.iter().map(|(t, _)| (t.as_micros() + 500) / 1000).collect();
        times.sort();
        times
    };
    let bytes = |name: &str| -> Vec<Vec<u8>> {
        packets(&dir.path().join(name), "audio").into_iter().map(|(_, bytes)| bytes).collect()
    };
    let gaps: std::collections::BTreeSet<_> = times("in.mkv", "video").windows(2).map(|t| t[1] - t[0]).collect();
    assert!(gaps.len() > 1, "the clip's frame rate does not vary");
    for output in ["out.mkv", "out.mp4", "out.mov"] {
        swap(&dir, "in.mkv", output).assert().success().stderr(predicate::str::contains("no face was found"));
        assert_eq!(times(output, "video"), times("in.mkv", "video"), "{output}");
        assert_eq!(times(output, "audio"), times("in.mkv", "audio"), "{output}");
        assert!(bytes(output) == bytes("in.mkv"), "the sound of {output} was changed");
    }
    assert_eq!(listing(dir.path()), ["in.mkv", "out.mkv", "out.mov", "out.mp4"]);
}

#[test]
fn sound_that_the_container_cannot_hold_is_encoded_anew_and_said() {
    let dir = clip();
    let told = predicate::str::contains("WebM cannot hold the sound").and(predicate::str::contains("opusenc"));
    swap(&dir, "in.mkv", "out.webm").assert().success().stderr(told);
    assert!(packets(&dir.path().join("out.webm"), "audio").len() > 10);
}

#[test]
fn faces_of_a_video_are_swapped() {
    let dir = tempfile::tempdir().unwrap();
    let scenes = media("scenes.mp4");
    let input = scenes.to_str().unwrap();
    let told = predicate::str::is_match(r"350 frames, [23]\d\d with a swapped face").unwrap();
    swap(&dir, input, "out.mp4").args(["--model", "mesh"]).assert().success().stderr(told);
}

#[test]
fn sound_that_is_longer_than_the_picture_is_no_cut() {
    let dir = tempfile::tempdir().unwrap();
    let longer = CLIP.replace("num-buffers=100", "num-buffers=300");
    for (input, muxer) in [("in.mkv", "matroskamux"), ("in.mp4", "mp4mux")] {
        play(&format!("{longer} {muxer} name=mux ! filesink location={}", dir.path().join(input).display()));
        let end = |kind| packets(&dir.path().join(input), kind).into_iter().map(|(time, _)| time).max().unwrap();
        assert!(end("audio") > end("video") + Duration::from_secs(3), "the sound is not longer");
        swap(&dir, input, "out.mp4").arg("--overwrite").assert().success();
    }
}

#[test]
fn a_cut_video_is_written_as_far_as_it_goes() {
    let dir = clip();
    let bytes = std::fs::read(dir.path().join("in.mkv")).unwrap();
    std::fs::write(dir.path().join("cut.mkv"), &bytes[..bytes.len() / 2]).unwrap();
    fails(&mut swap(&dir, "cut.mkv", "out.mkv"), &["cut.mkv", "cut in the middle", "out.mkv"]);
    let (whole, part) =
        (packets(&dir.path().join("in.mkv"), "video").len(), packets(&dir.path().join("out.mkv"), "video").len());
    assert!(part > 5 && part < whole, "{part} of {whole} frames");
}

#[test]
fn outputs_that_cannot_be_written_are_refused() {
    let dir = clip();
    std::fs::write(dir.path().join("old.mp4"), "precious").unwrap();
    let cases = [
        ("no/such/out.mp4", "cannot write no/such/out.mp4: the folder no/such does not exist"),
        ("out.avi", ".mkv"),
        ("old.mp4", "--overwrite"),
        ("in.mkv", "input and output at once"),
        (".", "folder"),
    ];
    for (output, word) in cases {
        let words: &[&str] = if output == "." { &[] } else { &[word] };
        fails(&mut swap(&dir, "in.mkv", output), words);
    }
    assert_eq!(listing(dir.path()), ["in.mkv", "old.mp4"]);
    assert_eq!(std::fs::read_to_string(dir.path().join("old.mp4")).unwrap(), "precious");
}

/// A limit on file sizes stands in for a full disk: the same element fails in the same call.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let dir = clip();
    let script = format!("ulimit -f 4; trap '' XFSZ; exec {TOOL} swap in.mkv out.mp4 --device cpu --source \"$0\"");
    let mut command = patient(program("bash"));
    command.current_dir(dir.path()).args(["-c", &script]).arg(identity());
    fails(&mut command, &["cannot write out.mp4"]);
    assert_eq!(listing(dir.path()), ["in.mkv"]);
}

#[test]
fn a_source_that_is_no_identity_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("notes.txt"), "words").unwrap();
    std::fs::write(dir.path().join("in.png"), std::fs::read(media("kai.jpg")).unwrap()).unwrap();
    let photo = media("kai.jpg");
    let cases = [
        (photo.to_str().unwrap(), "JPEG photo"),
        ("notes.txt", "text file"),
        (".", "folder"),
        ("missing.alphaface", "no such file"),
    ];
    for (source, word) in cases {
        let mut command = alphaswap();
        command.current_dir(dir.path()).args(["swap", "in.png", "out.png", "--source", source]);
        fails(&mut command, &[word]);
    }
    assert_eq!(listing(dir.path()), ["in.png", "notes.txt"]);
}

#[test]
fn without_consent_no_certificate_is_made() {
    let (dir, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let list = dir.path().join("revoked.txt");
    alphaswap().args(["identity", "revoke"]).arg(identity()).arg("--revocation-list").arg(&list).assert().success();
    for (input, output) in [("scenes.mp4", "out.mp4"), ("ada.jpg", "out.png")] {
        let mut command = swap(&dir, media(input).to_str().unwrap(), output);
        command.env("XDG_CONFIG_HOME", config.path()).arg("--revocation-list").arg(&list);
        fails(&mut command, &["kai.alphaface", "revoked"]);
    }
    assert!(listing(config.path()).is_empty());
}

#[test]
fn an_identity_of_another_encoder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut other = Identity::open(identity()).unwrap();
    other.embeddings[0].encoder = "arcface_w600k_r50".into();
    other.sign(&Key::from_secret(&[7; 32]));
    other.save(dir.path().join("other.alphaface")).unwrap();
    let mut command = alphaswap();
    command.current_dir(dir.path()).arg("swap").arg(media("ada.jpg"));
    command.args(["out.png", "--model", "guided", "--device", "cpu", "--source", "other.alphaface"]);
    fails(&mut command, &["arcface_w600k_r50", "faceres_224"]);
}

#[test]
fn the_face_of_a_picture_is_swapped_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let input = media("ada.jpg");
    swap(&dir, input.to_str().unwrap(), "out.png").arg("--no-badge").assert().success();
    let [before, after] = [input, dir.path().join("out.png")].map(|p| image::open(p).unwrap().into_rgb8());
    assert_eq!(before.dimensions(), after.dimensions());
    // The watermark changes a pixel by a few codes.
    let same = |a: &Rgb<u8>, b: &Rgb<u8>| a.0.iter().zip(b.0).all(|(a, b)| a.abs_diff(b) <= 12);
    let changed = before.pixels().zip(after.pixels()).filter(|(a, b)| !same(a, b)).count();
    let share = changed as f64 / before.pixels().count() as f64;
    assert!((0.02..0.5).contains(&share), "{share} of the pixels changed");
    assert!(same(before.get_pixel(0, 0), after.get_pixel(0, 0)));
}

#[test]
fn a_picture_without_a_face_is_told() {
    let dir = tempfile::tempdir().unwrap();
    RgbImage::from_pixel(320, 240, Rgb([9, 99, 200])).save(dir.path().join("in.png")).unwrap();
    fails(&mut swap(&dir, "in.png", "out.png"), &["in.png", "no face was found"]);
    fails(&mut swap(&dir, "in.png", "out.mp4"), &["out.mp4", ".png"]);
    assert_eq!(listing(dir.path()), ["in.png"]);
}

#[test]
fn a_picture_that_is_too_large_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    RgbImage::new(8193, 20).save(dir.path().join("in.png")).unwrap();
    // The identity is not even looked at.
    let mut command = alphaswap();
    command.current_dir(dir.path()).args(["swap", "in.png", "out.png", "--source", "missing.alphaface"]);
    fails(&mut command, &["in.png", "8193 x 20", "8192"]);
    assert_eq!(listing(dir.path()), ["in.png"]);
}
