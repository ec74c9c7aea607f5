//! `alphaswap verify`: was a face swapped in this video or picture, and with whose consent?

mod watermark;

use std::path::PathBuf;
use std::process::ExitCode;

use alphaswap::digest;
use alphaswap::identity::{Identity, Revocations};
use alphaswap::marks::LABEL;
use anyhow::Result;
use serde_json::json;

use self::watermark::{Pictures, hex};
use crate::manifest::{self, Layer};
use crate::options::RevokedArgs;
use crate::{interrupt, media};

/// Exit codes.
const NOT_FOUND: u8 = 1;
const FAILED: u8 = 2;

/// Look for the marks that alphaswap puts into what it makes.
///
/// Reads the watermark of a video or a picture, the signed manifest and the tags of a file, and says of each how sure it
/// is and which consent record it names. The watermark outlives encoding, resizing, mirroring, black bars and, to a
/// degree, cropping; manifest and tags are lost with the first program that does not know them. What is not found may
/// still have been swapped: by another program, or marked too weakly to survive what was done to it.
#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 marks were found, 1 none were found, 2 failed, 130 interrupted.")]
pub struct Args {
    /// Video or picture: a file, or a URI that GStreamer reads.
    input: String,
    /// An identity file: say whether the marks name its consent record.
    #[arg(long, value_name = "FILE")]
    source: Option<PathBuf>,
    #[command(flatten)]
    revoked: RevokedArgs,
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
    /// Do not look for pictures that were cut out of larger ones (that takes seconds).
    #[arg(long)]
    quick: bool,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> ExitCode {
    match look(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_FOUND),
        Err(error) => interrupt::failed(&error, ExitCode::from(FAILED)),
    }
}

/// What the user wants compared.
struct Asked {
    source: Option<Identity>,
    revoked: Revocations,
}

impl Asked {
    fn consent_id(&self) -> Option<u32> {
        self.source.as_ref().map(Identity::consent_id)
    }

    /// Whether a manifest names the source's consent record.
    fn is_of_source(&self, record: Option<&str>) -> Option<bool> {
        let source = self.source.as_ref()?;
        Some(record == Some(&digest::hex(&source.consent_digest())))
    }
}

fn look(args: &Args) -> Result<bool> {
    let asked =
        Asked { source: args.source.as_deref().map(Identity::open).transpose()?, revoked: args.revoked.list()? };
    interrupt::watch()?;
    let pictures = watermark::look(&args.input, args.quick)?;
    let manifest = match file_of(&args.input) {
        Some(path) => manifest::layer(&path)?,
        None => None,
    };
    let found = pictures.verdict.found() || pictures.labelled || manifest.as_ref().is_some_and(|m| m.found);
    if args.json {
        let mut layers = json!({
            "watermark": watermark::json(&pictures.verdict, &asked),
            "manifest": null,
            "tags": {"found": pictures.labelled},
        });
        if let Some(Layer { mut json, found, record, .. }) = manifest {
            json["found"] = found.into();
            json["consent_is_of_source"] = asked.is_of_source(record.as_deref()).into();
            layers["manifest"] = json;
        }
        let said = json!({"input": args.input, "found": found, "layers": layers});
        println!("{}", serde_json::to_string_pretty(&said)?);
    } else {
        print_text(&args.input, found, &pictures, manifest, &asked);
    }
    Ok(found)
}

/// The file that `input` names, if it is one of this machine.
fn file_of(input: &str) -> Option<PathBuf> {
    match input.contains("://") {
        false => Some(input.into()),
        true => media::path_of(input),
    }
}

fn print_text(input: &str, found: bool, pictures: &Pictures, manifest: Option<Layer>, asked: &Asked) {
    let altered = manifest.as_ref().is_some_and(|m| m.found && m.tampered);
    println!(
        "{input}: {}",
        match (found, altered && !pictures.verdict.found()) {
            (true, true) => "an altered manifest says that a face was swapped with alphaswap",
            (true, false) => "a face was swapped with alphaswap",
            (false, _) => "no mark of alphaswap found",
        }
    );
    print_layer("watermark", &watermark::lines(&pictures.verdict, asked));
    let record = manifest.as_ref().and_then(|m| m.record.clone());
    print_layer("manifest", &manifest.map_or_else(|| vec!["none".into()], |m| m.lines));
    let tags = if pictures.labelled { format!("{LABEL:?} (not signed: anyone can write that)") } else { "none".into() };
    print_layer("tags", &[tags]);
    if let Some(id) = asked.consent_id() {
        let marked = pictures.verdict.payloads.iter().any(|(payload, _)| payload.consent == id);
        let same = marked || asked.is_of_source(record.as_deref()) == Some(true);
        let same = if same { "the same" } else { "another one" };
        print_layer("source", &[format!("its consent record is {}: {same}", hex(id))]);
    }
}

fn print_layer(name: &str, lines: &[String]) {
    for (i, line) in lines.iter().enumerate() {
        println!("  {:<9}  {line}", if i == 0 { name } else { "" });
    }
}
