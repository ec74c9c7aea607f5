//! `alphaswap verify`: was a face swapped in this video or picture, and with whose consent?

mod watermark;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alphaswap::digest;
use alphaswap::identity::consent::short_name;
use alphaswap::identity::{Identity, Revocations};
use alphaswap::marks::LABEL;
use anyhow::Result;
use serde_json::{Value, json};

use self::watermark::Pictures;
use crate::manifest;
use crate::options::RevokedArgs;
use crate::say::say;
use crate::{interrupt, media};

/// Exit codes.
const FOUND: u8 = 0;
const NOT_FOUND: u8 = 1;
const FAILED: u8 = 2;

/// What is said of the manifest of a URI that names no file of this machine.
const NOT_LOCAL: &str = "not looked for: only local files are read for one";

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
        Ok(code) => ExitCode::from(code),
        Err(error) => interrupt::failed(&error, ExitCode::from(FAILED)),
    }
}

/// What the user wants compared.
struct Asked {
    /// Digests of the source's consent records, the one in force last.
    source: Option<Vec<[u8; 32]>>,
    revoked: Revocations,
}

impl Asked {
    /// Short name of the source's consent record.
    fn consent_id(&self) -> Option<u32> {
        self.source.as_ref()?.last().map(short_name)
    }

    /// Whether a watermark that says `consent` names a record of the source.
    fn is_named(&self, consent: u32) -> Option<bool> {
        Some(self.source.as_ref()?.iter().any(|record| short_name(record) == consent))
    }

    /// Whether a manifest names a consent record of the source.
    fn is_of_source(&self, named: Option<&str>) -> Option<bool> {
        Some(self.source.as_ref()?.iter().any(|record| named == Some(&digest::hex(record))))
    }

    /// Whether the consent that a manifest names was taken back.
    fn is_revoked(&self, manifest: &Layer) -> bool {
        manifest.record.as_ref().is_some_and(|record| self.revoked.contains_record(record))
    }
}

/// Returns the exit code.
fn look(args: &Args) -> Result<u8> {
    let source = args.source.as_deref().map(Identity::open).transpose()?;
    if let Some(Err(reason)) = source.as_ref().map(Identity::check_signature) {
        eprintln!("warning: {}: {reason}", args.source.as_deref().unwrap_or(Path::new("source")).display());
    }
    let asked = Asked { source: source.map(|identity| identity.records()), revoked: args.revoked.list()? };
    interrupt::watch()?;
    let pictures = watermark::look(&args.input, args.quick)?;
    let file = file_of(&args.input);
    let manifest = file.as_deref().map_or(Ok(None), manifest::layer)?;
    let pictures = match pictures {
        // Nothing is known of it but why.
        Pictures { verdict: Err(error), labelled: false } if !manifest.as_ref().is_some_and(Layer::is_read) => {
            return Err(error);
        }
        pictures => pictures,
    };
    let said = Said { pictures, manifest, is_local: file.is_some() };
    say(&match args.json {
        true => format!("{:#}\n", said.json(&args.input, &asked)),
        false => said.text(&args.input, &asked),
    })?;
    Ok(said.code())
}

/// The file that `input` names, if it is one of this machine.
fn file_of(input: &str) -> Option<PathBuf> {
    match input.contains("://") {
        false => Some(input.into()),
        true => media::path_of(input),
    }
}

/// How users see a consent record's short name, or a session.
pub fn id(id: u32) -> String {
    format!("{id:06x}")
}

/// What a file's manifest says, for people and for programs.
pub struct Layer {
    /// Whether it says that a face was swapped with alphaswap.
    pub found: bool,
    /// Whether it, and the file, are as they were signed.
    pub sound: bool,
    /// The consent record's digest that it names.
    pub record: Option<String>,
    /// What it says that the watermark says.
    pub watermark: Option<String>,
    /// Lines of text.
    pub lines: Vec<String>,
    /// All of it.
    pub json: Value,
}

impl Layer {
    /// Whether there is a manifest that could be read.
    fn is_read(&self) -> bool {
        self.json["state"] != "unreadable"
    }
}

/// What the layers say.
struct Said {
    pictures: Pictures,
    manifest: Option<Layer>,
    /// Whether the input is a file of this machine: elsewhere no manifest is looked for.
    is_local: bool,
}

impl Said {
    fn found(&self) -> bool {
        self.pictures.marked() || self.pictures.labelled || self.manifest.as_ref().is_some_and(|m| m.found)
    }

    /// The exit code.
    fn code(&self) -> u8 {
        match self.found() {
            _ if self.pictures.verdict.is_err() => FAILED,
            true => FOUND,
            false => NOT_FOUND,
        }
    }

