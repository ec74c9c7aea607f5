//! The photos and made-up pictures that a run may see, and those that it may only be judged on.

use std::collections::HashMap;
use std::path::Path;

use super::config::Config;
use super::planes::Planes;
use crate::align;
use crate::error::{Error, Result};
use crate::train::data::{Dataset, Item, embedding_name};
use crate::train::people::People;
use crate::train::pseudo::{Kind, Record, Shards, canvas_at};

/// Photos whose embeddings make up the mean that centres them.
const MEAN_OF: usize = 4096;

/// What samples are made of, all checked against the config.
#[derive(Debug)]
pub struct Material {
    pub(super) config: Config,
    set: Dataset,
    /// Photos that may be trained on.
    photos: Vec<Item>,
    captions: HashMap<String, String>,
    pseudo: Option<Pseudo>,
    held_out: Option<(Shards, Vec<(usize, Record)>)>,
}

/// The pseudo set with the numbers of the records that may be trained on.
#[derive(Debug)]
struct Pseudo {
    shards: Shards,
    triplets: Vec<usize>,
    swaps: Vec<usize>,
}

impl Material {
    /// Opens and checks what the config names.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Training`] for a set that is missing or damaged, or does not fit the config: another
    /// crop, no embedding of the generator's encoder, too few people, a pattern that matches nobody, no sample of a kind
    /// that a step needs, no captions.
    pub fn open(config: &Config) -> Result<Self> {
        let set = Dataset::open(&config.data.set)?;
        let people = People { without: config.data.held_out.clone(), ..People::default() };
        let photos: Vec<_> = people.choose(&set.items)?.into_iter().cloned().collect();
        let captions = set.captions()?;
        let mut material = Self { config: config.clone(), set, photos, captions, pseudo: None, held_out: None };
        material.check_captions()?;
        material.check_photos()?;
        material.open_pseudo(&people)?;
        material.open_held_out(&people)?;
        Ok(material)
    }

    /// Side of the crop in pixels.
    pub fn crop(&self) -> usize {
        self.config.generator.crop
    }

    /// Side of its canvas.
    pub fn canvas_side(&self) -> usize {
        align::canvas_side(self.crop())
    }

    /// The data set.
    pub fn set(&self) -> &Dataset {
        &self.set
    }

    /// Photos that may be trained on.
    pub fn photos(&self) -> &[Item] {
        &self.photos
    }

    /// Number of held-out triplets.
    pub fn held_out_count(&self) -> usize {
        self.held_out.as_ref().map_or(0, |(_, records)| records.len())
    }

    /// The mean embedding of the photos that may be trained on (of the first few thousand).
    ///
    /// # Errors
    /// A file that is missing or damaged.
    pub fn mean_embedding(&self) -> Result<Vec<f32>> {
        let photos = &self.photos[..self.photos.len().min(MEAN_OF)];
        let mut sum = vec![0.0_f64; self.config.generator.identity.width];
        for item in photos {
            self.embedding(item)?.iter().zip(&mut sum).for_each(|(v, sum)| *sum += f64::from(*v));
        }
        Ok(sum.into_iter().map(|sum| (sum / photos.len() as f64) as f32).collect())
    }

    /// The photo's canvas at the generator's size: three planes.
    pub(super) fn canvas(&self, item: &Item) -> Result<Planes> {
        Ok(Planes::from_rgb(&canvas_at(&self.set, item, self.crop())?))
    }

    /// 1 where the photo's face is seen: one plane.
    pub(super) fn face(&self, item: &Item) -> Result<Planes> {
        Ok(Planes::from_gray(&self.set.mask(item)?, self.canvas_side()))
    }

    /// The photo's embedding by the generator's encoder.
    pub(super) fn embedding(&self, item: &Item) -> Result<Vec<f32>> {
        let (name, width) = (self.embedding_name(), self.config.generator.identity.width);
        let found = self.set.features(item)?.embeddings.remove(&name).filter(|values| values.len() == width);
        found.ok_or_else(|| {
            let path = self.set.file(item, "safetensors");
            Error::training(path.display(), format!("has no embedding.{name} of {width} values; prepare anew"))
        })
    }

    /// What embeddings of the generator's encoder, on the crop that it was shown, are called.
    fn embedding_name(&self) -> String {
        let identity = &self.config.generator.identity;
        embedding_name(&identity.encoder, identity.encoder_crop)
    }

    /// The photo's caption, if the losses read captions.
    pub(super) fn caption_of(&self, item: &Item) -> Result<Option<&str>> {
        if !self.config.reads_captions() {
            return Ok(None);
        }
        let missing =
            || Error::training(&item.photo, "has no caption; run `caption` again, or set losses.clip_text to 0");
        self.captions.get(&item.id).map(|text| Some(text.as_str())).ok_or_else(missing)
    }

    /// The item of that id.
    pub(super) fn photo_of(&self, id: &str) -> Result<&Item> {
        self.set.item(id).ok_or_else(|| {
            let reason = format!("has no photo {id}, of which the pseudo set is made; make the pseudo set anew");
            Error::training(self.set.folder.display(), reason)
        })
    }

    /// Triplets that may be trained on.
    pub(super) fn triplets(&self) -> Result<(&Shards, &[usize])> {
        self.pseudo.as_ref().map(|p| (&p.shards, p.triplets.as_slice())).ok_or_else(no_pseudo)
    }

    /// Swaps with a guide that may be trained on.
    pub(super) fn guided_swaps(&self) -> Result<(&Shards, &[usize])> {
        self.pseudo.as_ref().map(|p| (&p.shards, p.swaps.as_slice())).ok_or_else(no_pseudo)
    }

