//! `alphaswap identity`: what an identity file says of the person's consent, a new consent, and taking it back.

use std::path::{Path, PathBuf};

use alphaswap::digest::hex;
use alphaswap::identity::{Consent, Date, Identity, Revocations};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::json;

use crate::consent::{ConsentArgs, today};
use crate::options::RevokedArgs;
use crate::say::{plain, say};
use crate::verify::id;

/// Show an identity's consent, renew it, or take it back.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show who is in an identity file, on whose consent, and whether it may be used today.
    Show {
        /// Identity file.
        file: PathBuf,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        revoked: RevokedArgs,
    },
    /// Put a new consent record, from today on, in the place of the old one, and sign it with your key.
    ///
    /// Only with the person's new consent. Face and name stay. Files that older versions made get their first signature
    /// this way. A record that was altered or revoked cannot be renewed: enroll the person again.
    Renew {
        /// Identity file.
        file: PathBuf,
        #[command(flatten)]
        consent: ConsentArgs,
        #[command(flatten)]
        revoked: RevokedArgs,
    },
    /// Write an identity on the list of those whose consent was taken back.
    ///
    /// The filter refuses the face from the next start on, wherever the list is read: give it to everybody who has the
    /// identity file (`--revocation-list`, property `revocation-list`). The file itself stays; delete it as well.
    ///
    /// A list knows photos, not people: whatever else holds one of these photos is refused, too, and so is enrolling it
    /// again. Other photos of the person, and copies of these that were cut, scaled or compressed anew, are not known:
    /// revoke the identities that were made of them as well.
    Revoke {
        /// Identity file.
        file: PathBuf,
        /// Why, for people who read the list.
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
        /// The list that is written to; made if it is not there [default: your own].
        #[arg(long, value_name = "FILE")]
        revocation_list: Option<PathBuf>,
    },
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Show { file, json, revoked } => show(file, *json, &revoked.list()?),
        Command::Renew { file, consent, revoked } => renew(file, consent, &revoked.list()?),
        Command::Revoke { file, note, revocation_list } => revoke(file, note, revocation_list.as_deref()),
    }
}

fn show(file: &Path, as_json: bool, revoked: &Revocations) -> Result<()> {
    let identity = Identity::open(file)?;
    let verdict = identity.permit(alphaswap::identity::now(), revoked);
    let Consent { text, date, until, evidence, former, signature } = &identity.consent;
    let encoders: Vec<_> = identity.embeddings.iter().map(|e| format!("{} on {}", e.encoder, e.crop.name())).collect();
    let enroller = signature.map(|s| s.enroller_name());
    let (digest, short) = (hex(&identity.consent_digest()), id(identity.consent_id()));
    if as_json {
        let shown = json!({
            "name": identity.name, "consent": text, "date": date.to_string(), "until": until.map(|d| d.to_string()),
            "evidence": evidence, "enroller": enroller, "record": digest, "record_id": short,
            "former_records": former.iter().map(|record| hex(record)).collect::<Vec<_>>(),
            "face": hex(&identity.face_digest()), "embeddings": encoders, "textures": identity.textures.len(),
            "permitted": verdict.is_ok(), "reason": verdict.err(),
        });
        return say(&format!("{shown:#}\n"));
    }
    let renewed = match former.len() {
        0 => String::new(),
        times if identity.check_signature().is_ok() => {
            format!("{times} time(s); taking it back takes back the records before, too")
        }
        times => format!(
            "{times} time(s), says the file, but its signature does not hold: taking it back leaves the records before \
             as they are"
        ),
    };
    let lines = [
        ("consent", plain(text)),
        ("in force", format!("from {date}, {}", end(*until))),
        ("evidence", evidence.as_deref().map_or("none".into(), plain)),
        ("enroller", enroller.unwrap_or("not signed".into())),
        ("record", format!("{short} (as the watermark names it), SHA-256 {digest}")),
        ("renewed", renewed),
        ("face", format!("{} photo(s); {}", identity.textures.len(), plain(&encoders.join(", ")))),
        ("today", verdict.map_or_else(|reason| format!("refused: {reason}"), |()| "may be used".into())),
    ];
    let lines =
        lines.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("  {name:<9}  {value}\n"));
    say(&format!("{}: {}\n{}", file.display(), plain(&identity.name), lines.collect::<String>()))
}

fn renew(file: &Path, consent: &ConsentArgs, revoked: &Revocations) -> Result<()> {
    let mut identity = Identity::open(file)?;
    let refused = |reason: &str| format!("{}: cannot be renewed: {reason}", file.display());
    if identity.consent.signature.is_some()
        && let Err(reason) = identity.check_signature()
    {
        bail!(refused(&reason));
    }
    if revoked.contains(&identity) {
        bail!(refused("the consent was taken back; if the person agrees anew, enroll other photos of them"));
    }
    if identity.consent.signature.is_none() {
        eprintln!("note: it was not signed: nothing shows that name and face are as they were when it was made");
    }
    let key = consent.key()?;
    let (before, now) = (identity.consent.signature.map(|s| s.enroller_name()), hex(&key.public()));
    identity.renew(consent.record()?, &key);
    identity.save(file)?;
    if let Some(before) = before.filter(|before| *before != now) {
        eprintln!("the enroller was {before}; now it is {now}");
    }
    let end = end(identity.consent.until);
    eprintln!("wrote {}: the consent of {} is in force {end}", file.display(), identity.name);
    Ok(())
}

/// How users see the last day of a consent.
fn end(until: Option<Date>) -> String {
    until.map_or("without end".into(), |day| format!("until {day}"))
}

fn revoke(file: &Path, note: &str, list: Option<&Path>) -> Result<()> {
    let identity = Identity::open(file)?;
    let list = list.map(Into::into).or_else(Revocations::user_file);
    let list = list.context("you have no home folder for a list: name a file with --revocation-list")?;
    let added = Revocations::add(&list, &identity, &format!("{} {} {note}", today()?, identity.name))?;
    if identity.consent.signature.is_some()
        && let Err(reason) = identity.check_signature()
    {
        let list = list.display();
        bail!("{}: only this copy was put on {list}, which may not be the face it came from: {reason}", file.display());
    }
    match added {
        0 => eprintln!("{}: is on {} already", file.display(), list.display()),
        records => eprintln!(
            "wrote {}: the face of {} is refused from now on ({records} record(s)); identities made of other photos \
             are not",
            list.display(),
            identity.name
        ),
    }
    Ok(())
}
