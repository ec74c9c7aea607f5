//! What every kernel of the CPU engine offers, and how its work is shared out to threads.

use std::fmt::Debug;

use rayon::prelude::*;

/// One planned operation: weights packed, shapes known.
pub trait Kernel: Debug + Send + Sync {
    /// Reads `inputs` (each in its value's layout), writes every lane of `out`. `scratch` has at least
    /// [`Self::scratch_len`] values, of any content.
    fn run(&self, inputs: &[&[f32]], out: &mut [f32], scratch: &mut [f32]);

    /// Values of scratch memory that [`Self::run`] needs.
    fn scratch_len(&self) -> usize {
        0
    }
}

/// Work of a job below which another thread costs more than it brings, in multiply-accumulates or values moved
/// (measured: waking a worker costs some microseconds).
const MIN_JOB: usize = 1 << 15;

/// How the rows of a map are dealt out.
#[derive(Clone, Copy, Debug)]
pub struct Strips {
    /// Rows in a job.
    pub rows: usize,
    /// Number of jobs.
    pub jobs: usize,
}

impl Strips {
    /// Strips for `rows` rows that take `work` multiply-accumulates (or values moved) in all.
    pub fn new(rows: usize, work: usize) -> Self {
        let threads = rayon::current_num_threads();
        let wanted = (work / MIN_JOB).clamp(1, if threads > 1 { threads * 2 } else { 1 });
        let per_job = rows.div_ceil(wanted).max(1);
        Self { rows: per_job, jobs: rows.div_ceil(per_job) }
    }
}

/// Calls `job(first_row, rows_of_out, scratch_of_the_job)` for each strip; `row_len` values make a row of `out`.
pub fn for_strips<F>(strips: Strips, out: &mut [f32], row_len: usize, scratch: &mut [f32], scratch_len: usize, job: F)
where
    F: Fn(usize, &mut [f32], &mut [f32]) + Sync,
{
    let chunk = strips.rows * row_len;
    if strips.jobs <= 1 {
        return job(0, out, scratch);
    }
    if scratch_len == 0 {
        return out.par_chunks_mut(chunk).enumerate().for_each(|(i, out)| job(i * strips.rows, out, &mut []));
    }
    let scratch = scratch.par_chunks_mut(scratch_len);
    out.par_chunks_mut(chunk)
        .zip(scratch)
        .enumerate()
        .for_each(|(i, (out, scratch))| job(i * strips.rows, out, scratch));
}

/// [`for_strips`] without scratch memory.
pub fn for_rows<F>(rows: usize, work: usize, out: &mut [f32], row_len: usize, job: F)
where
    F: Fn(usize, &mut [f32]) + Sync,
{
    for_strips(Strips::new(rows, work), out, row_len, &mut [], 0, |y, out, _| job(y, out));
}
