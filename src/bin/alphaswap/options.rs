//! Options that several subcommands share.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use alphaswap::Pipeline;
use alphaswap::identity::{Identity, Revocations};
use alphaswap::settings::{Corner, DeviceChoice, Fallback, LanguageChoice, Look, ModelChoice};
use anyhow::Result;
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

/// Whose face, by which model, on which machine.
#[derive(Args)]
pub struct SwapperArgs {
    /// Identity file of the person whose face is put on, made by `alphaswap enroll`.
    #[arg(long, value_name = "FILE")]
    pub source: PathBuf,
    #[command(flatten)]
    pub revoked: RevokedArgs,
    /// What puts the face on: `mesh` (the photo itself, warped and colour-matched), `guided` (a compact generator on
    /// top of it), `guided-256` (a finer one), or the path of a generator file.
    #[arg(long, value_name = "MODEL", default_value = ModelChoice::DEFAULT_NAME)]
    pub model: ModelChoice,
    #[command(flatten)]
    pub device: DeviceArgs,
    #[command(flatten)]
    pub look: LookArgs,
}

/// Whose consent was taken back.
#[derive(Args)]
pub struct RevokedArgs {
    /// List of consents that were taken back, made by `alphaswap identity revoke`; read besides your own list.
    #[arg(long, value_name = "FILE")]
    revocation_list: Option<PathBuf>,
}

impl RevokedArgs {
    /// Reads the list.
    pub fn list(&self) -> Result<Revocations> {
        Ok(Revocations::open(self.revocation_list.as_deref())?)
    }
}

/// Which machine does the work.
#[derive(Args)]
pub struct DeviceArgs {
    /// `auto` (a hardware GPU if there is one, else the CPU), `gpu` (a hardware GPU or an error), `cpu`, or a part of
    /// an adapter's name as `alphaswap doctor` lists it.
    #[arg(long, value_name = "DEVICE", default_value = DeviceChoice::DEFAULT_NAME)]
    pub device: DeviceChoice,
}

/// What the swapped faces look like, and which faces are swapped.
#[derive(Args)]
#[command(next_help_heading = "Look")]
pub struct LookArgs {
    /// Faces swapped in a frame at most; the largest first.
    #[arg(long, value_name = span(Look::MAX_FACES), default_value_t = Look::default().max_faces,
          value_parser = within(Look::MAX_FACES))]
    max_faces: usize,
    #[arg(long, value_name = span(Look::DETECT_INTERVAL), value_parser = within(Look::DETECT_INTERVAL),
          help = format!("Frames between two looks for new faces while all known ones are followed: so long a face \
                          that comes in is seen [default: {} live, {} for recorded files]",
                         Look::default().detect_interval, Look::DETECT_INTERVAL_RECORDED))]
    detect_interval: Option<u32>,
    /// From which detector score on something is a face.
    #[arg(long, value_name = span(Look::UNIT), default_value_t = Look::default().threshold,
          value_parser = within(Look::UNIT))]
    threshold: f32,
    /// Landmark smoothing: 0 none, 1 strongest.
    #[arg(long, value_name = span(Look::UNIT), default_value_t = Look::default().smoothing,
          value_parser = within(Look::UNIT))]
    smoothing: f32,
    /// Width of the mask's soft edge, as a fraction of the crop's side.
    #[arg(long, value_name = span(Look::FEATHER), default_value_t = Look::default().feather,
          value_parser = within(Look::FEATHER))]
    feather: f32,
    /// How much of the swapped face is shown: 0 the real face, 1 the swapped one.
    #[arg(long, value_name = span(Look::UNIT), default_value_t = Look::default().strength,
          value_parser = within(Look::UNIT))]
    strength: f32,
    /// What is shown when a face that was swapped a moment ago cannot be swapped now.
    #[arg(long, value_enum, default_value_t = FallbackArg(Look::default().fallback))]
    fallback: FallbackArg,
    /// Leave out the visible badge that tells viewers of the swap.
    #[arg(long)]
    no_badge: bool,
    /// Where the badge stands.
    #[arg(long, value_enum, default_value_t = CornerArg(Look::default().badge_position))]
    badge_position: CornerArg,
    /// The badge's language: `auto` (that of LC_ALL, LC_MESSAGES or LANG, else English) or a code such as `de`.
    #[arg(long, value_name = "LANGUAGE", default_value = LanguageChoice::DEFAULT_NAME)]
    badge_language: LanguageChoice,
    /// A second, smaller line on the badge: "face altered".
    #[arg(long)]
    badge_note: bool,
}

#[derive(Clone, Copy)]
struct FallbackArg(Fallback);

impl ValueEnum for FallbackArg {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(Fallback::Blur), Self(Fallback::Freeze), Self(Fallback::Pass)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self.0 {
            Fallback::Blur => PossibleValue::new("blur").help("The face's last place is blurred beyond recognition"),
            Fallback::Freeze => PossibleValue::new("freeze").help("The last swapped picture of that place stays"),
            Fallback::Pass => PossibleValue::new("pass").help("The frame as it came: shows the real face"),
        })
    }
}

#[derive(Clone, Copy)]
struct CornerArg(Corner);

impl ValueEnum for CornerArg {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(Corner::TopLeft), Self(Corner::TopRight), Self(Corner::BottomLeft), Self(Corner::BottomRight)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self.0 {
            Corner::TopLeft => "top-left",
            Corner::TopRight => "top-right",
            Corner::BottomLeft => "bottom-left",
            Corner::BottomRight => "bottom-right",
        }))
    }
}

