//! `alphaswap-train eval`: how good models are, in one table.

mod table;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use alphaswap::files::replace;
use alphaswap::path::Painter;
use alphaswap::settings::ModelChoice;
use alphaswap::train::data::Dataset;
use alphaswap::train::data::write::png;
use alphaswap::train::eval::{self, Cast, Evaluation, Judge, Options, Photo, Report, Sheet, Swapped, photos};
use anyhow::{Context, Result, ensure};
use clap::ArgGroup;
use image::RgbImage;
use indicatif::{ProgressBar, ProgressStyle};

use crate::interrupt::{self, pressed};

/// Swap every source onto every target and measure what comes out.
///
/// Likeness is judged by dlib's face encoder, which no generator here was trained on, and by FaceRes; pose, expression
/// and place by the face mesh. All pictures are compared in one aligned frame. Several models stand side by side.
#[derive(clap::Args)]
#[command(group(ArgGroup::new("photos").required(true).args(["sources", "data"])))]
pub struct Args {
    /// Models to compare: `mesh`, `guided`, `guided-256`, or generator files.
    #[arg(long, value_name = "MODEL", num_args = 1.., default_values = ["mesh"], conflicts_with = "outputs")]
    model: Vec<String>,
    /// Photos of the people whose faces are put on, or folders of them.
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "targets")]
    sources: Vec<PathBuf>,
    /// Photos onto which they are put, or folders of them.
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "sources")]
    targets: Vec<PathBuf>,
    /// A data set made by `prepare`: each person of --people is put onto all photos of the others.
    #[arg(long, value_name = "DATA", requires = "people", conflicts_with_all = ["sources", "outputs"])]
    data: Option<PathBuf>,
    /// People of the data set, as `set/person`; `*`, `?` and `[a-c]` stand for others.
    #[arg(long, value_name = "PATTERN", num_args = 1.., requires = "data")]
    people: Vec<String>,
    /// Only measure: a folder of outputs that somebody made, named SOURCE_TARGET.png, in the same framing as sources and
    /// targets.
    #[arg(long, value_name = "FOLDER", requires = "sources")]
    outputs: Option<PathBuf>,
    /// Side of the frame in which pictures are compared, in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 256, value_parser = clap::value_parser!(u32).range(64..=1024))]
    size: u32,
    /// Take so many pairs at most, chosen by chance.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pairs: Option<u32>,
    /// Seed of that choice.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Model files of encoders that the generators need beside FaceRes.
    #[arg(long, value_name = "MODEL", num_args = 1..)]
    encoder: Vec<PathBuf>,
    /// Folder for eval.json, eval.md and sheet.png; made if it is not there.
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Pairs on the sheet at most.
    #[arg(long, value_name = "N", default_value_t = 40)]
    sheet: usize,
    /// Write every framed source, target and output as well, into the output folder.
    #[arg(long, requires = "output")]
    keep: bool,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    interrupt::watch()?;
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let (sources, targets) = match &args.data {
        Some(folder) => photos::of_people(&Dataset::open(folder)?, &args.people)?,
        None => (photos::find(&args.sources)?, photos::find(&args.targets)?),
    };
    let report = match &args.outputs {
        Some(folder) => measure(args, folder, (&sources, &targets)),
        None => compare(args, (&sources, &targets)),
    };
    interrupt::check()?;
    let report = report?;
    for photo in &report.skipped {
        eprintln!("left out {}: {}", photo.photo, photo.reason);
    }
    let tables = table::of(&report);
    println!("{tables}");
    if let Some(folder) = &args.output {
        replace(&folder.join("eval.json"), &serde_json::to_vec_pretty(&report)?)?;
        replace(&folder.join("eval.md"), table::markdown(&report).as_bytes())?;
    }
    Ok(())
}

