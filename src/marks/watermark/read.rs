//! Reading the watermark from pictures that belong together: the frames of about a second, or a single picture.

use super::contrast::Contrast;
use super::evidence::{Evidence, Pilots};
use super::key::{CELLS, KEY};
use super::picture::Picture;
use super::search::{Geometry, locate};

/// Frames that were weighed badly still count this much beside the best.
const LEAST_WEIGHT: f32 = 0.02;

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
        // A dark edge of the picture itself looks like a bar.
        let inner = self.pictures.first()?.without_bars();
        let plain = [Geometry::WHOLE, inner];
        let different = if inner == Geometry::WHOLE { 1 } else { 2 };
        self.best(plain[..different].iter().flat_map(|place| [*place, place.mirror()]), Pilots::Fresh)
    }

    /// Reads the mark where [`locate`](super::locate) found the pictures to lie.
    pub fn read_at(&self, places: &[Geometry]) -> Option<Reading> {
        self.best(places.iter().copied(), Pilots::Spent)
    }

    /// [`Self::read`], then, if that finds none, [`Self::read_at`] wherever the pictures may lie in larger frames.
    pub fn search(&self) -> Option<Reading> {
        let read = self.read()?;
        if read.evidence.found() {
            return Some(read);
        }
        let elsewhere = self.read_at(&locate(&self.pictures));
        Some(elsewhere.filter(|e| e.evidence.log10_p < read.evidence.log10_p).unwrap_or(read))
    }

    fn best(&self, places: impl IntoIterator<Item = Geometry>, pilots: Pilots) -> Option<Reading> {
        self.pictures.first()?;
        let read = |geometry| Reading { evidence: self.evidence(geometry, pilots), geometry };
        let all: Vec<Reading> = places.into_iter().map(read).collect();
        let trials = all.len();
        let best = all.into_iter().min_by(|a, b| a.evidence.log10_p.total_cmp(&b.evidence.log10_p))?;
        Some(Reading { evidence: best.evidence.of_trials(trials), ..best })
    }

    fn evidence(&self, geometry: Geometry, pilots: Pilots) -> Evidence {
        let mut contrast = Contrast::default();
        let frames: Vec<Vec<f32>> = self.pictures.iter().map(|p| geometry.contrasts(p, &mut contrast)).collect();
        let weights: Vec<f32> = frames.iter().map(|f| known(f).max(0.0)).collect();
        let least = LEAST_WEIGHT * weights.iter().fold(f32::MIN_POSITIVE, |a, b| a.max(*b));
        let (mut flat, mut weighted) = (vec![0.0; CELLS], vec![0.0; CELLS]);
        for (frame, weight) in frames.iter().zip(weights) {
            flat.iter_mut().zip(frame).for_each(|(sum, c)| *sum += c);
            weighted.iter_mut().zip(frame).for_each(|(sum, c)| *sum += (weight + least) * c);
        }
        Evidence::new(&flat, &weighted, pilots)
    }
}

/// Sum of the groups whose bit is known.
pub(super) fn known(contrast: &[f32]) -> f32 {
    debug_assert_eq!(contrast.len(), CELLS);
    contrast.iter().enumerate().map(|(cell, c)| KEY.known(cell) * c).sum()
}
