//! Reading the watermark from pictures that belong together: the frames of about a second, or a single picture.

use super::contrast::Contrast;
use super::evidence::{Evidence, Pilots};
use super::key::{CELLS, KEY};
use super::picture::Picture;
use super::search::{Geometry, locate};

/// Frames that were weighed badly still count this much beside the best...
const LEAST_WEIGHT: f32 = 0.02;
/// ...and beside this, less than which is chance.
const LEAST_BEST: f32 = 1.0;

/// Pictures that carry the same mark in the same place.
#[derive(Clone, Debug, Default)]
pub struct Window {
    pictures: Vec<Picture>,
}

/// What a window says.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// How sure it is, and what it says.
    pub evidence: Evidence,
    /// Where the pictures lie in the frames that were marked.
    pub geometry: Geometry,
}

impl Reading {
    /// The same after trying `trials` ways to look and taking the best.
    pub(super) fn of_trials(self, trials: usize) -> Self {
        Self { evidence: self.evidence.of_trials(trials), ..self }
    }
}

impl Window {
    /// Adds a picture. All should have one size.
    pub fn push(&mut self, picture: Picture) {
        self.pictures.push(picture);
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }

    /// Forgets all pictures.
    pub fn clear(&mut self) {
        self.pictures.clear();
    }

    /// Reads the mark in pictures of whole frames, with black bars around them or not, also mirrored. None of an empty window.
    pub fn read(&self) -> Option<Reading> {
        best(&self.look(&self.places()), Pilots::Fresh)
    }

    /// Reads the mark where [`locate`](super::locate) found the pictures to lie.
    pub fn read_at(&self, places: &[Geometry]) -> Option<Reading> {
        best(&self.look(places), Pilots::Spent)
    }

    /// [`Self::read`], then, if that finds none, [`Self::read_at`] wherever the pictures may lie in larger frames.
    pub fn search(&self) -> Option<Reading> {
        let looks = 2;
        let read = self.read()?.of_trials(looks);
        if read.evidence.found() {
            return Some(read);
        }
        let elsewhere = self.read_at(&locate(&self.pictures)).map(|reading| reading.of_trials(looks));
        surest([Some(read), elsewhere].into_iter().flatten())
    }

    /// Where whole frames may lie in these pictures. None in an empty window.
    pub(super) fn places(&self) -> Vec<Geometry> {
        let Some(first) = self.pictures.first() else { return Vec::new() };
        // A dark edge of the picture itself looks like a bar.
        let inner = first.without_bars();
        let plain = [Geometry::WHOLE, inner];
        let different = if inner == Geometry::WHOLE { 1 } else { 2 };
        plain[..different].iter().flat_map(|place| [*place, place.mirror()]).collect()
    }

    /// What is seen in each of `places`. Nothing in an empty window.
    pub(super) fn look(&self, places: &[Geometry]) -> Vec<Seen> {
        let places = if self.is_empty() { &[] } else { places };
        places.iter().map(|place| self.seen(*place)).collect()
    }

    fn seen(&self, geometry: Geometry) -> Seen {
        let mut contrast = Contrast::default();
        let frames: Vec<Vec<f32>> = self.pictures.iter().map(|p| geometry.contrasts(p, &mut contrast)).collect();
        let weights: Vec<f32> = frames.iter().map(|f| known(f).max(0.0).powi(2)).collect();
        let least = LEAST_WEIGHT * weights.iter().fold(LEAST_BEST, |a, b| a.max(*b));
        let mut seen = Seen { geometry, flat: vec![0.0; CELLS], weighted: vec![0.0; CELLS] };
        for (frame, weight) in frames.iter().zip(weights) {
            add(&mut seen.flat, frame, 1.0);
            add(&mut seen.weighted, frame, weight + least);
        }
        seen
    }
}

/// The cells' contrasts, summed over pictures.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Where the pictures lie.
    pub geometry: Geometry,
    /// All pictures count alike.
    flat: Vec<f32>,
    /// They count as they show the known bits.
    weighted: Vec<f32>,
}

impl Seen {
    /// Adds what was seen of other pictures in the same place.
    pub fn add(&mut self, other: &Self) {
        add(&mut self.flat, &other.flat, 1.0);
        add(&mut self.weighted, &other.weighted, 1.0);
    }
}

/// The likeliest of what was seen in several places. None of none.
pub(super) fn best(seen: &[Seen], pilots: Pilots) -> Option<Reading> {
    let read = |s: &Seen| Reading { evidence: Evidence::new(&s.flat, &s.weighted, pilots), geometry: s.geometry };
    surest(seen.iter().map(read)).map(|best| best.of_trials(seen.len()))
}

/// The first of those that are least probable without a mark. None of none.
pub(super) fn surest(readings: impl IntoIterator<Item = Reading>) -> Option<Reading> {
    readings.into_iter().min_by(|a, b| a.evidence.log10_p.total_cmp(&b.evidence.log10_p))
}

fn add(sums: &mut [f32], values: &[f32], weight: f32) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
}

/// Sum of the groups whose bit is known.
pub(super) fn known(contrast: &[f32]) -> f32 {
    debug_assert_eq!(contrast.len(), CELLS);
    contrast.iter().enumerate().map(|(cell, c)| KEY.known(cell) * c).sum()
}
