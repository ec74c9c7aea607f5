//! `alphaswap-train import`: everybody's checkpoints become model files.
//!
//! A file's container is recognised by its first bytes ([`content`]: PyTorch, ONNX, safetensors), the network in it by the
//! names of its tensors ([`generator`], [`encoder`]); what results is checked against the network's description and
//! written with its card ([`model`], [`output`]).

mod content;
mod encoder;
mod generator;
mod model;
mod npy;
mod onnx;
pub mod output;
mod torch;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use alphaswap::digest::sha256_of;
use alphaswap::models::{Card, Source};
use alphaswap::tensor::Tensor;
use anyhow::{Context, Result, bail};

use content::Content;
use model::{Imported, Network, Told};
use output::Output;

/// What generators call the encoder that all of them were trained with.
const W600K_R50: &str = "arcface_w600k_r50";
/// How its files are called, without their endings.
const W600K_R50_FILES: [&str; 3] = [W600K_R50, "arcface_w600k_r50_pytorch", "w600k_r50"];

/// Make a model file, with its card, of a checkpoint.
///
/// Taken are AlphaFace's alphaface_demo.pt with emp.npy, inswapper_128.onnx (f32 or fp16), ArcFace encoders
/// (arcface_w600k_r50_pytorch.pt, w600k_r50.onnx, iresnet50 and iresnet100 of insightface), and safetensors files with the
/// same names. Nothing in a pickle is executed.
#[derive(clap::Args)]
pub struct Args {
    /// The checkpoint; its kind is found out by looking into it.
    file: PathBuf,
    /// AlphaFace's map of the embedding (`Models/emp.npy` in its repository): the square matrix M of e * M, e a row
    /// vector, as inswapper_128.onnx holds it too. A tensor `emap` in a checkpoint is taken only from generators that
    /// this tool wrote (there it is M transposed).
    #[arg(long, value_name = "EMP.npy")]
    emap: Option<PathBuf>,
    /// Licence of the weights, as their makers state it; stored in the card.
    #[arg(long, value_name = "TEXT", value_parser = said)]
    licence: String,
    /// Where the model goes; its card gets the same name with `.toml`.
    #[arg(short, long, value_name = "MODEL.safetensors")]
    output: PathBuf,
    /// Short name in the card; for an encoder it is what generators and identities call it [default:
    /// arcface_w600k_r50 if the checkpoint has that encoder's official file name, else the output's name].
    #[arg(long, value_name = "TEXT", value_parser = said)]
    name: Option<String>,
    /// Replace existing files.
    #[arg(long)]
    overwrite: bool,
}

/// A text that says something.
fn said(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("must not be blank".into()),
        text => Ok(text.into()),
    }
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let output = Output::new(&args.output, args.overwrite)?;
    let square = |path: &PathBuf| npy::square(path).with_context(|| path.display().to_string());
    let emap = args.emap.as_ref().map(square).transpose()?;
    let imported = read(&args.file, emap.as_ref()).with_context(|| args.file.display().to_string())?;
    let name = args.name.clone().unwrap_or_else(|| default_name(args, &imported.network));
    let told = Told { name, licence: args.licence.clone(), source: source(args)? };
    let card = imported.write(told, output)?;
    report(&args.output, &card);
    Ok(())
}

/// The network in `file`.
fn read(file: &Path, emap: Option<&Tensor>) -> Result<Imported> {
    let content = Content::open(file)?;
    if let Some(generator) = generator::find(&content, emap)? {
        return Ok(generator);
    }
    if let Some(encoder) = encoder::find(&content)? {
        return match emap {
            None => Ok(encoder),
            Some(_) => bail!("an encoder has no emap; leave --emap out"),
        };
    }
    let names: Vec<_> = content.tensors.keys().take(4).map(String::as_str).collect();
    bail!(
        "a network of another kind ({} tensors{}{}); known are AlphaFace's swapper, inswapper_128 and ArcFace's residual \
         networks",
        content.tensors.len(),
        if names.is_empty() { "" } else { ": " },
        names.join(", ")
    )
}

fn default_name(args: &Args, network: &Network) -> String {
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match network {
        Network::Encoder(_) if W600K_R50_FILES.contains(&stem(&args.file).as_str()) => W600K_R50.into(),
        _ => stem(&args.output),
    }
}

/// Names and hashes of what was read.
fn source(args: &Args) -> Result<Source> {
    let files: Vec<_> = [Some(&args.file), args.emap.as_ref()].into_iter().flatten().collect();
    let name = |path: &&PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let open = |path: &&PathBuf| File::open(path).map(|file| BufReader::with_capacity(1 << 16, file));
    let hash = |path: &&PathBuf| open(path).and_then(sha256_of).with_context(|| path.display().to_string());
    Ok(Source {
        package: "imported by alphaswap-train".into(),
        files: files.iter().map(name).collect(),
        sha256: files.iter().map(hash).collect::<Result<_>>()?,
    })
}

fn report(path: &Path, card: &Card) {
    let next = match card.generator {
        Some(_) => format!("alphaswap swap --model {} ..", path.display()),
        None => format!("alphaswap enroll --encoder {} ..", path.display()),
    };
    eprintln!("wrote {}: {} ({}); next: {next}", path.display(), card.about, card.licence);
}
