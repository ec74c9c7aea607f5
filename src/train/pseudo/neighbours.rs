//! Who fits onto whom: photos of other people, near in pose and expression.

use std::collections::HashMap;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::identity::quality::FRONT_YAW;
use crate::train::data::Item;

/// How many of the nearest photos are drawn from.
const NEAREST: usize = 60;
/// Differences that count as one: degrees of turn and nod, ratios of the expression.
const DEGREES: f32 = 8.0;
const RATIO: f32 = 0.06;
/// Places in an item's expression: openings of both eyes, opening of the mouth, height of the lips.
const EYES: [usize; 2] = [0, 1];
const MOUTH: usize = 2;
const LIPS: usize = 4;

/// What of a photo decides whether a face fits onto it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Degrees.
    pub yaw: f32,
    /// Degrees.
    pub pitch: f32,
    /// Openings of the right and the left eye.
    pub eyes: [f32; 2],
    /// Opening of the mouth and height of the lips.
    pub mouth: [f32; 2],
}

impl View {
    /// That of an item.
    pub fn of(item: &Item) -> Self {
        let at = |i: usize| item.expression[i];
        Self { yaw: item.pose.yaw, pitch: item.pose.pitch, eyes: EYES.map(at), mouth: [MOUTH, LIPS].map(at) }
    }

    /// The same photo in a mirror.
    pub fn mirrored(self) -> Self {
        Self { yaw: -self.yaw, eyes: [self.eyes[1], self.eyes[0]], ..self }
    }

    /// Squared distance: turn and nod in units of 8 degrees, the expression in units of .06.
    pub fn distance(&self, other: &Self) -> f32 {
        let turn = [(self.yaw, other.yaw), (self.pitch, other.pitch)].map(|(a, b)| (a - b) / DEGREES);
        let eyes = [0, 1].map(|i| (self.eyes[i] - other.eyes[i]) / RATIO);
        let mouth = [0, 1].map(|i| (self.mouth[i] - other.mouth[i]) / RATIO);
        [turn, eyes, mouth].iter().flatten().map(|d| d * d).sum()
    }
}

/// A photo of somebody else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// Its place in the crowd.
    pub face: usize,
    /// Whether its mirror image is nearer.
    pub mirrored: bool,
    /// Squared distance, see [`View::distance`].
    pub distance: f32,
}

/// The photos that take part.
#[derive(Clone, Debug)]
pub struct Crowd<'a> {
    /// In the order of ids.
    pub items: Vec<&'a Item>,
    views: Vec<View>,
    /// A number for each person.
    people: Vec<usize>,
}

impl<'a> Crowd<'a> {
    /// Of these photos.
    pub fn new(items: Vec<&'a Item>) -> Self {
        let views = items.iter().map(|i| View::of(i)).collect();
        let mut numbers = HashMap::new();
        let mut number = |item: &&'a Item| {
            let next = numbers.len();
            *numbers.entry(item.person.as_str()).or_insert(next)
        };
        let people = items.iter().map(&mut number).collect();
        Self { items, views, people }
    }

    /// How many different people there are.
    pub fn people(&self) -> usize {
        self.people.iter().max().map_or(0, |last| last + 1)
    }

    /// How many photos [`Self::nearest`] finds for each photo.
    pub fn neighbours(&self) -> Vec<usize> {
        let mut own = vec![0; self.people()];
        self.people.iter().for_each(|&p| own[p] += 1);
        self.people.iter().map(|&p| (self.items.len() - own[p]).min(NEAREST)).collect()
    }

    /// At most 60 photos of other people, the nearest first, each as it is or mirrored, whichever is nearer.
    pub fn nearest(&self, a: usize) -> Vec<Match> {
        let mut matches = self.matches(a);
        matches.sort_by(|x, y| x.distance.total_cmp(&y.distance).then(x.face.cmp(&y.face)));
        matches.truncate(NEAREST);
        matches
    }

    /// Photos of other people that look into the camera, whatever `a` does: those that people enrol with.
    pub fn fronts(&self, a: usize) -> Vec<Match> {
        self.matches(a).into_iter().filter(|m| self.views[m.face].yaw.abs() <= FRONT_YAW).collect()
    }

    fn matches(&self, a: usize) -> Vec<Match> {
        let own = self.views[a];
        let others = (0..self.items.len()).filter(|&b| self.people[b] != self.people[a]);
        let compare = |face: usize| {
            let [plain, image] = [self.views[face], self.views[face].mirrored()].map(|v| own.distance(&v));
            Match { face, mirrored: image < plain, distance: plain.min(image) }
        };
        others.map(compare).collect()
    }

    /// `matches` in random order, but nobody a second time before everybody came once.
    pub fn shuffled(&self, mut matches: Vec<Match>, rng: &mut ChaCha8Rng) -> Vec<Match> {
        matches.shuffle(rng);
        let mut seen = vec![0; self.people()];
        let mut turns = Vec::with_capacity(matches.len());
        for m in matches {
            let times = &mut seen[self.people[m.face]];
            *times += 1;
            turns.push((*times, m));
        }
        turns.sort_by_key(|(turn, _)| *turn);
        turns.into_iter().map(|(_, m)| m).collect()
    }

    /// A photo to exchange faces with: half of the time one near in pose and expression, else any that looks into the
    /// camera. In use the target turns while the enrolled photo does not, and the guide is stretched.
    pub fn partner(&self, a: usize, rng: &mut ChaCha8Rng) -> Option<Match> {
        let fronts = if rng.random_bool(0.5) { self.fronts(a) } else { Vec::new() };
        let choice = if fronts.is_empty() { self.nearest(a) } else { fronts };
        (!choice.is_empty()).then(|| choice[rng.random_range(0..choice.len())])
    }
}
