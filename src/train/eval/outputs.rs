//! Judging pictures that somebody else made.

use std::ops::ControlFlow;

use super::judge::Judge;
use super::measure::{Framed, measure};
use super::photos::{Photo, Unusable};
use super::{Evaluation, Report, Swapped};
use crate::error::{Error, Result};

/// Measures outputs called `SOURCE_TARGET`, in the same framing as the sources and targets of these names. Pictures are
/// taken as they are: nothing is aligned. Outputs of one person's photo onto another are named as such; what fits no
/// pair, or shows no face, is listed.
///
/// # Errors
/// [`Error::Training`] when no output can be measured, or `seen` broke off.
pub fn judge_outputs(
    name: &str,
    outputs: &[Photo],
    (sources, targets): (&[Photo], &[Photo]),
    mut seen: impl FnMut(Swapped<'_>) -> ControlFlow<()>,
) -> Result<Report> {
    let (mut judge, mut skipped) = (Judge::new()?, Vec::new());
    let sources = framed(&mut judge, sources, &mut skipped);
    let targets = framed(&mut judge, targets, &mut skipped);
    let (mut pairs, mut lost) = (Vec::new(), 0);
    for output in outputs {
        let mut skip = |reason: String| skipped.push(Unusable { photo: output.name.clone(), reason });
        let Some((s, t)) = pair_of(&output.name, &sources, &targets) else {
            skip("is not called SOURCE_TARGET after two of the photos".into());
            continue;
        };
        match output.open().and_then(|picture| Ok((judge.read(&picture)?, picture))) {
            Ok((_, picture)) if picture.dimensions() != targets[t].picture.dimensions() => {
                skip("has another size than its target".into());
            }
            Ok((Some(face), picture)) => {
                pairs.push(measure(&judge, &sources, &sources[s], &targets[t], (&picture, face)));
                if seen(Swapped { source: s, target: t, output: Some(&picture) }).is_break() {
                    return Err(Error::training(name, "the evaluation was broken off"));
                }
            }
            Ok((None, _)) => lost += 1,
            Err(error) => skip(error.to_string()),
        }
    }
    let size = targets.first().map_or(0, |t| t.picture.width() as usize);
    let (sources_used, targets_used) = (sources.len(), targets.len());
    let models = vec![Evaluation::new(name, pairs, lost, &sources, &targets)?];
    Ok(Report { size, sources: sources_used, targets: targets_used, skipped, models })
}

/// The photos in which a face is seen.
fn framed(judge: &mut Judge, photos: &[Photo], skipped: &mut Vec<Unusable>) -> Vec<Framed> {
    let mut read = |photo: &Photo| -> Result<Framed, String> {
        let picture = photo.open().map_err(|e| e.to_string())?;
        let face = judge.read(&picture).map_err(|e| e.to_string())?.ok_or("no face found")?;
        Ok(Framed { name: photo.name.clone(), person: photo.person.clone(), picture, face })
    };
    let mut framed = Vec::new();
    for photo in photos {
        match read(photo) {
            Ok(photo) => framed.push(photo),
            Err(reason) => skipped.push(Unusable { photo: photo.name.clone(), reason }),
        }
    }
    framed
}

fn pair_of(name: &str, sources: &[Framed], targets: &[Framed]) -> Option<(usize, usize)> {
    sources.iter().enumerate().find_map(|(s, source)| {
        let target = name.strip_prefix(&source.name)?.strip_prefix('_')?;
        Some((s, targets.iter().position(|t| t.name == target)?))
    })
}
