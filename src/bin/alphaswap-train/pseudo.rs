//! `alphaswap-train pseudo`: made-up pictures as inputs, real photos as targets.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use alphaswap::train::data::Dataset;
use alphaswap::train::people::People;
use alphaswap::train::pseudo::mesh::{Maker, Options};
use alphaswap::train::pseudo::{Kind, Shards, sheet};
use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};

use crate::interrupt;

/// Make pseudo-triplets: pictures with exchanged faces as inputs, real photos as targets.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    maker: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Mesh(Mesh),
}

/// Let the filter's own guide stage make them; no network, no GPU.
///
/// A run that was stopped goes on where it was. The same seed gives the same samples, whatever the number of jobs.
#[derive(clap::Args)]
struct Mesh {
    /// The data set, as `prepare` wrote it.
    data: PathBuf,
    /// Folder of the samples.
    #[arg(short, long, value_name = "PSEUDO")]
    output: PathBuf,
    /// Side of the crop in pixels, at most the data set's [default: the data set's].
    #[arg(long, value_name = "PIXELS")]
    crop: Option<usize>,
    /// Labels for each photo: the photo with somebody else's face.
    #[arg(long, value_name = "N", default_value_t = 10)]
    labels: usize,
    /// Share of the labels that get a guide, for guided generators.
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share)]
    trips: f32,
    /// Swaps for each photo: the photo with a guide of somebody else's face, without a target.
    #[arg(long, value_name = "N", default_value_t = 3)]
    swaps: usize,
    /// Where all randomness comes from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads [default: one for each core].
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Only people that one of these patterns names: `faker/*`, `openpeople/P00[1-5]`.
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    people: Vec<String>,
    /// People to hold out; they appear in no role.
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    without: Vec<String>,
}

fn share(text: &str) -> Result<f32, String> {
    let value = text.parse().map_err(|_| "is no number".to_string())?;
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err("must be 0 to 1".into()) }
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let Command::Mesh(args) = &args.maker;
    interrupt::watch()?;
    let data = Dataset::open(&args.data)?;
    let people = People { only: args.people.clone(), without: args.without.clone() };
    let options = Options { labels: args.labels, trips: args.trips, swaps: args.swaps, people };
    let maker = Maker::new(&data, args.crop.unwrap_or(data.header.crop), args.seed, options)?;
    // 0 lets rayon count the cores.
    make(&maker, args, args.jobs.unwrap_or(0))?;
    let shards = Shards::open(&args.output)?;
    let path = args.output.join("sheet.png");
    sheet(&shards, &data, 32)?.save(&path).with_context(|| path.display().to_string())?;
    eprintln!("{}\nsome of them: {}", table(&shards), path.display());
    Ok(())
}

/// Makes what is missing, with a progress bar.
fn make(maker: &Maker<'_>, args: &Mesh, jobs: usize) -> Result<()> {
    let total = maker.header().samples;
    let style = "{bar:40} {human_pos}/{human_len} samples, {per_sec}, {eta} left";
    let bar = ProgressBar::new(total as u64).with_style(ProgressStyle::with_template(style)?);
    let (start, mut first) = (Instant::now(), None);
    let made = maker.run(&args.output, jobs, |done| {
        if first.is_none() {
            bar.set_position(done as u64);
            bar.reset_eta();
        }
        first.get_or_insert(done);
        bar.set_position(done as u64);
        if interrupt::pressed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    bar.finish_and_clear();
    let made = made?;
    if made < total {
        let again = format!("interrupted: {made} of {total} samples are there; the same command makes the rest");
        return Err(anyhow::Error::new(interrupt::Interrupted).context(again));
    }
    let (new, seconds) = (made - first.unwrap_or(0), start.elapsed().as_secs_f64());
    eprintln!("{new} samples made in {seconds:.0} s, {:.0} a second", new as f64 / seconds.max(1e-3));
    Ok(())
}

/// What was made, by kind.
fn table(shards: &Shards) -> Table {
    let mut kinds: BTreeMap<Kind, (usize, HashSet<&str>, HashSet<&str>)> = BTreeMap::new();
    for record in shards.records() {
        let (count, photos, others) = kinds.entry(record.kind).or_default();
        *count += 1;
        photos.insert(&record.photo);
        others.extend(record.from.iter().map(String::as_str));
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(["kind", "samples", "photos A", "other photos"]);
    for (kind, (count, photos, others)) in kinds {
        let name = format!("{kind:?}").to_lowercase();
        table.add_row([name, count.to_string(), photos.len().to_string(), others.len().to_string()]);
    }
    table
}
