//! `alphaswap-train train`: fits a generator to a data set.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alphaswap::models::Model;
use alphaswap::train::device;
use alphaswap::train::trainer::{Config, End, Row, RunFolder, Start, Trainer};
use anyhow::{Context, Error, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::interrupt::{self, Interrupted};

/// Train a generator.
///
/// CONFIG says everything (examples/train has some to start from); it is saved in RUN with all defaults spelled out, beside
/// checkpoints, metrics, picture grids and report.html. Ctrl-C finishes the step and saves; --resume goes on exactly
/// where the newest checkpoint stands.
#[derive(clap::Args)]
pub struct Args {
    /// What to do, in TOML. With --resume it may be left out: the run has its own.
    #[arg(required_unless_present = "resume")]
    config: Option<PathBuf>,
    /// Folder of the run.
    #[arg(short, long, value_name = "RUN")]
    output: PathBuf,
    /// What to train on: flex (the CPU), wgpu, vulkan or cuda, the last three with :N for the Nth GPU.
    #[arg(long, default_value = "flex")]
    device: String,
    /// Stop after this step, this time: the config's own last step stays [default: it].
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Go on with the run that is in RUN.
    #[arg(long, conflicts_with = "init")]
    resume: bool,
    /// Start with the weights of this model: `generator` (the one that ships) or a model file.
    #[arg(long, value_name = "MODEL")]
    init: Option<String>,
    /// Replace a value of the config, e.g. losses.identity=3; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let folder = RunFolder(args.output.clone());
    let path = args.config.clone().unwrap_or_else(|| folder.config());
    let config = Config::open(&path, &args.overrides)?;
    let device = device::open(&args.device)?;
    let init = args.init.as_deref().map(Model::load).transpose()?.map(Box::new);
    let start = if args.resume { Start::Resume } else { Start::Fresh(init) };
    interrupt::watch()?;
    let mut trainer = Trainer::new(config, &args.output, &device, start)?;
    announce(&trainer, args);
    let last = args.steps.unwrap_or(trainer.config().steps);
    let mut progress = Progress::new(last, trainer.state().step)?;
    let end = trainer.run_until(last, |row| {
        progress.show(row);
        !interrupt::pressed()
    });
    progress.bar.finish();
    let step = trainer.state().step;
    match end.with_context(|| format!("step {}", step + 1))? {
        End::Done => {
            trainer.show()?;
            done(&args.output, step);
            Ok(())
        }
        End::Stopped => {
            let path = args.output.display();
            Err(Error::new(Interrupted)
                .context(format!("interrupted after step {step}: saved; go on with --resume -o {path}")))
        }
    }
}

/// One line about what is trained, where.
fn announce(trainer: &Trainer, args: &Args) {
    let (spec, config) = (trainer.generator().spec(), trainer.config());
    eprintln!(
        "training {:.2} M parameters ({:.2} GMAC a face) on {}, {} samples a step, seed {}, from step {}",
        spec.param_count() as f64 / 1e6,
        spec.macs() as f64 / 1e9,
        args.device,
        config.data.triplets + config.swaps(),
        config.seed,
        trainer.state().step
    );
}

/// How far the run is: a bar on a terminal, elsewhere (a log) a line now and then.
struct Progress {
    bar: ProgressBar,
    last: u64,
    /// When the last line was written.
    told: Option<Instant>,
}

impl Progress {
    /// Time between two lines, where there is no terminal.
    const BETWEEN_LINES: Duration = Duration::from_secs(30);

    fn new(last: u64, done: u64) -> Result<Self> {
        let bar = ProgressBar::new(last).with_position(done);
        bar.reset_eta();
        bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg} ETA {eta}")?);
        bar.enable_steady_tick(Duration::from_secs(1));
        Ok(Self { bar, last, told: None })
    }

    fn show(&mut self, row: &Row) {
        let message = format!("loss {:.4} {:.2} samples/s", row.loss, row.samples_per_second);
        if let Some(c) = row.held_out {
            self.say(&format!(
                "step {}: held-out face L1 {:.4} (stranger {:.4}, untouched {:.4})",
                row.step, c.right, c.stranger, c.untouched
            ));
        }
        if self.bar.is_hidden() && self.told.is_none_or(|at| at.elapsed() >= Self::BETWEEN_LINES) {
            self.say(&format!("step {}/{}: {message}", row.step, self.last));
            self.told = Some(Instant::now());
        }
        self.bar.set_position(row.step);
        self.bar.set_message(message);
    }

    /// A line above the bar; a hidden bar would swallow it.
    fn say(&self, line: &str) {
        if self.bar.is_hidden() {
            eprintln!("{line}");
        } else {
            self.bar.println(line);
        }
    }
}

fn done(run: &Path, step: u64) {
    let run = run.display();
    eprintln!("{step} steps are done: see {run}/report.html; next: alphaswap-train export {run} -o MODEL.safetensors");
}

/// Make a run's report.html again.
#[derive(clap::Args)]
pub struct ReportArgs {
    /// Folder of the run.
    run: PathBuf,
}

/// Runs the subcommand `report`.
pub fn report(args: &ReportArgs) -> Result<()> {
    let folder = RunFolder(args.run.clone());
    if !folder.config().is_file() {
        bail!("{}: is no run, it has no config.toml", args.run.display());
    }
    alphaswap::train::trainer::report::write(&folder)?;
    eprintln!("wrote {}", folder.report().display());
    Ok(())
}
