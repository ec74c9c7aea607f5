//! Whole frames: milliseconds a frame and per stage.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alphaswap::color::Conversion;
use alphaswap::frame::{ColorSpace, FrameInfo, FrameViewMut, PixelFormat};
use alphaswap::identity::{Identity, Texture};
use alphaswap::path::{Stage, percentile};
use alphaswap::{Pipeline, Report};
use anyhow::{Context, Result, bail};
use comfy_table::{Table, presets};
use glam::Vec3;
use image::RgbImage;
use image::imageops::{self, FilterType};
use serde::Serialize;

use crate::{decode, media};

/// Bytes that the pictures may take; where that are fewer than are needed, they are shown back and forth.
const MEMORY: usize = 512 << 20;

/// What frames are made of.
pub struct Scene<'a> {
    /// Video to take pictures from, else the identity's own photo.
    pub clip: Option<&'a PathBuf>,
    /// Whose photo it is.
    pub identity: &'a Identity,
    /// Copies of the photo in a picture.
    pub faces: u32,
    /// Format of the frames.
    pub format: PixelFormat,
    /// How many are measured.
    pub count: u16,
    /// Whether each is started before the one before it is finished.
    pub overlap: bool,
}

/// A frame of one's own.
#[derive(Clone)]
struct Owned {
    info: FrameInfo,
    planes: [Vec<u8>; 3],
    strides: [usize; 3],
}

impl Owned {
    fn view_mut(&mut self) -> Result<FrameViewMut<'_>> {
        Ok(FrameViewMut::new(self.info, self.planes.each_mut().map(Vec::as_mut_slice), self.strides)?)
    }
}

/// One frame size; stages are means over frames.
#[derive(Serialize)]
pub struct Frames {
    width: i32,
    height: i32,
    format: &'static str,
    frames: usize,
    faces_swapped: usize,
    fps: f64,
    mean_ms: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    stages_ms: Vec<(&'static str, f64)>,
}

impl Scene<'_> {
    /// Measures frames of one size. The first one, in which faces are found, is not counted, nor are with overlap those
    /// that start before it has told of them. All pictures are made before, so that a GPU that works ahead gains no time by that.
    pub fn measure(&self, pipeline: &mut Pipeline, (width, height): (i32, i32)) -> Result<Frames> {
        let warmup = if self.overlap { 3 } else { 1 };
        let needed = usize::from(self.count) + warmup;
        let pictures = self.pictures(needed, (width, height))?;
        if self.clip.is_some() && pictures.len() <= warmup {
            bail!("the clip has less than {} frames", warmup + 1);
        }
        let (mut times, mut stages, mut swapped) = (Vec::new(), Stage::ALL.map(|s| (s.name(), 0.0)).to_vec(), 0);
        let (mut held, mut last_end) = (None, Instant::now());
        for i in 0..needed {
            let mut frame = pictures[back_and_forth(i, pictures.len())].clone();
            let start = if self.overlap { last_end } else { Instant::now() };
            let report = self.swap(pipeline, &mut frame, &mut held, Duration::from_millis(40 * i as u64))?;
            last_end = Instant::now();
            if i >= warmup {
                times.push((last_end - start).as_secs_f64() * 1e3);
                swapped += report.faces.iter().filter(|f| f.swapped).count();
                stages.iter_mut().zip(report.times.0).for_each(|(sum, ms)| sum.1 += f64::from(ms));
            }
            held = Some(frame).filter(|_| self.overlap);
        }
        let frames = times.len();
        let mean_ms = times.iter().sum::<f64>() / frames as f64;
        times.sort_by(f64::total_cmp);
        stages.iter_mut().for_each(|(_, ms)| *ms /= frames as f64);
        Ok(Frames {
            width,
            height,
            format: self.format.name(),
            frames,
            faces_swapped: swapped,
            fps: 1e3 / mean_ms,
            mean_ms,
            p50_ms: percentile(&times, 50),
            p95_ms: percentile(&times, 95),
            p99_ms: percentile(&times, 99),
            stages_ms: stages,
        })
    }

    /// Swaps `frame`; or starts it and finishes the frame that is `held`, with overlap.
    fn swap(
        &self,
        pipeline: &mut Pipeline,
        frame: &mut Owned,
        held: &mut Option<Owned>,
        time: Duration,
    ) -> Result<Report> {
        if !self.overlap {
            return Ok(pipeline.process(&mut frame.view_mut()?, Some(time))?);
        }
        let mut last = held.as_mut().map(Owned::view_mut).transpose()?;
        Ok(pipeline.overlap(&frame.view_mut()?.view(), Some(time), last.as_mut())?.unwrap_or_default())
    }

