//! How long dispatches take by themselves: for benchmarks.

use std::time::{Duration, Instant};

use super::{BufferRange, Clock, Context};
use crate::error::Result;

/// Measures one compute pass at a time.
#[derive(Debug)]
pub struct Stopwatch<'a> {
    ctx: &'a Context,
    /// The GPU's clock, and where its ticks are read.
    clock: Option<(Clock, BufferRange)>,
}

impl<'a> Stopwatch<'a> {
    /// By the GPU's clock where it has one that passes can read, else by the CPU's.
    pub fn new(ctx: &'a Context) -> Self {
        let clock = Clock::new(ctx, "stopwatch", 1).map(|clock| (clock, ctx.staging("ticks", Clock::PASS_BYTES)));
        Self { ctx, clock }
    }

    /// Runs what `record` puts into a pass, and nothing else, and waits for it.
    ///
    /// # Errors
    /// [`Error::DeviceLost`](crate::Error::DeviceLost).
    pub fn time(&self, record: impl FnOnce(&mut wgpu::ComputePass<'_>)) -> Result<Duration> {
        let mut encoder = self.ctx.encoder("stopwatch");
        let timestamp_writes = self.clock.as_ref().map(|(clock, _)| clock.pass(0));
        record(&mut encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes }));
        let Some((clock, staging)) = &self.clock else {
            let start = Instant::now();
            self.ctx.submit(encoder)?;
            self.ctx.wait()?;
            return Ok(start.elapsed());
        };
        clock.finish(&mut encoder, 1, staging, 0);
        let submitted = self.ctx.submit(encoder)?;
        self.ctx.map(staging, Clock::PASS_BYTES, submitted, |bytes| clock.times(bytes).sum())
    }
}
