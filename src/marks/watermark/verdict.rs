//! Reading a whole video, second by second.

use std::time::Duration;

use serde::Serialize;

use super::evidence::SURE;
use super::payload::Payload;
use super::picture::Picture;
use super::read::{Reading, Window};
use super::search::Geometry;

/// Pictures that belong together: those of this much time.
const SECOND: Duration = Duration::from_secs(1);
/// Pictures of all of the video that are kept for [`locate`](super::locate) at most.
const SPREAD: usize = 12;

/// Reads the mark of a video from its pictures, in order.
#[derive(Debug, Default)]
pub struct Reader {
    /// Where the pictures lie; whole frames if there is none.
    places: Vec<Geometry>,
    window: Window,
    start: Duration,
    spread: Vec<Picture>,
    /// Every so many seconds' first picture is kept.
    every: usize,
    readings: Vec<Reading>,
}

/// What a video, or a picture, says.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// Seconds that were read (a picture counts as one).
    pub seconds: usize,
    /// Seconds in which the mark was found.
    pub marked: usize,
    /// Power of ten of a bound on the probability of the best second's evidence in a video without a mark.
    pub log10_p: f64,
    /// What the mark says, and in how many seconds, most frequent first.
    pub payloads: Vec<(Payload, usize)>,
    /// Where the pictures lie in the frames that were marked, as the best second says.
    pub geometry: Option<Geometry>,
}

impl Reader {
    /// For pictures that lie in one of `places` of the frames that were marked; for whole frames if there is none.
    pub fn new(places: Vec<Geometry>) -> Self {
        Self { places, every: 1, ..Self::default() }
    }

    /// Takes the next picture, shown at `time`.
    pub fn push(&mut self, picture: Picture, time: Duration) {
        if time >= self.start + SECOND || time < self.start {
            self.close();
            self.start = time;
        }
        if self.window.is_empty() && self.readings.len().is_multiple_of(self.every) {
            self.keep(picture.clone());
        }
        self.window.push(picture);
    }

    fn keep(&mut self, picture: Picture) {
        self.spread.push(picture);
        if self.spread.len() > SPREAD {
            self.every *= 2;
            self.spread = std::mem::take(&mut self.spread).into_iter().step_by(2).collect();
        }
    }

    fn close(&mut self) {
        let read = if self.places.is_empty() { self.window.read() } else { self.window.read_at(&self.places) };
        self.readings.extend(read);
        self.window.clear();
    }

    /// What all of it says, and pictures of all of it for [`locate`](super::locate).
    pub fn finish(mut self) -> (Verdict, Vec<Picture>) {
        self.close();
        let mut verdict = Verdict { seconds: self.readings.len(), ..Verdict::default() };
        let mut best: Option<&Reading> = None;
        for reading in &self.readings {
            if best.is_none_or(|b| reading.evidence.log10_p < b.evidence.log10_p) {
                best = Some(reading);
            }
            if !reading.evidence.found() {
                continue;
            }
            verdict.marked += 1;
            let Some(payload) = reading.evidence.payload else { continue };
            match verdict.payloads.iter_mut().find(|(other, _)| *other == payload) {
                Some((_, seconds)) => *seconds += 1,
                None => verdict.payloads.push((payload, 1)),
            }
        }
        verdict.payloads.sort_by_key(|(_, seconds)| std::cmp::Reverse(*seconds));
        if let Some(best) = best {
            verdict.log10_p = (best.evidence.log10_p + (verdict.seconds as f64).log10()).min(0.0);
            verdict.geometry = Some(best.geometry);
        }
        (verdict, self.spread)
    }
}

impl Verdict {
    /// Whether there is a mark anywhere.
    pub fn found(&self) -> bool {
        self.log10_p <= SURE
    }
}
