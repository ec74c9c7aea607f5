//! `alphaswap bench`: how fast this machine is, per stage and per network.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use alphaswap::color::Conversion;
use alphaswap::frame::{ColorSpace, FrameInfo, FrameViewMut, PixelFormat};
use alphaswap::gpu::{self, Choice};
use alphaswap::identity::{Identity, Texture};
use alphaswap::models::Model;
use alphaswap::path::Stage;
use alphaswap::settings::{DeviceChoice, Look, ModelChoice};
use alphaswap::{Pipeline, Report};
use anyhow::{Context, Result, bail};
use comfy_table::{Table, presets};
use glam::Vec3;
use image::RgbImage;
use image::imageops::{self, FilterType};
use serde::Serialize;

use crate::net::AnyNet;
use crate::options::DeviceArgs;
use crate::{decode, doctor, live, media};

/// Runs of a network of which the median is told.
const NET_RUNS: usize = 11;

/// Measure milliseconds per stage and per network.
///
/// Frames come from --clip, or are made from the identity's own photo, moving over a plain background. Decoding and
/// encoding are not measured.
#[derive(clap::Args)]
pub struct Args {
    /// Identity file; without one only the networks are measured.
    #[arg(long, value_name = "FILE")]
    source: Option<PathBuf>,
    /// Video to take frames from.
    #[arg(long, value_name = "VIDEO", requires = "source")]
    clip: Option<PathBuf>,
    /// What puts the face on: `mesh`, `guided`, or a path.
    #[arg(long, value_name = "MODEL", default_value = ModelChoice::DEFAULT_NAME)]
    model: ModelChoice,
    #[command(flatten)]
    device: DeviceArgs,
    /// Frame sizes to measure.
    #[arg(long, value_name = "WxH,...", value_delimiter = ',', value_parser = live::size,
          default_value = "640x480,1280x720,1920x1080")]
    sizes: Vec<(i32, i32)>,
    /// Frames per size.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=1000))]
    frames: u16,
    /// Frames held back so that GPU and CPU work at the same time, as the element's property.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=1))]
    latency_frames: u8,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// All that was measured.
#[derive(Serialize)]
struct Measured {
    adapter: String,
    model: String,
    networks: Vec<Network>,
    frames: Vec<Frames>,
}

/// One network alone.
#[derive(Serialize)]
struct Network {
    name: &'static str,
    million_macs: f64,
    median_ms: f64,
}

/// One frame size; times are means over frames.
#[derive(Serialize)]
struct Frames {
    width: i32,
    height: i32,
    frames: usize,
    frames_swapped: usize,
    fps: f64,
    total_ms: f64,
    stages_ms: Vec<(&'static str, f64)>,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let (networks, mut adapter) = networks(&args.device.device)?;
    let mut frames = Vec::new();
    if let Some(source) = &args.source {
        let identity = Arc::new(Identity::open(source)?);
        for &size in &args.sizes {
            let look = Look::default();
            let mut pipeline = Pipeline::new(&args.device.device, &args.model, identity.clone(), look)?;
            adapter = pipeline.adapter().to_string();
            frames.push(measure(args, &mut pipeline, &identity, size)?);
        }
    }
    let measured = Measured { adapter, model: name(&args.model), networks, frames };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&measured)?);
    } else {
        print(&measured);
    }
    Ok(())
}

fn name(model: &ModelChoice) -> String {
    match model {
        ModelChoice::Mesh => "mesh".into(),
        ModelChoice::Guided => "guided".into(),
        ModelChoice::Path(path) => path.display().to_string(),
    }
}

/// Times of each shipped network, and what it ran on.
fn networks(device: &DeviceChoice) -> Result<(Vec<Network>, String)> {
    let (gpu, line) = match gpu::open(device)? {
        Choice::Gpu(gpu) => (Some(gpu.clone()), gpu.line().to_string()),
        Choice::Cpu { why, .. } => (None, why),
    };
    let time = |name: &'static str| {
        let model = Model::builtin(name)?;
        let spec = Arc::new(model.spec()?);
        let inputs = doctor::waves(&spec);
        let mut net = AnyNet::new(gpu.as_ref(), spec.clone(), &model.weights)?;
        net.run(&inputs)?;
        let mut times = Vec::new();
        for _ in 0..NET_RUNS {
            let start = Instant::now();
            net.run(&inputs)?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        Ok(Network { name, million_macs: spec.macs() as f64 / 1e6, median_ms: times[NET_RUNS / 2] })
    };
    Ok((Model::builtin_names().map(time).collect::<Result<_>>()?, line))
}

