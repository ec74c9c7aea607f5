//! Writes every stage of one swapped picture as a PNG, for the curious and for whoever looks for a fault.
//!
//! ```sh
//! cargo run --release --example dump_stages -- PHOTO IDENTITY.alphaface OUT_FOLDER
//! ```

use std::path::Path;

use alphaswap::align::{canvas_from_frame, canvas_side};
use alphaswap::face::Landmarks;
use alphaswap::frame::{ColorSpace, FrameInfo, FrameView, FrameViewMut, PixelFormat};
use alphaswap::identity::Identity;
use alphaswap::models::Model;
use alphaswap::path::cpu::CpuPath;
use alphaswap::path::cpu::generator::Generator;
use alphaswap::path::cpu::sample::{Border, Sampler};
use alphaswap::path::{FramePath, LANDMARK_SIDE};
use alphaswap::settings::{DeviceChoice, Look, ModelChoice};
use alphaswap::{Pipeline, detect, guide, mask, region};
use anyhow::{Context, Result};
use image::{GrayImage, Rgb, RgbImage};

/// Crop size that is shown.
const CROP: usize = 256;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [photo, identity, folder] = args.as_slice() else {
        anyhow::bail!("usage: PHOTO IDENTITY.alphaface OUT_FOLDER")
    };
    let (picture, identity) = (image::open(photo)?.to_rgb8(), Identity::open(identity)?);
    let folder = Path::new(folder);
    std::fs::create_dir_all(folder)?;
    let frame = view(&picture)?;
    let sampler = Sampler::new(&frame);

    picture.save(folder.join("0-frame.png"))?;
    let mut input = vec![0.0; 3 * detect::SIDE * detect::SIDE];
    sampler.letterbox(detect::SIDE, &mut input);
    save(&input, detect::SIDE, &folder.join("1-detector-input.png"))?;

    let mut path = CpuPath::new(None)?;
    let face = *path.detect(&frame, Look::default().threshold)?.first().context("there is no face")?;
    let first = path.landmarks(&frame, region::from_detection(&face))?;
    let frame_from_region = region::from_landmarks(&first.landmarks);
    let mut input = vec![0.0; 3 * LANDMARK_SIDE * LANDMARK_SIDE];
    sampler.warp(frame_from_region, LANDMARK_SIDE, Border::Black, &mut input);
    save(&input, LANDMARK_SIDE, &folder.join("2-landmark-input.png"))?;

    let reading = path.landmarks(&frame, frame_from_region)?;
    println!("detector {:.2}, presence {:.2}", face.score, reading.presence);
    let canvas_map = canvas_from_frame(&reading.landmarks, CROP);
    let (side, points) = (canvas_side(CROP), reading.landmarks.mapped(canvas_map));
    let mut canvas = vec![0.0; 3 * side * side];
    sampler.warp(canvas_map.inverse(), side, Border::Repeat, &mut canvas);
    let mut aligned = rgb(&canvas, side);
    for p in &points.0 {
        if p.x >= 0.0 && p.y >= 0.0 && p.x < side as f32 && p.y < side as f32 {
            aligned.put_pixel(p.x as u32, p.y as u32, Rgb([0, 255, 0]));
        }
    }
    aligned.save(folder.join("3-aligned-with-mesh.png"))?;

    swap(&identity, &canvas, &points, folder)?;
    results(&picture, &identity, folder)
}

/// Guide, generator and mask on the aligned canvas `[3, side, side]`.
fn swap(identity: &Identity, canvas: &[f32], points: &Landmarks, folder: &Path) -> Result<()> {
    let side = canvas_side(CROP);
    let mut stage = guide::Stage::new(CROP);
    let made = stage.run(&guide::Source::new(identity), canvas, points, CROP);
    save(made.rgb, side, &folder.join("4-guide.png"))?;
    save_mask(made.mask, side, &folder.join("5-guide-mask.png"))?;

    let model = Model::builtin("generator")?;
    let config = model.card.generator.clone().context("the generator's card has no [generator] table")?;
    let mut generator = Generator::new(&model, config)?;
    generator.set_identity(identity)?;
    let mut swapped = made.rgb.to_vec();
    generator.run(canvas, side, CROP, &mut swapped);
    save(&swapped, side, &folder.join("6-generator.png"))?;
    let feather = Look::default().feather * CROP as f32;
    save_mask(mask::HullMask::new(side).run(points, side, feather), side, &folder.join("7-mask.png"))
}

/// The whole pipeline with both models.
fn results(picture: &RgbImage, identity: &Identity, folder: &Path) -> Result<()> {
    let frame = view(picture)?;

    for (name, choice) in [("8-result-mesh.png", ModelChoice::Mesh), ("9-result-guided.png", ModelChoice::Guided)] {
        let mut pipeline = Pipeline::new(&DeviceChoice::Cpu, &choice, identity.clone().into(), Look::default())?;
        let mut bytes = picture.clone();
        let (info, stride) = (frame.info, frame.strides[0]);
        let planes = [bytes.as_mut(), &mut [], &mut []];
        pipeline.process(&mut FrameViewMut::new(info, planes, [stride, 0, 0])?, None)?;
        bytes.save(folder.join(name))?;
    }
    Ok(())
}

fn view(picture: &RgbImage) -> Result<FrameView<'_>> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let info = FrameInfo { format: PixelFormat::Rgb, width, height, color: ColorSpace::default() };
    Ok(FrameView::new(info, [picture.as_raw(), &[], &[]], [width * 3, 0, 0])?)
}

/// A picture from planar RGB `[3, side, side]`, 0 to 1.
fn rgb(planes: &[f32], side: usize) -> RgbImage {
    let code = |v: f32| (v * 255.0 + 0.5) as u8;
    let pixel = |x: u32, y: u32| {
        let i = y as usize * side + x as usize;
        Rgb([0, 1, 2].map(|c| code(planes[c * side * side + i])))
    };
    RgbImage::from_fn(side as u32, side as u32, pixel)
}

fn save(planes: &[f32], side: usize, path: &Path) -> Result<()> {
    Ok(rgb(planes, side).save(path)?)
}

fn save_mask(mask: &[f32], side: usize, path: &Path) -> Result<()> {
    let pixels = mask.iter().map(|v| (v * 255.0 + 0.5) as u8).collect();
    let picture = GrayImage::from_raw(side as u32, side as u32, pixels).context("the mask has another size")?;
    Ok(picture.save(path)?)
}
