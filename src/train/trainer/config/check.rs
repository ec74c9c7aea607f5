//! Whether a config makes sense, before anything is loaded.

use super::Config;

/// What is wrong and what to do.
type Check = Result<(), String>;

impl Config {
    pub(super) fn check(&self) -> Check {
        self.generator.spec().map_err(|e| format!("[generator]: {e}"))?;
        self.check_numbers()?;
        self.check_batch()?;
        self.check_terms()
    }

    fn check_numbers(&self) -> Check {
        let l = &self.losses;
        let weights = [
            ("identity", l.identity),
            ("self_reconstruction", l.self_reconstruction),
            ("perceptual", l.perceptual),
            ("cycle", l.cycle),
            ("mask_reconstruction", l.mask_reconstruction),
            ("swap_low_frequency", l.swap_low_frequency),
            ("expression", l.expression),
            ("clip_identity", l.clip_identity),
            ("clip_text", l.clip_text),
            ("adversarial", l.adversarial),
            ("face", l.face),
            ("face_gradient", l.face_gradient),
            ("background", l.background),
            ("triplet_perceptual", l.triplet_perceptual),
        ];
        let wrong = weights.iter().find(|(_, weight)| !(weight.is_finite() && *weight >= 0.0));
        if let Some((name, weight)) = wrong {
            return Err(format!("[losses] {name} is {weight}; a weight is 0 or a positive number"));
        }
        let a = &self.augment;
        let shares = [("scale", a.scale), ("shift", a.shift), ("color", a.color), ("guide_color", a.guide_color)];
        if let Some((name, share)) = shares.iter().find(|(_, share)| !(0.0..1.0).contains(share)) {
            return Err(format!("[augment] {name} is {share}; a share is at least 0 and below 1"));
        }
        if !(0.0..=180.0).contains(&a.rotation) {
            return Err(format!("[augment] rotation is {}; it is 0 to 180 degrees", a.rotation));
        }
        if !(0.0..1.0).contains(&self.ema.decay) {
            return Err(format!("[ema] decay is {}; it is at least 0 and below 1", self.ema.decay));
        }
        if !self.precision.loss_scale.is_power_of_two() {
            return Err(format!("[precision] loss_scale is {}; it is a power of two", self.precision.loss_scale));
        }
        if self.output.checkpoint_every == 0 || self.output.keep == 0 {
            return Err("[output] checkpoint_every and keep must be at least 1".into());
        }
        Ok(())
    }

    fn check_batch(&self) -> Check {
        let (data, guide) = (&self.data, self.generator.guide);
        if guide && data.pairs > 0 {
            return Err(
                "[data] pairs is for generators without a guide; use swaps, whose guides are in the pseudo set".into(),
            );
        }
        if !guide && data.swaps > 0 {
            return Err("[data] swaps is for generators with a guide; use pairs".into());
        }
        if data.pairs + data.swaps + data.triplets == 0 {
            return Err(
                "[data] a step has no samples; set triplets, and swaps (with a guide) or pairs (without)".into()
            );
        }
        if data.pseudo.is_none() && data.triplets + data.swaps > 0 {
            return Err(
                "[data] triplets and swaps need a pseudo set; make one with `pseudo mesh` and set pseudo".into()
            );
        }
        Ok(())
    }

    fn check_terms(&self) -> Check {
        let (losses, guide) = (&self.losses, self.generator.guide);
        if guide && losses.cycle > 0.0 {
            return Err("[losses] cycle is for generators without a guide: the way back would need a guide made of a \
                        swap; set it to 0"
                .into());
        }
        if guide && losses.self_reconstruction > 0.0 {
            return Err("[losses] self_reconstruction is for generators without a guide; set it to 0 and [data] \
                        self_every instead"
                .into());
        }
        let clip = losses.clip_identity > 0.0 || losses.clip_text > 0.0;
        if clip && self.swaps() > 0 && self.clip.folder.is_none() {
            return Err("[losses] clip_identity and clip_text need CLIP; set [clip] folder (train-clip makes a small \
                        one), or both to 0"
                .into());
        }
        if self.output.validate_every > 0 && self.data.pseudo.is_none() && self.data.held_out_pseudo.is_none() {
            return Err("[output] validate_every needs triplets of held-out people; set [data] held_out_pseudo, or \
                        validate_every to 0"
                .into());
        }
        Ok(())
    }

    /// Swaps of a step, of either kind.
    pub fn swaps(&self) -> usize {
        2 * self.data.pairs + self.data.swaps
    }

    /// Whether a loss reads the photos' captions.
    pub fn reads_captions(&self) -> bool {
        self.losses.clip_text > 0.0 && self.swaps() > 0
    }

    /// Whether the steps from `step` on have a discriminator.
    pub fn adversarial(&self, step: u64) -> bool {
        self.losses.adversarial > 0.0 && step >= self.losses.adversarial_from
    }
}
