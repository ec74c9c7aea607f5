//! Signed manifests: the options that say who signs what the tool writes, the signing, and what a file's manifest says.

use std::path::{Path, PathBuf};

use alphaswap::Error;
use alphaswap::files::replace;
use alphaswap::identity::{Identity, Key};
use alphaswap::marks::manifest::{self, Credentials, Facts, Found, State};
use alphaswap::marks::watermark::Payload;
use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use crate::consent::open_key;
use crate::say::plain;
use crate::verify::Layer;

/// Who signs.
#[derive(Args)]
#[command(next_help_heading = "Manifest")]
pub struct ManifestArgs {
    /// Leave out the signed manifest (Content Credentials, C2PA). Badge and watermark stay.
    #[arg(long)]
    no_manifest: bool,
    /// Certificate chain to sign with (PEM), the signer's first; without it one is made for your own key at first use,
    /// which no one else trusts.
    #[arg(long, value_name = "FILE", requires = "certificate_key", conflicts_with = "no_manifest")]
    certificate: Option<PathBuf>,
    /// The certificate's key (PKCS #8, PEM).
    #[arg(long, value_name = "FILE", requires = "certificate")]
    certificate_key: Option<PathBuf>,
}

/// What signs.
pub struct Signing(Credentials);

/// The place beside a video that cannot hold its manifest.
pub struct Beside(PathBuf);

/// For the file `target`, made of `source`, which may be replaced if `overwrite` is set. None if manifests of its kind
/// are inside, or that place is the source's and nothing `is_signed`.
pub fn beside(target: &Path, source: &Path, overwrite: bool, is_signed: bool) -> Result<Option<Beside>> {
    let path = manifest::sidecar(target);
    if manifest::goes_inside(target) {
        return Ok(None);
    }
    let of_source = manifest::sidecar(source);
    if !manifest::is_inside(source) && std::path::absolute(&of_source)? == std::path::absolute(&path)? {
        match is_signed {
            false => return Ok(None),
            true => bail!(
                "{}: would be the manifest of {} as well: name another output, or add --no-manifest",
                path.display(),
                source.display()
            ),
        }
    }
    match (path.exists(), target.exists()) {
        (true, true) if !overwrite => bail!("{}: exists already; add --overwrite to replace it", path.display()),
        (true, false) => bail!(
            "{}: is there already, for another file of that name, or for one that is gone: name another, or delete it",
            path.display()
        ),
        _ => Ok(Some(Beside(path))),
    }
}

impl Beside {
    /// Writes `manifest`, once the video has its name; without one, what lay there for an earlier video goes.
    pub fn commit(self, manifest: Option<Vec<u8>>) -> Result<()> {
        let Self(path) = self;
        match manifest {
            Some(manifest) => {
                replace(&path, &manifest)?;
                eprintln!("wrote {}: the manifest, since this kind of file cannot hold one", path.display());
            }
            None if path.exists() => {
                std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
            None => {}
        }
        Ok(())
    }
}

impl ManifestArgs {
    /// What signs; none if nothing is to be signed. Fails now rather than after an hour of encoding.
    pub fn signing(&self) -> Result<Option<Signing>> {
        if self.no_manifest {
            return Ok(None);
        }
        let credentials = match (&self.certificate, &self.certificate_key) {
            (Some(certificate), Some(key)) => {
                Credentials::Brought { certificate: certificate.clone(), key: key.clone() }
            }
            _ => {
                let key = Key::user_file().context("you have no home folder for a key; add --no-manifest")?;
                open_key(&key)?;
                Credentials::Own { certificate: key.with_file_name("certificate.pem"), key }
            }
        };
        credentials.check()?;
        Ok(Some(Signing(credentials)))
    }
}

impl Signing {
    /// Signs the file at `path`, in which `identity` was put onto what `source` shows, under `payload`; it will be called
    /// `target`. Returns the manifest if it must lie beside.
    pub fn sign(
        &self,
        [path, target, source]: [&Path; 3],
        identity: &Identity,
        payload: Payload,
    ) -> Result<Option<Vec<u8>>> {
        Ok(manifest::sign(path, target, source, &Facts::new(identity, payload), &self.0)?)
    }
}

/// What is said of files without a manifest.
pub const NONE: &str = "none";

/// The manifest of a file; none if it has none. One that cannot be read at all must not keep the other layers from
/// being told.
pub fn layer(path: &Path) -> Result<Option<Layer>> {
    let said = match manifest::read(path) {
        Ok(Some(said)) => said,
        Ok(None) => return Ok(None),
        Err(error) => {
            let reason = match error {
                Error::Manifest { reason, .. } => reason,
                other => other.to_string(),
            };
            let lines = vec![format!("cannot be read: {}", plain(&reason))];
            let json = json!({"state": "unreadable", "problems": [reason]});
            return Ok(Some(Layer { found: false, sound: false, record: None, watermark: None, lines, json }));
        }
    };
    Ok(Some(Layer {
        found: said.record.is_some() && !said.may_be_of_another(),
        sound: matches!(said.state, State::Valid | State::Trusted),
        lines: lines(&said),
        json: serde_json::to_value(&said)?,
        record: said.record,
        watermark: said.watermark,
    }))
}

fn lines(said: &Found) -> Vec<String> {
    let place = if said.sidecar { "beside the file" } else { "in the file" };
    let named = |name: &Option<String>, what: &str| name.as_deref().map_or_else(|| format!("an unnamed {what}"), plain);
    let signer = named(&said.signer, "signer");
    let problems = said.problems.join(", ");
    let state = match said.state {
        State::Trusted => format!("{place}, unaltered, signed by {signer}, who is trusted"),
        State::Valid => format!("{place}, unaltered, signed by {signer} (on no list of trusted signers)"),
        State::Tampered if said.sidecar => {
            format!("{place}, but DOES NOT FIT it, which was altered, or is another one: {problems}")
        }
        State::Tampered => format!("{place}, but ALTERED after it was signed: {problems}"),
        State::BadCertificate => format!("{place}; its certificate is not valid: {problems}"),
        State::Malformed => {
            format!("{place}, but MALFORMED: it proves nothing, and nothing shows that it was altered: {problems}")
        }
    };
    let made = if said.synthetic { "; made by a trained network, all of it or a part" } else { "" };
    let mut lines = vec![state, format!("made with {}{made}", named(&said.generator, "program"))];
    if let Some(earlier) = &said.earlier {
        let (program, signer) = (named(&earlier.generator, "program"), named(&earlier.signer, "signer"));
        lines.push(format!(
            "in an earlier manifest, made with {program}, signed by {signer} (another tool worked on the file since):"
        ));
    }
    lines.extend(said.record.as_ref().map(|record| format!("consent record {}", plain(record))));
    if said.before > 0 {
        lines.push(format!("the source had {} manifest(s) of its own", said.before));
    }
    if !said.source_problems.is_empty() {
        lines.push(format!("the source's own manifest is not in order: {}", plain(&said.source_problems.join(", "))));
    }
    lines
}
