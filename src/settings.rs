//! What a user can choose. Defaults and ranges live here and nowhere else.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use crate::marks::badge::Language;

/// Which model puts the face on.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum ModelChoice {
    /// The identity's own photo on the face's mesh; no network.
    #[default]
    Mesh,
    /// The compact guided generator that ships with the filter, for crops of 128 px.
    Guided,
    /// The same with detail layers, for crops of 256 px.
    Guided256,
    /// A generator file of the user's.
    Path(PathBuf),
}

impl ModelChoice {
    /// How users write the default.
    pub const DEFAULT_NAME: &str = "mesh";
    /// Those that ship.
    pub const SHIPPED: [Self; 3] = [Self::Mesh, Self::Guided, Self::Guided256];
}

/// How users write it.
impl fmt::Display for ModelChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mesh => f.write_str(Self::DEFAULT_NAME),
            Self::Guided => f.write_str("guided"),
            Self::Guided256 => f.write_str("guided-256"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

impl FromStr for ModelChoice {
    type Err = std::convert::Infallible;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Ok(Self::SHIPPED.into_iter().find(|shipped| shipped.to_string() == s).unwrap_or_else(|| Self::Path(s.into())))
    }
}

/// Which machine does the work.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// A hardware GPU if there is one, else the CPU with a warning.
    #[default]
    Auto,
    /// A hardware GPU or an error.
    Gpu,
    /// The CPU engine.
    Cpu,
    /// The adapter whose name contains this text (letter case ignored), software adapters included.
    Adapter(String),
}

impl DeviceChoice {
    /// How users write the default.
    pub const DEFAULT_NAME: &str = "auto";
}

impl FromStr for DeviceChoice {
    type Err = std::convert::Infallible;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Ok(match s {
            "" | "auto" => Self::Auto,
            "gpu" => Self::Gpu,
            "cpu" => Self::Cpu,
            name => Self::Adapter(name.into()),
        })
    }
}

/// What is shown when a face that was swapped a moment ago cannot be swapped now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Fallback {
    /// The region where the face was last seen is blurred beyond recognition.
    #[default]
    Blur,
    /// The last swapped picture of that region stays.
    Freeze,
    /// The frame as it came: shows the real face.
    Pass,
}

/// A corner of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum Corner {
    TopLeft,
    TopRight,
    #[default]
    BottomLeft,
    BottomRight,
}

/// The language of the badge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LanguageChoice {
    /// That of the environment's locale; English where the badge does not speak that one.
    #[default]
    Auto,
    /// This one.
    Of(Language),
}

/// A language that the badge does not speak.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the badge does not speak \"{0}\", only: {auto} (the locale's language), {known}",
        auto = LanguageChoice::DEFAULT_NAME, known = LanguageChoice::known())]
pub struct UnknownLanguage(String);

impl LanguageChoice {
    /// How users write the default.
    pub const DEFAULT_NAME: &str = "auto";

    /// The language that is spoken.
    pub fn language(self) -> Language {
        match self {
            Self::Auto => Language::of_environment(),
            Self::Of(language) => language,
        }
    }

    /// The codes of all languages, as a sentence lists them.
    fn known() -> String {
        Language::all().map(Language::code).collect::<Vec<_>>().join(", ")
    }
}

impl FromStr for LanguageChoice {
    type Err = UnknownLanguage;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "" | "auto" => Ok(Self::Auto),
            code => Language::from_code(code).map(Self::Of).ok_or_else(|| UnknownLanguage(code.into())),
        }
    }
}

/// Everything that may change while frames flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Faces swapped in a frame at most.
    pub max_faces: usize,
    /// Frames between two looks for new faces while all known faces are tracked.
    pub detect_interval: u32,
    /// Detector score from which on something is a face, 0 to 1.
    pub threshold: f32,
    /// Landmark smoothing: 0 none, 1 strongest.
    pub smoothing: f32,
    /// Width of the mask's soft edge, as a fraction of the crop's side.
    pub feather: f32,
    /// How much of the swapped face is shown, 0 to 1.
    pub strength: f32,
    /// What is shown when a swap fails.
    pub fallback: Fallback,
    /// Whether swapped frames carry the visible badge.
    pub badge: bool,
    /// Where the badge stands.
    pub badge_position: Corner,
    /// The badge's language.
    pub badge_language: LanguageChoice,
    /// Whether the badge has a second, smaller line: the face was changed.
    pub badge_note: bool,
    /// Whether faces are swapped at all.
    pub enabled: bool,
}

impl Look {
    /// [`Self::detect_interval`] for recorded files: nobody waits for their frames.
    pub const DETECT_INTERVAL_RECORDED: u32 = 1;
    /// Range of [`Self::max_faces`].
    pub const MAX_FACES: RangeInclusive<usize> = 1..=16;
    /// Range of [`Self::detect_interval`].
    pub const DETECT_INTERVAL: RangeInclusive<u32> = 1..=300;
    /// Range of [`Self::threshold`], [`Self::smoothing`] and [`Self::strength`].
    pub const UNIT: RangeInclusive<f32> = 0.0..=1.0;
    /// Range of [`Self::feather`].
    pub const FEATHER: RangeInclusive<f32> = 0.0..=0.25;
}

impl Default for Look {
    fn default() -> Self {
        Self {
            max_faces: 4,
            detect_interval: 10,
            threshold: 0.5,
            smoothing: 0.5,
            feather: 0.03,
            strength: 1.0,
            fallback: Fallback::Blur,
            badge: true,
            badge_position: Corner::BottomLeft,
            badge_language: LanguageChoice::Auto,
            badge_note: false,
            enabled: true,
        }
    }
}
