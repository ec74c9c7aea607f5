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

/// Filters `raw` (frame pixels) with what was said `elapsed_secs` ago, into `out`. `smoothing` is 0 (none) to 1.
pub fn one_euro(raw: &Landmarks, history: Option<&Smoothed>, elapsed_secs: f32, smoothing: f32, out: &mut Smoothed) {
    let (points, speeds) = (&mut out.landmarks.0, &mut out.speed);
    points.clear();
    speeds.clear();
    let eyes = (raw.0[263] - raw.0[33]).truncate().length();
    let moving = smoothing > 0.0 && elapsed_secs > 0.0 && eyes > 0.0;
    let Some(history) = history.filter(|_| moving) else {
        points.extend_from_slice(&raw.0);
        return speeds.resize(raw.0.len(), Vec3::ZERO);
    };
    let still_cutoff = STILL_CUTOFF * (1.05 - smoothing) / smoothing / 1.1;
    let speed_weight = weight(SPEED_CUTOFF, elapsed_secs);
    for ((&new, &old), &speed) in raw.0.iter().zip(&history.landmarks.0).zip(&history.speed) {
        let speed = speed.lerp((new - old) / elapsed_secs, speed_weight);
        let cutoff = still_cutoff + CUTOFF_PER_SPEED * speed.length() / eyes;
        points.push(old.lerp(new, weight(cutoff, elapsed_secs)));
        speeds.push(speed);
    }
}
