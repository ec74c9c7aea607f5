//! Still pictures: reading them upright, swapping them, writing them.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use alphaswap::frame::{ColorSpace, FrameInfo, FrameViewMut, PixelFormat};
use alphaswap::identity::photo;
use alphaswap::marks::badge::HIDDEN;
use anyhow::{Context, Result, bail};
use image::{DynamicImage, ImageFormat};

use crate::manifest::ManifestArgs;
use crate::options::SwapperArgs;
use crate::output::Pending;

/// Quality of written JPEG pictures.
const JPEG_QUALITY: u8 = 95;

/// Whether the file starts like a picture that we read. A short or unreadable file is none.
pub fn is_picture(path: &Path) -> Result<bool> {
    let mut head = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    file.take(32).read_to_end(&mut head).with_context(|| format!("cannot read {}", path.display()))?;
    let format = image::guess_format(&head);
    Ok(matches!(format, Ok(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)))
}

/// Reads a picture and turns it upright.
pub fn read(path: &Path) -> Result<DynamicImage> {
    let decode = || photo::decode(BufReader::new(File::open(path)?));
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
        _ => bail!("{}: a picture can be written as .png, .jpg or .webp", output.display()),
    };
    let pending = Pending::new(output, overwrite)?;
    let mut picture = read(input)?;
    let most = *FrameInfo::SIDE.end();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    if width.max(height) > most {
        bail!("{}: is {width} x {height} pixels; at most {most} x {most} can be swapped", input.display());
    }
    let signing = manifest.signing()?;
    let (mut pipeline, identity) = swapper.pipeline()?;
    let keep_alpha = picture.color().has_alpha() && format != ImageFormat::Jpeg;
    picture = if keep_alpha { picture.into_rgba8().into() } else { picture.into_rgb8().into() };
    let (pixel, bytes) = if keep_alpha { (PixelFormat::Rgba, 4) } else { (PixelFormat::Rgb, 3) };
    let info = FrameInfo { format: pixel, width, height, color: ColorSpace::default() };
    let pixels = match &mut picture {
        DynamicImage::ImageRgba8(p) => p.as_flat_samples_mut().samples,
        DynamicImage::ImageRgb8(p) => p.as_flat_samples_mut().samples,
        _ => bail!("a picture of an unexpected kind"),
    };
    let mut frame = FrameViewMut::new(info, [pixels, &mut [], &mut []], [width * bytes, 0, 0])?;
    let report = pipeline.process(&mut frame, None)?;
    if !report.faces.iter().any(|face| face.swapped) {
        bail!("{}: no face was found, nothing was written; --threshold 0.3 looks harder", input.display());
    }
    write(&picture, format, &pending)?;
    if let Some(signing) = signing.filter(|_| report.marked.is_some()) {
        signing.sign([pending.path(), output, input], &identity, pipeline.payload())?;
    }
    pending.commit()?;
    if report.marked.is_some() && !report.badged {
        eprintln!("warning: {HIDDEN}");
    }
    eprintln!("wrote {}: {} face(s)", output.display(), report.faces.len());
    Ok(())
}

fn write(picture: &DynamicImage, format: ImageFormat, pending: &Pending) -> Result<()> {
    let encode = || -> image::ImageResult<()> {
        let mut file = BufWriter::new(File::create(pending.path())?);
        match format {
            ImageFormat::Jpeg => {
                let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY);
                picture.write_with_encoder(encoder)?;
            }
            _ => picture.write_to(&mut file, format)?,
        }
        Ok(file.flush()?)
    };
    encode().context("cannot write the picture")
}
