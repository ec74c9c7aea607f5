//! One step's terms: what the generator made of a batch, and what the losses say of it.

use std::collections::BTreeMap;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::batch::{Batch, Swap, Triplet};
use super::config::Config;
use super::networks::{Critic, Generator, Judges, rows, stack};
use super::terms::Terms;
use crate::error::Result;
use crate::train::losses::{adversarial, clip, identity, pixel};

/// Cells a side of the means that [`super::config::Losses::swap_low_frequency`] compares.
const CELLS: usize = 8;

/// Where a step's time goes, in seconds. On a device that works behind the program's back (a GPU) the time shows where
/// the program waits for it.
#[derive(Clone, Debug)]
pub struct Clock {
    last: Instant,
    /// By part of the step.
    pub laps: BTreeMap<String, f64>,
}

impl Clock {
    /// Starts.
    pub fn start() -> Self {
        Self { last: Instant::now(), laps: BTreeMap::new() }
    }

    /// What passed since the last lap was spent on `part`.
    pub fn lap(&mut self, part: &str) {
        let passed = self.last.elapsed().as_secs_f64();
        *self.laps.entry(part.into()).or_default() += passed;
        self.last = Instant::now();
    }
}

/// The pictures that the discriminator is shown.
#[derive(Debug, Default)]
pub struct Shown {
    /// What the generator made.
    pub made: Vec<Tensor<4>>,
    /// Photos of the same kind.
    pub real: Vec<Tensor<4>>,
}

/// What a step's losses need.
pub struct Step<'a> {
    /// The run's config.
    pub config: &'a Config,
    /// What is trained.
    pub generator: &'a Generator,
    /// What judges.
    pub judges: &'a Judges,
    /// The discriminator, from its first step on.
    pub critic: Option<&'a Critic>,
    /// Where the tensors are.
    pub device: &'a Device,
}

