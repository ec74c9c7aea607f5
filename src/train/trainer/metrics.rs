//! What a run says of itself: one JSON line a step.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::folder::RunFolder;
use crate::error::Result;
use crate::train::lines;

/// A step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Steps that are done, this one included.
    pub step: u64,
    /// Samples that the generator has seen.
    pub samples: u64,
    /// Samples of this step over the time it took.
    pub samples_per_second: f64,
    /// Learning rate.
    pub lr: f64,
    /// The weighted sum of the terms.
    pub loss: f32,
    /// Length of the generator's gradient before clipping.
    pub grad_norm: f32,
    /// Every term before its weight.
    pub terms: BTreeMap<String, f32>,
    /// Seconds by part of the step.
    pub seconds: BTreeMap<String, f64>,
    /// The check on held-out people, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<Check>,
}

/// Mean absolute difference to the real photo on the face, over held-out triplets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Of the generator's picture with the right identity.
    pub right: f32,
    /// With somebody else's.
    pub stranger: f32,
    /// Of what it was given: the guide, or the input where there is none.
    pub untouched: f32,
    /// Number of triplets.
    pub samples: usize,
}

/// Every row of a run.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io), or [`Error::Training`](crate::Error::Training) naming the line that is damaged.
pub fn read(run: &RunFolder) -> Result<Vec<Row>> {
    lines::read(&run.metrics())
}

/// Adds a row; a row is written at once.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io).
pub fn append(run: &RunFolder, row: &Row) -> Result<()> {
    lines::append(&run.metrics(), row)
}

/// Forgets what came after `step`: a resumed run does it again. A line that a crash cut is forgotten too.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io).
pub fn rewind(run: &RunFolder, step: u64) -> Result<()> {
    lines::keep(&run.metrics(), |row: &Row| row.step <= step)
}
