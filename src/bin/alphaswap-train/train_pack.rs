//! `alphaswap-train pack` and `unpack`: a run's newest checkpoint as small files, for machines that are borrowed.

use std::fs;
use std::path::{Path, PathBuf};

use alphaswap::train::checkpoint;
use anyhow::{Context, Result, bail};

/// Files of a run that go along with its checkpoint.
const BESIDE: [&str; 3] = ["config.toml", "data.toml", "metrics.jsonl"];
const MEBIBYTE: u64 = 1 << 20;

/// Cut a run's newest checkpoint into pieces.
///
/// The pieces, their SHA-256 and what `train --resume` needs beside the checkpoint go into one folder.
#[derive(clap::Args)]
pub struct PackArgs {
    /// Folder of the run.
    run: PathBuf,
    /// Folder of the pieces; what it held is replaced.
    #[arg(short, long, value_name = "PIECES")]
    output: PathBuf,
    /// Largest piece, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..))]
    piece_size: u64,
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
    if args.output.exists() && !args.output.join("pieces.toml").exists() && !empty(&args.output)? {
        bail!("{}: holds something else than pieces; name another folder", args.output.display());
    }
    if args.output.exists() {
        fs::remove_dir_all(&args.output).with_context(|| args.output.display().to_string())?;
    }
    checkpoint::pack(&newest.folder, &args.output, args.piece_size * MEBIBYTE)?;
    BESIDE.iter().try_for_each(|name| copy(&args.run, &args.output, name))?;
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
    checkpoint::unpack(&args.pieces, &unfinished)?;
    let step = checkpoint::open(&unfinished)?.state.step;
    let name = format!("step-{step:08}");
    let folder = all.join(&name);
    fs::rename(&unfinished, &folder).with_context(|| folder.display().to_string())?;
    fs::write(all.join("latest"), name).with_context(|| all.display().to_string())?;
    BESIDE.iter().try_for_each(|name| copy(&args.pieces, &args.output, name))?;
    eprintln!("unpacked step {step} into {}", args.output.display());
    Ok(())
}

fn empty(folder: &Path) -> Result<bool> {
    Ok(fs::read_dir(folder).with_context(|| folder.display().to_string())?.next().is_none())
}

fn copy(from: &Path, to: &Path, name: &str) -> Result<()> {
    let path = from.join(name);
    fs::copy(&path, to.join(name)).with_context(|| path.display().to_string())?;
    Ok(())
}
