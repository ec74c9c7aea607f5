//! Looking at many photos at once.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

use super::Settings;
use super::find::Photo;
use super::journal::{Outcome, Record};
use super::look::{Looker, Seen};
use crate::error::{Error, Result};
use crate::train::data::Skipped;

/// A photo to look at, and the id of its file.
pub type Task<'a> = (&'a Photo, String);

/// What the threads share.
struct Shared<'a> {
    settings: &'a Settings,
    tasks: &'a [Task<'a>],
    next: AtomicUsize,
    stop: AtomicBool,
}

/// Looks at the photos of `tasks`, each on one thread, and writes their files into the output folder; then `done` is
/// told, on this thread. When it breaks, the photos that are being looked at are finished.
///
/// # Errors
/// The first one that a photo or `done` met. All is stopped then.
pub fn run(
    settings: &Settings,
    tasks: &[Task<'_>],
    done: &mut dyn FnMut(Record) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let shared = Shared { settings, tasks, next: AtomicUsize::new(0), stop: AtomicBool::new(false) };
    let jobs = settings.jobs.clamp(1, tasks.len().max(1));
    let (sender, results) = channel();
    let mut failure = None;
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, shared) = (sender.clone(), &shared);
            scope.spawn(move || shared.alone(sender));
        }
        drop(sender);
        for record in results {
            match record.and_then(&mut *done) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => shared.stop.store(true, Ordering::Relaxed),
                Err(error) => {
                    shared.stop.store(true, Ordering::Relaxed);
                    failure.get_or_insert(error);
                }
            }
        }
    });
    failure.map_or(Ok(()), Err)
}

impl Shared<'_> {
    /// Works with one thread for everything below: photos are many, so each needs no more, and the numbers do not
    /// depend on how many are at work.
    fn alone(&self, sender: Sender<Result<Record>>) {
        let work = || {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
            let pool = pool.map_err(|e| Error::training("--jobs", format!("no thread could be started: {e}")))?;
            pool.install(|| self.work(&sender))
        };
        if let Err(error) = work() {
            // Nobody listens when the run is over.
            let _ = sender.send(Err(error));
        }
    }

    fn work(&self, sender: &Sender<Result<Record>>) -> Result<()> {
        let mut looker = self.settings.looker()?;
        while !self.stop.load(Ordering::Relaxed) {
            let Some((photo, id)) = self.tasks.get(self.next.fetch_add(1, Ordering::Relaxed)) else { break };
            if sender.send(Ok(one(&mut looker, photo, id, &self.settings.output)?)).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// Looks at one photo and writes its files.
fn one(looker: &mut Looker, photo: &Photo, id: &str, folder: &Path) -> Result<Record> {
    let file = std::fs::read(&photo.path).map_err(Error::io(&photo.path))?;
    let (faces, outcome) = match looker.look(photo, id, &file)? {
        Ok(Seen { faces, item, files }) => {
            files.write(folder, id)?;
            (faces, Outcome::Taken(item))
        }
        Err(reason) => (0, Outcome::Skipped(Skipped { set: photo.set.clone(), photo: photo.photo.clone(), reason })),
    };
    Ok(Record { id: id.into(), faces, outcome })
}
