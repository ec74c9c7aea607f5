//! Tiny sets and configs: drawn heads with masks and embeddings, pseudo-triplets of them, networks of a few channels.

use std::collections::HashMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use alphaswap::train::data::{Dataset, item_file};
use alphaswap::train::people::People;
use alphaswap::train::pseudo::mesh::{Maker, Options};
use alphaswap::train::trainer::Config;
use image::{GrayImage, Luma};
use safetensors::tensor::{Dtype, TensorView};
use tempfile::TempDir;

use super::super::pseudo::photos::drawn;

/// Side of the crops.
pub const CROP: usize = 32;

/// A data set with its pseudo sets, all removed when dropped.
pub struct Sets {
    _folders: [TempDir; 3],
    /// Two photos each of five people, A to E.
    pub data: Dataset,
    /// The folder of C's, D's and E's pseudo set.
    pub pseudo: PathBuf,
    /// The folder of A's and B's.
    pub held_out: PathBuf,
}

impl Sets {
    /// Draws the photos and makes the pseudo sets.
    pub fn new() -> Self {
        let (photos, data) = drawn(5, 2, CROP);
        for (number, item) in data.items.iter().enumerate() {
            complete(&data, &item.id, &item.person, number);
        }
        let [pseudo, held_out] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let held: Vec<String> = vec!["drawn/[AB]".into()];
        let (others, only) =
            (People { only: Vec::new(), without: held.clone() }, People { only: held, without: Vec::new() });
        for (folder, people) in [(&pseudo, others), (&held_out, only)] {
            let options = Options { labels: 4, trips: 0.7, swaps: 2, people };
            let maker = Maker::new(&data, CROP, 5, options).unwrap();
            maker.run(folder.path(), 1, |_| ControlFlow::Continue(())).unwrap();
        }
        Self {
            data,
            pseudo: pseudo.path().into(),
            held_out: held_out.path().into(),
            _folders: [photos, pseudo, held_out],
        }
    }

    /// One caption for each photo.
    pub fn caption(&self) {
        let line = |id: &str| format!("{{\"id\":\"{id}\",\"text\":\"The head is turned to the left.\"}}\n");
        let lines: String = self.data.items.iter().map(|item| line(&item.id)).collect();
        fs::write(self.data.folder.join("captions.jsonl"), lines).unwrap();
    }

    /// Calls every photo's embedding otherwise.
    pub fn rename_embeddings(&self, name: &str) {
        let mut header = self.data.header.clone();
        header.encoders = vec![name.into()];
        fs::write(self.data.folder.join("dataset.toml"), toml::to_string(&header).unwrap()).unwrap();
        for item in &self.data.items {
            let mut features = self.data.features(item).unwrap();
            let embedding = features.embeddings.remove("faceres_224").unwrap();
            let points: Vec<f32> = features.points.0.iter().flat_map(|p| p.to_array()).collect();
            write(&self.data.file(item, "safetensors"), &points, name, &embedding);
        }
    }

    /// A config text: a tiny guided generator on these sets.
    pub fn guided(&self) -> String {
        format!(
            "seed = 3\nsteps = 4\n{}\n[data]\nset = {:?}\npseudo = {:?}\ntriplets = 2\nswaps = 2\nself_every = 3\n{OFF}",
            generator(true),
            self.data.folder,
            self.pseudo
        )
    }

    /// A config text: a tiny generator without a guide, on pairs.
    pub fn plain(&self) -> String {
        format!("seed = 3\nsteps = 4\n{}\n[data]\nset = {:?}\npairs = 1\n", generator(false), self.data.folder)
    }

    /// The guided config with overrides.
    pub fn config(&self, overrides: &[&str]) -> Config {
        parse(&self.guided(), overrides)
    }
}

/// A config of that text with overrides.
pub fn parse(text: &str, overrides: &[&str]) -> Config {
    let overrides: Vec<_> = overrides.iter().map(ToString::to_string).collect();
    Config::parse("test", text, &overrides).unwrap()
}

/// Only pixel terms: what makes a step quick.
pub const OFF: &str = "
[losses]
identity = 0
perceptual = 0
self_reconstruction = 0
cycle = 0
clip_identity = 0
clip_text = 0
triplet_perceptual = 0
swap_low_frequency = 3
adversarial = 0

[discriminator]
width = 4
max = 8
blocks = 3

[optimizer]
lr = 2e-3

[augment]
rotation = 4
scale = 0.04
shift = 0.025
color = 0.1
guide_color = 0.06
";

/// A generator of a few channels.
fn generator(guide: bool) -> String {
    format!(
        "[generator]
names = \"compact\"
crop = {CROP}
window = {{ x = 4, y = 4, width = 24, height = 24 }}
guide = {guide}
space_to_depth = 2
encoder = [{{ name = \"e0\", out = 8, kernel = 3, pad = 1 }}, {{ name = \"e1\", out = 12, kernel = 3, pad = 1, stride = 2 }}]
decoder = [
  {{ name = \"d1\", out = 8, kernel = 3, pad = 1, upsample = true }},
  {{ name = \"d2\", out = 3, kernel = 5, pad = 2, edge = \"reflect\", depth_to_space = 2 }},
]
identity = {{ encoder = \"faceres_224\", width = 1024, map = 8, scale = 32.0 }}
blocks = {{ count = 1, caii = true, bias = false }}
"
    )
}

/// Adds what drawn photos lack: a mask that is an ellipse, and an embedding that is the person's with a little of the
/// photo's own.
fn complete(data: &Dataset, id: &str, person: &str, number: usize) {
    let item = data.item(id).unwrap();
    let side = data.canvas(item).unwrap().width();
    let inside = |x: u32, y: u32| {
        let [u, v] = [x, y].map(|at| (at as f32 + 0.5) / side as f32 - 0.5);
        (u / 0.3).powi(2) + (v / 0.38).powi(2) < 1.0
    };
    GrayImage::from_fn(side, side, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]))
        .save(item_file(&data.folder, id, "mask.png"))
        .unwrap();
    let points: Vec<f32> = data.features(item).unwrap().points.0.iter().flat_map(|p| p.to_array()).collect();
    let seed = person.bytes().map(f32::from).sum::<f32>();
    let embedding: Vec<f32> = (0..1024).map(|i| (seed * i as f32).sin() + 0.1 * ((number + i) as f32).cos()).collect();
    write(&item_file(&data.folder, id, "safetensors"), &points, "faceres_224", &embedding);
}

fn write(path: &Path, points: &[f32], name: &str, embedding: &[f32]) {
    let view = |shape: Vec<usize>, values| TensorView::new(Dtype::F32, shape, bytemuck::cast_slice(values)).unwrap();
    let tensors = HashMap::from([
        ("points".to_string(), view(vec![points.len() / 3, 3], points)),
        (format!("embedding.{name}"), view(vec![embedding.len()], embedding)),
    ]);
    fs::write(path, safetensors::serialize(tensors, None).unwrap()).unwrap();
}
