//! Options that several subcommands share.

use std::path::PathBuf;
use std::sync::Arc;

use alphaswap::Pipeline;
use alphaswap::identity::Identity;
use alphaswap::settings::{Corner, DeviceChoice, Fallback, Look, ModelChoice};
use anyhow::Result;
use clap::{Args, ValueEnum};

/// Whose face, by which model, on which machine.
#[derive(Args)]
pub struct SwapperArgs {
    /// Identity file of the person whose face is put on, made by `alphaswap enroll`.
    #[arg(long, value_name = "FILE")]
    pub source: PathBuf,
    /// What puts the face on: `mesh` (the photo itself, warped and colour-matched), `guided` (a compact generator on
    /// top of it), or the path of a generator file.
    #[arg(long, value_name = "MODEL", default_value = ModelChoice::DEFAULT_NAME)]
    pub model: ModelChoice,
    #[command(flatten)]
    pub device: DeviceArgs,
    #[command(flatten)]
    pub look: LookArgs,
}

/// Which machine does the work.
#[derive(Args)]
pub struct DeviceArgs {
    /// `auto` (a hardware GPU if there is one, else the CPU), `gpu` (a hardware GPU or an error), `cpu`, or a part of
    /// an adapter's name as `alphaswap doctor` lists it.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: DeviceChoice,
}

/// What the swapped faces look like, and which faces are swapped.
#[derive(Args)]
#[command(next_help_heading = "Look")]
pub struct LookArgs {
    /// Faces swapped in a frame at most; the largest first.
    #[arg(long, value_name = "N", default_value_t = Look::default().max_faces, value_parser = count)]
    max_faces: usize,
    /// Frames between two looks for new faces while all known ones are followed.
    #[arg(long, value_name = "FRAMES", default_value_t = Look::default().detect_interval,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    detect_interval: u32,
    /// From which detector score on something is a face, 0 to 1.
    #[arg(long, value_name = "0..1", default_value_t = Look::default().threshold, value_parser = fraction)]
    threshold: f32,
    /// Landmark smoothing: 0 none, 1 strongest.
    #[arg(long, value_name = "0..1", default_value_t = Look::default().smoothing, value_parser = fraction)]
    smoothing: f32,
    /// Width of the mask's soft edge, as a fraction of the crop's side.
    #[arg(long, value_name = "0..1", default_value_t = Look::default().feather, value_parser = fraction)]
    feather: f32,
    /// How much of the swapped face is shown, 0 to 1.
    #[arg(long, value_name = "0..1", default_value_t = Look::default().strength, value_parser = fraction)]
    strength: f32,
    /// What is shown when a face that was swapped a moment ago cannot be swapped now.
    #[arg(long, value_enum, default_value = "blur")]
    fallback: FallbackArg,
    /// Leave out the visible badge that tells viewers of the swap.
    #[arg(long)]
    no_badge: bool,
    /// Where the badge stands.
    #[arg(long, value_enum, default_value = "bottom-left")]
    badge_position: CornerArg,
}

#[derive(Clone, Copy, ValueEnum)]
enum FallbackArg {
    /// The face's last place is blurred beyond recognition.
    Blur,
    /// The last swapped picture of that place stays.
    Freeze,
    /// The frame as it came: shows the real face.
    Pass,
}

#[derive(Clone, Copy, ValueEnum)]
enum CornerArg {
    TopLeft,
    TopRight,
    BottomLeft,
    BottomRight,
}

impl LookArgs {
    /// As the library wants it.
    pub fn look(&self) -> Look {
        Look {
            max_faces: self.max_faces,
            detect_interval: self.detect_interval,
            threshold: self.threshold,
            smoothing: self.smoothing,
            feather: self.feather,
            strength: self.strength,
            fallback: match self.fallback {
                FallbackArg::Blur => Fallback::Blur,
                FallbackArg::Freeze => Fallback::Freeze,
                FallbackArg::Pass => Fallback::Pass,
            },
            badge: !self.no_badge,
            badge_position: match self.badge_position {
                CornerArg::TopLeft => Corner::TopLeft,
                CornerArg::TopRight => Corner::TopRight,
                CornerArg::BottomLeft => Corner::BottomLeft,
                CornerArg::BottomRight => Corner::BottomRight,
            },
            enabled: true,
        }
    }
}

impl SwapperArgs {
    /// Opens the identity, loads the model, and says in one line what it runs on.
    pub fn pipeline(&self) -> Result<Pipeline> {
        let identity = Arc::new(Identity::open(&self.source)?);
        let pipeline = Pipeline::new(&self.device.device, &self.model, identity, self.look.look())?;
        eprintln!("runs on {}", pipeline.adapter());
        if let Some(warning) = pipeline.warning() {
            eprintln!("warning: {warning}");
        }
        Ok(pipeline)
    }
}

fn fraction(text: &str) -> Result<f32, String> {
    let number: f32 = text.parse().map_err(|_| "not a number".to_string())?;
    if (0.0..=1.0).contains(&number) { Ok(number) } else { Err("must lie between 0 and 1".into()) }
}

fn count(text: &str) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|_| "not a whole number".to_string())?;
    if (1..=64).contains(&number) { Ok(number) } else { Err("must lie between 1 and 64".into()) }
}
