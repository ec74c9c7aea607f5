//! What `enroll` and `identity renew` ask of a consent, and the key that signs it.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use alphaswap::digest;
use alphaswap::identity::{Consent, Date, Key, MAX_TEXT};
use anyhow::{Context, Result, bail};
use clap::Args;

/// The words of a consent record.
#[derive(Args)]
pub struct ConsentArgs {
    /// Who agreed, to what; stored in the file and signed.
    #[arg(long, value_name = "TEXT", value_parser = lines)]
    consent: String,
    /// Last day of the consent, for example 2027-12-31; after it the identity is refused. Without it there is no end.
    #[arg(long, value_name = "DATE", value_parser = day)]
    until: Option<Date>,
    /// Where the consent is written down, in words.
    #[arg(long, value_name = "TEXT", value_parser = lines)]
    evidence: Option<String>,
    /// A file that shows the consent (a signed letter, a recording): its SHA-256 goes into the record, the file does not.
    #[arg(long, value_name = "FILE", conflicts_with = "evidence")]
    evidence_file: Option<PathBuf>,
    /// Your key (Ed25519, PKCS #8, PEM), made at first use; by default `alphaswap/key.pem` in your configuration folder.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

impl ConsentArgs {
    /// The record, from today on, not signed.
    pub fn record(&self) -> Result<Consent> {
        let date = today()?;
        if let Some(until) = self.until.filter(|until| *until < date) {
            bail!("--until {until} has passed already: today is {date}");
        }
        let evidence = match &self.evidence_file {
            None => self.evidence.clone(),
            Some(path) => {
                let hash = || digest::sha256_of(BufReader::new(File::open(path)?));
                let hash = hash().with_context(|| format!("cannot read {}", path.display()))?;
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                Some(format!("sha256:{hash} {name}"))
            }
        };
        Ok(Consent { until: self.until, evidence, ..Consent::new(&self.consent, date) })
    }

    /// The key that signs it, made if there is none.
    pub fn key(&self) -> Result<Key> {
        let path = self.key.clone().or_else(Key::user_file);
        open_key(&path.context("you have no home folder for a key: name a file with --key")?)
    }
}

/// The key in the file at `path`; made, with a word about it, if there is none.
pub fn open_key(path: &Path) -> Result<Key> {
    let new = !path.exists();
    let key = Key::open_or_make(path)?;
    if new {
        eprintln!("made your key {}: what you enroll and swap is signed with it", path.display());
    }
    Ok(key)
}

/// Parses a name.
pub fn one_line(text: &str) -> Result<String, String> {
    fitting(text, char::is_control)
}

/// Parses a text that may have several lines.
fn lines(text: &str) -> Result<String, String> {
    fitting(text, |c| c.is_control() && !matches!(c, '\n' | '\t'))
}

/// The text, if identity files take it.
fn fitting(text: &str, refused: impl Fn(char) -> bool) -> Result<String, String> {
    let length = text.chars().count();
    match text.chars().find(|&c| refused(c)) {
        _ if text.trim().is_empty() => Err("it is empty: write at least a word".into()),
        _ if length > MAX_TEXT => Err(format!("it is too long: {length} characters, at most {MAX_TEXT} are taken")),
        Some(c) => Err(format!("it holds a control character ({c:?}): leave it out")),
        None => Ok(text.into()),
    }
}

/// Parses the last day of a consent.
fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "write a day of the calendar as YYYY-MM-DD, for example 2027-12-31".into())
}

/// Today's date where the user is.
pub fn today() -> Result<Date> {
    let now = gst::glib::DateTime::now_local().context("the clock cannot be read")?;
    let [month, day] = [now.month(), now.day_of_month()].map(|v| v as i8);
    Date::new(now.year() as i16, month, day).context("the clock tells no date")
}
