//! The maker `mesh`: the filter's guide stage puts faces of the data set onto each other.
//!
//! mesh(B on A) is the guide stage's picture of B's face on the photo A.
//!
//! | kind | input | guide | target |
//! |---|---|---|---|
//! | label | T' = mesh(B on A) | | A |
//! | trip | T' | mesh(A on T'), A's face read from mesh(A on C) | A |
//! | swap | A | mesh(B on A) | |
//!
//! The guide of a trip is as wrong as guides are in use: A's face comes from a picture with C's light and expression and
//! was stretched twice. All of it is made at the data set's size and then reduced to the samples', as the filter reduces
//! what generators see of a large face. Every sample is a function of seed, photo and number alone.

use std::ops::ControlFlow;
use std::path::Path;

use image::{GrayImage, Luma, Rgb, RgbImage, imageops};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::neighbours::{Crowd, Match};
use super::photos::{Photo, Photos, shrunk};
use super::{DataRef, Header, Kind, Record, SHARD, Sample, ShardWriter, VERSION};
use crate::align::canvas_side;
use crate::error::{Error, Result};
use crate::guide::{self, Source, Stage, light};
use crate::identity::Texture;
use crate::identity::photo::{from_planes, planar};
use crate::mesh;
use crate::train::data::Dataset;
use crate::train::people::People;

/// What is made of each photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Labels of each photo, trips included; fewer where there are fewer photos of other people.
    pub labels: usize,
    /// Share of the labels that get a guide and become trips, 0 to 1.
    pub trips: f32,
    /// Swaps of each photo.
    pub swaps: usize,
    /// Who takes part, in any role.
    pub people: People,
}

impl Default for Options {
    fn default() -> Self {
        Self { labels: 10, trips: 0.5, swaps: 3, people: People::default() }
    }
}

/// How a face was put onto another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Whether the face was taken from its photo's mirror image.
    pub mirrored: bool,
    /// How much of its shape was taken over, 0 to 1.
    pub shape: f32,
    /// How much of the target's light was taken over, 0 to 1.
    pub light: f32,
    /// How much of its eyes was shown, 0 to 1.
    pub eyes: f32,
}

impl Look {
    /// Half of the labels keep the target's shape, and most of them the target's eyes; their light is any.
    fn random(mirrored: bool, rng: &mut ChaCha8Rng) -> Self {
        /// Shares of labels, and the least shape that is exchanged where any is.
        const SHAPED: f64 = 0.5;
        const OWN_EYES: f64 = 0.85;
        const LEAST_SHAPE: f32 = 0.3;
        let shape = if rng.random_bool(SHAPED) { rng.random_range(LEAST_SHAPE..=1.0) } else { 0.0 };
        let light = rng.random_range(0.0..=1.0);
        let eyes = if rng.random_bool(OWN_EYES) { 0.0 } else { 1.0 };
        Self { mirrored, shape, light, eyes }
    }

    /// As the filter makes its guides.
    fn in_use() -> Self {
        let guide::Options { shape, eyes } = guide::Options::default();
        Self { mirrored: false, shape, light: light::LIGHT, eyes }
    }
}

/// A made-up picture at the data set's size.
struct Made {
    /// With the mesh of the face that it shows.
    texture: Texture,
    /// How far each pixel is made up, 0 to 255.
    mask: GrayImage,
}

impl Made {
    /// Planar, on the canvas of `crop`.
    fn picture(&self, crop: usize) -> Vec<u8> {
        planar(&shrunk(picture_of(&self.texture), crop))
    }

    /// On the canvas of `crop`.
    fn mask(&self, crop: usize) -> Vec<u8> {
        let side = canvas_side(crop) as u32;
        if self.mask.width() == side {
            self.mask.to_vec()
        } else {
            imageops::thumbnail(&self.mask, side, side).into_raw()
        }
    }
}

/// One sample to be made.
#[derive(Clone, Copy, Debug)]
struct Task {
    photo: usize,
    kind: Kind,
    number: usize,
}

/// Makes samples of a data set.
pub struct Maker<'a> {
    header: Header,
    crowd: Crowd<'a>,
    photos: Photos<'a>,
    tasks: Vec<Task>,
    full: usize,
}

