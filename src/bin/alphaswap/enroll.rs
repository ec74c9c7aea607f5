//! `alphaswap enroll`: photos or a short video of a person to an identity file.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use alphaswap::Error;
use alphaswap::identity::enroll::{DOUBTFUL, Enroller, OTHER_PERSON, Sample, Views, best};
use alphaswap::models::Model;
use anyhow::{Context, Result, bail};

use crate::consent::{ConsentArgs, one_line};
use crate::options::RevokedArgs;
use crate::output::Pending;
use crate::{decode, media, picture};

/// Time between two looks at a video, and looks at most.
const EVERY: Duration = Duration::from_millis(200);
const MAX_LOOKS: usize = 300;

/// Make an identity file from photos or a short video of one person.
///
/// One sharp, evenly lit photo from the front is enough; photos with the head turned a little to the left and to the
/// right (15 to 40 degrees) make turned faces better. Of a video the best frames from each side are taken. Only enroll
/// people who agreed to it: the consent is stored in the file and signed with your key.
#[derive(clap::Args)]
pub struct Args {
    /// Photos (JPEG, PNG, WebP) or videos of one person.
    #[arg(required = true, value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// Identity file to write, for example me.alphaface.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Name of the person.
    #[arg(long, value_parser = one_line)]
    name: String,
    #[command(flatten)]
    consent: ConsentArgs,
    #[command(flatten)]
    revoked: RevokedArgs,
    /// Model file of the encoder that another generator needs, an imported ArcFace; can be given several times. The
    /// identity then fits that generator as well as `mesh` and `guided`.
    #[arg(long = "encoder", value_name = "FILE")]
    encoders: Vec<PathBuf>,
    /// Which face to take in photos with several, counted from 1, from left to right.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    face: Option<u16>,
    /// Replace FILE if it exists.
    #[arg(long)]
    overwrite: bool,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    // Whether there is a place for it, before photos are read.
    drop(Pending::new(&args.output, args.overwrite)?);
    args.photos.iter().try_for_each(|photo| media::check_input(photo))?;
    let output = args.output.canonicalize().ok();
    if output.is_some() && args.photos.iter().chain(&args.encoders).any(|input| input.canonicalize().ok() == output) {
        bail!("{}: is input and output at once; name another output", args.output.display());
    }
    let revoked = args.revoked.list()?;
    let (consent, key) = (args.consent.record()?, args.consent.key()?);
    let mut enroller = Enroller::new()?;
    for path in &args.encoders {
        enroller = enroller.with_encoder(&Model::open(path)?)?;
    }
    let face = args.face.map(usize::from);
    let mut samples = Vec::new();
    for photo in &args.photos {
        match picture::is_picture(photo)? {
            true => samples.push(enroller.sample(photo, &picture::read(photo)?.into_rgb8(), face)?),
            false => samples.extend(from_video(&mut enroller, photo, face)?),
        }
    }
    samples.iter().for_each(tell);
    ask(&samples);
    let count = samples.len();
    let mut identity = enroller.identity(&args.name, consent, samples)?;
    if revoked.contains(&identity) {
        bail!(
            "the consent of the person on these photos was taken back: a list names one of them; if they agree anew, \
             take other photos (lists know photos, not people)"
        );
    }
    identity.sign(&key);
    identity.save(&args.output)?;
    let mut encoders: Vec<_> = identity.embeddings.iter().map(|e| e.encoder.as_str()).collect();
    encoders.dedup();
    let (output, encoders) = (args.output.display(), encoders.join(", "));
    eprintln!("wrote {output}: {count} view(s) of {}; encoders: {encoders}", args.name);
    Ok(())
}

/// The best views that a video holds.
fn from_video(enroller: &mut Enroller, path: &Path, face: Option<usize>) -> Result<Vec<Sample>> {
    media::init()?;
    let (mut views, mut looks, mut refusal) = (Views::default(), 0, None);
    decode::pictures(path, EVERY, None, |picture| {
        looks += 1;
        match enroller.sample(path, &picture, face) {
            Ok(sample) => views.add(sample),
            Err(error @ Error::Enroll { .. }) => refusal = Some(error),
            Err(error) => return Err(error.into()),
        }
        Ok(if looks < MAX_LOOKS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    let (samples, others) = views.of_one_person().map_err(|reason| Error::Enroll { photo: path.into(), reason })?;
    if others > 0 {
        eprintln!("{}: warning: {others} look(s) at somebody else were left out", path.display());
    }
    match (samples.is_empty(), refusal) {
        (false, _) => Ok(samples),
        (true, Some(refusal)) => Err(refusal).context("no frame of the video can be used; the last one"),
        (true, None) => bail!("{}: the video has no frame", path.display()),
    }
}

/// One line for each photo that may show somebody else than the best one.
fn ask(samples: &[Sample]) {
    let Some(best) = best(samples) else { return };
    for sample in samples.iter().filter(|s| (OTHER_PERSON..DOUBTFUL).contains(&s.likeness(best))) {
        let (photo, best) = (sample.photo.display(), best.photo.display());
        eprintln!("{photo}: warning: the face is little like the one in {best}; enroll one person only");
    }
}

/// One line about a photo, and one per warning.
fn tell(sample: &Sample) {
    let (photo, pose) = (sample.photo.display(), sample.quality.pose);
    let turn = match pose.yaw {
        yaw if yaw.abs() < 8.0 => "from the front".to_string(),
        yaw => format!(
            "turned {:.0} degrees to the {} of the picture",
            yaw.abs(),
            if yaw > 0.0 { "right" } else { "left" }
        ),
    };
    eprintln!("{photo}: {turn}, face of {:.0} pixels", sample.quality.crop_pixels * 0.75);
    if sample.quarter_turns > 0 {
        eprintln!("{photo}: the photo was turned by {} degrees to stand upright", 90 * u16::from(sample.quarter_turns));
    }
    sample.quality.warnings().iter().for_each(|warning| eprintln!("{photo}: warning: {warning}"));
}
