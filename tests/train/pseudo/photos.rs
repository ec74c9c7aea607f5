//! Small data sets: drawn heads, and the demo's portraits.

use std::collections::HashMap;
use std::fs;

use alphaswap::align::canvas_side;
use alphaswap::face::Landmarks;
use alphaswap::identity::enroll::Enroller;
use alphaswap::identity::photo::resize;
use alphaswap::mesh;
use alphaswap::train::data::{Dataset, Header, Item, PhotoSet};
use glam::{EulerRot, Mat3, Vec3};
use image::{Rgb, RgbImage};
use safetensors::tensor::{Dtype, TensorView};
use tempfile::TempDir;

use crate::support::clip::media;

/// An item of which only this is known.
pub fn item(person: &str, number: usize, yaw: f32, mouth: f32) -> Item {
    let mut expression = [0.3; 10];
    expression[2] = mouth;
    Item {
        id: format!("{:08x}{:08x}", number, person.bytes().fold(7u32, |h, b| h.wrapping_mul(31) ^ u32::from(b))),
        set: "drawn".into(),
        photo: format!("{person}/{number}.png"),
        person: person.into(),
        pose: alphaswap::face::Pose { yaw, pitch: 0.0, roll: 0.0 },
        expression,
        crop_pixels: 128.0,
        presence: 1.0,
    }
}

/// The canonical head turned by `yaw` degrees on the canvas of `crop`.
fn head(yaw: f32, crop: usize) -> Landmarks {
    let rotation = Mat3::from_euler(EulerRot::YXZ, yaw.to_radians(), 0.0, 0.0);
    let centre = Vec3::new(1.0, 1.0, 0.0) * ((canvas_side(crop) - 1) as f32 / 2.0);
    let scale = crop as f32 * 0.043 * Vec3::new(1.0, -1.0, -1.0);
    Landmarks(mesh::canonical().points.iter().map(|p| rotation * *p * scale + centre).collect())
}

/// People A, B, C ... with `photos` photos each, turned to different sides; each has a pattern of their own.
pub fn drawn(people: usize, photos: usize, crop: usize) -> (TempDir, Dataset) {
    let side = canvas_side(crop) as u32;
    let mut taken = Vec::new();
    for (p, n) in (0..people).flat_map(|p| (0..photos).map(move |n| (p, n))) {
        let yaw = (p * 7 + n * 13) as f32 % 50.0 - 25.0;
        let paint = |x: u32, y: u32| {
            let (u, v) = (x as f32 / side as f32, y as f32 / side as f32);
            let waves = (u * (9.0 + 5.0 * p as f32)).sin() * (v * (31.0 - 4.0 * p as f32)).cos();
            Rgb([0.62, 0.5, 0.42].map(|base| ((base + 0.15 * waves + 0.1 * (v - 0.5)) * 255.0) as u8))
        };
        let person = format!("drawn/{}", char::from(b'A' + p as u8));
        taken.push((person, n, RgbImage::from_fn(side, side, paint), head(yaw, crop)));
    }
    data_set(crop, taken)
}

/// The demo's two portraits.
pub fn portraits(crop: usize) -> (TempDir, Dataset) {
    let mut enroller = Enroller::new().unwrap();
    let mut taken = Vec::new();
    for name in ["ada", "kai"] {
        let path = media(&format!("{name}.jpg"));
        let photo = image::open(&path).unwrap().into_rgb8();
        let texture = enroller.sample(&path, &photo, None).unwrap().texture;
        let side = texture.side as u32;
        let picture = RgbImage::from_raw(side, side, texture.rgb).unwrap();
        let (canvas, to_canvas) = resize(&picture, canvas_side(crop) as f32 / side as f32);
        taken.push((format!("demo/{name}"), 0, canvas, texture.points.mapped(to_canvas)));
    }
    data_set(crop, taken)
}

/// Writes a data set: person, number, canvas and mesh of each photo.
fn data_set(crop: usize, photos: Vec<(String, usize, RgbImage, Landmarks)>) -> (TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let set = PhotoSet { name: "drawn".into(), folder: "photos".into(), licence: "none, drawings".into() };
    let header = Header { version: 1, crop, encoders: vec!["faceres_224".into()], sets: vec![set] };
    fs::write(folder.path().join("dataset.toml"), toml::to_string(&header).unwrap()).unwrap();
    let mut data = Dataset { folder: folder.path().into(), header, items: Vec::new() };
    for (person, number, canvas, points) in photos {
        let fit = mesh::pose(&points);
        let expression = mesh::expression(&fit.normalised);
        let shown = Item { pose: fit.pose, expression, ..item(&person, number, 0.0, 0.0) };
        write(&data, &shown, &canvas, &points);
        data.items.push(shown);
    }
    data.items.sort_by(|a, b| a.id.cmp(&b.id));
    let lines = data.items.iter().map(|i| serde_json::to_string(i).unwrap() + "\n").collect::<String>();
    fs::write(folder.path().join("index.jsonl"), lines).unwrap();
    (folder, data)
}

fn write(data: &Dataset, item: &Item, canvas: &RgbImage, points: &Landmarks) {
    let file = data.file(item, "png");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    canvas.save(file).unwrap();
    let values: Vec<f32> = points.0.iter().flat_map(|p| p.to_array()).collect();
    let view = TensorView::new(Dtype::F32, vec![points.0.len(), 3], bytemuck::cast_slice(&values)).unwrap();
    let bytes = safetensors::serialize(HashMap::from([("points", view)]), None).unwrap();
    fs::write(data.file(item, "safetensors"), bytes).unwrap();
}