impl<'a> Maker<'a> {
    /// Plans samples of side `crop` from `data`.
    ///
    /// # Errors
    /// [`Error::Training`] when `crop` does not divide the data set's, fewer than two people take part, a pattern names
    /// nobody, or nothing is to be made.
    pub fn new(data: &'a Dataset, crop: usize, seed: u64, options: Options) -> Result<Self> {
        let full = data.header.crop;
        if crop == 0 || !crop.is_multiple_of(8) || !full.is_multiple_of(crop) {
            let reason = format!("must be a multiple of 8 that divides {full}, the crop of {}", data.folder.display());
            return Err(Error::training(format!("crop {crop}"), reason));
        }
        let crowd = Crowd::new(options.people.choose(&data.items)?);
        if crowd.people() < 2 {
            let who = crowd.items.first().map_or("nobody", |i| &i.person);
            let reason = format!("faces are exchanged between people, and there is only {who}; prepare more photos");
            return Err(Error::training(data.folder.display(), reason));
        }
        let tasks = tasks(&crowd, &options);
        if tasks.is_empty() {
            return Err(Error::training("labels and swaps", "are both none, so there is nothing to make"));
        }
        let (maker, data_ref) = ("mesh".into(), DataRef::of(data)?);
        let samples = tasks.len();
        let header = Header { version: VERSION, maker, crop, samples, seed, data: data_ref, mesh: Some(options) };
        let photos = Photos::new(data, crowd.items.len());
        Ok(Self { header, crowd, photos, tasks, full })
    }

    /// What holds for the samples.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Makes, on `jobs` threads, what is not in `folder` yet. `progress` is told how many samples there are, first those
    /// that were there, then after each shard, and may end the run. Returns how many there are in the end.
    ///
    /// # Errors
    /// As [`ShardWriter::begin`] and [`ShardWriter::push`]; [`Error::Io`] for a photo that cannot be read. Complete
    /// shards stay.
    pub fn run(&self, folder: &Path, jobs: usize, mut progress: impl FnMut(usize) -> ControlFlow<()>) -> Result<usize> {
        let mut writer = ShardWriter::begin(folder, self.header.clone())?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build();
        let pool = pool.map_err(|e| Error::training(format!("{jobs} jobs"), e.to_string()))?;
        let mut go_on = progress(writer.position());
        while go_on.is_continue() && !writer.is_complete() {
            let rest = &self.tasks[writer.position()..];
            let tasks = rest[..rest.len().min(SHARD)].par_iter();
            let samples = tasks.map_init(|| Stage::new(self.full), |stage, task| self.sample(stage, *task));
            let samples: Vec<Sample> = pool.install(|| samples.collect::<Result<_>>())?;
            samples.into_iter().try_for_each(|s| writer.push(s))?;
            go_on = progress(writer.position());
        }
        Ok(writer.position())
    }

    fn sample(&self, stage: &mut Stage, task: Task) -> Result<Sample> {
        match task.kind {
            Kind::Label => self.label(stage, task).map(|(sample, _)| sample),
            Kind::Trip => self.trip(stage, task),
            Kind::Swap => self.swap(stage, task),
        }
    }

    /// T' = mesh(B on A).
    fn label(&self, stage: &mut Stage, task: Task) -> Result<(Sample, Texture)> {
        let order = self.crowd.shuffled(self.crowd.nearest(task.photo), &mut self.rng(task.photo, "order", 0));
        let other = order[task.number];
        let look = Look::random(other.mirrored, &mut self.rng(task.photo, "label", task.number));
        let (a, b) = (self.photo(task.photo)?, self.photo(other.face)?);
        let made = self.put(stage, &b.source.only(&b.texture, look.mirrored), &a.texture, look);
        let record = self.record(Kind::Label, task.photo, task.photo, &[other.face], look);
        let crop = self.header.crop;
        let sample = Sample { record, input: Some(made.picture(crop)), guide: None, mask: made.mask(crop) };
        Ok((sample, made.texture))
    }

    /// The label of the same number with its guide.
    fn trip(&self, stage: &mut Stage, task: Task) -> Result<Sample> {
        let (label, below) = self.label(stage, task)?;
        let (source, host) = self.returned(stage, task)?;
        let made = self.put(stage, &source, &below, Look::in_use());
        let mut record = Record { kind: Kind::Trip, ..label.record };
        record.from.push(self.crowd.items[host].id.clone());
        let crop = self.header.crop;
        Ok(Sample { record, guide: Some(made.picture(crop)), mask: made.mask(crop), ..label })
    }

