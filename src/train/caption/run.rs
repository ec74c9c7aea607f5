//! Goes through a data set: several photos at a time, one writer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::store::Store;
use super::{Captioner, Failure, Photo, Stop};
use crate::error::Result;
use crate::train::data::{Dataset, Item};

/// How to go through a data set.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Photos that are worked on at once, at least one.
    pub jobs: usize,
    /// Begin anew although there are captions.
    pub overwrite: bool,
}

/// How far a run has come, in photos.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// All of the data set's.
    pub total: usize,
    /// Those that had their caption before.
    pub cached: usize,
    /// Those that got one.
    pub captioned: usize,
    /// Those that got none.
    pub failed: usize,
}

/// Photos without a caption for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// How many.
    pub photos: usize,
    /// The first of them by name, `set/photo`.
    pub example: String,
}

/// What came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The numbers.
    pub progress: Progress,
    /// Photos without a caption, by reason.
    pub failed: BTreeMap<String, Failed>,
    /// The user ended the run early.
    pub interrupted: bool,
    /// What ended the run early: it would have happened to every photo.
    pub fatal: Option<String>,
}

type Answer<'a> = (&'a Item, Result<String, Failure>);

/// Captions the photos of `dataset` that have none yet and tells `watch` after each. Every caption is on the disk before
/// the next one is taken, so that a run that ends early, in whatever way, can be gone on with.
///
/// # Errors
/// [`crate::Error::Training`] when there are captions of another captioner and `options.overwrite` is not set, or they
/// are damaged; [`crate::Error::Io`]. What happens to single photos stands in the summary.
pub fn run(
    dataset: &Dataset,
    captioner: &dyn Captioner,
    options: Options,
    watch: &mut dyn FnMut(&Progress),
    stop: &Stop<'_>,
) -> Result<Summary> {
    let mut store = Store::open(&dataset.folder, &captioner.origin(), options.overwrite)?;
    let missing: Vec<&Item> = dataset.items.iter().filter(|item| !store.contains(&item.id)).collect();
    let (total, cached) = (dataset.items.len(), dataset.items.len() - missing.len());
    let mut summary = Summary { progress: Progress { total, cached, ..Progress::default() }, ..Summary::default() };
    watch(&summary.progress);
    // Set when the run ends for whatever reason; waiting captioners see it too.
    let ended = AtomicBool::new(false);
    let ending = || ended.load(Ordering::Relaxed) || stop();
    let next = AtomicUsize::new(0);
    let work = |answers: Sender<_>| {
        while let Some(&item) = missing.get(next.fetch_add(1, Ordering::Relaxed)).filter(|_| !ending()) {
            let answer = captioner.caption(Photo { dataset, item }, &ending);
            if matches!(answer, Err(Failure::Fatal(_))) {
                ended.store(true, Ordering::Relaxed);
            }
            if answers.send((item, answer)).is_err() {
                return;
            }
        }
    };
    let collected = thread::scope(|scope| {
        let (sender, answers) = channel();
        for _ in 0..options.jobs.clamp(1, missing.len().max(1)) {
            let (sender, work) = (sender.clone(), &work);
            scope.spawn(move || work(sender));
        }
        drop(sender);
        let collected = collect(answers, &mut store, &mut summary, watch);
        ended.store(true, Ordering::Relaxed);
        collected
    });
    let Progress { captioned, failed, .. } = summary.progress;
    summary.interrupted = summary.fatal.is_none() && captioned + failed < missing.len();
    // A full disk, say, must not keep the file from being put in order as far as it goes.
    let finished = store.finish();
    collected.and(finished).map(|()| summary)
}

/// Takes the answers as they come, until the last thread ends.
fn collect(
    answers: Receiver<Answer<'_>>,
    store: &mut Store,
    summary: &mut Summary,
    watch: &mut dyn FnMut(&Progress),
) -> Result<()> {
    for (item, answer) in answers {
        match answer {
            Ok(text) => {
                store.add(&item.id, text)?;
                summary.progress.captioned += 1;
            }
            Err(Failure::Skip(reason)) => {
                let name = format!("{}/{}", item.set, item.photo);
                let failed = summary.failed.entry(reason).or_insert(Failed { photos: 0, example: name.clone() });
                failed.photos += 1;
                failed.example = std::mem::take(&mut failed.example).min(name);
                summary.progress.failed += 1;
            }
            Err(Failure::Fatal(reason)) => {
                summary.fatal.get_or_insert(reason);
            }
            Err(Failure::Interrupted) => {}
        }
        watch(&summary.progress);
    }
    Ok(())
}
