//! Judging pictures that somebody else made.

use std::ops::ControlFlow;

use super::judge::Judge;
use super::measure::{Framed, measure};
use super::photos::{Photo, Unusable};
use super::swap::usable;
use super::{Evaluation, Report, Swapped};
use crate::error::{Error, Result};

/// Measures outputs called `SOURCE_TARGET`, in the same framing as the sources and targets of these names. Pictures are
/// taken as they are: nothing is aligned. What fits no pair, or cannot be read, is listed.
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
    let sources = usable(sources, &mut skipped, |photo| framed(&mut judge, photo));
    let targets = usable(targets, &mut skipped, |photo| framed(&mut judge, photo));
    let (mut pairs, mut lost) = (Vec::new(), 0);
    for output in outputs {
        let mut skip = |reason: Error| skipped.push(Unusable::new(output, reason));
        let Some((s, t)) = pair_of(&output.name, &sources, &targets) else {
            skip(Error::training(&output.name, "is not called SOURCE_TARGET after two of the photos"));
            continue;
        };
        match output.open().and_then(|picture| Ok((judge.read(&picture)?, picture))) {
            Ok((_, picture)) if picture.dimensions() != targets[t].picture.dimensions() => {
                skip(Error::training(&output.name, "has another size than its target"));
            }
            Ok((Some(face), picture)) => {
                pairs.push(measure(&judge, &sources, &sources[s], &targets[t], (&picture, face)));
                if seen(Swapped { source: s, target: t, output: Some(&picture) }).is_break() {
                    return Err(Error::training(name, "the evaluation was broken off"));
                }
            }
            Ok((None, _)) => lost += 1,
            Err(error) => skip(error),
        }
    }
    let size = targets.first().map_or(0, |t| t.picture.width() as usize);
    let (sources_used, targets_used) = (sources.len(), targets.len());
    let models = vec![Evaluation::new(name, pairs, lost, &sources, &targets)?];
    Ok(Report { size, sources: sources_used, targets: targets_used, skipped, models })
}

/// A photo that is framed already.
fn framed(judge: &mut Judge, photo: &Photo) -> Result<Framed> {
    let picture = photo.open()?;
    let face = judge.read(&picture)?.ok_or_else(|| Error::training(photo.path.display(), "no face found"))?;
    Ok(Framed { name: photo.name.clone(), person: photo.person.clone(), picture, face })
}

/// Whose face stands on whose photo, by the output's name.
fn pair_of(name: &str, sources: &[Framed], targets: &[Framed]) -> Option<(usize, usize)> {
    sources.iter().enumerate().find_map(|(s, source)| {
        let target = name.strip_prefix(&source.name)?.strip_prefix('_')?;
        Some((s, targets.iter().position(|t| t.name == target)?))
    })
}
