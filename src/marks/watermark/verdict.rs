//! Reading a whole video: second by second, and all seconds together, which says more of a mark that compression has
//! almost worn away.

use std::time::Duration;

use serde::Serialize;

use super::evidence::{Pilots, SURE};
use super::payload::Payload;
use super::picture::Picture;
use super::read::{Reading, Seen, Window, best, surest};
use super::search::Geometry;

/// Pictures that belong together: those of this much time.
const SECOND: Duration = Duration::from_secs(1);
/// Pictures of all of the video that are kept for [`locate`](super::locate) at most.
const SPREAD: usize = 12;
/// Places in which all seconds are read together at most: dark scenes seem to have bars of many sizes.
const PLACES: usize = 16;

/// Whoever finds none may look a second time, for a part of a larger picture.
const LOOKS: usize = 2;

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
    /// By place, what was seen there in all seconds.
    together: Vec<Seen>,
}

/// What a video, or a picture, says.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// Seconds that were read (a picture counts as one).
    pub seconds: usize,
    /// Seconds in each of which the mark was found. May be 0 though it was found in all seconds together.
    pub marked: usize,
    /// Power of ten of a bound on the probability of the best evidence (a second's, or that of all of them together) in
    /// a video without a mark.
    pub log10_p: f64,
    /// What the mark says, and in how many seconds, most frequent first; in 0 if only all of them together say it.
    pub payloads: Vec<(Payload, usize)>,
    /// Where the pictures lie in the frames that were marked, as the best evidence says.
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
        let places = if self.places.is_empty() { self.window.places() } else { self.places.clone() };
        let seen = self.window.look(&places);
        self.readings.extend(best(&seen, self.pilots()));
        for seen in seen {
            if let Some(all) = self.together.iter_mut().find(|all| all.geometry == seen.geometry) {
                all.add(&seen);
            } else if self.together.len() < PLACES {
                self.together.push(seen);
            }
        }
        self.window.clear();
    }

    /// Places that were given were found by the pilots.
    fn pilots(&self) -> Pilots {
        if self.places.is_empty() { Pilots::Fresh } else { Pilots::Spent }
    }

    /// What all of it says, and pictures of all of it for [`locate`](super::locate).
    pub fn finish(mut self) -> (Verdict, Vec<Picture>) {
        self.close();
        let mut verdict = Verdict { seconds: self.readings.len(), ..Verdict::default() };
        for reading in self.readings.iter().filter(|reading| reading.evidence.found()) {
            verdict.marked += 1;
            verdict.count(reading.evidence.payload, 1);
        }
        verdict.payloads.sort_by_key(|(_, seconds)| std::cmp::Reverse(*seconds));
        let together = if verdict.seconds > 1 { best(&self.together, self.pilots()) } else { None };
        let second = surest(self.readings).map(|reading| reading.of_trials(verdict.seconds));
        let ways = LOOKS * [&second, &together].into_iter().flatten().count();
        let [second, together] = [second, together].map(|reading| reading.map(|r| r.of_trials(ways)));
        verdict.count(together.as_ref().and_then(|reading| reading.evidence.payload), 0);
        if let Some(best) = surest([second, together].into_iter().flatten()) {
            (verdict.log10_p, verdict.geometry) = (best.evidence.log10_p, Some(best.geometry));
        }
        if !verdict.found() {
            // What one second alone would be sure of may be chance in a long video.
            (verdict.marked, verdict.payloads) = (0, Vec::new());
        }
        (verdict, self.spread)
    }
}

impl Verdict {
    fn count(&mut self, payload: Option<Payload>, seconds: usize) {
        let Some(payload) = payload else { return };
        match self.payloads.iter_mut().find(|(other, _)| *other == payload) {
            Some((_, counted)) => *counted += seconds,
            None => self.payloads.push((payload, seconds)),
        }
    }

    /// Whether there is a mark anywhere.
    pub fn found(&self) -> bool {
        self.log10_p <= SURE
    }
}
