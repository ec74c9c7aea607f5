//! Photos with their captions, as training sees them.

use std::collections::HashMap;

use burn::tensor::{Device, Tensor, TensorData};
use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::align::canvas_side;
use crate::error::{Error, Result};
use crate::train::clip::tokenizer::{Tokenizer, Tokens};
use crate::train::data::{Dataset, Item};
use crate::train::people::People;

/// Side at which crops are kept, in pixels: that of the smallest generator, whose crops CLIP will have to judge.
const CROP: usize = 128;
/// How far crops are moved in training, as a fraction of their side.
const SHIFT: f32 = 1.0 / 32.0;

/// A photo with what is said of it, and of its mirror image.
#[derive(Clone, Debug)]
pub struct Captioned<'a> {
    /// The photo.
    pub item: &'a Item,
    /// Its caption, then its mirror image's.
    pub texts: [String; 2],
}

/// The photos that have a caption, by what they are for.
#[derive(Clone, Debug, Default)]
pub struct Split<'a> {
    /// To learn from.
    pub training: Vec<Captioned<'a>>,
    /// Of other people, to judge by.
    pub held_out: Vec<Captioned<'a>>,
}

impl<'a> Split<'a> {
    /// Splits a data set by people: held out are those that a pattern of `held_out` names (see [`People`]), or a tenth
    /// of all if there is no pattern. `flip` gives the caption of a mirrored photo.
    ///
    /// # Errors
    /// [`Error::Training`] for a pattern that names nobody, damaged captions, or fewer than two photos on either side.
    pub fn new(data: &'a Dataset, held_out: &[String], flip: fn(&str) -> String) -> Result<Self> {
        let people = People { only: held_out.to_vec(), without: Vec::new() };
        people.choose(&data.items)?;
        let is_held_out = |person: &str| if held_out.is_empty() { tenth(person) } else { people.takes(person) };
        let mut captions: HashMap<String, String> = data.captions()?;
        let mut split = Self::default();
        for item in &data.items {
            let Some(text) = captions.remove(&item.id) else { continue };
            let mirrored = flip(&text);
            let side = if is_held_out(&item.person) { &mut split.held_out } else { &mut split.training };
            side.push(Captioned { item, texts: [text, mirrored] });
        }
        for (side, name) in [(&split.training, "to train on"), (&split.held_out, "of held-out people")] {
            if side.len() < 2 {
                let reason = format!(
                    "{} photos with a caption {name}, at least 2 are needed; make captions with `alphaswap-train caption`, \
                     or hold out other people",
                    side.len()
                );
                return Err(Error::training(data.folder.display(), reason));
            }
        }
        Ok(split)
    }
}

/// Whether a person is one of the tenth that is held out unless the user names others; the same in every data set.
fn tenth(person: &str) -> bool {
    usize::from(Sha256::digest(person)[0]) < 256 / 10
}

/// Photos and captions in memory.
#[derive(Clone, Debug)]
pub struct Pairs {
    photos: Vec<Photo>,
    /// Side of the crops in pixels; an eighth of it is the canvases' margin.
    crop: u32,
}

#[derive(Clone, Debug)]
struct Photo {
    /// The aligned photo with its margin.
    canvas: RgbImage,
    /// Tokens of its caption, and of its mirror image's.
    texts: [Vec<u32>; 2],
}

/// One photo as it stands in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Which one.
    pub photo: usize,
    /// Left and right are exchanged.
    pub mirrored: bool,
    /// Where the crop begins on the canvas, x and y in pixels.
    pub corner: [u32; 2],
}

/// Some photos and their captions.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `[n, 3, h, w]`, RGB in [0, 1]
    pub pictures: Tensor<4>,
    /// `n` texts
    pub texts: Tokens,
}

impl Pairs {
    /// Reads the photos and encodes their captions, at most `context` tokens each.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Training`] for missing or damaged photos.
    pub fn load(data: &Dataset, photos: &[Captioned<'_>], tokenizer: &Tokenizer, context: usize) -> Result<Self> {
        let crop = data.header.crop.min(CROP);
        let side = canvas_side(crop) as u32;
        let read = |photo: &Captioned<'_>| {
            let canvas = data.canvas(photo.item)?;
            let [text, mirrored] = &photo.texts;
            let texts = [tokenizer.encode(text, context)?, tokenizer.encode(mirrored, context)?];
            Ok(Photo { canvas: resize(&canvas, side, side, FilterType::Triangle), texts })
        };
        Ok(Self { photos: photos.par_iter().map(read).collect::<Result<_>>()?, crop: crop as u32 })
    }

    /// Number of photos.
    pub fn len(&self) -> usize {
        self.photos.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.photos.is_empty()
    }

    /// The photos of a step: every photo comes once before any comes again, mirrored half of the time and moved a
    /// little. A function of its arguments alone.
    pub fn picks(&self, seed: u64, step: u64, batch: usize) -> Vec<Pick> {
        let batch = batch.clamp(1, self.len());
        let steps = (self.len() / batch) as u64;
        let mut order: Vec<usize> = (0..self.len()).collect();
        // Even streams shuffle, odd ones move.
        order.shuffle(&mut random(seed, 2 * (step / steps)));
        let mut rng = random(seed, 2 * step + 1);
        let reach = (self.crop as f32 * SHIFT) as u32;
        let first = (step % steps) as usize * batch;
        let pick = |&photo: &usize| {
            let centre = self.centre(photo);
            let corner = centre.corner.map(|at| at - reach + rng.random_range(0..=2 * reach));
            Pick { mirrored: rng.random(), corner, ..centre }
        };
        order[first..first + batch].iter().map(pick).collect()
    }

    /// A photo as it is.
    pub fn centre(&self, photo: usize) -> Pick {
        Pick { photo, mirrored: false, corner: [self.crop / 8; 2] }
    }

    /// The photos of `picks`.
    pub fn batch(&self, picks: &[Pick], device: &Device) -> Batch {
        let side = self.crop;
        let mut values = Vec::with_capacity(picks.len() * 3 * (side * side) as usize);
        for pick in picks {
            let canvas = &self.photos[pick.photo].canvas;
            let x = |i: u32| pick.corner[0] + if pick.mirrored { side - 1 - i } else { i };
            for channel in 0..3 {
                let pixel = |(i, j)| {
                    let Rgb(rgb) = canvas.get_pixel(x(i), pick.corner[1] + j);
                    f32::from(rgb[channel]) / 255.0
                };
                values.extend((0..side).flat_map(|j| (0..side).map(move |i| (i, j))).map(pixel));
            }
        }
        let shape = [picks.len(), 3, side as usize, side as usize];
        let pictures = Tensor::from_data(TensorData::new(values, shape), device);
        let text = |pick: &Pick| self.photos[pick.photo].texts[usize::from(pick.mirrored)].clone();
        Batch { pictures, texts: Tokens::new(picks.iter().map(text).collect()) }
    }
}

/// One of the sequences of random numbers that belong to `seed`.
pub fn random(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}
