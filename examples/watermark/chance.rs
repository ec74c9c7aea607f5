//! How often pictures without a mark seem to have one.

use alphaswap::marks::watermark::{Picture, SURE, Window};
use anyhow::Result;
use rayon::prelude::*;

use crate::clips;

/// Size of the pictures that are read.
const SIZE: [usize; 2] = [320, 180];

/// Of so many pictures four (one of each kind) are also looked for in larger frames, which takes seconds.
const SEARCHED: u64 = 2000;

/// Reads `count` pictures: half of them parts of the clips' frames at random places and scales, the others noise and test
/// patterns.
pub fn run(count: u64) -> Result<()> {
    let clips = clips::made_up()?;
    let scores: Vec<f64> = (0..count).into_par_iter().map(|seed| score(&clips, seed)).collect();
    println!(
        "{count} pictures without a mark; log10 of the bound on the probability of chance (a mark is below {SURE})\n"
    );
    println!("| at most | expected at most | seen |\n|---|---|---|");
    let seen = |level: f64| scores.iter().filter(|s| **s <= level).count();
    for level in [-0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -5.0, SURE] {
        println!("| {level} | {:.1} | {} |", count as f64 * 10_f64.powf(level), seen(level));
    }
    // An exponential tail through everything below `from`: its maximum-likelihood slope is the mean excess.
    let from = -0.5;
    let excess: Vec<f64> = scores.iter().filter(|s| **s <= from).map(|s| from - s).collect();
    let mean = excess.iter().sum::<f64>() / excess.len().max(1) as f64;
    let share = excess.len() as f64 / count as f64;
    let fitted = share.log10() - (from - SURE) / mean / std::f64::consts::LN_10;
    let lowest = scores.iter().fold(0.0, |a: f64, b| a.min(*b));
    println!("\nlowest {lowest:.2}; an exponential tail fitted below {from} gives 10^{fitted:.1} at {SURE}");
    Ok(())
}

fn score(clips: &[clips::Clip], seed: u64) -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5151_5151;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let [width, height] = SIZE;
    let luma: Vec<u8> = if seed.is_multiple_of(4) {
        (0..width * height).map(|_| random() as u8).collect()
    } else if seed % 4 == 1 {
        let numbers = [(); 4].map(|()| random());
        (0..width * height).map(|i| pattern(numbers, i % width, i / width)).collect()
    } else {
        let clip = &clips[random() % clips.len()];
        let frame = random() % clip.frames() * clip.width * clip.height;
        // Between one and the most pixels to a pixel.
        let most = (clip.width / width).min(clip.height / height).max(1);
        let step = 1 + random() % most;
        let (left, top) = (random() % (clip.width - width * step + 1), random() % (clip.height - height * step + 1));
        let at = |i: usize| frame + (top + i / width * step) * clip.width + left + i % width * step;
        (0..width * height).map(|i| clip.luma[at(i)]).collect()
    };
    // Of half of them a still video.
    let mut window = Window::default();
    for _ in 0..1 + 2 * (seed / 4 % 2) {
        window.push(Picture::new(&luma, width, height, width).expect("a whole picture"));
    }
    let reading = if seed % SEARCHED < 4 { window.search() } else { window.read() };
    reading.expect("a picture").evidence.log10_p
}

/// A code of a test pattern: a checkerboard, bars, a sawtooth, a grating, or a zone plate, of random size and place.
fn pattern([kind, a, b, c]: [usize; 4], x: usize, y: usize) -> u8 {
    let wave = |phase: f32| (128.0 + 100.0 * phase.sin()) as u8;
    let [u, v] = [x, y].map(|at| at as f32);
    match kind % 5 {
        0 if (x / (1 + a % 40) + y / (1 + b % 40)).is_multiple_of(2) => c as u8,
        0 => !(c as u8),
        1 => (x / (4 + a % 60) * (b | 1)) as u8,
        2 => ((x * (a % 5) + y * (b % 5)) / (1 + c % 9)) as u8,
        3 => wave(u * (a % 100) as f32 / 60.0 + v * (b % 100) as f32 / 60.0),
        _ => wave(((u - (a % 320) as f32).powi(2) + (v - (b % 180) as f32).powi(2)) / (10 + c % 400) as f32),
    }
}
