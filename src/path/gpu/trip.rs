//! A submission's way to the device and back: what it brings home, and how long it took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::timer::Timer;
use crate::error::{Error, Result};
use crate::gpu::{BufferRange, Context};
use crate::path::StageTimes;

/// A buffer that the CPU reads and a clock, for one submission at a time.
#[derive(Debug)]
pub struct Trip {
    /// Begins the submission's passes.
    pub timer: Timer,
    ctx: Arc<Context>,
    /// As large as the largest result so far.
    staging: Option<BufferRange>,
    /// Bytes of the result, without the clock's.
    size: u64,
    submission: Option<wgpu::SubmissionIndex>,
    /// Time that the CPU has spent on it so far.
    spent: Duration,
}

impl Trip {
    /// One that has brought nothing yet.
    pub fn new(ctx: &Arc<Context>) -> Self {
        let (staging, size, submission, spent) = Default::default();
        Self { timer: Timer::new(ctx), ctx: ctx.clone(), staging, size, submission, spent }
    }

    /// Submits `encoder`, whose passes [`Self::timer`] began since `start`, and lets it bring home `results`.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub fn depart<'a>(
        &mut self,
        mut encoder: wgpu::CommandEncoder,
        results: impl Iterator<Item = &'a BufferRange> + Clone,
        start: Instant,
    ) -> Result<()> {
        self.size = results.clone().map(|r| r.size).sum();
        let total = self.size + self.timer.size();
        let kept = self.staging.take().filter(|range| range.size >= total);
        let staging = self.staging.insert(kept.unwrap_or_else(|| self.ctx.staging("result", total)));
        let mut at = 0;
        for range in results {
            encoder.copy_buffer_to_buffer(&range.buffer, range.offset, &staging.buffer, at, range.size);
            at += range.size;
        }
        self.timer.finish(&mut encoder, staging, self.size);
        self.submission = Some(self.ctx.submit(encoder)?);
        self.spent = start.elapsed();
        Ok(())
    }

    /// Waits for the submission and shows `read` its results, one after the other. Adds its times to `times`.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub fn arrive<T>(&mut self, times: &mut StageTimes, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let start = Instant::now();
        let (Some(staging), Some(submission)) = (&self.staging, self.submission.take()) else {
            return Err(Error::Frame("nothing was submitted".into()));
        };
        self.ctx.map(staging, self.size + self.timer.size(), submission, |bytes| {
            let (results, ticks) = bytes.split_at(self.size as usize);
            let value = read(results);
            self.timer.read(ticks, self.spent + start.elapsed(), times);
            value
        })
    }
}
