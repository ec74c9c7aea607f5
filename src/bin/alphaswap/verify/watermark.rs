//! Reading the watermark, and the tags on the way.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use alphaswap::marks::LABEL;
use alphaswap::marks::watermark::{COLUMNS, Geometry, Payload, Picture, ROWS, Reader, VERSION, Verdict, locate};
use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Asked, file_of, id};
use crate::say::plain;
use crate::{decode, interrupt, media, picture};

/// Pictures that are read at most in a second.
const EVERY: Duration = Duration::from_millis(30);

/// What the pictures of a file say, and its tags.
pub struct Pictures {
    /// The watermark, or why no picture could be read.
    pub verdict: Result<Verdict>,
    /// Whether a tag says that a face was swapped.
    pub labelled: bool,
}

impl Pictures {
    /// Whether there is a watermark.
    pub fn marked(&self) -> bool {
        self.verdict.as_ref().is_ok_and(Verdict::found)
    }

    /// What the watermark says, and in how many seconds.
    pub fn payloads(&self) -> &[(Payload, usize)] {
        match &self.verdict {
            Ok(verdict) => &verdict.payloads,
            Err(_) => &[],
        }
    }
}

/// Reads the watermark of `input`; unless this is to be `quick`, also of pictures that were cut out of larger ones. Fails
/// only when interrupted: what cannot be decoded may have other marks.
pub fn look(input: &str, quick: bool) -> Result<Pictures> {
    let mut labelled = false;
    match whole_or_part(input, quick, &mut labelled) {
        Err(error) if error.is::<interrupt::Interrupted>() => Err(error),
        verdict => Ok(Pictures { verdict, labelled }),
    }
}

fn whole_or_part(input: &str, quick: bool, labelled: &mut bool) -> Result<Verdict> {
    let (whole, spread) = read(input, Vec::new(), labelled)?;
    let places = if whole.found() || quick { Vec::new() } else { locate(&spread) };
    if places.is_empty() {
        return Ok(whole);
    }
    let (part, _) = read(input, places, labelled)?;
    Ok(if part.found() { part } else { whole })
}

/// Reads pictures that lie in `places`, and whether `input` is `labelled`.
fn read(input: &str, places: Vec<Geometry>, labelled: &mut bool) -> Result<(Verdict, Vec<Picture>)> {
    let mut reader = Reader::new(places);
    let path = Path::new(input);
    let is_uri = input.contains("://");
    file_of(input).map_or(Ok(()), |file| media::check_input(&file))?;
    if !is_uri && picture::is_picture(path)? {
        let luma = picture::read(path)?.into_luma8();
        let (width, height) = (luma.width() as usize, luma.height() as usize);
        reader.push(Picture::new(&luma, width, height, width).context("a picture without pixels")?, Duration::ZERO);
        return Ok(reader.finish());
    }
    media::init()?;
    let uri = if is_uri { input.to_string() } else { media::uri(path)? };
    let mut count = 0;
    let take = |luma: &[u8], [width, height, stride]: [usize; 3], time| {
        count += 1;
        reader.push(Picture::new(luma, width, height, stride).context("a frame without pixels")?, time);
        Ok(ControlFlow::Continue(()))
    };
    let read = decode::luma(&uri, EVERY, take, |tag| *labelled |= tag.contains(LABEL));
    interrupt::check()?;
    match read {
        Err(error) if count == 0 => return Err(error.context(input.to_string())),
        Err(error) => eprintln!("warning: {input}: {error:#}; what came before was read"),
        Ok(()) => anyhow::ensure!(count > 0, "{input}: holds no video that could be decoded"),
    }
    Ok(reader.finish())
}

/// For programs.
pub fn json(verdict: &Result<Verdict>, asked: &Asked) -> Value {
    let verdict = match verdict {
        Ok(verdict) => verdict,
        Err(error) => return json!({"found": null, "error": format!("{error:#}")}),
    };
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
pub fn lines(verdict: &Result<Verdict>, asked: &Asked) -> Vec<String> {
    let verdict = match verdict {
        Ok(verdict) => verdict,
        Err(error) => {
            return vec![format!("not known, since the pictures cannot be read: {}", plain(&format!("{error:#}")))];
        }
    };
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
