//! `alphaswap-train pack` and `unpack`: a run's newest checkpoint as few small files, for machines that are borrowed.

use std::fs;
use std::path::{Path, PathBuf};

use alphaswap::files::replace;
use alphaswap::train::checkpoint;
use anyhow::{Context, Result, bail};

/// Files of a run that go along with its checkpoint.
const BESIDE: [&str; 3] = ["config.toml", "data.toml", "metrics.jsonl"];
const MEBIBYTE: usize = 1 << 20;

/// Cut a run's newest checkpoint into pieces.
///
/// What `train --resume` needs, checkpoint, config and metrics, becomes pieces of one size and a list of their SHA-256, all
/// in one folder.
#[derive(clap::Args)]
pub struct PackArgs {
    /// Folder of the run.
    run: PathBuf,
    /// Folder of the pieces; what it held is replaced when the new ones are there.
    #[arg(short, long, value_name = "PIECES")]
    output: PathBuf,
    /// Largest piece, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    piece_size: u32,
}

/// Put a run's pieces together again.
#[derive(clap::Args)]
pub struct UnpackArgs {
    /// Folder of the pieces.
    pieces: PathBuf,
    /// Folder of the run.
    #[arg(short, long, value_name = "RUN")]
    output: PathBuf,
}

/// Runs the subcommand `pack`.
pub fn pack(args: &PackArgs) -> Result<()> {
    let Some(newest) = checkpoint::load(&args.run)? else {
        bail!("{}: is no run, or has no checkpoint yet", args.run.display());
    };
    if args.output.exists() && !args.output.join("pieces.toml").exists() && !paths(&args.output)?.is_empty() {
        bail!("{}: holds something else than pieces; name another folder", args.output.display());
    }
    let mut files = paths(&newest.folder)?;
    files.sort();
    files.extend(BESIDE.map(|name| args.run.join(name)));
    checkpoint::pack(&files, &args.output, (args.piece_size as usize).saturating_mul(MEBIBYTE))?;
    eprintln!("packed step {} into {}", newest.state.step, args.output.display());
    Ok(())
}

/// Runs the subcommand `unpack`.
pub fn unpack(args: &UnpackArgs) -> Result<()> {
    if checkpoint::load(&args.output)?.is_some() {
        bail!("{}: holds a run already; name another folder", args.output.display());
    }
    let all = args.output.join("checkpoints");
    let unfinished = all.join(".unpacked");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).with_context(|| unfinished.display().to_string())?;
    }
    checkpoint::unpack(&args.pieces, &unfinished)?;
    let step = checkpoint::open(&unfinished)?.state.step;
    let name = format!("step-{step:08}");
    BESIDE.iter().try_for_each(|name| rename(&unfinished.join(name), &args.output.join(name)))?;
    rename(&unfinished, &all.join(&name))?;
    replace(&all.join("latest"), name.as_bytes())?;
    eprintln!("unpacked step {step} into {}", args.output.display());
    Ok(())
}

/// What is in a folder.
fn paths(folder: &Path) -> Result<Vec<PathBuf>> {
    let context = || folder.display().to_string();
    let paths = fs::read_dir(folder).with_context(context)?.map(|entry| Ok(entry.with_context(context)?.path()));
    paths.collect()
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).with_context(|| from.display().to_string())
}
