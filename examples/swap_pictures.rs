//! Puts the face of one picture onto the faces of another, without GStreamer:
//!
//! ```text
//! cargo run --example swap_pictures -- examples/media/kai.jpg examples/media/ada.jpg swapped.png
//! ```

use std::path::Path;
use std::sync::Arc;

use alphaswap::Pipeline;
use alphaswap::frame::{ColorSpace, FrameInfo, FrameViewMut, PixelFormat};
use alphaswap::identity::Consent;
use alphaswap::identity::enroll::Enroller;
use alphaswap::settings::{DeviceChoice, Look, ModelChoice};
use anyhow::{Context, Result};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().context("usage: swap_pictures FACE PICTURE OUTPUT");
    let (face, picture, output) = (argument()?, argument()?, argument()?);

    // Once per person: a photo becomes an identity. `Identity::save` and `Identity::open` keep it in a file.
    let photo = image::open(&face)?.into_rgb8();
    let mut enroller = Enroller::new()?;
    let sample = enroller.sample(Path::new(&face), &photo, None)?;
    sample.quality.warnings().iter().for_each(|warning| eprintln!("{face}: {warning}"));
    let consent = Consent::new("for this example only", "2026-11-22".parse()?);
    let identity = enroller.identity("example", consent, vec![sample])?;

    // Once per stream: models are loaded, buffers planned.
    let (device, model, look) = (DeviceChoice::Auto, ModelChoice::default(), Look::default());
    let mut pipeline = Pipeline::new(&device, &model, Arc::new(identity), look)?;
    eprintln!("runs on {}", pipeline.adapter());

    // Once per frame, in place.
    let mut picture = image::open(&picture)?.into_rgb8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let info = FrameInfo { format: PixelFormat::Rgb, width, height, color: ColorSpace::default() };
    let mut frame = FrameViewMut::new(info, [&mut picture, &mut [], &mut []], [width * 3, 0, 0])?;
    let report = pipeline.process(&mut frame, None)?;
    eprintln!("{} face(s) swapped", report.faces.iter().filter(|f| f.swapped).count());
    Ok(picture.save(output)?)
}