    /// Triplets of people that are held out.
    pub(super) fn checks(&self) -> Result<(&Shards, &[(usize, Record)])> {
        self.held_out.as_ref().map(|(shards, records)| (shards, records.as_slice())).ok_or_else(no_pseudo)
    }

    fn check_photos(&self) -> Result<()> {
        let error = |reason: String| Err(Error::training(self.set.folder.display(), reason));
        let (header, name) = (&self.set.header, self.embedding_name());
        if !header.encoders.contains(&name) {
            let known = header.encoders.join(", ");
            return error(format!(
                "has no embeddings of {name}, which the generator reads (there are {known}); prepare with --encoder"
            ));
        }
        let (crop, wanted) = (header.crop, self.crop());
        if !crop.is_multiple_of(wanted) {
            return error(format!(
                "has crops of {crop} px, the generator wants {wanted} or a multiple; prepare with --crop {wanted}"
            ));
        }
        let mut people = self.photos.iter().map(|item| &item.person);
        let first = people.next();
        if first.is_none() || people.all(|person| Some(person) == first) {
            return error(
                "has fewer than two people to train on; add photos (with captions where losses read them), or hold \
                 fewer people out"
                    .into(),
            );
        }
        Ok(())
    }

    /// Photos without a caption are left out where the losses read it.
    fn check_captions(&mut self) -> Result<()> {
        if !self.config.reads_captions() {
            return Ok(());
        }
        if self.captions.is_empty() {
            let reason = "has no captions, which losses.clip_text reads; run `caption`, or set it to 0";
            return Err(Error::training(self.set.folder.display(), reason));
        }
        let all = self.photos.len();
        self.photos.retain(|item| self.captions.contains_key(&item.id));
        if self.photos.len() < all {
            let left_out = all - self.photos.len();
            tracing::warn!("{left_out} of {all} photos have no caption and are left out; `caption` tries them again");
        }
        Ok(())
    }

    fn open_pseudo(&mut self, people: &People) -> Result<()> {
        let data = &self.config.data;
        let Some(folder) = data.pseudo.as_ref().filter(|_| data.triplets + data.swaps > 0) else { return Ok(()) };
        let shards = self.shards(folder)?;
        let free = |person: &str| people.takes(person);
        let triplets = self.numbers(&shards, |record| self.is_triplet(record.kind), free)?;
        let is_captioned = |id: &str| !self.config.reads_captions() || self.captions.contains_key(id);
        let swaps = self.numbers(&shards, |record| record.kind == Kind::Swap && is_captioned(&record.photo), free)?;
        for (what, wanted, found) in [("triplets", data.triplets, &triplets), ("swaps", data.swaps, &swaps)] {
            if wanted > 0 && found.is_empty() {
                let reason = format!("has no {what} of people that are not held out; make some with `pseudo mesh`");
                return Err(Error::training(folder.display(), reason));
            }
        }
        let pseudo = Pseudo { triplets, swaps, shards };
        self.pseudo = Some(pseudo);
        Ok(())
    }

    fn open_held_out(&mut self, people: &People) -> Result<()> {
        let data = &self.config.data;
        let Some(folder) = data.held_out_pseudo.as_ref().or(data.pseudo.as_ref()) else { return Ok(()) };
        if self.config.output.validate_every == 0 {
            return Ok(());
        }
        let shards = self.shards(folder)?;
        let records = self.numbers(&shards, |record| self.is_triplet(record.kind), |person| !people.takes(person))?;
        if records.is_empty() {
            return Err(Error::training(
                folder.display(),
                "has no triplets of held-out people alone; make some with `pseudo mesh --people` and name them in [data] \
                 held_out_pseudo, or set output.validate_every to 0",
            ));
        }
        let all: Vec<_> = shards.records().cloned().collect();
        let records = records.into_iter().map(|number| (number, all[number].clone())).collect();
        self.held_out = Some((shards, records));
        Ok(())
    }

    fn shards(&self, folder: &Path) -> Result<Shards> {
        let shards = Shards::open(folder)?;
        let (made, wanted) = (shards.header.crop, self.crop());
        if made == wanted {
            return shards.check(&self.set).map(|()| shards);
        }
        let reason = format!("has crops of {made} px, the generator wants {wanted}; make it with --crop {wanted}");
        Err(Error::training(folder.display(), reason))
    }

    /// The numbers of the samples that are wanted and in which only such people have a part.
    fn numbers(
        &self,
        shards: &Shards,
        wanted: impl Fn(&Record) -> bool,
        person: impl Fn(&str) -> bool,
    ) -> Result<Vec<usize>> {
        let mut numbers = Vec::new();
        for (number, record) in shards.records().enumerate().filter(|(_, record)| wanted(record)) {
            let ids = record.from.iter().chain([&record.photo, &record.identity]);
            let people = ids.map(|id| self.photo_of(id)).collect::<Result<Vec<_>>>()?;
            if people.iter().all(|item| person(&item.person)) {
                numbers.push(number);
            }
        }
        Ok(numbers)
    }

    /// Generators that see a guide need one; others see the input of any made-up picture.
    fn is_triplet(&self, kind: Kind) -> bool {
        if self.config.generator.guide { kind == Kind::Trip } else { kind.has_input() }
    }
}

fn no_pseudo() -> Error {
    Error::training("[data] pseudo", "is missing; make a pseudo set with `pseudo mesh`")
}
