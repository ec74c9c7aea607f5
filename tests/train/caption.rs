//! Captions: the three captioners, what is kept of a run that ends early, and mirrored texts.

mod cli;
mod files;
mod flip;
mod measured;
mod server;
mod store;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use alphaswap::align::canvas_side;
use alphaswap::face::{Landmarks, Pose};
use alphaswap::mesh::canonical;
use alphaswap::train::caption::{self, Captioner, Failure, Options, Origin, Photo, Stop, Summary};
use alphaswap::train::data::{Dataset, Header, Item, PhotoSet};
use glam::{Mat3, Vec3};
use image::{Rgb, RgbImage};
use safetensors::tensor::{Dtype, TensorView};
use tempfile::TempDir;

/// Side of the crops, small so that tests are quick, and of their canvases.
const CROP: usize = 64;
const SIDE: usize = canvas_side(CROP);

/// The id of photo number `i`.
fn id(i: usize) -> String {
    format!("{:016x}", 0xab00_0000_0000_0000_u64 + i as u64)
}

fn item(i: usize, photo: &str) -> Item {
    Item {
        id: id(i),
        set: "set".into(),
        photo: photo.into(),
        person: format!("set/{i}"),
        pose: Pose::default(),
        expression: [0.0; 10],
        crop_pixels: 256.0,
        presence: 1.0,
    }
}

/// The canonical head on a canvas of `side` pixels, turned by `yaw` degrees to the viewer's right.
fn head(side: usize, yaw: f32) -> Landmarks {
    let turn = Mat3::from_rotation_y(yaw.to_radians());
    let (scale, middle) = (side as f32 / 32.0, side as f32 / 2.0);
    let place = |p: &Vec3| {
        let p = turn * *p * scale;
        Vec3::new(middle + p.x, middle - p.y, -p.z)
    };
    Landmarks(canonical().points.iter().map(place).collect())
}

/// Where a photo's files lie.
fn item_file(folder: &Path, id: &str, ending: &str) -> PathBuf {
    folder.join("items").join(&id[..2]).join(format!("{id}.{ending}"))
}

/// Writes canvas and mesh of an item.
fn write_photo(folder: &Path, id: &str, canvas: &RgbImage, points: &Landmarks) {
    let path = item_file(folder, id, "png");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    canvas.save(&path).unwrap();
    let bytes: Vec<u8> = points.0.iter().flat_map(|p| p.to_array()).flat_map(f32::to_le_bytes).collect();
    let view = TensorView::new(Dtype::F32, vec![points.0.len(), 3], &bytes).unwrap();
    let file = safetensors::serialize([("points", view)], None).unwrap();
    std::fs::write(item_file(folder, id, "safetensors"), file).unwrap();
}

/// Writes header and index.
fn write_index(folder: &Path, items: &[Item]) {
    let set = PhotoSet { name: "set".into(), folder: "photos".into(), licence: "nobody's".into() };
    let header = Header { version: 1, crop: CROP, encoders: vec![], sets: vec![set] };
    std::fs::write(folder.join("dataset.toml"), toml::to_string(&header).unwrap()).unwrap();
    let lines: Vec<_> = items.iter().map(|i| serde_json::to_string(i).unwrap() + "\n").collect();
    std::fs::write(folder.join("index.jsonl"), lines.concat()).unwrap();
}

/// A data set of those photos, each of another colour.
fn data_set(photos: &[&str]) -> (TempDir, Dataset) {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..photos.len() {
        let canvas = RgbImage::from_pixel(SIDE as u32, SIDE as u32, Rgb([20 + 30 * i as u8, 90, 140]));
        write_photo(dir.path(), &id(i), &canvas, &head(SIDE, 0.0));
    }
    let items: Vec<_> = photos.iter().enumerate().map(|(i, photo)| item(i, photo)).collect();
    write_index(dir.path(), &items);
    let dataset = Dataset::open(dir.path()).unwrap();
    (dir, dataset)
}

/// The first photo of a data set.
fn first(dataset: &Dataset) -> Photo<'_> {
    Photo { dataset, item: &dataset.items[0] }
}

/// Nobody wants to stop.
fn go() -> bool {
    false
}

/// Runs to the end, one photo at a time.
fn run(dataset: &Dataset, captioner: &dyn Captioner) -> Summary {
    try_run(dataset, captioner, false).unwrap()
}

fn try_run(dataset: &Dataset, captioner: &dyn Captioner, overwrite: bool) -> alphaswap::error::Result<Summary> {
    caption::run(dataset, captioner, Options { jobs: 1, overwrite }, &mut |_| {}, &go)
}

/// Counts how often it is asked; says the photo's path.
#[derive(Default)]
struct Echo {
    name: &'static str,
    asked: AtomicUsize,
}

impl Captioner for Echo {
    fn origin(&self) -> Origin {
        Origin::new(self.name)
    }

    fn caption(&self, photo: Photo<'_>, _: &Stop<'_>) -> Result<String, Failure> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match photo.item.photo.as_str() {
            "bad.png" => Err(Failure::Skip("bad".into())),
            "fatal.png" => Err(Failure::Fatal("the end".into())),
            name => Ok(format!("{} says {name}", self.name)),
        }
    }
}
