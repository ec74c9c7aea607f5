//! `alphaswap verify`: was a face swapped in this video or picture, and with whose consent?

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use alphaswap::identity::Identity;
use alphaswap::marks::watermark::{COLUMNS, Geometry, Payload, Picture, ROWS, Reader, VERSION, Verdict, locate};
use anyhow::{Context, Result};
use serde_json::json;

use crate::{decode, interrupt, media, picture};

/// Pictures that are read at most in a second.
const EVERY: Duration = Duration::from_millis(30);
/// Exit codes.
const NOT_FOUND: u8 = 1;
const FAILED: u8 = 2;

/// Look for the marks that alphaswap puts into what it makes.
///
/// Reads the watermark of a video or a picture and says how sure that is, and which consent record and which session it
/// names. The mark outlives encoding, resizing, mirroring, black bars and, to a degree, cropping. What is not found may
/// still have been swapped: by another program, or marked too weakly to survive what was done to it.
#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 marks were found, 1 none were found, 2 failed, 130 interrupted.")]
pub struct Args {
    /// Video or picture: a file, or a URI that GStreamer reads.
    input: String,
    /// An identity file: say whether the mark names its consent record.
    #[arg(long, value_name = "FILE")]
    source: Option<PathBuf>,
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

fn look(args: &Args) -> Result<bool> {
    let source = args.source.as_deref().map(Identity::open).transpose()?;
    interrupt::watch()?;
    let (mut verdict, spread) = read(&args.input, Vec::new())?;
    if !verdict.found() && !args.quick {
        let places = locate(&spread);
        let elsewhere = if places.is_empty() { Verdict::default() } else { read(&args.input, places)?.0 };
        if elsewhere.found() {
            verdict = elsewhere;
        }
    }
    let consent = source.map(|identity| identity.consent.id());
    if args.json {
        print_json(&args.input, &verdict, consent)?
    } else {
        print_text(&args.input, &verdict, consent)
    }
    Ok(verdict.found())
}

fn read(input: &str, places: Vec<Geometry>) -> Result<(Verdict, Vec<Picture>)> {
    let mut reader = Reader::new(places);
    let path = Path::new(input);
    let is_uri = input.contains("://");
    if !is_uri {
        media::check_input(path)?;
    }
    if !is_uri && picture::is_picture(path)? {
        let luma = picture::read(path)?.into_luma8();
        let (width, height) = (luma.width() as usize, luma.height() as usize);
        reader.push(Picture::new(&luma, width, height, width).context("a picture without pixels")?, Duration::ZERO);
        return Ok(reader.finish());
    }
    media::init()?;
    let uri = if is_uri { input.to_string() } else { media::uri(path)? };
    let mut count = 0;
    let read = decode::luma(&uri, EVERY, |luma, [width, height, stride], time| {
        count += 1;
        reader.push(Picture::new(luma, width, height, stride).context("a frame without pixels")?, time);
        Ok(if interrupt::pressed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    if interrupt::pressed() {
        return Err(interrupt::Interrupted.into());
    }
    match read {
        Err(error) if count == 0 => return Err(error.context(input.to_string())),
        Err(error) => eprintln!("warning: {input}: {error:#}; what came before was read"),
        Ok(()) => anyhow::ensure!(count > 0, "{input}: holds no video that could be decoded"),
    }
    Ok(reader.finish())
}

/// How users see an id.
fn hex(id: u32) -> String {
    format!("{id:06x}")
}

fn print_json(input: &str, verdict: &Verdict, consent: Option<u32>) -> Result<()> {
    let payload = |(payload, seconds): &(Payload, usize)| {
        json!({"version": VERSION, "consent": hex(payload.consent), "session": hex(payload.session), "seconds": seconds,
            "consent_is_of_source": consent.map(|c| c == payload.consent)})
    };
    let watermark = json!({
        "found": verdict.found(),
        "log10_false_positive": verdict.log10_p,
        "seconds": verdict.seconds,
        "seconds_marked": verdict.marked,
        "payloads": verdict.payloads.iter().map(payload).collect::<Vec<_>>(),
        "geometry": verdict.geometry.filter(|_| verdict.found()),
    });
    let found = json!({"input": input, "found": verdict.found(), "layers": {"watermark": watermark}});
    println!("{}", serde_json::to_string_pretty(&found)?);
    Ok(())
}

fn print_text(input: &str, verdict: &Verdict, consent: Option<u32>) {
    let Verdict { seconds, marked, log10_p, .. } = verdict;
    if !verdict.found() {
        println!("{input}: no mark of alphaswap found");
        println!("  watermark  in none of {seconds} second(s); what looks most like one is chance (10^{log10_p:.0})");
        return;
    }
    println!("{input}: a face was swapped with alphaswap");
    println!("  watermark  in {marked} of {seconds} second(s); probability of a false alarm at most 10^{log10_p:.0}");
    for (payload, seconds) in &verdict.payloads {
        let (consent, session) = (hex(payload.consent), hex(payload.session));
        println!("             consent record {consent}, session {session}, in {seconds} second(s)");
    }
    if verdict.payloads.is_empty() {
        println!("             too weak to be read: which consent record it names is not known");
    }
    if let Some(place) = verdict.geometry.and_then(described) {
        println!("             {place}");
    }
    if let Some(consent) = consent {
        let same = verdict.payloads.iter().any(|(payload, _)| payload.consent == consent);
        println!(
            "  source     its consent record is {}: {}",
            hex(consent),
            if same { "the same" } else { "another one" }
        );
    }
}

/// What was done to the picture, if anything.
fn described(place: Geometry) -> Option<String> {
    let [wide, high] = [place.width / COLUMNS as f32, place.height / ROWS as f32];
    let mirror = if place.mirrored { "mirrored" } else { "" };
    let whole = (wide - 1.0).abs() < 0.01 && (high - 1.0).abs() < 0.01;
    let bars = wide > 1.005 || high > 1.005;
    let size = match (whole, bars) {
        (true, _) => String::new(),
        (_, true) => "with black bars".into(),
        _ => format!("cut out: {:.0} % of the width, {:.0} % of the height", 100.0 * wide, 100.0 * high),
    };
    let parts: Vec<&str> = [mirror, &size].into_iter().filter(|p| !p.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