impl Step<'_> {
    /// Every term of the batch, and what was made.
    ///
    /// # Errors
    /// A caption that cannot be encoded.
    pub fn terms(&self, batch: &Batch, clock: &mut Clock) -> Result<(Terms, Shown)> {
        let (mut terms, mut shown) = (Terms::default(), Shown::default());
        if !batch.triplets.is_empty() {
            self.triplets(&batch.triplets, &mut terms, &mut shown, clock);
        }
        if !batch.swaps.is_empty() {
            self.swaps(&batch.swaps, &mut terms, &mut shown, clock)?;
        }
        if let Some(critic) = self.critic {
            // Gradients pass through the discriminator, they do not go into it.
            let net = critic.net.clone().no_grad();
            let scores = || adversarial::generator(net.forward(Tensor::cat(shown.made.clone(), 0)));
            terms.add("adversarial", self.config.losses.adversarial * self.directions(), scores);
            clock.lap("losses");
        }
        Ok((terms, shown))
    }

    /// Made-up inputs whose real photo is known: face and background pixel by pixel, and the whole as a network sees it.
    fn triplets(&self, triplets: &[Triplet], terms: &mut Terms, shown: &mut Shown, clock: &mut Clock) {
        let crops = |of: fn(&Triplet) -> &super::planes::Planes| stack(triplets.iter().map(of), self.device);
        let (input, guide) = (crops(|t| &t.input), crops(|t| &t.guide));
        let (target, face) = (crops(|t| &t.target), crops(|t| &t.face));
        let identity = rows(triplets.iter().map(|t| &t.identity), self.device);
        let made = self.generator.swap(input.clone(), guide, identity);
        clock.lap("generator");
        let losses = &self.config.losses;
        let outside = face.clone().neg() + 1.0;
        terms.add("face", losses.face, || share(pixel::masked_l1(made.clone(), target.clone(), face.clone()), &face));
        terms.add("face_gradient", losses.face_gradient, || {
            share(pixel::gradient_l1(made.clone(), target.clone(), face.clone()), &face)
        });
        terms.add("background", losses.background, || {
            share(pixel::masked_l1(made.clone(), input, outside.clone()), &outside)
        });
        if let Some(net) = &self.judges.perceptual {
            let weight = losses.triplet_perceptual;
            terms.add("triplet_perceptual", weight, || net.loss(made.clone(), target.clone()));
        }
        clock.lap("losses");
        shown.made.push(made);
        shown.real.push(target);
    }

    /// Photos with another face: AlphaFace's terms (`train_clip.py`).
    fn swaps(&self, swaps: &[Swap], terms: &mut Terms, shown: &mut Shown, clock: &mut Clock) -> Result<()> {
        let crops = |of: fn(&Swap) -> &super::planes::Planes| stack(swaps.iter().map(of), self.device);
        let (target, guide) = (crops(|s| &s.target), crops(|s| &s.guide));
        let (face, source) = (crops(|s| &s.face), crops(|s| &s.source));
        let made = self.generator.swap(target.clone(), guide, rows(swaps.iter().map(|s| &s.identity), self.device));
        clock.lap("generator");
        let (losses, both) = (&self.config.losses, self.directions());
        if let Some(net) = &self.judges.identity {
            terms.add("identity", losses.identity * both, || {
                let [seen, meant] = [made.clone(), source.clone()].map(|crops| net.code(net.embed(crops)));
                identity::cosine_loss(seen, meant.detach())
            });
        }
        if let Some(net) = &self.judges.perceptual {
            terms.add("perceptual", losses.perceptual * both, || net.loss(made.clone(), target.clone()));
        }
        terms.add("mask_reconstruction", losses.mask_reconstruction * both, || {
            pixel::masked_l1(made.clone(), target.clone(), face.neg() + 1.0)
        });
        terms.add("swap_low_frequency", losses.swap_low_frequency * both, || {
            pixel::low_frequency(made.clone(), target.clone(), CELLS)
        });
        if let Some(net) = &self.judges.expression {
            terms.add("expression", losses.expression * both, || net.loss(made.clone(), target.clone()));
        }
        self.clip(swaps, [&made, &target, &source], terms)?;
        clock.lap("losses");
        self.reconstructions(swaps, [&made, &target], terms, clock);
        shown.made.push(made);
        shown.real.push(target);
        Ok(())
    }

    /// CLIP on the swaps: like the identity's photo, and like the words about the target.
    fn clip(&self, swaps: &[Swap], [made, target, source]: [&Tensor<4>; 3], terms: &mut Terms) -> Result<()> {
        let Some(net) = &self.judges.clip else { return Ok(()) };
        let losses = &self.config.losses;
        let seen = net.image_features(made.clone());
        terms.add("clip_identity", losses.clip_identity * self.directions(), || {
            clip::identity(seen.clone(), net.image_features(source.clone()).detach())
        });
        if losses.clip_text > 0.0 {
            let captions: Vec<_> = swaps.iter().map(|s| s.caption.clone()).collect();
            let texts = net.text_features(&net.tokenize(&captions)?);
            terms.add("clip_text", losses.clip_text, || clip::text(seen, net.image_features(target.clone()), texts));
        }
        Ok(())
    }

    /// A photo with its own identity, and the way back from the swap: only where no guide says whose face it is.
    fn reconstructions(&self, swaps: &[Swap], pictures: [&Tensor<4>; 2], terms: &mut Terms, clock: &mut Clock) {
        let (losses, both) = (&self.config.losses, self.directions());
        let own = rows(swaps.iter().map(|s| &s.own), self.device);
        let back = |from: &Tensor<4>| self.generator.swap(from.clone(), from.clone(), own.clone());
        let [made, target] = pictures;
        for (name, weight, from) in
            [("self_reconstruction", losses.self_reconstruction, target), ("cycle", losses.cycle, made)]
        {
            terms.add(name, weight * both, || {
                let remade = back(from);
                clock.lap("generator");
                pixel::l1(remade, target.clone())
            });
        }
        clock.lap("losses");
    }

    /// AlphaFace sums the means of both directions of a pair; a guided swap has one.
    pub const fn directions(&self) -> f64 {
        if self.config.generator.guide { 1.0 } else { 2.0 }
    }
}

/// A mean over all pixels as the mean over the mask's.
fn share(mean: Tensor<1>, mask: &Tensor<4>) -> Tensor<1> {
    mean / (mask.clone().mean() + 1e-6)
}