    /// By the layer that is surest.
    fn headline(&self) -> &'static str {
        match &self.manifest {
            _ if self.pictures.marked() => "a face was swapped with alphaswap",
            Some(Layer { found: true, sound: true, .. }) => "its manifest says that a face was swapped with alphaswap",
            Some(Layer { found: true, .. }) => {
                "a manifest that is not in order says that a face was swapped with alphaswap"
            }
            _ if self.pictures.labelled => "a tag says that a face was swapped with alphaswap",
            _ if self.pictures.verdict.is_err() => "no mark of alphaswap found, but its pictures cannot be read",
            _ => "no mark of alphaswap found",
        }
    }

    /// Whether the manifest names the watermark that was read; if not, it was made for another file. None if it names none,
    /// or none was read.
    fn is_for_this_watermark(&self) -> Option<bool> {
        let payloads = self.pictures.payloads();
        let named = self.manifest.as_ref()?.watermark.as_ref()?;
        (!payloads.is_empty()).then(|| payloads.iter().any(|(p, _)| p.to_string() == *named))
    }

    /// Whether the manifest names the source's consent record; none if it is not to be believed.
    fn manifest_is_of_source(&self, asked: &Asked) -> Option<bool> {
        let manifest = self.manifest.as_ref().filter(|m| m.sound && self.is_for_this_watermark() != Some(false))?;
        asked.is_of_source(manifest.record.as_deref())
    }

    fn json(&self, input: &str, asked: &Asked) -> Value {
        let manifest = match &self.manifest {
            Some(layer) => {
                let mut json = layer.json.clone();
                json["found"] = layer.found.into();
                json["is_for_this_watermark"] = self.is_for_this_watermark().into();
                json["consent_is_of_source"] = self.manifest_is_of_source(asked).into();
                json["consent_revoked"] = asked.is_revoked(layer).into();
                json
            }
            None if self.is_local => Value::Null,
            None => json!({"found": null, "state": "not_looked_for"}),
        };
        let watermark = watermark::json(&self.pictures.verdict, asked);
        let tags = json!({"found": self.pictures.labelled});
        let layers = json!({"watermark": watermark, "manifest": manifest, "tags": tags});
        json!({"input": input, "found": self.found(), "layers": layers})
    }

    fn text(&self, input: &str, asked: &Asked) -> String {
        let mut text = format!("{input}: {}\n", self.headline());
        let mut layer = |name: &str, lines: &[String]| {
            for (i, line) in lines.iter().enumerate() {
                text += &format!("  {:<9}  {line}\n", if i == 0 { name } else { "" });
            }
        };
        layer("watermark", &watermark::lines(&self.pictures.verdict, asked));
        layer("manifest", &self.manifest_lines(asked));
        layer("tags", &[self.tags_line()]);
        if let Some(consent) = asked.consent_id() {
            layer("source", &[format!("its consent record is {}: {}", id(consent), self.of_source(asked))]);
        }
        text
    }

    fn tags_line(&self) -> String {
        match self.pictures.labelled {
            true => format!("{LABEL:?} (not signed: anyone can write that)"),
            false if self.pictures.verdict.is_err() => "none, as far as the file could be read".into(),
            false => "none".into(),
        }
    }

    fn manifest_lines(&self, asked: &Asked) -> Vec<String> {
        let none = if self.is_local { manifest::NONE } else { NOT_LOCAL };
        let mut lines = self.manifest.as_ref().map_or_else(|| vec![none.into()], |m| m.lines.clone());
        if self.manifest.as_ref().is_some_and(|m| asked.is_revoked(m)) {
            lines.push("this consent was TAKEN BACK".into());
        }
        if self.is_for_this_watermark() == Some(false) {
            lines.push("it names ANOTHER WATERMARK than the one above: it was made for another file".into());
        }
        lines
    }

    /// Whether the marks name the source's consent record.
    fn of_source(&self, asked: &Asked) -> &'static str {
        let payloads = self.pictures.payloads();
        match (payloads.is_empty(), self.manifest_is_of_source(asked)) {
            (false, _) if payloads.iter().any(|(payload, _)| asked.consent_id() == Some(payload.consent)) => "the same",
            (false, _) if payloads.iter().any(|(payload, _)| asked.is_named(payload.consent) == Some(true)) => {
                "an earlier one, which this one replaced"
            }
            (false, _) => "another one",
            (true, Some(true)) => "the same, says the manifest",
            (true, Some(false)) => "another one, says the manifest",
            (true, None) => "no mark that can be believed names one",
        }
    }
}
