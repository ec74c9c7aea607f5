//! A picture of some moments of a clip, before and after: what a user looks at first.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use alphaswap::frame::{ColorSpace, FrameInfo, FrameViewMut, PixelFormat};
use alphaswap::marks::watermark::{Embedder, Payload};
use anyhow::{Context, Result, bail};
use image::{GenericImage, ImageFormat, RgbImage};

use crate::decode;
use crate::output::Pending;

/// Moments shown, and how many stand side by side.
const MOMENTS: u32 = 12;
const COLUMNS: u32 = 4;
/// Size of one picture in pixels, and the space between pairs of rows.
const SIZE: (u32, u32) = (320, 240);
const SPACE: u32 = 8;

/// A sheet to be: its place is looked at before the work starts, which may take hours.
pub struct Sheet {
    pending: Pending,
    format: ImageFormat,
}

impl Sheet {
    /// Reserves a place for `target`, which must not exist unless `overwrite` is set, and be none of the files `others`.
    pub fn new(target: &Path, overwrite: bool, others: &[&Path]) -> Result<Self> {
        let format = match ImageFormat::from_path(target) {
            Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP)) => format,
            _ => bail!("{}: a contact sheet can be written as .png, .jpg or .webp", target.display()),
        };
        let place = |path: &Path| path.canonicalize().ok();
        if place(target).is_some_and(|target| others.iter().any(|other| place(other).as_ref() == Some(&target))) {
            bail!("{}: is a file of this run already; name another for the contact sheet", target.display());
        }
        Ok(Self { pending: Pending::new(target, overwrite)?, format })
    }

    /// Writes it: each row of moments of the clip `before` stands above the same moments of that `after`, of this
    /// `length`. The watermark says `payload`, if a face was swapped; `sign` signs the file at a path.
    pub fn write(
        self,
        [before, after]: [&Path; 2],
        length: Duration,
        payload: Option<Payload>,
        sign: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<()> {
        let (above, below) = (moments(before, length)?, moments(after, length)?);
        let rows = MOMENTS.div_ceil(COLUMNS);
        let (width, pair) = (COLUMNS * SIZE.0, 2 * SIZE.1 + SPACE);
        let mut picture = RgbImage::from_pixel(width, rows * pair - SPACE, image::Rgb([255; 3]));
        for (row, pictures) in [above, below].iter().enumerate() {
            for (i, moment) in (0..).zip(pictures) {
                let (x, y) = (i % COLUMNS * SIZE.0, i / COLUMNS * pair + row as u32 * SIZE.1);
                picture.copy_from(moment, x, y).context("a picture is larger than asked for")?;
            }
        }
        payload.map_or(Ok(()), |payload| mark(&mut picture, payload))?;
        picture.save_with_format(self.pending.path(), self.format).context("cannot write the contact sheet")?;
        sign(self.pending.path())?;
        self.pending.commit()
    }
}

/// Puts the watermark in, over all of it: those of the frames in it are not found there.
fn mark(picture: &mut RgbImage, payload: Payload) -> Result<()> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let info = FrameInfo { format: PixelFormat::Rgb, width, height, color: ColorSpace::default() };
    let pixels = picture.as_flat_samples_mut().samples;
    let mut frame = FrameViewMut::new(info, [pixels, &mut [], &mut []], [width * 3, 0, 0])?;
    Embedder::new(payload).embed(&mut frame);
    Ok(())
}

fn moments(clip: &Path, length: Duration) -> Result<Vec<RgbImage>> {
    let mut pictures = Vec::new();
    decode::pictures(clip, length / MOMENTS, Some(SIZE), |picture| {
        pictures.push(picture);
        Ok(if pictures.len() == MOMENTS as usize { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(pictures)
}
