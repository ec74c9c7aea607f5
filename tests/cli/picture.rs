//! `alphaswap swap` of pictures: what of a file is kept, and what is said when something is lost.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageReader, Rgba, RgbaImage};

use super::*;

/// `swap IN OUT` in `dir`, by the fastest model.
fn swap(dir: &TempDir, input: &str, output: &str) -> Command {
    let mut command = alphaswap();
    command.current_dir(dir.path()).args(["swap", input, output, "--source"]).arg(identity());
    command.args(["--model", "mesh", "--device", "cpu"]);
    command
}

fn ada() -> DynamicImage {
    image::open(media("ada.jpg")).unwrap()
}

/// The head of an ICC profile for pixels of a colour space, such as `RGB `.
fn profile(space: &[u8; 4]) -> Vec<u8> {
    let mut profile = vec![0; 132];
    profile[16..20].copy_from_slice(space);
    profile[36..40].copy_from_slice(b"acsp");
    profile
}

fn profile_of(path: &Path) -> Option<Vec<u8>> {
    ImageReader::open(path).unwrap().into_decoder().unwrap().icc_profile().unwrap()
}

fn encoded(picture: &DynamicImage, mut encoder: impl ImageEncoder, profile: Vec<u8>) {
    encoder.set_icc_profile(profile).unwrap();
    picture.write_with_encoder(encoder).unwrap();
}

#[test]
fn the_colour_profile_is_kept_by_every_format() {
    let dir = tempfile::tempdir().unwrap();
    let (mut jpeg, mut png) = (Vec::new(), Vec::new());
    encoded(&ada(), JpegEncoder::new(&mut jpeg), profile(b"RGB "));
    encoded(&ada(), PngEncoder::new(Cursor::new(&mut png)), profile(b"RGB "));
    std::fs::write(dir.path().join("in.jpg"), jpeg).unwrap();
    std::fs::write(dir.path().join("in.png"), png).unwrap();
    for (input, output) in [("in.jpg", "a.jpg"), ("in.jpg", "a.png"), ("in.png", "a.webp"), ("a.webp", "b.png")] {
        swap(&dir, input, output).assert().success().stderr(predicate::str::contains("profile").not());
        assert_eq!(profile_of(&dir.path().join(output)), Some(profile(b"RGB ")), "{input} to {output}");
    }
}

#[test]
fn a_profile_of_other_colours_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut jpeg = Vec::new();
    encoded(&DynamicImage::from(ada().into_luma8()), JpegEncoder::new(&mut jpeg), profile(b"GRAY"));
    std::fs::write(dir.path().join("in.jpg"), jpeg).unwrap();
    swap(&dir, "in.jpg", "out.jpg").assert().success().stderr(predicate::str::contains("in.jpg: warning: its colour"));
    assert_eq!(profile_of(&dir.path().join("out.jpg")), None);
}

#[test]
fn sixteen_bits_become_eight_with_a_word() {
    let dir = tempfile::tempdir().unwrap();
    ada().into_rgb16().save(dir.path().join("in.png")).unwrap();
    swap(&dir, "in.png", "out.png").assert().success().stderr(predicate::str::contains("16 bits"));
    swap(&dir, "out.png", "again.png").assert().success().stderr(predicate::str::contains("16 bits").not());
}

#[test]
fn an_option_for_videos_is_not_ignored_without_a_word() {
    let dir = tempfile::tempdir().unwrap();
    ada().save(dir.path().join("in.png")).unwrap();
    let told = predicate::str::contains("warning: --quality is for videos").count(1);
    swap(&dir, "in.png", "out.jpg").args(["--quality", "20"]).assert().success().stderr(told);
    swap(&dir, "in.png", "other.jpg").assert().success().stderr(predicate::str::contains("--quality").not());
}

#[test]
fn what_is_transparent_becomes_white_where_it_must() {
    let dir = tempfile::tempdir().unwrap();
    let mut picture: RgbaImage = ada().into_rgba8();
    // Green behind nothing: nobody ever sees it.
    (0..40).for_each(|x| (0..512).for_each(|y| picture.put_pixel(x, y, Rgba([0, 255, 0, 0]))));
    picture.save(dir.path().join("in.png")).unwrap();
    let white = predicate::str::contains("becomes white");
    swap(&dir, "in.png", "out.jpg").arg("--no-badge").assert().success().stderr(white.clone());
    swap(&dir, "in.png", "out.webp").arg("--no-badge").assert().success().stderr(white.not());
    let [jpg, webp] = ["out.jpg", "out.webp"].map(|name| image::open(dir.path().join(name)).unwrap().into_rgba8());
    assert!(jpg.get_pixel(10, 100).0.iter().all(|&code| code > 250), "{:?}", jpg.get_pixel(10, 100));
    assert_eq!(webp.get_pixel(10, 100).0[3], 0);
}
