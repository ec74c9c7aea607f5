//! Reading the watermark, and the tags on the way.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use alphaswap::marks::LABEL;
use alphaswap::marks::watermark::{COLUMNS, Geometry, Payload, Picture, ROWS, Reader, VERSION, Verdict, locate};
use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Asked, file_of, id};
use crate::{decode, interrupt, media, picture};

/// Pictures that are read at most in a second.
const EVERY: Duration = Duration::from_millis(30);

/// What the pictures of a file say, and its tags.
pub struct Pictures {
    /// The watermark.
    pub verdict: Verdict,
    /// Whether a tag says that a face was swapped.
    pub labelled: bool,
}

/// Reads the watermark of `input`; unless this is to be `quick`, also of pictures that were cut out of larger ones.
pub fn look(input: &str, quick: bool) -> Result<Pictures> {
    let (mut pictures, spread) = read(input, Vec::new())?;
    if !pictures.verdict.found() && !quick {
        let places = locate(&spread);
        let elsewhere = if places.is_empty() { Verdict::default() } else { read(input, places)?.0.verdict };
        if elsewhere.found() {
            pictures.verdict = elsewhere;
        }
    }
    Ok(pictures)
}

fn read(input: &str, places: Vec<Geometry>) -> Result<(Pictures, Vec<Picture>)> {
    let mut reader = Reader::new(places);
    let path = Path::new(input);
    let is_uri = input.contains("://");
    file_of(input).map_or(Ok(()), |file| media::check_input(&file))?;
    if !is_uri && picture::is_picture(path)? {
        let luma = picture::read(path)?.into_luma8();
        let (width, height) = (luma.width() as usize, luma.height() as usize);
        reader.push(Picture::new(&luma, width, height, width).context("a picture without pixels")?, Duration::ZERO);
        let (verdict, spread) = reader.finish();
        return Ok((Pictures { verdict, labelled: false }, spread));
    }
    media::init()?;
    let uri = if is_uri { input.to_string() } else { media::uri(path)? };
    let (mut count, mut labelled) = (0, false);
    let take = |luma: &[u8], [width, height, stride]: [usize; 3], time| {
        count += 1;
        reader.push(Picture::new(luma, width, height, stride).context("a frame without pixels")?, time);
        Ok(ControlFlow::Continue(()))
    };
    let read = decode::luma(&uri, EVERY, take, |tag| labelled |= tag.contains(LABEL));
    if interrupt::pressed() {
        return Err(interrupt::Interrupted.into());
    }
    match read {
        Err(error) if count == 0 => return Err(error.context(input.to_string())),
        Err(error) => eprintln!("warning: {input}: {error:#}; what came before was read"),
        Ok(()) => anyhow::ensure!(count > 0, "{input}: holds no video that could be decoded"),
    }
    let (verdict, spread) = reader.finish();
    Ok((Pictures { verdict, labelled }, spread))
}

/// For programs.
pub fn json(verdict: &Verdict, asked: &Asked) -> Value {
    let payload = |(payload, seconds): &(Payload, usize)| {
        json!({"version": VERSION, "consent": id(payload.consent), "session": id(payload.session), "seconds": seconds,
            "consent_is_of_source": asked.is_named(payload.consent),
            "consent_revoked": asked.revoked.contains_id(payload.consent)})
    };
    json!({
        "found": verdict.found(),
        "log10_false_positive": verdict.log10_p,
        "seconds": verdict.seconds,
        "seconds_marked": verdict.marked,
        "payloads": verdict.payloads.iter().map(payload).collect::<Vec<_>>(),
        "geometry": verdict.geometry.filter(|_| verdict.found()),
    })
}

/// For people.
pub fn lines(verdict: &Verdict, asked: &Asked) -> Vec<String> {
    let Verdict { seconds, marked, log10_p, .. } = verdict;
    if !verdict.found() {
        return vec![format!("in none of {seconds} second(s); what looks most like one is chance (10^{log10_p:.0})")];
    }
    let place = match marked {
        0 => format!("in none of {seconds} seconds alone, but in all of them together"),
        _ => format!("in {marked} of {seconds} second(s)"),
    };
    let mut lines = vec![format!("{place}; probability of a false alarm at most 10^{log10_p:.0}")];
    for (Payload { consent, session }, seconds) in &verdict.payloads {
        let revoked = if asked.revoked.contains_id(*consent) { ", which was TAKEN BACK" } else { "" };
        let (consent, session) = (id(*consent), id(*session));
        let place = match seconds {
            0 => "in all seconds together".to_string(),
            _ => format!("in {seconds} second(s)"),
        };
        lines.push(format!("consent record {consent}{revoked}, session {session}, {place}"));
    }
    if verdict.payloads.is_empty() {
        lines.push("too weak to be read: which consent record it names is not known".into());
    }
    lines.extend(verdict.geometry.and_then(described));
    lines
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
