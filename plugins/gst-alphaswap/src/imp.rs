//! The element's state, properties and pads.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use alphaswap::settings::Look;
use gst::glib;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use crate::element::{self, DESCRIPTION};
use crate::qos::Qos;
use crate::session::{Person, Session};
use crate::settings::{BadgePosition, Fallback, Settings, default_device, default_language, default_model};
use crate::stats::Stats;
use crate::{error, frame, post};

pub(crate) static CAT: LazyLock<gst::DebugCategory> =
    LazyLock::new(|| gst::DebugCategory::new(element::NAME, gst::DebugColorFlags::empty(), Some("face swap in video")));

/// The element. Only the streaming thread, start and stop take `session`; reading a property never waits for a frame.
#[derive(Default, glib::Properties)]
#[properties(wrapper_type = element::AlphaSwap)]
pub struct AlphaSwap {
    #[property(
        name = "source", type = Option<PathBuf>, member = source, get, set = Self::set_source, nick = "Source",
        blurb = "Identity file, made by `alphaswap enroll`; may be changed while playing", mutable_playing
    )]
    #[property(
        name = "revocation-list", type = Option<PathBuf>, member = revocation_list, get, set, nick = "Revocation list",
        blurb = "List of consents that were taken back, made by `alphaswap identity revoke`, read whenever an identity \
                 is opened, besides the user's own list", mutable_playing
    )]
    #[property(
        name = "model", type = String, member = model, get, set = Self::set_model, nick = "Model",
        blurb = "What puts the face on: mesh (the identity's photo on the face's mesh, no network), guided (the compact \
                 generator that ships), guided-256 (a finer one), or the path of a generator file",
        default = Some(default_model()), mutable_ready
    )]
    #[property(
        name = "device", type = String, member = device, get, set = Self::set_device, nick = "Device",
        blurb = "auto (a hardware GPU, else the CPU with a warning), gpu (a hardware GPU or an error), cpu, or a part of \
                 an adapter's name",
        default = Some(default_device()), mutable_ready
    )]
    #[property(
        name = "latency-frames", type = u32, member = latency_frames, get, set = Self::set_latency_frames,
        nick = "Latency in frames",
        blurb = "1 holds each frame back until the next one is on its way to the GPU, so that GPU and CPU work at the \
                 same time; the CPU alone holds nothing back",
        default = Settings::default().latency_frames, minimum = 0, maximum = 1, mutable_ready
    )]
    #[property(
        name = "max-faces", type = u32, member = max_faces, get, set, nick = "Maximum faces",
        blurb = "Faces swapped in a frame at most", default = Look::default().max_faces as u32,
        minimum = *Look::MAX_FACES.start() as u32, maximum = *Look::MAX_FACES.end() as u32,
        controllable, mutable_playing
    )]
    #[property(
        name = "detect-interval", type = u32, member = detect_interval, get, set, nick = "Detection interval",
        blurb = "Frames between two looks for new faces while all known faces are followed",
        default = Look::default().detect_interval,
        minimum = *Look::DETECT_INTERVAL.start(), maximum = *Look::DETECT_INTERVAL.end(),
        controllable, mutable_playing
    )]
    #[property(
        name = "threshold", type = f32, member = threshold, get, set, nick = "Detection threshold",
        blurb = "Detector score from which on something is a face", default = Look::default().threshold,
        minimum = *Look::UNIT.start(), maximum = *Look::UNIT.end(), controllable, mutable_playing
    )]
    #[property(
        name = "smoothing", type = f32, member = smoothing, get, set, nick = "Smoothing",
        blurb = "Smoothing of the landmarks over time: 0 none, 1 strongest", default = Look::default().smoothing,
        minimum = *Look::UNIT.start(), maximum = *Look::UNIT.end(), controllable, mutable_playing
    )]
    #[property(
        name = "feather", type = f32, member = feather, get, set, nick = "Feather",
        blurb = "Width of the mask's soft edge, as a fraction of the face crop's side",
        default = Look::default().feather, minimum = *Look::FEATHER.start(), maximum = *Look::FEATHER.end(),
        controllable, mutable_playing
    )]
    #[property(
        name = "strength", type = f32, member = strength, get, set, nick = "Strength",
        blurb = "How much of the swapped face is shown: 0 the real face, 1 the swapped one",
        default = Look::default().strength, minimum = *Look::UNIT.start(), maximum = *Look::UNIT.end(),
        controllable, mutable_playing
    )]
    #[property(
        name = "fallback", type = Fallback, member = fallback, get, set, nick = "Fallback",
        blurb = "What is shown when a face that was swapped a moment ago cannot be swapped now",
        builder(Look::default().fallback.into()).mutable_playing()
    )]
    #[property(
        name = "badge", type = bool, member = badge, get, set, nick = "Badge",
        blurb = "Whether swapped frames carry the visible badge", default = Look::default().badge,
        controllable, mutable_playing
    )]
    #[property(
        name = "badge-position", type = BadgePosition, member = badge_position, get, set, nick = "Badge position",
        blurb = "The corner where the badge stands", builder(Look::default().badge_position.into()).mutable_playing()
    )]
    #[property(
        name = "badge-language", type = String, member = badge_language, get, set = Self::set_badge_language,
        nick = "Badge language",
        blurb = "The badge's language: auto (that of LC_ALL, LC_MESSAGES or LANG, else English) or a code such as de",
        default = Some(default_language()), mutable_playing
    )]
    #[property(
        name = "badge-note", type = bool, member = badge_note, get, set, nick = "Badge note",
        blurb = "Whether the badge has a second, smaller line: face altered", default = Look::default().badge_note,
        controllable, mutable_playing
    )]
    #[property(
        name = "enabled", type = bool, member = enabled, get, set = Self::set_enabled, nick = "Enabled",
        blurb = "Whether faces are swapped; false passes all buffers through untouched, with the real faces",
        default = Look::default().enabled, controllable, mutable_playing
    )]
    pub(crate) settings: Mutex<Settings>,
    #[property(
        name = "adapter", type = String, get = |imp: &Self| lock(&imp.stats).adapter.clone(), nick = "Adapter",
        blurb = "What the filter runs on and why; empty before start"
    )]
    pub(crate) stats: Mutex<Stats>,
    pub(crate) qos: Mutex<Qos>,
    pub(crate) session: Mutex<Option<Session>>,
    /// Whether a session lives, for those who must not wait for `session`.
    pub(crate) started: AtomicBool,
    /// The stream was interrupted: the next frame has nothing to do with the last one.
    pub(crate) interrupted: AtomicBool,
    /// Whether downstream was told that the stream has synthetic parts.
    pub(crate) announced: AtomicBool,
    /// Set while playing, for the next frame.
    pub(crate) next_person: Mutex<Option<Person>>,
    /// Nanoseconds for which frames are held back.
    pub(crate) latency: AtomicU64,
}

