//! Which photos are good enough to learn from. Milder than enrolling: profiles, dim light and things before the face
//! are what a generator must learn, too.

use serde::{Deserialize, Serialize};

use crate::identity::quality::Quality;
use crate::path::PRESENCE;

/// Bounds of what is taken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Smallest side of the crop in the photo's own pixels; the face is about three quarters of it.
    pub min_crop: f32,
    /// Least mean absolute Laplacian of the luma at a crop of 128 px, as a share of the mean luma.
    pub min_sharpness: f32,
    /// Largest share of the face above the mouth that does not have the colour of its skin.
    pub max_covered: f32,
    /// Least and largest mean luma of the skin, 0 to 255.
    pub luma: [f32; 2],
    /// Least belief of the landmark network that there is a face, 0 to 1.
    pub min_presence: f32,
}

impl Default for Filter {
    /// Sharpness and brightness stand at about half of what [`Quality::refusal`] asks for: portraits lie at .04 to .3,
    /// and at .008 blur has taken a third of the embedding. A crop of 64 px has a face of 48.
    fn default() -> Self {
        Self { min_crop: 64.0, min_sharpness: 0.008, max_covered: 0.6, luma: [20.0, 240.0], min_presence: PRESENCE }
    }
}

impl Filter {
    /// Why a photo is not taken, if so: what is wrong in a word or two, then a colon and the numbers.
    pub fn refusal(&self, quality: &Quality) -> Option<String> {
        let Quality { crop_pixels, presence, luma, sharpness, covered, .. } = *quality;
        let [dark, bright] = self.luma;
        let checks = [
            (presence < self.min_presence, format!("face not readable: presence {presence:.2}")),
            (crop_pixels < self.min_crop, format!("too small: a crop of {crop_pixels:.0} px")),
            (luma < dark, format!("too dark: mean luma {luma:.0} of 255")),
            (luma > bright, format!("too bright: mean luma {luma:.0} of 255")),
            (sharpness < self.min_sharpness, format!("blurred: sharpness {sharpness:.4}")),
            (covered > self.max_covered, format!("covered: {:.0} % of the upper face", covered * 100.0)),
        ];
        checks.into_iter().find(|(is, _)| *is).map(|(_, reason)| reason)
    }
}

/// What is wrong, without the numbers: reasons of one kind are counted together.
pub fn kind(reason: &str) -> &str {
    reason.split(':').next().unwrap_or(reason)
}
