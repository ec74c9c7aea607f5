//! `alphaswap-train export`: a checkpoint becomes a model file.

use std::path::PathBuf;

use alphaswap::train::eval::Report;
use alphaswap::train::export::{Told, export};
use anyhow::{Context, Result};

use crate::import::output::Output;
use crate::interrupt;

/// Make a model file, with its card, of a training run.
///
/// The filter loads it as it is: `alphaswap swap --model MODEL.safetensors`. The card tells the network, the photos and
/// their licences, steps, date, and the numbers of an evaluation.
#[derive(clap::Args)]
pub struct Args {
    /// A run's folder, for its newest checkpoint, or the folder of one checkpoint.
    checkpoint: PathBuf,
    /// Where the model goes; its card gets the same name with `.toml`.
    #[arg(short, long, value_name = "MODEL.safetensors")]
    output: PathBuf,
    /// Short name in the card [default: the output's name].
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// What the model is, for people [default: said from the run].
    #[arg(long, value_name = "TEXT")]
    about: Option<String>,
    /// Licence of the weights [default: not stated, with the licences of the photos].
    #[arg(long, value_name = "TEXT")]
    licence: Option<String>,
    /// What it was trained on, for the card.
    #[arg(long, value_name = "TEXT")]
    device: Option<String>,
    /// Store matrices in half precision: half the size, and at most a step of an 8-bit picture away.
    #[arg(long)]
    f16: bool,
    /// Take the weights as they were trained, not their moving average.
    #[arg(long)]
    raw: bool,
    /// The eval.json of an evaluation whose numbers the card is to tell.
    #[arg(long, value_name = "EVAL.json")]
    eval: Option<PathBuf>,
    /// Replace existing files.
    #[arg(long)]
    overwrite: bool,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let output = Output::new(&args.output, args.overwrite)?;
    let read = |path: &PathBuf| -> Result<Report> {
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{}: is no evaluation", path.display()))
    };
    let stem = args.output.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let told = Told {
        name: args.name.clone().unwrap_or(stem),
        about: args.about.clone(),
        licence: args.licence.clone(),
        device: args.device.clone(),
        half: args.f16,
        raw: args.raw,
        evaluation: args.eval.as_ref().map(read).transpose()?,
    };
    let exported = export(&args.checkpoint, &told)?;
    interrupt::watch()?;
    output.write(&exported.weights, &toml::to_string(&exported.card)?)?;
    let megabytes = exported.weights.len() as f64 / 1e6;
    eprintln!("wrote {} ({megabytes:.1} MB): {}", args.output.display(), exported.card.about);
    Ok(())
}