/// Locks even if a panic left the lock poisoned: each value here is whole at any time.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AlphaSwap {
    /// Before start the path is only kept. Later the file is opened at once; if that fails, the old identity stays.
    pub(crate) fn set_source(&self, source: Option<PathBuf>) {
        let settings = {
            let mut settings = lock(&self.settings);
            if !self.started.load(Ordering::SeqCst) {
                return settings.source = source;
            }
            settings.clone()
        };
        let (path, identity) = match source.map(|path| (settings.person(&path), path)) {
            Some((Ok(identity), path)) => (path, identity),
            Some((Err(e), _)) => return self.warn(error::code(&e), &format!("the identity stays as it was: {e}")),
            None => return gst::warning!(CAT, imp = self, "source cannot be unset while playing"),
        };
        // In this order: the frame that takes the person may put the old path back.
        lock(&self.settings).source = Some(path.clone());
        *lock(&self.next_person) = Some((path, identity));
    }

    fn set_model(&self, model: Option<String>) {
        self.set_in_ready("model", |s| s.model = model.unwrap_or_else(|| default_model().into()));
    }

    fn set_device(&self, device: Option<String>) {
        self.set_in_ready("device", |s| s.device = device.unwrap_or_else(|| default_device().into()));
    }

    fn set_latency_frames(&self, frames: u32) {
        self.set_in_ready("latency-frames", |s| s.latency_frames = frames);
    }

    fn set_in_ready(&self, name: &str, set: impl FnOnce(&mut Settings)) {
        if self.started.load(Ordering::SeqCst) {
            gst::warning!(CAT, imp = self, "{name} can only be changed in the states NULL and READY: ignored");
        } else {
            set(&mut lock(&self.settings));
        }
    }

    /// A language that is not known is told at once while playing, else at the start, when there is a bus.
    fn set_badge_language(&self, language: Option<String>) {
        lock(&self.settings).badge_language = language.unwrap_or_else(|| default_language().into());
        if self.started.load(Ordering::SeqCst) {
            self.warn_of_language();
        }
    }

    pub(crate) fn warn_of_language(&self) {
        let warning = lock(&self.settings).language_warning();
        if let Some(text) = warning {
            self.warn(error::Code::Library(gst::LibraryError::Settings), &text);
        }
    }

    fn set_enabled(&self, enabled: bool) {
        let was = std::mem::replace(&mut lock(&self.settings).enabled, enabled);
        self.obj().set_passthrough(!enabled);
        if enabled && !was {
            self.interrupted.store(true, Ordering::SeqCst);
        }
    }

    pub(crate) fn warn(&self, code: error::Code, text: &str) {
        gst::warning!(CAT, imp = self, "{text}");
        post::warning(&self.obj(), code, text);
    }
}

#[glib::object_subclass]
impl ObjectSubclass for AlphaSwap {
    const NAME: &'static str = "GstAlphaSwap";
    type Type = element::AlphaSwap;
    type ParentType = gst_base::BaseTransform;
    type Interfaces = (gst::Preset,);
}

impl ObjectImpl for AlphaSwap {
    /// The derived properties and `stats`, whose type the derive macro cannot describe.
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let stats = glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                .nick("Statistics")
                .blurb("Counters since start; rate and mean milliseconds of each stage in the last second")
                .read_only();
            AlphaSwap::derived_properties().iter().cloned().chain([stats.build()]).collect()
        });
        &PROPERTIES
    }

    fn set_property(&self, id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        self.derived_set_property(id, value, pspec);
    }

    fn property(&self, id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => lock(&self.stats).structure().to_value(),
            _ => self.derived_property(id, pspec),
        }
    }
}

impl GstObjectImpl for AlphaSwap {}

impl PresetImpl for AlphaSwap {}

impl ElementImpl for AlphaSwap {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Face swap",
                "Filter/Effect/Video",
                DESCRIPTION,
                "The alphaswap authors",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        use gst::{PadDirection, PadPresence, PadTemplate};
        static TEMPLATES: LazyLock<Vec<PadTemplate>> = LazyLock::new(|| {
            let template = |name, direction| PadTemplate::new(name, direction, PadPresence::Always, &frame::caps());
            [template("sink", PadDirection::Sink), template("src", PadDirection::Src)].into_iter().flatten().collect()
        });
        &TEMPLATES
    }
}
