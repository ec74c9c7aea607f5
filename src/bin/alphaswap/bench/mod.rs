//! `alphaswap bench`: how fast this machine is, per stage and per network.

mod frames;
mod networks;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use alphaswap::Pipeline;
use alphaswap::frame::PixelFormat;
use alphaswap::gpu::{self, Choice};
use alphaswap::identity::Identity;
use alphaswap::models::Model;
use alphaswap::settings::{Look, ModelChoice};
use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use serde::Serialize;

use self::frames::{Frames, Scene};
use self::networks::Network;
use crate::live;
use crate::options::DeviceArgs;

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
    /// Pixel format of the frames, as GStreamer names it.
    #[arg(long, default_value = "I420", value_parser = PossibleValuesParser::new(PixelFormat::ALL.map(PixelFormat::name))
          .map(|name| PixelFormat::from_name(&name).unwrap_or(PixelFormat::I420)))]
    format: PixelFormat,
    /// Faces in each frame, where there is no clip.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4),
          conflicts_with = "clip")]
    faces: u32,
    /// Frames per size.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=1000))]
    frames: u16,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// All that was measured.
#[derive(Serialize)]
struct Measured {
    adapter: String,
    model: String,
    /// Whether compiled kernels of an earlier start were found on disk.
    warm_cache: bool,
    networks: Vec<Network>,
    /// From models and device closed to ready for the first frame.
    start_ms: Option<f64>,
    frames: Vec<Frames>,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let (gpu, adapter) = match gpu::open(&args.device.device)? {
        Choice::Gpu(gpu) => (Some(gpu.clone()), gpu.line().to_string()),
        Choice::Cpu { why, .. } => (None, why),
    };
    let warm_cache = gpu.as_ref().is_some_and(|gpu| gpu.has_warm_cache());
    let mut measured = Measured {
        adapter,
        model: name(&args.model),
        warm_cache,
        networks: Vec::new(),
        start_ms: None,
        frames: Vec::new(),
    };
    if let Some(source) = &args.source {
        measure_frames(args, &Identity::open(source)?, &mut measured)?;
    }
    for model in Model::builtin_names() {
        measured.networks.push(Network::measure(gpu.as_ref(), &Model::builtin(model)?)?);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&measured)?);
    } else {
        print(&measured);
    }
    Ok(())
}

fn measure_frames(args: &Args, identity: &Identity, measured: &mut Measured) -> Result<()> {
    let Args { clip, faces, format, frames: count, .. } = args;
    let scene = Scene { clip: clip.as_ref(), identity, faces: *faces, format: *format, count: *count };
    for &size in &args.sizes {
        let start = Instant::now();
        let look = Look { max_faces: Look::default().max_faces.max(*faces as usize), ..Look::default() };
        let mut pipeline = Pipeline::new(&args.device.device, &args.model, Arc::new(identity.clone()), look)?;
        measured.start_ms.get_or_insert(start.elapsed().as_secs_f64() * 1e3);
        measured.adapter = pipeline.adapter().to_string();
        measured.frames.push(scene.measure(&mut pipeline, size)?);
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

fn print(measured: &Measured) {
    println!("runs on {}; model {}\n", measured.adapter, measured.model);
    networks::print(&measured.networks);
    let Some(start_ms) = measured.start_ms else {
        println!("add --source FILE to measure whole frames");
        return;
    };
    let cache = if measured.warm_cache { ", compiled kernels came from disk" } else { "" };
    println!("ready after {start_ms:.0} ms{cache}");
    frames::print(&measured.frames);
}
