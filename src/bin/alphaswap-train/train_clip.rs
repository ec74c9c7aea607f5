//! `alphaswap-train train-clip`: a small CLIP learns which caption belongs to which photo.

use std::path::PathBuf;
use std::time::Instant;

use alphaswap::train::caption::flip;
use alphaswap::train::clip::config::ClipConfig;
use alphaswap::train::clip::fit::FitConfig;
use alphaswap::train::clip::fit::run::{Judged, Run};
use alphaswap::train::data::Dataset;
use alphaswap::train::device;
use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};

use crate::interrupt::{self, Interrupted};

/// Train a CLIP on the photos and captions of a data set.
///
/// It is for machines that have no published CLIP at hand, or too little power for one: the losses `clip_identity` and
/// `clip_text` of `train` take this folder or one with OpenAI's ViT-B/32. Some people are held out; how often their
/// captions and photos find each other is printed and written to clip.toml.
#[derive(clap::Args)]
pub struct Args {
    /// The data set, with captions (`alphaswap-train caption`).
    data: PathBuf,
    /// Where the CLIP goes.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Sizes of the CLIP.
    #[arg(long, default_value = "small", value_parser = ClipConfig::PRESETS, conflicts_with = "resume")]
    preset: String,
    /// Number of steps.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "resume")]
    steps: u64,
    /// Photos of a step; each is told from all others in it.
    #[arg(long, default_value_t = 64, value_parser = at_least_2, conflicts_with = "resume")]
    batch: usize,
    /// Highest learning rate.
    #[arg(long, default_value_t = 5e-4, conflicts_with = "resume")]
    lr: f64,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0, conflicts_with = "resume")]
    seed: u64,
    /// People that are held out, as patterns such as `congress/[A-B]*` [default: a tenth of all].
    #[arg(long, value_name = "PATTERN", num_args = 1.., conflicts_with = "resume")]
    held_out: Vec<String>,
    /// What it runs on: flex (the CPU), wgpu, vulkan or, where built in, cuda; `:N` picks a GPU.
    #[arg(long, default_value = "flex")]
    device: String,
    /// Steps from one checkpoint to the next.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Go on with the run in the folder, with its own settings.
    #[arg(long)]
    resume: bool,
}

fn at_least_2(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n >= 2).ok_or_else(|| "must be a number, 2 at least".into())
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let device = device::open(&args.device)?;
    let data = Dataset::open(&args.data)?;
    let mut run = match args.resume {
        true => Run::resume(&args.output, &data, flip, &device)?,
        false => {
            let sizes = ClipConfig::preset(&args.preset)?;
            let config = FitConfig::new(sizes, args.steps, args.batch, args.lr, args.seed);
            Run::start(&args.output, config, &data, &args.held_out, flip, &device)?
        }
    };
    interrupt::watch()?;
    let record = run.record();
    eprintln!("{} photos to learn from, {} of other people to judge by", record.photos, record.held_out);
    train(args, &mut run)?;
    let judged = run.finish()?;
    println!("{}", table(&judged));
    eprintln!("wrote {}; next: `clip` in the configuration of alphaswap-train train", args.output.display());
    Ok(())
}

/// All steps that are left.
fn train(args: &Args, run: &mut Run) -> Result<()> {
    let (steps, first, start) = (run.record().fit.steps, run.steps_done(), Instant::now());
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} steps  {msg}  ETA {eta}")?;
    let bar = ProgressBar::new(steps).with_style(style).with_position(first);
    bar.reset_eta();
    while run.steps_done() < steps {
        if interrupt::pressed() {
            run.checkpoint()?;
            let said = format!("interrupted: stopped after step {}; go on with --resume", run.steps_done());
            return Err(Interrupted).context(said);
        }
        let step = run.step()?;
        let speed = (step.step - first) as f64 / start.elapsed().as_secs_f64().max(1e-3);
        bar.set_message(format!("loss {:.3}  {speed:.2} steps/s", step.loss));
        bar.inc(1);
        if step.step.is_multiple_of(args.every) && step.step < steps {
            run.checkpoint()?;
            let found = run.judge()?.retrieval;
            let [caption, picture, chance] = [found.caption, found.picture, found.chance].map(|s| 100.0 * s);
            bar.suspend(|| {
                eprintln!(
                    "step {}: loss {:.3}, held out: {caption:.1} % captions, {picture:.1} % photos found (guessing \
                     {chance:.1} %)",
                    step.step, step.loss
                );
            });
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn table(judged: &Judged) -> Table {
    let found = judged.retrieval;
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["held-out people", &format!("first of {}", found.among)]);
    table.add_row(["caption found for a photo", &percent(found.caption)]);
    table.add_row(["photo found for a caption", &percent(found.picture)]);
    table.add_row(["guessing", &percent(found.chance)]);
    table
}
