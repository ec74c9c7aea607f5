//! `alphaswap swap --contact-sheet`.

use super::*;

#[test]
fn a_contact_sheet_shows_before_and_after() {
    let dir = clip();
    let sheet = dir.path().join("sheet.png");
    swap(&dir, "in.mkv", "out.mkv").arg("--contact-sheet").arg(&sheet).assert().success();
    let sheet = image::open(sheet).unwrap().to_rgb8();
    // Three pairs of rows of four pictures of 320 x 240, with 8 rows between the pairs.
    assert_eq!(sheet.dimensions(), (1280, 6 * 240 + 2 * 8));
    // No face, so before and after show the same ball but for the encoder's noise.
    for (x, y) in [(60, 100), (900, 600)] {
        let (above, below) = (sheet.get_pixel(x, y), sheet.get_pixel(x, y + 240));
        assert!(above.0.iter().zip(below.0).all(|(a, b)| a.abs_diff(b) < 30), "{above:?} {below:?}");
    }
}

#[test]
fn a_contact_sheet_of_swapped_faces_is_marked_as_the_video_is() {
    let dir = tempfile::tempdir().unwrap();
    portrait(&dir.path().join("in.mp4"));
    let verify = |file: &str| -> serde_json::Value {
        let mut command = alphaswap();
        let assert = command.args(["verify", "--quick", "--json"]).arg(dir.path().join(file)).assert().code(0);
        serde_json::from_slice(&assert.get_output().stdout).unwrap()
    };
    for file in ["sheet.png", "sheet.jpg"] {
        let mut command = swap(&dir, "in.mp4", "out.mp4");
        command.args(["--model", "mesh", "--overwrite", "--contact-sheet", file]).assert().success();
        let (video, sheet) = (verify("out.mp4"), verify(file));
        let session = |said: &serde_json::Value| said["layers"]["watermark"]["payloads"][0]["session"].clone();
        assert!(session(&sheet).is_string(), "{sheet}");
        assert_eq!(session(&sheet), session(&video));
        if cfg!(feature = "c2pa") {
            let manifest = &sheet["layers"]["manifest"];
            assert_eq!((&manifest["state"], &manifest["is_for_this_watermark"]), (&"valid".into(), &true.into()));
        }
    }
}

#[test]
fn a_contact_sheet_of_a_short_upright_clip_shows_twelve_moments_in_their_shape() {
    let dir = tempfile::tempdir().unwrap();
    let clip = "videotestsrc num-buffers=20 pattern=white ! video/x-raw,width=120,height=180,framerate=25/1 \
        ! x264enc speed-preset=ultrafast ! h264parse ! matroskamux ! filesink location=";
    play(&format!("{clip}{}", dir.path().join("in.mkv").display()));
    swap(&dir, "in.mkv", "out.mkv").args(["--contact-sheet", "sheet.png"]).assert().success();
    let sheet = image::open(dir.path().join("sheet.png")).unwrap().to_rgb8();
    // 240 rows of a picture that is two thirds as wide as high take 160 columns, and the borders 80 on either side.
    for (pair, column) in (0..3).flat_map(|pair| (0..4).map(move |column| (pair, column))) {
        let (x, y) = (column * 320, pair * 488 + 120);
        let bright = |x| sheet.get_pixel(x, y).0[0] > 200;
        assert!(bright(x + 90) && bright(x + 230), "no moment at {x}, {y}");
        assert!(!bright(x + 70) && !bright(x + 250), "stretched at {x}, {y}");
    }
}

#[test]
fn a_contact_sheet_that_cannot_be_written_is_refused_before_the_work_starts() {
    let dir = clip();
    for file in ["old.png", "in.png"] {
        std::fs::write(dir.path().join(file), "precious").unwrap();
    }
    std::fs::copy(identity(), dir.path().join("me.png")).unwrap();
    let cases = [
        ("old.png", "--overwrite"),
        ("no/such/sheet.png", "the folder no/such does not exist"),
        ("sheet.bmp", ".png"),
        ("in.mkv", ".png"),
    ];
    for (sheet, word) in cases {
        fails(swap(&dir, "in.mkv", "out.mkv").args(["--contact-sheet", sheet]), &[word]);
    }
    let mut command = alphaswap();
    command.current_dir(dir.path()).args(["swap", "in.mkv", "out.mkv", "--overwrite", "--contact-sheet", "me.png"]);
    fails(command.args(["--device", "cpu", "--source", "me.png"]), &["me.png", "of this run"]);
    swap(&dir, "in.mkv", "x.png").args(["--contact-sheet", "s.png"]).assert().code(1);
    assert_eq!(listing(dir.path()), ["in.mkv", "in.png", "me.png", "old.png"]);
    assert_eq!(std::fs::read_to_string(dir.path().join("old.png")).unwrap(), "precious");
}
