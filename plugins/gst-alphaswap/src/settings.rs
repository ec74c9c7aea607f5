//! The element's properties as one value. Defaults and ranges come from [`alphaswap::settings`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alphaswap::Result;
use alphaswap::identity::{Identity, Revocations};
use alphaswap::marks::badge::Language;
use alphaswap::settings::{self, Corner, LanguageChoice, Look};
use gst::glib;

use crate::session::Refused;

/// What is shown when a face that was swapped a moment ago cannot be swapped now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstAlphaSwapFallback")]
pub enum Fallback {
    /// Blurred beyond recognition.
    #[default]
    #[enum_value(name = "Blur the place where the face was last seen", nick = "blur")]
    Blur,
    /// The last swapped picture stays.
    #[enum_value(name = "Keep the last swapped picture of the face", nick = "freeze")]
    Freeze,
    /// The real face.
    #[enum_value(name = "Show the frame as it came, with the real face", nick = "pass")]
    Pass,
}

impl From<Fallback> for settings::Fallback {
    fn from(value: Fallback) -> Self {
        match value {
            Fallback::Blur => Self::Blur,
            Fallback::Freeze => Self::Freeze,
            Fallback::Pass => Self::Pass,
        }
    }
}

impl From<settings::Fallback> for Fallback {
    fn from(value: settings::Fallback) -> Self {
        match value {
            settings::Fallback::Blur => Self::Blur,
            settings::Fallback::Freeze => Self::Freeze,
            settings::Fallback::Pass => Self::Pass,
        }
    }
}

/// The corner of the frame where the badge stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstAlphaSwapBadgePosition")]
#[allow(missing_docs)] // the names say it all
pub enum BadgePosition {
    #[enum_value(name = "Top left corner", nick = "top-left")]
    TopLeft,
    #[enum_value(name = "Top right corner", nick = "top-right")]
    TopRight,
    #[default]
    #[enum_value(name = "Bottom left corner", nick = "bottom-left")]
    BottomLeft,
    #[enum_value(name = "Bottom right corner", nick = "bottom-right")]
    BottomRight,
}

impl From<BadgePosition> for Corner {
    fn from(value: BadgePosition) -> Self {
        match value {
            BadgePosition::TopLeft => Self::TopLeft,
            BadgePosition::TopRight => Self::TopRight,
            BadgePosition::BottomLeft => Self::BottomLeft,
            BadgePosition::BottomRight => Self::BottomRight,
        }
    }
}

impl From<Corner> for BadgePosition {
    fn from(value: Corner) -> Self {
        match value {
            Corner::TopLeft => Self::TopLeft,
            Corner::TopRight => Self::TopRight,
            Corner::BottomLeft => Self::BottomLeft,
            Corner::BottomRight => Self::BottomRight,
        }
    }
}

/// All writable properties; copied at the top of a frame.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub source: Option<PathBuf>,
    pub revocation_list: Option<PathBuf>,
    pub model: String,
    pub device: String,
    pub latency_frames: u32,
    pub max_faces: u32,
    pub detect_interval: u32,
    pub threshold: f32,
    pub smoothing: f32,
    pub feather: f32,
    pub strength: f32,
    pub fallback: Fallback,
    pub badge: bool,
    pub badge_position: BadgePosition,
    pub badge_language: String,
    pub badge_note: bool,
    pub enabled: bool,
}

/// [`settings::ModelChoice`]'s default in the words of the property.
pub(crate) const fn default_model() -> &'static str {
    settings::ModelChoice::DEFAULT_NAME
}

/// [`settings::DeviceChoice`]'s default in the words of the property.
pub(crate) const fn default_device() -> &'static str {
    settings::DeviceChoice::DEFAULT_NAME
}

/// [`LanguageChoice`]'s default in the words of the property.
pub(crate) const fn default_language() -> &'static str {
    LanguageChoice::DEFAULT_NAME
}

impl Default for Settings {
    fn default() -> Self {
        let look = Look::default();
        Self {
            source: None,
            revocation_list: None,
            model: default_model().into(),
            device: default_device().into(),
            latency_frames: 0,
            max_faces: look.max_faces as u32,
            detect_interval: look.detect_interval,
            threshold: look.threshold,
            smoothing: look.smoothing,
            feather: look.feather,
            strength: look.strength,
            fallback: look.fallback.into(),
            badge: look.badge,
            badge_position: look.badge_position.into(),
            badge_language: default_language().into(),
            badge_note: look.badge_note,
            enabled: look.enabled,
        }
    }
}

impl Settings {
    /// Opens an identity, if it may be put on today.
    ///
    /// # Errors
    /// The library's.
    pub(crate) fn person(&self, source: &Path) -> Result<Arc<Identity>> {
        let revoked = Revocations::open(self.revocation_list.as_deref())?;
        Identity::open_permitted(source, &revoked).map(Arc::new)
    }

    /// Names the person who plays on, unless yet another one was set meanwhile.
    pub(crate) fn put_back(&mut self, refused: Refused) {
        if self.source.as_ref() == Some(&refused.source) {
            self.source = Some(refused.stays);
        }
    }

    /// What to tell the user if the badge does not speak `badge_language`; it speaks English then.
    pub(crate) fn language_warning(&self) -> Option<String> {
        self.badge_language.parse::<LanguageChoice>().err().map(|e| format!("{e}; it speaks English now"))
    }

    /// What may change while frames flow, in the library's words.
    pub(crate) fn look(&self) -> Look {
        Look {
            max_faces: self.max_faces as usize,
            detect_interval: self.detect_interval,
            threshold: self.threshold,
            smoothing: self.smoothing,
            feather: self.feather,
            strength: self.strength,
            fallback: self.fallback.into(),
            badge: self.badge,
            badge_position: self.badge_position.into(),
            badge_language: self.badge_language.parse().unwrap_or(LanguageChoice::Of(Language::ENGLISH)),
            badge_note: self.badge_note,
            enabled: self.enabled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_the_librarys() {
        let settings = Settings::default();
        assert_eq!(settings.look(), Look::default());
        assert_eq!(settings.model.parse(), Ok(settings::ModelChoice::default()));
        assert_eq!(settings.device.parse(), Ok(settings::DeviceChoice::default()));
    }
}