    /// As many frames as are `needed`, or as fit into the memory that they may take.
    fn pictures(&self, needed: usize, (width, height): (i32, i32)) -> Result<Vec<Owned>> {
        let mut frames = Vec::new();
        let mut step = |picture: RgbImage| -> Result<ControlFlow<()>> {
            let frame = encode(&picture, self.format);
            let bytes: usize = frame.planes.iter().map(Vec::len).sum();
            frames.push(frame);
            let enough = frames.len() >= needed.min((MEMORY / bytes).max(2));
            Ok(if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        match self.clip {
            Some(clip) => clip_frames(clip, (width, height), &mut step)?,
            None => {
                let mut pictures = (0..needed).map(|i| self.picture(i, width, height));
                while step(pictures.next().context("no frame is needed")?)?.is_continue() {}
            }
        }
        Ok(frames)
    }

    /// The identity's photo, once for each face side by side, moving slowly over grey.
    fn picture(&self, index: usize, width: i32, height: i32) -> RgbImage {
        let Texture { side, rgb, .. } = &self.identity.textures[0];
        let (width, height, side) = (width as u32, height as u32, *side as u32);
        let mut frame = RgbImage::from_pixel(width, height, image::Rgb([110, 112, 115]));
        let Some(photo) = RgbImage::from_raw(side, side, rgb.clone()) else { return frame };
        let column = width / self.faces;
        let size = (height.min(column) * 2 / 3).max(1);
        let photo = imageops::resize(&photo, size, size, FilterType::Triangle);
        let shift = (index as f64 * 0.2).sin() * f64::from(column - size) / 8.0;
        for face in 0..self.faces {
            let x = f64::from(face * column) + f64::from(column - size) / 2.0 + shift;
            imageops::overlay(&mut frame, &photo, x as i64, i64::from((height - size) / 2));
        }
        frame
    }
}

/// Place `i` on the way through `n` pictures and back again, over and over.
fn back_and_forth(i: usize, n: usize) -> usize {
    let round = (2 * n).saturating_sub(2).max(1);
    let at = i % round;
    at.min(round - at)
}

/// The picture in a frame's format.
fn encode(picture: &RgbImage, format: PixelFormat) -> Owned {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let info = FrameInfo { format, width, height, color: ColorSpace::default() };
    let (mut planes, mut strides) = ([const { Vec::new() }; 3], [0; 3]);
    for plane in 0..format.planes() {
        let (row, rows) = format.plane_size(plane, width, height);
        (planes[plane], strides[plane]) = (vec![255; row * rows], row);
    }
    let codes_from_rgb = Conversion::rgb_from_codes(&info).inverse();
    for (channel, c) in format.components().into_iter().enumerate() {
        let ([columns, rows], [right, down]) = (c.size(width, height), c.pitch().map(|p| p as u32));
        for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
            let rgb = picture.get_pixel(x as u32 * right, y as u32 * down).0.map(|v| f32::from(v) / 255.0);
            let code = codes_from_rgb.apply(Vec3::from(rgb))[channel].round() as u8;
            planes[c.plane][y * strides[c.plane] + c.offset + x * c.step] = code;
        }
    }
    Owned { info, planes, strides }
}

fn clip_frames(
    clip: &Path,
    (width, height): (i32, i32),
    step: &mut impl FnMut(RgbImage) -> Result<ControlFlow<()>>,
) -> Result<()> {
    media::check_input(clip)?;
    media::init()?;
    decode::pictures(clip, Duration::ZERO, Some((width as u32, height as u32)), step)
        .with_context(|| clip.display().to_string())
}

/// Prints a table, a row for each frame size.
pub fn print(frames: &[Frames]) {
    let mut table = Table::new();
    let header = ["frame", "fps", "ms", "p50", "p95", "p99"].into_iter().chain(Stage::ALL.iter().map(|s| s.name()));
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(header.chain(["faces swapped"]));
    for f in frames {
        let mut row = vec![format!("{}x{} {}", f.width, f.height, f.format), format!("{:.1}", f.fps)];
        row.extend([f.mean_ms, f.p50_ms, f.p95_ms, f.p99_ms].map(|ms| format!("{ms:.1}")));
        row.extend(f.stages_ms.iter().map(|(_, ms)| format!("{ms:.2}")));
        row.push(format!("{} in {}", f.faces_swapped, f.frames));
        table.add_row(row);
    }
    println!("{table}");
}
