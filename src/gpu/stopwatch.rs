//! How long dispatches take by themselves: for benchmarks.

use std::time::{Duration, Instant};

use super::{BufferRange, Context};
use crate::error::Result;

/// Bytes of two ticks.
const TICKS: u64 = 16;

/// Measures one compute pass at a time.
#[derive(Debug)]
pub struct Stopwatch<'a> {
    ctx: &'a Context,
    clock: Option<Clock>,
}

/// The GPU's clock.
#[derive(Debug)]
struct Clock {
    set: wgpu::QuerySet,
    resolved: BufferRange,
    staging: BufferRange,
    tick_nanos: f64,
}

impl<'a> Stopwatch<'a> {
    /// By the GPU's clock where it has one that passes can read, else by the CPU's.
    pub fn new(ctx: &'a Context) -> Self {
        let able = ctx.device.features().contains(wgpu::Features::TIMESTAMP_QUERY);
        let clock = able.then(|| {
            let (label, ty) = (Some("stopwatch"), wgpu::QueryType::Timestamp);
            let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
            Clock {
                set: ctx.device.create_query_set(&wgpu::QuerySetDescriptor { label, ty, count: 2 }),
                resolved: ctx.buffer("ticks", TICKS, usage),
                staging: ctx.staging("ticks", TICKS),
                tick_nanos: f64::from(ctx.queue.get_timestamp_period()),
            }
        });
        Self { ctx, clock }
    }

    /// Runs what `record` puts into a pass, and nothing else, and waits for it.
    ///
    /// # Errors
    /// [`Error::DeviceLost`](crate::Error::DeviceLost).
    pub fn time(&self, record: impl FnOnce(&mut wgpu::ComputePass<'_>)) -> Result<Duration> {
        let mut encoder = self.ctx.encoder("stopwatch");
        let timestamp_writes = self.clock.as_ref().map(|clock| wgpu::ComputePassTimestampWrites {
            query_set: &clock.set,
            beginning_of_pass_write_index: Some(0),
            end_of_pass_write_index: Some(1),
        });
        record(&mut encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes }));
        let Some(clock) = &self.clock else {
            let start = Instant::now();
            self.ctx.submit(encoder)?;
            self.ctx.wait()?;
            return Ok(start.elapsed());
        };
        encoder.resolve_query_set(&clock.set, 0..2, &clock.resolved.buffer, 0);
        encoder.copy_buffer_to_buffer(&clock.resolved.buffer, 0, &clock.staging.buffer, 0, TICKS);
        let submitted = self.ctx.submit(encoder)?;
        self.ctx.map(&clock.staging, TICKS, submitted, |bytes| {
            let [start, end]: [u64; 2] = bytemuck::pod_read_unaligned(bytes);
            Duration::from_nanos((end.saturating_sub(start) as f64 * clock.tick_nanos) as u64)
        })
    }
}
