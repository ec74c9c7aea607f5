//! [`Summary`]: the numbers of one model over all pairs, and over those with a straight and with a turned target.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::frechet;
use super::measure::{Pair, SAME_PERSON};

/// From this belief of the landmark network on, in target and output, a pair counts: below it poses and expressions are
/// guesses.
pub const COUNTED_PRESENCE: f32 = 0.9;
/// Turn of the target in degrees from which on it is called turned.
pub const TURNED: f32 = 30.0;

/// Something that is measured on each pair.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its key in files.
    pub key: &'static str,
    /// What tables call it.
    pub label: &'static str,
    /// Decimals in tables.
    pub decimals: usize,
    of: fn(&Pair) -> Option<f32>,
}

/// Everything that is measured on each pair, in the order of tables.
pub const METRICS: [Metric; 13] = [
    metric("identity_dlib", "likeness to the source: dlib cosine", 3, |p| Some(p.source_output[0])),
    metric("same_person", "same person (dlib distance below .6), share", 3, |p| Some(share(p.distance < SAME_PERSON))),
    metric("retrieval", "nearest source is the right one, share", 3, |p| Some(share(p.retrieved))),
    metric("distance_dlib", "dlib distance to the source", 3, |p| Some(p.distance)),
    metric("left_dlib", "likeness left to the target: dlib cosine", 3, |p| Some(p.target_output[0])),
    metric("before_dlib", "(source and target: dlib cosine)", 3, |p| Some(p.source_target[0])),
    metric("identity_faceres", "likeness to the source: faceres cosine", 3, |p| Some(p.source_output[1])),
    metric("left_faceres", "likeness left to the target: faceres cosine", 3, |p| Some(p.target_output[1])),
    metric("before_faceres", "(source and target: faceres cosine)", 3, |p| Some(p.source_target[1])),
    metric("pose", "pose error, degrees", 2, |p| Some(p.pose)),
    metric("expression", "expression error", 4, |p| Some(p.expression)),
    metric("landmarks", "landmark error, eye distances", 4, |p| Some(p.landmarks)),
    metric("outside", "change outside the face, of 255", 3, |p| p.outside),
];

const fn metric(key: &'static str, label: &'static str, decimals: usize, of: fn(&Pair) -> Option<f32>) -> Metric {
    Metric { key, label, decimals, of }
}

fn share(is: bool) -> f32 {
    f32::from(u8::from(is))
}

/// How values are spread: mean, standard deviation (biased, as numpy's), median.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub deviation: f64,
    /// Median.
    pub median: f64,
}

/// The numbers of some pairs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// How many pairs.
    pub pairs: usize,
    /// By [`Metric::key`]; empty without a pair.
    pub metrics: BTreeMap<String, Spread>,
}

/// The numbers of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Name of the model.
    pub model: String,
    /// Pairs that were measured.
    pub measured: usize,
    /// Outputs in which no face was found.
    pub lost: usize,
    /// All pairs that count ([`COUNTED_PRESENCE`]).
    pub all: Group,
    /// Those whose target is turned by less than [`TURNED`].
    pub straight: Group,
    /// The others.
    pub turned: Group,
    /// Fréchet distance of FaceRes's features between the outputs of all measured pairs and the targets; absent where
    /// there are too few.
    pub frechet_targets: Option<f64>,
    /// The same, between the outputs and all photos, sources and targets.
    pub frechet_photos: Option<f64>,
}

impl Summary {
    /// Sums up the measured pairs of `model`; `targets` and `sources` are the photos' features by FaceRes.
    pub fn of(model: &str, pairs: &[Pair], lost: usize, targets: &[&[f32]], sources: &[&[f32]]) -> Self {
        let counts = |p: &&Pair| p.presence.iter().all(|&v| v > COUNTED_PRESENCE);
        let all: Vec<&Pair> = pairs.iter().filter(counts).collect();
        let (turned, straight): (Vec<_>, Vec<_>) = all.iter().partition(|p| p.yaw.abs() >= TURNED);
        let outputs = || pairs.iter().map(|p| &p.features[..]);
        let photos: Vec<&[f32]> = targets.iter().chain(sources).copied().collect();
        Self {
            model: model.into(),
            measured: pairs.len(),
            lost,
            all: Group::of(&all),
            straight: Group::of(&straight),
            turned: Group::of(&turned),
            frechet_targets: frechet::distance(outputs(), targets.iter().copied()),
            frechet_photos: frechet::distance(outputs(), photos.into_iter()),
        }
    }

    /// The means over all pairs that count and both Fréchet distances, by key: what a card or a curve shows.
    pub fn means(&self) -> BTreeMap<String, f64> {
        let frechet = [("frechet_targets", self.frechet_targets), ("frechet_photos", self.frechet_photos)];
        let frechet = frechet.into_iter().filter_map(|(key, value)| Some((key.to_string(), value?)));
        self.all.metrics.iter().map(|(key, spread)| (key.clone(), spread.mean)).chain(frechet).collect()
    }
}

impl Group {
    fn of(pairs: &[&Pair]) -> Self {
        let spread = |metric: &Metric| {
            let values: Vec<f64> = pairs.iter().filter_map(|p| (metric.of)(p)).map(f64::from).collect();
            Some((metric.key.to_string(), Spread::of(values)?))
        };
        Self { pairs: pairs.len(), metrics: METRICS.iter().filter_map(spread).collect() }
    }
}

impl Spread {
    /// None without a value.
    fn of(mut values: Vec<f64>) -> Option<Self> {
        let n = values.len() as f64;
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() {
            0 => return None,
            len if len % 2 == 1 => values[middle],
            _ => (values[middle - 1] + values[middle]) / 2.0,
        };
        let mean = values.iter().sum::<f64>() / n;
        let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        Some(Self { mean, deviation, median })
    }
}
