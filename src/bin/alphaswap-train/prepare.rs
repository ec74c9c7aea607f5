//! `alphaswap-train prepare`: folders of photos become a data set.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use alphaswap::files::replace;
use alphaswap::models::Model;
use alphaswap::train::data::{PhotoSet, write};
use alphaswap::train::prepare::filter::Filter;
use alphaswap::train::prepare::find::People;
use alphaswap::train::prepare::{Progress, Settings, Summary, prepare, sheet};
use anyhow::{Context, Error, Result, bail};
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};

use crate::interrupt::{self, Interrupted};

/// Width of the bins in which the heads' turns are told, in degrees.
const YAW_BIN: f32 = 15.0;

/// Make a data set for training of folders of photos.
///
/// Each photo's largest face is found, aligned, measured and written with its mesh, mask and embeddings. A folder may
/// hold photos as they are, a folder for each person (VGGFace2-HQ), or img/, mask/ and txt/ with the same names
/// (AlphaFace). A run that was stopped goes on when it is started again.
#[derive(clap::Args)]
pub struct Args {
    /// Folders of photos (JPEG, PNG, WebP). NAME goes into the cards of models [default: the folder's name].
    #[arg(required = true, value_name = "[NAME=]DIR")]
    folders: Vec<String>,
    /// Folder of the data set.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Licence of the photos, in words: of the set NAME, or of all of them. Every new set needs one; models that are
    /// trained on it tell it.
    #[arg(long = "licence", value_name = "[NAME=]TEXT")]
    licences: Vec<String>,
    /// Side of the crop in pixels, a multiple of 8; the pictures are a quarter larger.
    #[arg(long, value_name = "PIXELS", default_value_t = 256)]
    crop: usize,
    /// Model file of another identity encoder, an imported ArcFace; can be given several times.
    #[arg(long = "encoder", value_name = "FILE")]
    encoders: Vec<PathBuf>,
    /// Photos that are looked at at once [default: one for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Each photo shows another person, though they lie in folders (FFHQ).
    #[arg(long)]
    no_person_folders: bool,
    /// Smallest face that is taken: side of its crop in the photo's own pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = Filter::default().min_crop)]
    min_crop: f32,
    /// Least sharpness that is taken; portraits lie at .04 to .3.
    #[arg(long, value_name = "SHARPNESS", default_value_t = Filter::default().min_sharpness)]
    min_sharpness: f32,
    /// Largest share of the upper face that may be covered, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = Filter::default().max_covered)]
    max_covered: f32,
    /// Take everything that has a face.
    #[arg(long, conflicts_with_all = ["min_crop", "min_sharpness", "max_covered"])]
    all: bool,
    /// Draw no contact sheet (sheet.png).
    #[arg(long)]
    no_sheet: bool,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let settings = settings(args)?;
    interrupt::watch()?;
    let bar = bar();
    let mut start = None;
    let summary = prepare(&settings, &mut |progress| {
        show(&bar, progress, &mut start);
        if interrupt::pressed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    bar.finish_and_clear();
    let summary = summary?;
    tell(&summary);
    let output = args.output.display();
    if summary.left > 0 {
        let text = format!("interrupted: {} photos are left; the same command goes on", summary.left);
        return Err(Error::from(Interrupted).context(text));
    }
    if !args.no_sheet {
        draw(&args.output, &summary).with_context(|| format!("{output}: the contact sheet"))?;
    }
    match summary.people() {
        0 => bail!("{output}: no photo was taken; skipped.jsonl says why, and --all takes everything that has a face"),
        1 => eprintln!("warning: all photos show one person; training needs at least two"),
        _ => {}
    }
    eprintln!("wrote {output}: {} photos of {} people", summary.items.len(), summary.people());
    Ok(())
}

fn settings(args: &Args) -> Result<Settings> {
    let mut sets = args.folders.iter().map(|told| set(told)).collect::<Result<Vec<_>>>()?;
    for told in &args.licences {
        let named =
            told.split_once('=').and_then(|(name, text)| Some((sets.iter().position(|s| s.name == name)?, text)));
        match named {
            Some((at, text)) => sets[at].licence = text.trim().into(),
            None => sets.iter_mut().filter(|s| s.licence.is_empty()).for_each(|s| s.licence = told.trim().into()),
        }
    }
    let encoders = args.encoders.iter().map(|path| Model::open(path));
    let filter = Filter {
        min_crop: args.min_crop,
        min_sharpness: args.min_sharpness,
        max_covered: args.max_covered,
        ..Filter::default()
    };
    Ok(Settings {
        sets,
        output: args.output.clone(),
        crop: args.crop,
        encoders: std::iter::once(Model::builtin("identity")).chain(encoders).collect::<Result<_, _>>()?,
        people: if args.no_person_folders { People::Photos } else { People::Folders },
        filter: (!args.all).then_some(filter),
        jobs: args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, Into::into), Into::into),
    })
}

/// The set that `[NAME=]DIR` names, without its licence.
fn set(told: &str) -> Result<PhotoSet> {
    let whole = Path::new(told);
    let (name, folder) = match told.split_once('=') {
        Some((name, folder)) if !whole.exists() => (Some(name), Path::new(folder)),
        _ => (None, whole),
    };
    let folder = folder.canonicalize().with_context(|| folder.display().to_string())?;
    let name = match name {
        Some(name) => name.trim().to_string(),
        None => folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    };
    if name.is_empty() || name.contains(['/', '=']) || name.chars().any(char::is_control) {
        bail!("{told}: {name:?} cannot be a set's name; give it one: NAME={}", folder.display());
    }
    Ok(PhotoSet { name, folder, licence: String::new() })
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}\n{bar:40} {pos}/{len}  ETA {eta}");
    ProgressBar::new(1).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// `start` is when the first photo of this run was done, and how many were by then.
fn show(bar: &ProgressBar, progress: Progress, start: &mut Option<(Instant, usize)>) {
    let Progress { hashing, done, total, taken } = progress;
    bar.set_length(total as u64);
    bar.set_position(done as u64);
    if hashing {
        return bar.set_message("reading files");
    }
    let (time, first) = *start.get_or_insert_with(|| (Instant::now(), done));
    let rate = (done - first) as f64 / time.elapsed().as_secs_f64().max(1e-3);
    bar.set_message(format!("{taken} taken, {} skipped, {rate:.1} photos/s", done - taken));
}

fn tell(summary: &Summary) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(["", "photos"]);
    table.add_row(["taken".to_string(), summary.items.len().to_string()]);
    table.add_row(["  of several faces, the largest".to_string(), summary.several_faces.to_string()]);
    for (angle, count) in summary.yaws(YAW_BIN) {
        table.add_row([
            format!("  yaw {:.0} to {:.0}", angle - YAW_BIN / 2.0, angle + YAW_BIN / 2.0),
            count.to_string(),
        ]);
    }
    for (reason, count) in summary.reasons() {
        table.add_row([format!("skipped, {reason}"), count.to_string()]);
    }
    println!("{table}\n{} people", summary.people());
}

fn draw(folder: &Path, summary: &Summary) -> Result<()> {
    let path = folder.join("sheet.png");
    replace(&path, &write::png("sheet.png", &sheet::draw(folder, summary)?)?)?;
    Ok(())
}
