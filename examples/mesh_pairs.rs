//! Puts faces on faces with the model `mesh`, for judging the guide on many pairs of photos.
//!
//! usage: mesh_pairs DIR PAIRS.json OUT [shape eyes]
//!
//! DIR holds what tests/fixtures/eval/judge.py made: `landmarks.json` (name -> texture crop, points on the 320-px canvas),
//! `canvas/NAME.png` (320 px, crop 256) and `texture/NAME.png` (1.25 x the texture crop). PAIRS is a list of
//! `[source, target]`; a source of several photos is written `A+B`. Writes the 256-px crops OUT/SOURCE_TARGET.png and tells the mean time of a guide.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{Duration, Instant};

use alphaswap::face::Landmarks;
use alphaswap::guide::{Options, Source, Stage};
use alphaswap::identity::{Consent, Identity, Texture};
use anyhow::{Context, Result};
use glam::Vec3;

const CROP: usize = 256;
const SIDE: usize = CROP * 5 / 4;

#[derive(serde::Deserialize)]
struct Face {
    texture_crop: usize,
    points: Vec<[f32; 3]>,
}

impl Face {
    /// The points on the canvas of a crop of side `crop`.
    fn points(&self, crop: usize) -> Landmarks {
        let k = crop as f32 / CROP as f32;
        let place = |p: &[f32; 3]| Vec3::new((p[0] + 0.5) * k - 0.5, (p[1] + 0.5) * k - 0.5, p[2] * k);
        Landmarks(self.points.iter().map(place).collect())
    }
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [dir, pairs, out, options @ ..] = args.as_slice() else {
        anyhow::bail!("usage: mesh_pairs DIR PAIRS.json OUT")
    };
    let (dir, out) = (Path::new(dir), Path::new(out));
    std::fs::create_dir_all(out)?;
    let faces: HashMap<String, Face> = serde_json::from_slice(&std::fs::read(dir.join("landmarks.json"))?)?;
    let pairs: Vec<(String, String)> = serde_json::from_slice(&std::fs::read(pairs)?)?;
    let mut by_source: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    pairs.iter().for_each(|(s, t)| by_source.entry(s).or_default().push(t));
    let mut stage = Stage::new(CROP);
    if let [shape, eyes] = options {
        stage.options = Options { shape: shape.parse()?, eyes: eyes.parse()? };
    }
    let mut spent = Duration::ZERO;
    for (name, targets) in by_source {
        let textures = name.split('+').map(|photo| texture(dir, photo, &faces[photo])).collect::<Result<_>>()?;
        let source = source(name, textures);
        for target in targets {
            let canvas = planar(&dir.join("canvas").join(format!("{target}.png")))?;
            let points = faces[target].points(CROP);
            let start = Instant::now();
            let guide = stage.run(&source, &canvas, &points, CROP);
            spent += start.elapsed();
            save_crop(guide.rgb, &out.join(format!("{name}_{target}.png")))?;
        }
    }
    println!("{} pairs, {:.2} ms a guide", pairs.len(), spent.as_secs_f64() * 1e3 / pairs.len() as f64);
    Ok(())
}

fn source(name: &str, textures: Vec<Texture>) -> Source {
    let consent = Consent { text: "evaluation".into(), date: "2025-01-01".into() };
    let (name, encoder) = (name.to_owned(), "faceres".to_owned());
    Source::new(&Identity { name, consent, encoder, embedding: Vec::new(), textures })
}

fn texture(dir: &Path, name: &str, face: &Face) -> Result<Texture> {
    let path = dir.join("texture").join(format!("{name}.png"));
    let picture = image::open(&path).with_context(|| path.display().to_string())?.to_rgb8();
    let points = face.points(face.texture_crop);
    let pose = alphaswap::mesh::pose(&points).pose;
    Ok(Texture { side: picture.width() as usize, rgb: picture.into_raw(), points, pose })
}

fn planar(path: &Path) -> Result<Vec<f32>> {
    let picture = image::open(path).with_context(|| path.display().to_string())?.to_rgb8();
    let mut planes = vec![0.0; 3 * SIDE * SIDE];
    for (i, pixel) in picture.pixels().enumerate() {
        (0..3).for_each(|c| planes[c * SIDE * SIDE + i] = f32::from(pixel.0[c]) / 255.0);
    }
    Ok(planes)
}

fn save_crop(rgb: &[f32], path: &Path) -> Result<()> {
    let margin = (SIDE - CROP) / 2;
    let at = |x: u32, y: u32, c: usize| rgb[c * SIDE * SIDE + (y as usize + margin) * SIDE + x as usize + margin];
    let byte = |v: f32| (v * 255.0 + 0.5) as u8;
    let side = CROP as u32;
    image::RgbImage::from_fn(side, side, |x, y| image::Rgb([0, 1, 2].map(|c| byte(at(x, y, c))))).save(path)?;
    Ok(())
}
