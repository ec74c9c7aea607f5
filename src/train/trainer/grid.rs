//! Rows of samples as one picture.

use burn::tensor::{Device, Tensor};
use image::{Rgb, RgbImage, imageops};

use super::batch::Batch;
use super::material::Material;
use super::networks::{Generator, rows, stack};
use super::planes::Planes;
use crate::error::Result;
use crate::nets::GeneratorConfig;
use crate::train::checkpoint::on_host;
use crate::train::spec_module::SpecModule;

/// Rows of a kind.
const ROWS: usize = 4;
/// The step whose batch is shown: no run gets there, so the samples are always the same.
const SHOWN: u64 = u64::MAX;
/// Pixels between pictures.
const GAP: u32 = 2;

/// Rows of (input, guide, output, real photo or identity): held-out triplets, then triplets, then swaps. Generators
/// without a guide have no second column.
///
/// # Errors
/// A file of the data or pseudo set that is missing or damaged.
pub fn grid(module: &SpecModule, config: &GeneratorConfig, material: &Material, device: &Device) -> Result<RgbImage> {
    let held_out = (0..material.held_out_count().min(ROWS)).map(|i| Ok(material.held_out(i)?.0));
    let Batch { mut triplets, mut swaps } = material.batch(SHOWN)?;
    triplets.truncate(ROWS);
    swaps.truncate(ROWS);
    let triplets = held_out.chain(triplets.into_iter().map(Ok)).collect::<Result<Vec<_>>>()?;
    let triplets = triplets.iter().map(|t| ([&t.input, &t.guide, &t.target], &t.identity));
    let swaps = swaps.iter().map(|s| ([&s.target, &s.guide, &s.source], &s.identity));
    let samples: Vec<_> = triplets.chain(swaps).collect();
    let mut lines = Vec::new();
    for ([input, guide, last], identity) in samples {
        let made = Generator::swap_by(
            module,
            config,
            stack([input], device),
            stack([guide], device),
            rows([identity], device),
        );
        let made = planes(made);
        let mut line = vec![input.to_rgb()];
        if config.guide {
            line.push(guide.to_rgb());
        }
        line.extend([made.to_rgb(), last.to_rgb()]);
        lines.push(line);
    }
    Ok(tile(&lines, config.crop as u32))
}

fn planes(picture: Tensor<4>) -> Planes {
    let side = picture.dims()[3];
    Planes { side, data: on_host(picture).data }
}

fn tile(lines: &[Vec<RgbImage>], side: u32) -> RgbImage {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let (width, height) = (columns * (side + GAP), lines.len() as u32 * (side + GAP));
    let mut grid = RgbImage::from_pixel(width.max(1), height.max(1), Rgb([128; 3]));
    for (y, line) in lines.iter().enumerate() {
        for (x, picture) in line.iter().enumerate() {
            let place = |i: usize| i as i64 * i64::from(side + GAP);
            imageops::replace(&mut grid, picture, place(x), place(y));
        }
    }
    grid
}
