//! Still pictures: reading them upright, swapping them, writing them.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use alphaswap::frame::{ColorSpace, FrameInfo, FrameViewMut, PixelFormat};
use alphaswap::identity::photo;
use alphaswap::marks::badge::HIDDEN;
use alphaswap::settings::Look;
use anyhow::{Context, Result, bail};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageEncoder, ImageError, ImageFormat, ImageResult};

use crate::interrupt;
use crate::manifest::ManifestArgs;
use crate::options::SwapperArgs;
use crate::output::Pending;

/// Quality of written JPEG pictures.
const JPEG_QUALITY: u8 = 95;

/// Whether the file starts like a picture that we read; a short file is none. Pictures of other kinds are refused here:
/// as videos they would have no frame, or no end.
pub fn is_picture(path: &Path) -> Result<bool> {
    let mut head = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    file.take(32).read_to_end(&mut head).with_context(|| format!("cannot read {}", path.display()))?;
    let kind = match image::guess_format(&head) {
        Ok(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP) => return Ok(true),
        Ok(ImageFormat::Bmp) => "BMP",
        Ok(ImageFormat::Tiff) => "TIFF",
        Ok(ImageFormat::Avif) => "AVIF",
        _ if matches!(head.get(4..12), Some(b"ftypheic" | b"ftypheix" | b"ftypmif1")) => "HEIC",
        _ => return Ok(false),
    };
    bail!("{}: is a {kind} picture; pictures are read and written as JPEG, PNG and WebP", path.display())
}

/// Reads a picture and turns it upright.
pub fn read(path: &Path) -> Result<DynamicImage> {
    Ok(read_with_profile(path)?.0)
}

fn read_with_profile(path: &Path) -> Result<(DynamicImage, Option<Vec<u8>>)> {
    let decode = || photo::decode_with_profile(BufReader::new(File::open(path)?));
    decode().with_context(|| format!("{}: cannot be read as a picture", path.display()))
}

/// Swaps the faces of one picture.
pub fn swap(
    input: &Path,
    output: &Path,
    overwrite: bool,
    swapper: &SwapperArgs,
    manifest: &ManifestArgs,
) -> Result<()> {
    let format = match ImageFormat::from_path(output) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP)) => format,
        _ => bail!(
            "{} is a picture: {}: a picture can be written as .jpg, .png or .webp",
            input.display(),
            output.display()
        ),
    };
    let pending = Pending::new(output, overwrite)?;
    let (picture, profile) = read_with_profile(input)?;
    let most = *FrameInfo::SIDE.end();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    if width.max(height) > most {
        bail!("{}: is {width} x {height} pixels; at most {most} x {most} can be swapped", input.display());
    }
    // Asks for the consent first: without it no certificate is made.
    let (mut pipeline, identity) = swapper.pipeline(Look::DETECT_INTERVAL_RECORDED)?;
    let signing = manifest.signing()?;
    let profile = profile.filter(|profile| fits(profile, input));
    let mut picture = eight_bits(picture, format, input);
    let (pixel, bytes) = if picture.color().has_alpha() { (PixelFormat::Rgba, 4) } else { (PixelFormat::Rgb, 3) };
    let info = FrameInfo { format: pixel, width, height, color: ColorSpace::default() };
    let pixels = match &mut picture {
        DynamicImage::ImageRgba8(p) => p.as_flat_samples_mut().samples,
        DynamicImage::ImageRgb8(p) => p.as_flat_samples_mut().samples,
        _ => bail!("a picture of an unexpected kind"),
    };
    let mut frame = FrameViewMut::new(info, [pixels, &mut [], &mut []], [width * bytes, 0, 0])?;
    let report = pipeline.process(&mut frame, None)?;
    if report.faces.is_empty() {
        bail!("{}: no face was found, nothing was written; --threshold 0.3 looks harder", input.display());
    }
    write(&picture, format, profile.unwrap_or_default(), &pending)?;
    if let Some(signing) = signing.filter(|_| report.marked.is_some()) {
        signing.sign([pending.path(), output, input], &identity, pipeline.payload())?;
    }
    interrupt::check()?;
    pending.commit()?;
    if report.marked.is_some() && !report.badged {
        eprintln!("warning: {HIDDEN}");
    }
    let swapped = report.faces.iter().filter(|face| face.swapped).count();
    eprintln!("wrote {}: {swapped} swapped face(s)", output.display());
    Ok(())
}

/// Whether a colour profile is one of RGB pixels. A grey picture's, or that of a JPEG for printing, says nothing of what
/// is written.
fn fits(profile: &[u8], input: &Path) -> bool {
    // ICC.1, section 7.2: the pixels' colour space stands at byte 16.
    let fits = profile.get(16..20) == Some(b"RGB ");
    if !fits {
        eprintln!("{}: warning: its colour profile is not one of RGB colours and is left out", input.display());
    }
    fits
}

/// The pixels to work on: RGB, or RGBA where `format` can hold it. Says what is lost.
fn eight_bits(picture: DynamicImage, format: ImageFormat, input: &Path) -> DynamicImage {
    let color = picture.color();
    if color.bytes_per_pixel() > color.channel_count() {
        eprintln!("{}: warning: of its 16 bits a channel 8 are written", input.display());
    }
    if !color.has_alpha() {
        return picture.into_rgb8().into();
    }
    let picture = picture.into_rgba8();
    if format != ImageFormat::Jpeg {
        return picture.into();
    }
    if picture.pixels().any(|pixel| pixel.0[3] < u8::MAX) {
        eprintln!("{}: warning: what is transparent becomes white; .png and .webp keep it", input.display());
    }
    photo::over_white(&picture).into()
}

fn write(picture: &DynamicImage, format: ImageFormat, profile: Vec<u8>, pending: &Pending) -> Result<()> {
    fn encode(picture: &DynamicImage, mut encoder: impl ImageEncoder, profile: Vec<u8>) -> ImageResult<()> {
        encoder.set_icc_profile(profile).map_err(ImageError::Unsupported)?;
        picture.write_with_encoder(encoder)
    }
    let write = || -> ImageResult<()> {
        let mut file = BufWriter::new(File::create(pending.path())?);
        match format {
            ImageFormat::Jpeg => encode(picture, JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY), profile)?,
            ImageFormat::WebP => encode(picture, WebPEncoder::new_lossless(&mut file), profile)?,
            _ => encode(picture, PngEncoder::new(&mut file), profile)?,
        }
        Ok(file.flush()?)
    };
    write().context("cannot write the picture")
}
