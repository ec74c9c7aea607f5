//! What a step is made of: a pure function of the run's seed and the step, so that a resumed run sees what it would have
//! seen.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::augment::Variation;
use super::material::Material;
use super::planes::Planes;
use crate::error::{Error, Result};
use crate::train::caption;
use crate::train::data::Item;
use crate::train::pseudo::Shards;

/// A made-up picture whose real photo is known. Pictures are crops.
#[derive(Clone, Debug)]
pub struct Triplet {
    /// What the generator sees: the photo with another face.
    pub input: Planes,
    /// The photo's own face, as wrong as guides are; like the input for generators without a guide.
    pub guide: Planes,
    /// The real photo.
    pub target: Planes,
    /// 1 where the face is.
    pub face: Planes,
    /// The photo's embedding.
    pub identity: Vec<f32>,
}

/// A photo that gets another face.
#[derive(Clone, Debug)]
pub struct Swap {
    /// The photo.
    pub target: Planes,
    /// The other face on it; like the target for generators without a guide.
    pub guide: Planes,
    /// 1 where the photo's face is.
    pub face: Planes,
    /// A photo of whose face it is.
    pub source: Planes,
    /// That photo's embedding.
    pub identity: Vec<f32>,
    /// The target's own embedding.
    pub own: Vec<f32>,
    /// The target's caption; empty when captions are not needed.
    pub caption: String,
}

/// The samples of a step.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Those with a target.
    pub triplets: Vec<Triplet>,
    /// Those without.
    pub swaps: Vec<Swap>,
}

impl Batch {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.triplets.len() + self.swaps.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Which of a step's random numbers are asked for.
#[derive(Clone, Copy)]
enum Slot {
    Triplet(usize),
    Swap(usize),
    Pair(usize),
}

impl Slot {
    /// Independent of every other seed, step and slot.
    fn rng(self, seed: u64, step: u64) -> ChaCha8Rng {
        let (kind, index) = match self {
            Self::Triplet(i) => (0_u64, i),
            Self::Swap(i) => (1, i),
            Self::Pair(i) => (2, i),
        };
        let mut key = [0; 32];
        for (part, value) in key.as_chunks_mut::<8>().0.iter_mut().zip([seed, step, kind, index as u64]) {
            *part = value.to_le_bytes();
        }
        ChaCha8Rng::from_seed(key)
    }
}

impl Material {
    /// The samples of a step.
    ///
    /// # Errors
    /// A file of the data or pseudo set that is missing or damaged.
    pub fn batch(&self, step: u64) -> Result<Batch> {
        let data = &self.config.data;
        let own = data.self_every > 0 && step.is_multiple_of(data.self_every);
        let triplet = |i: usize| {
            let mut rng = Slot::Triplet(i).rng(self.config.seed, step);
            if own && i == 0 { self.own(&mut rng) } else { self.random_triplet(&mut rng) }
        };
        let swap = |i: usize| self.random_swap(&mut Slot::Swap(i).rng(self.config.seed, step));
        let pair = |i: usize| self.random_pair(&mut Slot::Pair(i).rng(self.config.seed, step));
        let triplets = (0..data.triplets).into_par_iter().map(triplet).collect::<Result<Vec<_>>>()?;
        let mut swaps = (0..data.swaps).into_par_iter().map(swap).collect::<Result<Vec<_>>>()?;
        let pairs = (0..data.pairs).into_par_iter().map(pair).collect::<Result<Vec<_>>>()?;
        swaps.extend(pairs.into_iter().flatten());
        Ok(Batch { triplets, swaps })
    }

    /// Sample `index` of the held-out triplets, as it is, with the embedding of somebody else who is held out.
    ///
    /// # Errors
    /// As [`Self::batch`].
    pub fn held_out(&self, index: usize) -> Result<(Triplet, Vec<f32>)> {
        let (shards, records) = self.checks()?;
        let (number, record) = &records[index];
        let me = &self.photo_of(&record.identity)?.person;
        let others = records.iter().cycle().skip(index).take(records.len());
        let mut others = others.filter_map(|(_, other)| self.photo_of(&other.identity).ok());
        let stranger = others.find(|item| item.person != *me).map(|item| self.embedding(item)).transpose()?;
        let triplet = self.triplet(shards, *number, Variation::none(self.crop()))?;
        let nobody = || Error::training("the held-out triplets", "are all of one person; hold out two or more");
        Ok((triplet, stranger.ok_or_else(nobody)?))
    }

