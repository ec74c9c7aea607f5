//! `alphaswap-train caption`: a sentence or two about each photo of a data set.

mod server;

use std::num::NonZero;
use std::path::PathBuf;
use std::thread::available_parallelism;

use alphaswap::train::caption::{self, Captioner, Files, Measured, Options, Progress, Summary};
use alphaswap::train::data::Dataset;
use anyhow::{Context, Result, bail};
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};

use crate::interrupt;

/// Write a caption for each photo of a data set, for the training terms that read text.
///
/// Captions are kept in DATA/captions.jsonl as they come; a second run goes on where the first one ended, and photos
/// that got none are tried again. Left and right are those of the picture, as the viewer sees it.
#[derive(clap::Args)]
#[command(subcommand_value_name = "CAPTIONER", subcommand_help_heading = "Captioners")]
pub struct Args {
    /// The data set: a folder that `prepare` wrote.
    data: PathBuf,
    #[command(subcommand)]
    with: With,
    /// Begin anew although there are captions; those of another captioner, model or prompt are never mixed.
    #[arg(long, global = true)]
    overwrite: bool,
    /// Photos that are worked on at once [default: 4 for `server`, else one per core].
    #[arg(long, global = true, value_name = "N")]
    jobs: Option<NonZero<usize>>,
}

#[derive(clap::Subcommand)]
enum With {
    /// Take texts that exist: the first line that is not blank of FOLDER/id/photo.txt for the photo id/photo.png, or of
    /// FOLDER/photo.txt.
    Files {
        /// Where the texts lie.
        folder: PathBuf,
    },
    /// Say what our own networks see: pose, mouth, eyes, light, background. Needs nothing else.
    Measured {
        /// Other numbers choose other words for the same facts.
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// Ask a vision model behind an OpenAI-compatible address (vLLM, SGLang, LMDeploy, llama.cpp, Ollama ..).
    Server(server::Args),
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let dataset = Dataset::open(&args.data).context("no data set to caption; `alphaswap-train prepare` makes one")?;
    let cores = available_parallelism().map_or(1, NonZero::get);
    let (captioner, jobs): (Box<dyn Captioner>, _) = match &args.with {
        With::Files { folder } => (Box::new(Files::new(folder, &dataset)?), cores),
        With::Measured { seed } => (Box::new(Measured { seed: *seed }), cores),
        With::Server(server) => (Box::new(server.captioner()?), server::JOBS),
    };
    let options = Options { jobs: args.jobs.map_or(jobs, NonZero::get), overwrite: args.overwrite };
    interrupt::watch()?;
    let bar = bar(dataset.items.len());
    let mut watch = |progress: &Progress| show(&bar, progress);
    let summary = caption::run(&dataset, captioner.as_ref(), options, &mut watch, &interrupt::pressed)?;
    bar.finish_and_clear();
    report(&summary);
    end(&summary)
}

fn bar(photos: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} photos  {per_sec}  {msg}  ETA {eta}");
    ProgressBar::new(photos as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, progress: &Progress) {
    let Progress { cached, captioned, failed, .. } = *progress;
    if captioned + failed == 0 {
        // What was there before must not count as this run's speed.
        bar.set_position(cached as u64);
        bar.reset_eta();
    }
    bar.set_position((cached + captioned + failed) as u64);
    bar.set_message(if failed > 0 { format!("{failed} failed") } else { String::new() });
}

/// The table at the end.
fn report(summary: &Summary) {
    let Progress { total, cached, captioned, failed } = summary.progress;
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(["captions", "photos", "for example"]);
    for (what, photos) in [("written", captioned), ("from before", cached)] {
        table.add_row([what, &photos.to_string(), ""]);
    }
    for (reason, failed) in &summary.failed {
        table.add_row([&format!("none: {reason}"), &failed.photos.to_string(), &failed.example]);
    }
    match total - cached - captioned - failed {
        0 => {}
        left => drop(table.add_row(["not tried", &left.to_string(), ""])),
    }
    eprintln!("{table}");
}

/// What the run's end means for the shell.
fn end(summary: &Summary) -> Result<()> {
    let Progress { cached, captioned, .. } = summary.progress;
    if let Some(reason) = &summary.fatal {
        bail!("{reason}");
    }
    if summary.interrupted {
        let saved = format!("interrupted: {} captions are saved; the same command goes on", cached + captioned);
        return Err(anyhow::Error::new(interrupt::Interrupted).context(saved));
    }
    if cached + captioned == 0 {
        bail!("not one photo got a caption; the table says why");
    }
    Ok(())
}