fn measure(args: &Args, pipeline: &mut Pipeline, identity: &Identity, (width, height): (i32, i32)) -> Result<Frames> {
    let mut result = Frames {
        width,
        height,
        frames: 0,
        frames_swapped: 0,
        fps: 0.0,
        total_ms: 0.0,
        stages_ms: Stage::ALL.map(|s| (s.name(), 0.0)).to_vec(),
    };
    let overlap = args.latency_frames > 0 && pipeline.overlaps();
    let mut held: Option<Owned> = None;
    let mut started = 0;
    let mut step = |picture: RgbImage| -> Result<ControlFlow<()>> {
        let mut frame = Owned::i420(&picture);
        let time = Some(Duration::from_millis(40 * started));
        started += 1;
        let start = Instant::now();
        let report = if overlap {
            let mut last = held.take();
            let mut last_view = last.as_mut().map(Owned::view_mut).transpose()?;
            let report = pipeline.overlap(&frame.view_mut()?.view(), time, last_view.as_mut())?;
            held = Some(frame);
            report
        } else {
            Some(pipeline.process(&mut frame.view_mut()?, time)?)
        };
        result.add(start.elapsed(), report);
        let more = started < u64::from(args.frames);
        Ok(if more { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    };
    match &args.clip {
        Some(clip) => clip_frames(clip, (width, height), &mut step)?,
        None => {
            (0..args.frames).try_for_each(|i| step(synthetic(&identity.textures[0], i, width, height)).map(drop))?
        }
    }
    if let Some(mut last) = held {
        let start = Instant::now();
        let report = pipeline.finish(&mut last.view_mut()?)?;
        result.add(start.elapsed(), Some(report));
    }
    if result.frames == 0 {
        bail!("the clip has no frame");
    }
    let n = result.frames as f64;
    result.total_ms /= n;
    result.fps = 1e3 / result.total_ms;
    result.stages_ms.iter_mut().for_each(|(_, ms)| *ms /= n);
    Ok(result)
}

impl Frames {
    fn add(&mut self, time: Duration, report: Option<Report>) {
        self.total_ms += time.as_secs_f64() * 1e3;
        let Some(report) = report else { return };
        self.frames += 1;
        self.frames_swapped += usize::from(report.faces.iter().any(|f| f.swapped));
        self.stages_ms.iter_mut().zip(report.times.0).for_each(|(sum, ms)| sum.1 += f64::from(ms));
    }
}

/// A frame in the format that decoders give.
struct Owned {
    info: FrameInfo,
    planes: [Vec<u8>; 3],
}

impl Owned {
    fn i420(picture: &RgbImage) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let info = FrameInfo { format: PixelFormat::I420, width, height, color: ColorSpace::default() };
        let codes_from_rgb = Conversion::rgb_from_codes(&info).inverse();
        let mut channel = 0;
        let planes = info.format.components().map(|component| {
            let ([columns, rows], [right, down]) = (component.size(width, height), component.pitch());
            let code = |x: usize, y: usize| {
                let rgb = picture.get_pixel(x as u32 * right as u32, y as u32 * down as u32).0;
                codes_from_rgb.apply(Vec3::from(rgb.map(|c| f32::from(c) / 255.0)))[channel].round() as u8
            };
            let plane = (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y))).map(|(x, y)| code(x, y)).collect();
            channel += 1;
            plane
        });
        Self { info, planes }
    }

    fn view_mut(&mut self) -> Result<FrameViewMut<'_>> {
        let (chroma, [y, u, v]) = (self.info.width.div_ceil(2), &mut self.planes);
        Ok(FrameViewMut::new(self.info, [y, u, v], [self.info.width, chroma, chroma])?)
    }
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

/// The identity's own photo, half the frame high, moving slowly over grey.
fn synthetic(texture: &Texture, index: u16, width: i32, height: i32) -> RgbImage {
    let (width, height) = (width as u32, height as u32);
    let mut frame = RgbImage::from_pixel(width, height, image::Rgb([110, 112, 115]));
    let side = texture.side as u32;
    if let Some(photo) = RgbImage::from_raw(side, side, texture.rgb.clone()) {
        let size = (height.min(width) * 2 / 3).max(1);
        let photo = imageops::resize(&photo, size, size, FilterType::Triangle);
        let shift = (f64::from(index) * 0.2).sin() * f64::from(width - size) / 8.0;
        let x = (f64::from(width - size) / 2.0 + shift) as i64;
        imageops::overlay(&mut frame, &photo, x, i64::from((height - size) / 2));
    }
    frame
}

fn print(measured: &Measured) {
    println!("runs on {}; model {}\n", measured.adapter, measured.model);
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(["network", "million MAC", "ms (median)"]);
    for n in &measured.networks {
        table.add_row([n.name.to_string(), format!("{:.0}", n.million_macs), format!("{:.2}", n.median_ms)]);
    }
    println!("{table}");
    if measured.frames.is_empty() {
        println!("add --source FILE to measure whole frames");
        return;
    }
    let mut table = Table::new();
    let stages = Stage::ALL.iter().map(|s| s.name());
    let header = ["frame", "fps", "ms"].into_iter().chain(stages).chain(["swapped"]);
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(header);
    for f in &measured.frames {
        let mut row = vec![format!("{}x{}", f.width, f.height), format!("{:.1}", f.fps), format!("{:.1}", f.total_ms)];
        row.extend(f.stages_ms.iter().map(|(_, ms)| format!("{ms:.2}")));
        row.push(format!("{} of {}", f.frames_swapped, f.frames));
        table.add_row(row);
    }
    println!("{table}");
}
