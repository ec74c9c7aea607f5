//! How improbable it is that a picture without a mark gives such sums.
//!
//! The signs of the key were drawn independently of every picture. With the cells' contrasts c fixed, a group's sum is
//! therefore one of independent terms of random sign, and z = sum / sqrt(sum of c^2) is at most as spread as a normal
//! variable: P(z >= t) <= exp(-t^2 / 2) (Hoeffding 1963), E exp(s z^2) <= (1 - 2 s)^(-1/2) for 0 <= s < 1/2. These hold
//! for every picture; nothing is assumed about it.

use std::f64::consts::{LN_2, LN_10};

use super::decode::nearest;
use super::key::{CELLS, DATA, GROUPS, KEY, PILOTS};
use super::payload::{FREE, Payload};

/// A mark counts as found when what was read has at most this probability (as a power of ten) without one.
pub const SURE: f64 = -6.0;
/// A payload counts as read when it is so much likelier than the next one, as a natural logarithm: a million times.
const LIKELIER: f32 = 13.8;
/// Ways of asking below; each may err.
const QUESTIONS: f64 = 3.0;

/// What the pilots were used for before they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pilots {
    /// Nothing: they are evidence.
    Fresh,
    /// To find the place, which they therefore fit in any picture.
    Spent,
}

/// What is read of some frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// By group: its sum in standard deviations of a picture without a mark.
    pub z: [f32; GROUPS],
    /// What the data groups say most likely, though they may say nothing.
    pub likeliest: Payload,
    /// The same, if it is sure.
    pub payload: Option<Payload>,
    /// Power of ten of a bound on the probability of such evidence without a mark.
    pub log10_p: f64,
}

impl Evidence {
    /// Judges contrasts averaged over frames with any weights (`flat`), and with weights that were made of the pilots
    /// (`weighted`, which therefore says nothing of the pilots themselves). Cells that were not seen are 0.
    pub(super) fn new(flat: &[f32], weighted: &[f32], pilots: Pilots) -> Self {
        let (fresh, _) = normalised(flat);
        let (mut z, deviations) = normalised(weighted);
        z[DATA..].copy_from_slice(&fresh[DATA..]);
        let mut sums = [0.0; DATA];
        sums.iter_mut().enumerate().for_each(|(g, sum)| *sum = z[g] * deviations[g]);
        let decoded = nearest(z.first_chunk().expect("data groups come first"));
        let codeword = decoded.payload.encode();
        let agreed: f32 = codeword.iter().zip(&sums).map(|(bit, sum)| bit * sum).sum();
        let spread = deviations[..DATA].iter().map(|d| d * d).sum::<f32>().sqrt();
        let said = f64::from(agreed / spread.max(f32::MIN_POSITIVE));
        let known = f64::from(z[DATA..].iter().sum::<f32>()) / (PILOTS as f64).sqrt();
        let (known, said) = match pilots {
            Pilots::Fresh => (tail(known), together(said, known)),
            Pilots::Spent => (0.0, said),
        };
        let code = FREE as f64 * LN_2 + tail(said);
        // A mark of amplitude a in noise of deviation 1 has log-likelihood ratios 2 a z.
        let amplitude = codeword.iter().zip(&z).map(|(bit, z)| bit * z).sum::<f32>() / DATA as f32;
        let sure = (code + QUESTIONS.ln()) / LN_10 <= SURE && amplitude * decoded.lead >= LIKELIER;
        let (likeliest, payload) = (decoded.payload, sure.then_some(decoded.payload));
        let energy: f64 = z[..DATA].iter().map(|z| f64::from(z * z)).sum();
        let best = code.min(known).min(energy_tail(energy, DATA as f64));
        Self { z, likeliest, payload, log10_p: ((best + QUESTIONS.ln()) / LN_10).min(0.0) }
    }

    /// The same after trying `trials` ways to look and taking the best.
    pub(super) fn of_trials(mut self, trials: usize) -> Self {
        self.log10_p = (self.log10_p + (trials as f64).log10()).min(0.0);
        if !self.found() {
            self.payload = None;
        }
        self
    }

    /// Whether there is a mark.
    pub fn found(&self) -> bool {
        self.log10_p <= SURE
    }

    /// The coded bits as read, before correction, beside those of `payload`: the share that agrees.
    pub fn agreement(&self, payload: Payload) -> f64 {
        let same = payload.encode().iter().zip(&self.z).filter(|(bit, z)| **bit * **z > 0.0).count();
        same as f64 / DATA as f64
    }
}

/// By group, the sum in standard deviations, and the standard deviation.
fn normalised(contrast: &[f32]) -> ([f32; GROUPS], [f32; GROUPS]) {
    debug_assert_eq!(contrast.len(), CELLS);
    let key = &*KEY;
    let mut z = key.sums(0..CELLS, |i| key.sign[i] * contrast[i]);
    let deviation = key.sums(0..CELLS, |i| contrast[i] * contrast[i]).map(f32::sqrt);
    // Nothing was seen of a group without deviation.
    z.iter_mut().zip(&deviation).for_each(|(z, d)| *z = if *d > f32::MIN_POSITIVE.sqrt() { *z / d } else { 0.0 });
    (z, deviation)
}

/// Natural logarithm of the bound on P(z >= t).
fn tail(t: f64) -> f64 {
    if t > 0.0 { -0.5 * t * t } else { 0.0 }
}

/// What the data groups say and the known ones, both in standard deviations, in one number that is so as well: as many
/// groups, so much it counts. Weights that were made of the known groups' signs leave the others' bound as it is.
fn together(said: f64, known: f64) -> f64 {
    ((DATA as f64).sqrt() * said + (PILOTS as f64).sqrt() * known) / (GROUPS as f64).sqrt()
}

/// Natural logarithm of Chernoff's bound on P(sum of `n` squares >= `sum`).
fn energy_tail(sum: f64, n: f64) -> f64 {
    let ratio = sum / n;
    if ratio > 1.0 { 0.5 * n * (ratio.ln() + 1.0 - ratio) } else { 0.0 }
}
