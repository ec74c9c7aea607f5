//! What is left to do: photos that no run has looked at yet, each file once.

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::find::Photo;
use super::journal::Record;
use super::work::Task;
use crate::digest::hex;
use crate::models::check_size;
use crate::train::data::Skipped;

/// Largest file in bytes that is read as a photo.
const MAX_FILE: u64 = 256 << 20;
/// Files that are hashed between two looks at the user's wish to stop.
const BATCH: usize = 256;
/// Hexadecimal digits of an id, two to a byte.
const ID_BYTES: usize = 8;

/// What is left to do.
#[derive(Debug, Default)]
pub struct Queue<'a> {
    /// In the order in which they were found.
    pub tasks: Vec<Task<'a>>,
    /// Files that cannot be read or are there twice. The next run looks at them again.
    pub skipped: Vec<Skipped>,
}

/// Sorts `photos` out by what is in their files: of files that are the same the first is taken. `hashed` is told how
/// many files have been read of how many; when it breaks, so does this.
pub fn queue<'a>(
    photos: &'a [Photo],
    done: &[Record],
    hashed: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> ControlFlow<(), Queue<'a>> {
    let known: HashMap<(&str, &str), &str> = done.iter().map(|r| (r.photo(), r.id.as_str())).collect();
    let name = |photo: &Photo| format!("{}/{}", photo.set, photo.photo);
    let mut owners: HashMap<String, String> =
        done.iter().map(|r| (r.id.clone(), format!("{}/{}", r.photo().0, r.photo().1))).collect();
    let new: Vec<&Photo> = photos.iter().filter(|p| !known.contains_key(&(p.set.as_str(), p.photo.as_str()))).collect();
    let mut queue = Queue::default();
    for (i, batch) in new.chunks(BATCH).enumerate() {
        let ids: Vec<_> = batch.par_iter().map(|photo| id(&photo.path)).collect();
        for (photo, id) in batch.iter().zip(ids) {
            let skip = |reason: String| Skipped { set: photo.set.clone(), photo: photo.photo.clone(), reason };
            match id {
                Err(e) => queue.skipped.push(skip(format!("unreadable: {e}"))),
                Ok(id) => match owners.get(&id) {
                    Some(owner) => queue.skipped.push(skip(format!("same file: as {owner}"))),
                    None => {
                        owners.insert(id.clone(), name(photo));
                        queue.tasks.push((photo, id));
                    }
                },
            }
        }
        hashed((i * BATCH + batch.len()).min(new.len()), new.len())?;
    }
    ControlFlow::Continue(queue)
}

/// First hexadecimal digits of the SHA-256 of a file.
fn id(path: &Path) -> io::Result<String> {
    check_size(path, MAX_FILE)?;
    let hash = Sha256::digest(std::fs::read(path)?);
    Ok(hex(&hash[..ID_BYTES]))
}