    /// A's face as it comes back from mesh(A on C), and C.
    fn returned(&self, stage: &mut Stage, task: Task) -> Result<(Source, usize)> {
        let mut rng = self.rng(task.photo, "trip", task.number);
        let host = self.partner(task.photo, &mut rng)?;
        let (a, c) = (self.photo(task.photo)?, self.photo(host.face)?);
        // C is mirrored where that fits better, so that A's own left and right stay.
        let c = if host.mirrored { &c.texture.mirrored() } else { &c.texture };
        let made = self.put(stage, &a.source.only(&a.texture, false), c, Look::random(false, &mut rng));
        Ok((Source::of(&[made.texture]), host.face))
    }

    fn swap(&self, stage: &mut Stage, task: Task) -> Result<Sample> {
        let other = self.partner(task.photo, &mut self.rng(task.photo, "swap", task.number))?;
        let (a, b) = (self.photo(task.photo)?, self.photo(other.face)?);
        let (look, crop) = (Look::in_use(), self.header.crop);
        let made = self.put(stage, &b.source, &a.texture, look);
        let record = self.record(Kind::Swap, task.photo, other.face, &[other.face], look);
        Ok(Sample { record, input: None, guide: Some(made.picture(crop)), mask: made.mask(crop) })
    }

    /// The source's face on that of a picture.
    fn put(&self, stage: &mut Stage, source: &Source, on: &Texture, look: Look) -> Made {
        let (picture, side) = (picture_of(on), on.side);
        let canvas: Vec<f32> = planar(&picture).into_iter().map(|v| f32::from(v) / 255.0).collect();
        stage.options = guide::Options { shape: look.shape, eyes: look.eyes };
        stage.light.strength = look.light;
        let made = stage.run(source, &canvas, &on.points, self.full);
        let mask = |x, y| Luma([(made.mask[y as usize * side + x as usize] * 255.0).round() as u8]);
        let mask = GrayImage::from_fn(side as u32, side as u32, mask);
        let (rgb, points) = (from_planes(made.rgb, side).into_raw(), made.points.clone());
        let pose = mesh::pose(&points).pose;
        Made { texture: Texture { side, rgb, points, pose }, mask }
    }

    fn partner(&self, photo: usize, rng: &mut ChaCha8Rng) -> Result<Match> {
        let nobody = || Error::training(&self.crowd.items[photo].id, "there is nobody else");
        self.crowd.partner(photo, rng).ok_or_else(nobody)
    }

    fn photo(&self, face: usize) -> Result<std::sync::Arc<Photo>> {
        self.photos.get(face, self.crowd.items[face])
    }

    fn record(&self, kind: Kind, photo: usize, identity: usize, from: &[usize], look: Look) -> Record {
        let id = |face: usize| self.crowd.items[face].id.clone();
        let from = from.iter().map(|&face| id(face)).collect();
        Record { kind, photo: id(photo), identity: id(identity), from, mesh: Some(look) }
    }

    /// Randomness of one decision about one photo.
    fn rng(&self, photo: usize, purpose: &str, number: usize) -> ChaCha8Rng {
        let name = format!("{} {} {purpose} {number}", self.header.seed, self.crowd.items[photo].id);
        ChaCha8Rng::from_seed(Sha256::digest(name).into())
    }
}

/// Everything that is to be made, photo by photo.
fn tasks(crowd: &Crowd<'_>, options: &Options) -> Vec<Task> {
    let of_photo = |(photo, neighbours): (usize, usize)| {
        let labels = options.labels.min(neighbours);
        let trips = (options.trips.clamp(0.0, 1.0) * labels as f32).round() as usize;
        let task = move |kind| move |number| Task { photo, kind, number };
        let labelled = (0..trips).map(task(Kind::Trip)).chain((trips..labels).map(task(Kind::Label)));
        labelled.chain((0..options.swaps).map(task(Kind::Swap)))
    };
    crowd.neighbours().into_iter().enumerate().flat_map(of_photo).collect()
}

/// Its pixels.
fn picture_of(texture: &Texture) -> RgbImage {
    let side = texture.side;
    RgbImage::from_fn(side as u32, side as u32, |x, y| {
        let at = 3 * (y as usize * side + x as usize);
        Rgb([0, 1, 2].map(|c| texture.rgb[at + c]))
    })
}
