//! What becomes of a file's colours, subtitles, chapters and further streams.

use super::*;

/// A few frames in the colours `colors`, and the encoder and muxer that follow.
fn few(dir: &TempDir, file: &str, colors: &str, rest: &str) {
    let raw = "videotestsrc num-buffers=5 ! video/x-raw,format=I420,width=640,height=320,framerate=25/1";
    play(&format!("{raw}{colors} ! {rest} ! filesink location={}", dir.path().join(file).display()));
}

/// The colours of the video in `file`, as its caps name them, and its width.
fn colors(dir: &TempDir, file: &str) -> (String, i32) {
    gst::init().unwrap();
    let path = dir.path().join(file);
    let description = format!("filesrc location={} ! parsebin ! fakesink name=sink", path.display());
    let pipeline = gst::parse::launch(&description).unwrap().downcast::<gst::Pipeline>().unwrap();
    pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.state(gst::ClockTime::from_seconds(60)).0.unwrap();
    let caps = pipeline.by_name("sink").unwrap().static_pad("sink").unwrap().current_caps().unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    let caps = caps.structure(0).unwrap();
    (caps.get("colorimetry").unwrap(), caps.get("width").unwrap())
}

#[test]
fn a_full_range_mp4_stays_one() {
    let dir = tempfile::tempdir().unwrap();
    few(&dir, "in.mp4", ",colorimetry=1:3:5:1", "x264enc ! h264parse ! mp4mux");
    // Matroska's demuxer is one that sees the range.
    swap(&dir, "in.mp4", "out.mkv").assert().success();
    assert_eq!(colors(&dir, "out.mkv").0, "1:3:5:1");
}

#[test]
fn colors_that_only_the_container_knows_stay() {
    let dir = tempfile::tempdir().unwrap();
    few(&dir, "in.mp4", ",colorimetry=bt2020", "openh264enc ! h264parse ! mp4mux");
    swap(&dir, "in.mp4", "out.mkv").assert().success();
    assert_eq!(colors(&dir, "out.mkv").0, "bt2020");
}

#[test]
fn turning_a_picture_upright_leaves_its_colors() {
    let dir = tempfile::tempdir().unwrap();
    few(&dir, "in.mp4", "", "avenc_mpeg4 ! mp4mux");
    let mut bytes = std::fs::read(dir.path().join("in.mp4")).unwrap();
    let at = |bytes: &[u8], name: &[u8]| bytes.windows(4).position(|w| w == name).unwrap();
    // No word on colours, and a track header whose matrix turns by 90 degrees.
    let color = at(&bytes, b"colr");
    bytes[color..color + 4].copy_from_slice(b"free");
    let matrix = at(&bytes, b"tkhd") + 44;
    let turn = [0i32, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x4000_0000].map(i32::to_be_bytes);
    bytes[matrix..matrix + 36].copy_from_slice(turn.as_flattened());
    std::fs::write(dir.path().join("in.mp4"), bytes).unwrap();
    swap(&dir, "in.mp4", "out.mkv").assert().success();
    assert_eq!(colors(&dir, "out.mkv"), ("bt601".into(), 320));
}

/// The only subtitle of `file`.
fn subtitle(dir: &TempDir, file: &str) -> String {
    let texts: Vec<_> = packets(&dir.path().join(file), "text").into_iter().map(|(_, text)| text).collect();
    String::from_utf8(texts.concat()).unwrap()
}

#[test]
fn subtitles_stay() {
    let dir = tempfile::tempdir().unwrap();
    let clip = "videotestsrc num-buffers=25 ! video/x-raw,width=160,height=120,framerate=25/1 ! x264enc ! h264parse \
        ! mux. appsrc name=text format=time caps=text/x-raw,format=utf8 ! text/x-raw,format=utf8 ! mux. \
        matroskamux name=mux ! filesink location=";
    play_prepared(&format!("{clip}{}", dir.path().join("in.mkv").display()), |pipeline| {
        let titles = pipeline.by_name("text").unwrap().downcast::<gst_app::AppSrc>().unwrap();
        let mut title = gst::Buffer::from_slice("<i>Ann</i> &amp; Bob");
        title.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
        title.get_mut().unwrap().set_duration(gst::ClockTime::from_mseconds(500));
        titles.push_buffer(title).unwrap();
        titles.end_of_stream().unwrap();
    });
    let kept = || predicate::str::contains("left out").not();
    // Matroska may have tags in its subtitles, MP4 not.
    swap(&dir, "in.mkv", "out.mkv").assert().success().stderr(kept());
    assert_eq!(subtitle(&dir, "in.mkv"), "<i>Ann</i> &amp; Bob");
    assert_eq!(subtitle(&dir, "out.mkv"), "<i>Ann</i> & Bob");
    swap(&dir, "in.mkv", "out.mp4").assert().success().stderr(kept());
    assert_eq!(subtitle(&dir, "out.mp4"), "Ann & Bob");
}

#[test]
fn chapters_that_get_lost_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let location = dir.path().join("in.mkv");
    play_prepared(&format!("{CLIP} matroskamux name=mux ! filesink location={}", location.display()), |pipeline| {
        let mut toc = gst::Toc::new(gst::TocScope::Global);
        let mut edition = gst::TocEntry::new(gst::TocEntryType::Edition, "all");
        let mut chapter = gst::TocEntry::new(gst::TocEntryType::Chapter, "first");
        chapter.get_mut().unwrap().set_start_stop_times(0, 1_000_000_000);
        edition.get_mut().unwrap().append_sub_entry(chapter);
        toc.get_mut().unwrap().append_entry(edition);
        let muxer = pipeline.by_name("mux").unwrap().dynamic_cast::<gst::TocSetter>().unwrap();
        muxer.set_toc(Some(&toc));
    });
    let told = || predicate::str::contains("chapters are left out");
    swap(&dir, "in.mkv", "out.mp4").assert().success().stderr(told());
    swap(&dir, "in.mkv", "out.mkv").assert().success().stderr(told().not());
    // No element here writes chapters into MP4: a box at its end stands for them.
    let file = dir.path().join("out.mp4");
    let chapters = b"\0\0\0\x18moov\0\0\0\x10udta\0\0\0\x08chpl";
    std::fs::write(&file, [&std::fs::read(&file).unwrap(), &chapters[..]].concat()).unwrap();
    swap(&dir, "out.mp4", "again.mkv").assert().stderr(told());
}

#[test]
fn further_videos_are_left_out_for_the_right_reason() {
    let dir = tempfile::tempdir().unwrap();
    let second = "videotestsrc num-buffers=5 ! x264enc ! h264parse ! mux. matroskamux name=mux";
    few(&dir, "in.mkv", "", &format!("x264enc ! h264parse ! mux. {second}"));
    let told = predicate::str::contains("only the first video is kept");
    swap(&dir, "in.mkv", "out.mkv").assert().success().stderr(told);
}
