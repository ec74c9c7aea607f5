//! Captions from what our own networks saw, so that training with captions needs nothing else.
//!
//! [`facts`] are read from the mesh and the pixels of the canvas, [`words`] puts them into one to three sentences. What
//! cannot be told is left out: there is no word of hair, accessories or obstacles, nor of brows, whose height differs
//! more between people than between expressions.

mod facts;
mod pixels;
mod words;

use super::{Captioner, Failure, Origin, Photo, Stop, random_of};

/// Writes what the landmarks and the light say. The same photo always gets the same words.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// Other seeds choose other words for the same facts.
    pub seed: u64,
}

impl Captioner for Measured {
    fn origin(&self) -> Origin {
        Origin { seed: Some(self.seed), ..Origin::new("measured") }
    }

    fn caption(&self, photo: Photo<'_>, _: &Stop<'_>) -> Result<String, Failure> {
        let Photo { dataset, item } = photo;
        let (canvas, points) = (dataset.canvas(item)?, dataset.features(item)?.points);
        let facts = facts::Facts::measure(&canvas, &points);
        Ok(words::sentences(&facts, &mut random_of(self.seed, &item.id)))
    }
}
