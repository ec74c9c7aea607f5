//! The one-euro filter on landmarks: still faces stand still, quick ones are not held back.
//!
//! Casiez, Roussel, Vogel: 1 euro filter, CHI 2012. Speed is measured in eye distances a second, so that the
//! filter does the same at every face size.

use glam::Vec3;

use crate::face::Landmarks;
use crate::path::Smoothed;

/// Cutoff of the speed estimate in Hz.
const SPEED_CUTOFF: f32 = 3.0;
/// Hz that the cutoff rises by for each eye distance a second.
const CUTOFF_PER_SPEED: f32 = 20.0;
/// Hz of the cutoff of a still face at `smoothing` .5.
const STILL_CUTOFF: f32 = 2.2;

/// Weight of the new sample in an exponential filter of `cutoff` Hz after `elapsed_secs`.
fn weight(cutoff: f32, elapsed_secs: f32) -> f32 {
    let tau = 1.0 / (std::f32::consts::TAU * cutoff);
    elapsed_secs / (elapsed_secs + tau)
}

/// Filters `raw` (frame pixels) with what was said `elapsed_secs` ago. `smoothing` is 0 (none) to 1.
pub fn one_euro(raw: &Landmarks, history: Option<&Smoothed>, elapsed_secs: f32, smoothing: f32) -> Smoothed {
    let still = || Smoothed { landmarks: raw.clone(), speed: vec![Vec3::ZERO; raw.0.len()] };
    let Some(history) = history else { return still() };
    let eyes = (raw.0[263] - raw.0[33]).truncate().length();
    if smoothing <= 0.0 || elapsed_secs <= 0.0 || eyes <= 0.0 {
        return still();
    }
    let still_cutoff = STILL_CUTOFF * (1.05 - smoothing) / smoothing / 1.1;
    let speed_weight = weight(SPEED_CUTOFF, elapsed_secs);
    let step = |((&new, &old), &speed): ((&Vec3, &Vec3), &Vec3)| {
        let speed = speed.lerp((new - old) / elapsed_secs, speed_weight);
        let cutoff = still_cutoff + CUTOFF_PER_SPEED * speed.length() / eyes;
        (old.lerp(new, weight(cutoff, elapsed_secs)), speed)
    };
    let (points, speed) = raw.0.iter().zip(&history.landmarks.0).zip(&history.speed).map(step).unzip();
    Smoothed { landmarks: Landmarks(points), speed }
}