    fn random_triplet(&self, rng: &mut ChaCha8Rng) -> Result<Triplet> {
        let (shards, records) = self.triplets()?;
        let record = records[rng.random_range(0..records.len())];
        self.triplet(shards, record, self.vary(rng))
    }

    fn triplet(&self, shards: &Shards, record: usize, variation: Variation) -> Result<Triplet> {
        let sample = shards.sample(record)?;
        let (item, side) = (self.photo_of(&sample.record.photo)?, self.canvas_side());
        let mask = variation.place(&Planes::from_bytes(&sample.mask, side));
        let input = sample.input.as_ref().map_or_else(|| self.canvas(item), |i| Ok(Planes::from_bytes(i, side)))?;
        let input = variation.picture(&input);
        Ok(Triplet {
            guide: match sample.guide.filter(|_| self.config.generator.guide) {
                Some(guide) => variation.guide(&Planes::from_bytes(&guide, side), &mask),
                None => input.clone(),
            },
            input,
            target: variation.picture(&self.canvas(item)?),
            face: variation.place(&self.face(item)?).max(&mask),
            identity: self.embedding(self.photo_of(&sample.record.identity)?)?,
        })
    }

    /// A photo that becomes itself: input, guide and target are the photo.
    fn own(&self, rng: &mut ChaCha8Rng) -> Result<Triplet> {
        let item = self.random_photo(rng);
        let variation = self.vary(rng);
        let (canvas, face) = (self.canvas(item)?, variation.place(&self.face(item)?));
        let picture = variation.picture(&canvas);
        Ok(Triplet {
            guide: if self.config.generator.guide { variation.guide(&canvas, &face) } else { picture.clone() },
            input: picture.clone(),
            target: picture,
            face,
            identity: self.embedding(item)?,
        })
    }

    fn random_swap(&self, rng: &mut ChaCha8Rng) -> Result<Swap> {
        let (shards, records) = self.guided_swaps()?;
        let sample = shards.sample(records[rng.random_range(0..records.len())])?;
        let (target, source) = (self.photo_of(&sample.record.photo)?, self.photo_of(&sample.record.identity)?);
        let variation = self.vary(rng);
        let mask = variation.place(&Planes::from_bytes(&sample.mask, self.canvas_side()));
        let photo = self.canvas(target)?;
        let guide = sample.guide.map_or_else(|| photo.clone(), |guide| Planes::from_bytes(&guide, self.canvas_side()));
        Ok(Swap {
            target: variation.picture(&photo),
            guide: variation.guide(&guide, &mask),
            face: variation.place(&self.face(target)?).max(&mask),
            source: Variation::none(self.crop()).picture(&self.canvas(source)?),
            identity: self.embedding(source)?,
            own: self.embedding(target)?,
            caption: self.caption(target, variation.mirrored)?,
        })
    }

    /// Two people, each with the other's face.
    fn random_pair(&self, rng: &mut ChaCha8Rng) -> Result<[Swap; 2]> {
        let first = self.random_photo(rng);
        let second = loop {
            // There are two people: the material was checked.
            let item = self.random_photo(rng);
            if item.person != first.person {
                break item;
            }
        };
        let items = [first, second];
        let variations = [self.vary(rng), self.vary(rng)];
        let swap = |target: usize, source: usize| -> Result<Swap> {
            let picture = |at: usize| Ok(variations[at].picture(&self.canvas(items[at])?));
            let photo: Planes = picture(target)?;
            Ok(Swap {
                guide: photo.clone(),
                target: photo,
                face: variations[target].place(&self.face(items[target])?),
                source: picture(source)?,
                identity: self.embedding(items[source])?,
                own: self.embedding(items[target])?,
                caption: self.caption(items[target], variations[target].mirrored)?,
            })
        };
        Ok([swap(0, 1)?, swap(1, 0)?])
    }

    fn random_photo(&self, rng: &mut impl Rng) -> &Item {
        &self.photos()[rng.random_range(0..self.photos().len())]
    }

    fn vary(&self, rng: &mut impl Rng) -> Variation {
        Variation::draw(&self.config.augment, self.crop(), rng)
    }

    /// The photo's caption if the losses read it, told of the mirror image where it is mirrored.
    fn caption(&self, item: &Item, mirrored: bool) -> Result<String> {
        let Some(text) = self.caption_of(item)? else { return Ok(String::new()) };
        Ok(if mirrored { caption::flip(text) } else { text.into() })
    }
}