/// Measures somebody's outputs.
fn measure(args: &Args, folder: &Path, photos: (&[Photo], &[Photo])) -> Result<Report> {
    let outputs = photos::find(&[folder.to_path_buf()])?;
    let bar = progress("outputs", outputs.len());
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let report = eval::judge_outputs(&name, &outputs, photos, |_| advance(&bar))?;
    bar.finish_and_clear();
    ensure!(!args.keep, "--keep: the outputs are there already");
    Ok(report)
}

/// Makes and measures the outputs of each model.
fn compare(args: &Args, (sources, targets): (&[Photo], &[Photo])) -> Result<Report> {
    let models = args.model.iter().map(|name| load(name)).collect::<Result<Vec<_>>>()?;
    let pairs = args.pairs.map(|n| n as usize);
    let options = Options { size: args.size as usize, pairs, seed: args.seed, encoders: args.encoder.clone() };
    let mut judge = Judge::new()?;
    eprintln!("reading {} sources and {} targets", sources.len(), targets.len());
    let cast = Cast::read(&mut judge, (sources, targets), options.size, &options.encoders)?;
    let pairs = eval::pairs(&cast, &options)?;
    let mut sheet = Sheet::new(&pairs, args.sheet, models.len());
    for (s, t) in sheet.rows().to_vec() {
        sheet.put((s, t), 0, &cast.sources[s].picture);
        sheet.put((s, t), 1, &cast.targets[t].picture);
    }
    let keep = Keep::new(args, &cast)?;
    let mut evaluations: Vec<Evaluation> = Vec::new();
    for (i, (name, painter)) in models.iter().enumerate() {
        let (bar, mut failed) = (progress(name, pairs.len()), None);
        let seen = |swapped: Swapped<'_>| {
            if let Some(output) = swapped.output {
                sheet.put((swapped.source, swapped.target), 2 + i, output);
                failed = keep.output(name, &cast, &swapped, output).err();
            }
            if failed.is_some() { ControlFlow::Break(()) } else { advance(&bar) }
        };
        let evaluation = eval::evaluate(&mut judge, &cast, (name, painter), &options, seen);
        bar.finish_and_clear();
        failed.map_or(Ok(()), Err)?;
        evaluations.push(evaluation?);
    }
    if let Some(folder) = &args.output {
        replace(&folder.join("sheet.png"), &png("sheet.png", sheet.picture())?)?;
    }
    let (sources, targets) = (cast.sources.len(), cast.targets.len());
    Ok(Report { size: options.size, sources, targets, skipped: cast.skipped, models: evaluations })
}

/// A model and its name in the table.
fn load(name: &str) -> Result<(String, Painter)> {
    let choice: ModelChoice = name.parse()?;
    let shown = match &choice {
        ModelChoice::Path(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        _ => name.to_string(),
    };
    Ok((shown, Painter::load(&choice)?))
}

/// Writes framed pictures, where they are wanted.
struct Keep(Option<PathBuf>);

impl Keep {
    fn new(args: &Args, cast: &Cast) -> Result<Self> {
        let keep = Self(args.output.clone().filter(|_| args.keep));
        for (kind, photos) in [("sources", &cast.sources), ("targets", &cast.targets)] {
            photos.iter().try_for_each(|photo| keep.write(kind, &photo.name, &photo.picture))?;
        }
        Ok(keep)
    }

    fn output(&self, model: &str, cast: &Cast, swapped: &Swapped<'_>, picture: &RgbImage) -> Result<()> {
        let (source, target) = (&cast.sources[swapped.source].name, &cast.targets[swapped.target].name);
        self.write(model, &format!("{source}_{target}"), picture)
    }

    fn write(&self, kind: &str, name: &str, picture: &RgbImage) -> Result<()> {
        let Some(folder) = self.0.as_ref().map(|folder| folder.join(kind)) else { return Ok(()) };
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(replace(&folder.join(format!("{name}.png")), &png(name, picture)?)?)
    }
}

fn progress(what: &str, length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {per_sec} {eta}");
    let bar = ProgressBar::new(length as u64).with_prefix(what.to_string());
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn advance(bar: &ProgressBar) -> ControlFlow<()> {
    bar.inc(1);
    if pressed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}