impl LookArgs {
    /// As the library wants it; faces are looked for every `interval` frames unless the user says otherwise.
    pub fn look(&self, interval: u32) -> Look {
        Look {
            max_faces: self.max_faces,
            detect_interval: self.detect_interval.unwrap_or(interval),
            threshold: self.threshold,
            smoothing: self.smoothing,
            feather: self.feather,
            strength: self.strength,
            fallback: self.fallback.0,
            badge: Look::default().badge && !self.no_badge,
            badge_position: self.badge_position.0,
            badge_language: self.badge_language,
            badge_note: Look::default().badge_note || self.badge_note,
            enabled: Look::default().enabled,
        }
    }
}

impl SwapperArgs {
    /// Opens the identity, loads the model, and says in one line what it runs on. `interval` as in [`LookArgs::look`].
    pub fn pipeline(&self, interval: u32) -> Result<(Pipeline, Arc<Identity>)> {
        let identity = Arc::new(Identity::open_permitted(&self.source, &self.revoked.list()?)?);
        let pipeline = Pipeline::new(&self.device.device, &self.model, identity.clone(), self.look.look(interval))?;
        eprintln!("runs on {}", pipeline.adapter());
        if let Some(warning) = pipeline.warning() {
            eprintln!("warning: {warning}");
        }
        Ok((pipeline, identity))
    }
}

/// A parser for numbers in `range`.
fn within<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let number = text.parse().map_err(|_| "not such a number".to_string())?;
        let (least, most) = (range.start(), range.end());
        if range.contains(&number) { Ok(number) } else { Err(format!("must lie between {least} and {most}")) }
    }
}

/// How `--help` shows the values that an option takes.
fn span<T: Display>(range: RangeInclusive<T>) -> String {
    format!("{}..{}", range.start(), range.end())
}

#[cfg(test)]
mod tests {
    use alphaswap::marks::badge::Language;
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        look: LookArgs,
    }

    /// What these arguments say, if they can be read.
    fn look(arguments: &[&str]) -> Option<Look> {
        let cli = Cli::try_parse_from([&["alphaswap"][..], arguments].concat()).ok()?;
        Some(cli.look.look(Look::default().detect_interval))
    }

    #[test]
    fn each_option_changes_what_it_names_and_nothing_else() {
        let cases: [(&[&str], Look); 9] = [
            (&[], Look::default()),
            (&["--max-faces", "16"], Look { max_faces: 16, ..Look::default() }),
            (&["--detect-interval", "300"], Look { detect_interval: 300, ..Look::default() }),
            (&["--threshold", "0.7"], Look { threshold: 0.7, ..Look::default() }),
            (&["--smoothing", "0.25"], Look { smoothing: 0.25, ..Look::default() }),
            (&["--feather", "0.125"], Look { feather: 0.125, ..Look::default() }),
            (&["--strength", "0"], Look { strength: 0.0, ..Look::default() }),
            (&["--no-badge"], Look { badge: false, ..Look::default() }),
            (&["--badge-note"], Look { badge_note: true, ..Look::default() }),
        ];
        for (arguments, expected) in cases {
            assert_eq!(look(arguments), Some(expected), "{arguments:?}");
        }
    }

    #[test]
    fn names_stand_for_what_they_say() {
        let fallbacks = [("blur", Fallback::Blur), ("freeze", Fallback::Freeze), ("pass", Fallback::Pass)];
        for (name, fallback) in fallbacks {
            assert_eq!(look(&["--fallback", name]), Some(Look { fallback, ..Look::default() }), "{name}");
        }
        let corners = [
            ("top-left", Corner::TopLeft),
            ("top-right", Corner::TopRight),
            ("bottom-left", Corner::BottomLeft),
            ("bottom-right", Corner::BottomRight),
        ];
        for (name, badge_position) in corners {
            assert_eq!(look(&["--badge-position", name]), Some(Look { badge_position, ..Look::default() }), "{name}");
        }
        let languages = Language::all().map(|language| (language.code(), LanguageChoice::Of(language)));
        for (code, badge_language) in languages.chain([("auto", LanguageChoice::Auto)]) {
            assert_eq!(look(&["--badge-language", code]), Some(Look { badge_language, ..Look::default() }), "{code}");
        }
    }

    #[test]
    fn what_lies_beyond_a_range_is_refused() {
        for (option, values) in [
            ("--max-faces", ["0", "17", "-1", "many"]),
            ("--detect-interval", ["0", "301", "1.5", ""]),
            ("--threshold", ["-0.1", "1.1", "nan", "half"]),
            ("--smoothing", ["-0.1", "1.1", "nan", "inf"]),
            ("--feather", ["-0.1", "0.26", "nan", "inf"]),
            ("--strength", ["-0.1", "1.1", "nan", "inf"]),
            ("--fallback", ["Blur", "none", "0", ""]),
            ("--badge-position", ["topleft", "centre", "0", ""]),
            ("--badge-language", ["xx", "klingon", "0", "Auto"]),
        ] {
            // With the sign of equality, so that a minus is not taken for another option.
            for value in values {
                let argument = format!("{option}={value}");
                assert_eq!(look(&[argument.as_str()]), None, "{argument}");
            }
        }
    }
}
