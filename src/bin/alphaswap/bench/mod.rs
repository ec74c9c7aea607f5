//! `alphaswap bench`: how fast this machine is, per stage and per network.

mod frames;
mod kernels;
mod networks;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use alphaswap::engine::gpu::Precision;
use alphaswap::frame::PixelFormat;
use alphaswap::gpu::{self, Choice, Context as Gpu};
use alphaswap::identity::{Embedding, Identity, Revocations};
use alphaswap::models::Model;
use alphaswap::nets::GeneratorConfig;
use alphaswap::nets::alphaface::IdentityConfig;
use alphaswap::path::Painter;
use alphaswap::settings::{Look, ModelChoice};
use alphaswap::{Pipeline, device};
use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use serde::Serialize;

use self::frames::{Frames, Scene};
use self::kernels::Kernels;
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
    /// What puts the face on: `mesh`, `guided`, `guided-256`, or a path.
    #[arg(long, value_name = "MODEL", default_value = ModelChoice::DEFAULT_NAME)]
    model: ModelChoice,
    /// In place of a model, a generator of this topology with random weights: as fast as a trained one, its pictures
    /// are noise.
    #[arg(long, value_name = "TOPOLOGY", conflicts_with = "model",
          value_parser = PossibleValuesParser::new(GeneratorConfig::PRESETS))]
    random: Option<String>,
    /// Measure each dispatch of the generator (the one that ships for `mesh`) alone, beside the GPU's ceiling.
    #[arg(long)]
    kernels: bool,
    /// Store the feature maps of --kernels with 32 bits, also where the GPU can store 16.
    #[arg(long, requires = "kernels")]
    f32: bool,
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
    /// Frames held back so that GPU and CPU work at the same time, as the element's property; the CPU alone holds none.
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
    /// Whether compiled kernels of an earlier start were found on disk.
    warm_cache: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernels: Option<Kernels>,
    networks: Vec<Network>,
    /// From reading the model to ready for the first frame; the driver is loaded.
    start_ms: Option<f64>,
    frames: Vec<Frames>,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let (gpu, adapter) = match gpu::open(&args.device.device)? {
        Choice::Gpu(gpu) => (Some(gpu.clone()), gpu.line().to_string()),
        Choice::Cpu { why, .. } => (None, format!("CPU engine: {why}")),
    };
    let start = Instant::now();
    let painter = match &args.random {
        None => Painter::load(&args.model)?,
        Some(name) => random(name)?,
    };
    let model = args.random.as_ref().map_or_else(|| args.model.to_string(), |name| format!("{name}, random weights"));
    let warm_cache = gpu.as_ref().is_some_and(|gpu| gpu.has_warm_cache());
    let mut measured = Measured {
        adapter,
        model,
        warm_cache,
        kernels: None,
        networks: Vec::new(),
        start_ms: None,
        frames: Vec::new(),
    };
    if let Some(source) = &args.source {
        measure_frames(
            args,
            (&painter, start),
            Identity::open_permitted(source, &Revocations::open(None)?)?,
            &mut measured,
        )?;
    }
    match (args.kernels, &gpu) {
        (true, Some(gpu)) => measured.kernels = Some(measure_kernels(args, gpu, &painter)?),
        (true, None) => bail!("--kernels measures a GPU; this runs on the {}", measured.adapter),
        (false, gpu) => measured.networks = Network::measure_all(gpu.as_ref())?,
    }
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&measured)?),
        false => print(&measured),
    }
    Ok(())
}

fn random(name: &str) -> Result<Painter> {
    let config = GeneratorConfig::preset(name).context("no such topology")?;
    Ok(Painter::generator(Model::random(name, config, 1)?)?)
}

fn measure_kernels(args: &Args, gpu: &Arc<Gpu>, painter: &Painter) -> Result<Kernels> {
    let precision = if gpu.has_f16() && !args.f32 { Precision::F16Storage } else { Precision::F32 };
    match painter {
        Painter::Generator { model, .. } => Kernels::measure(gpu, model, precision),
        Painter::Mesh => Kernels::measure(gpu, &Model::builtin("generator")?, precision),
    }
}

/// Measures every size; the painter began to be loaded at `start`.
fn measure_frames(
    args: &Args,
    (painter, start): (&Painter, Instant),
    mut identity: Identity,
    measured: &mut Measured,
) -> Result<()> {
    if let (Painter::Generator { config, .. }, Some(_)) = (painter, &args.random) {
        identity.embeddings.push(wave(&config.identity));
    }
    let identity = Arc::new(identity);
    let Args { clip, faces, format, frames: count, .. } = args;
    let device = &args.device.device;
    painter.check(&identity)?;
    let (path, warning) = device::open_path(device, painter, &identity)?;
    let look = Look { max_faces: Look::default().max_faces.max(*faces as usize), ..Look::default() };
    let mut pipeline = Pipeline::with_path(device.clone(), painter.clone(), identity.clone(), path, warning, look);
    measured.start_ms = Some(start.elapsed().as_secs_f64() * 1e3);
    measured.adapter = pipeline.adapter().to_string();
    let overlap = args.latency_frames > 0 && pipeline.overlaps();
    let (clip, identity) = (clip.as_ref(), &*identity);
    let scene = Scene { clip, identity, faces: *faces, format: *format, count: *count, overlap };
    for &size in &args.sizes {
        measured.frames.push(scene.measure(&mut pipeline, size)?);
        pipeline.reset();
    }
    Ok(())
}

/// What a generator with random weights may take for an embedding.
fn wave(wants: &IdentityConfig) -> Embedding {
    let values = (0..wants.width).map(|i| (i as f32 * 0.7).sin()).collect();
    Embedding { encoder: wants.encoder.clone(), crop: wants.encoder_crop, sha256: None, values }
}

fn print(measured: &Measured) {
    println!("runs on {}; model {}\n", measured.adapter, measured.model);
    match &measured.kernels {
        Some(kernels) => kernels.print(),
        None => networks::print(&measured.networks),
    }
    let Some(start_ms) = measured.start_ms else {
        println!("add --source FILE to measure whole frames");
        return;
    };
    let cache = if measured.warm_cache { ", compiled kernels came from disk" } else { "" };
    println!("ready after {start_ms:.0} ms{cache}");
    frames::print(&measured.frames);
}
