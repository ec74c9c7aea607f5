//! How long the stages of a submission took, by the GPU's own clock.

use std::time::Duration;

use crate::gpu::{BufferRange, Context};
use crate::path::{Stage, StageTimes};

/// Passes that are measured at most: seven for each of sixteen faces, and some for the whole frame.
const PASSES: u32 = 120;
/// Bytes of a pass' two ticks.
const PASS_BYTES: u64 = 16;

/// Begins compute passes and notes when they start and end.
#[derive(Debug)]
pub struct Timer {
    queries: Option<Queries>,
    stages: Vec<Stage>,
}

#[derive(Debug)]
struct Queries {
    set: wgpu::QuerySet,
    resolved: BufferRange,
    tick_nanos: f64,
}

impl Timer {
    /// Measures where the device can.
    pub fn new(ctx: &Context) -> Self {
        let able = ctx.device.features().contains(wgpu::Features::TIMESTAMP_QUERY);
        let queries = able.then(|| {
            let (label, ty, count) = (Some("stages"), wgpu::QueryType::Timestamp, 2 * PASSES);
            let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
            Queries {
                set: ctx.device.create_query_set(&wgpu::QuerySetDescriptor { label, ty, count }),
                resolved: ctx.buffer("stage ticks", u64::from(PASSES) * PASS_BYTES, usage),
                tick_nanos: f64::from(ctx.queue.get_timestamp_period()),
            }
        });
        Self { queries, stages: Vec::new() }
    }

    /// Forgets the last submission.
    pub fn restart(&mut self) {
        self.stages.clear();
    }

    /// Begins a pass that belongs to `stage`.
    pub fn pass<'e>(&mut self, encoder: &'e mut wgpu::CommandEncoder, stage: Stage) -> wgpu::ComputePass<'e> {
        let first = 2 * self.stages.len() as u32;
        let queries = self.queries.as_ref().filter(|_| first < 2 * PASSES);
        let timestamp_writes = queries.map(|q| wgpu::ComputePassTimestampWrites {
            query_set: &q.set,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: Some(first + 1),
        });
        if timestamp_writes.is_some() {
            self.stages.push(stage);
        }
        encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: Some(stage.name()), timestamp_writes })
    }

    /// Bytes that [`Self::finish`] copies.
    pub fn size(&self) -> u64 {
        self.stages.len() as u64 * PASS_BYTES
    }

    /// Copies the ticks of all passes so far to `staging`, from byte `at` on.
    pub fn finish(&self, encoder: &mut wgpu::CommandEncoder, staging: &BufferRange, at: u64) {
        let Some(q) = self.queries.as_ref().filter(|_| !self.stages.is_empty()) else { return };
        encoder.resolve_query_set(&q.set, 0..2 * self.stages.len() as u32, &q.resolved.buffer, 0);
        encoder.copy_buffer_to_buffer(&q.resolved.buffer, 0, &staging.buffer, at, self.size());
    }

    /// Adds what `bytes`, the ticks, say to `times`. What they leave of `whole`, the submission's time as the CPU saw
    /// it (transfers, waiting), is added to the blend; without a clock all of it is added to the swap.
    pub fn read(&self, bytes: &[u8], whole: Duration, times: &mut StageTimes) {
        let Some(q) = &self.queries else { return times.add(Stage::Swap, whole) };
        let mut measured = Duration::ZERO;
        for (stage, ticks) in self.stages.iter().zip(bytes.chunks_exact(PASS_BYTES as usize)) {
            let [start, end]: [u64; 2] = bytemuck::pod_read_unaligned(ticks);
            let nanos = end.saturating_sub(start) as f64 * q.tick_nanos;
            let time = Duration::from_nanos(nanos as u64);
            measured += time;
            times.add(*stage, time);
        }
        times.add(Stage::Blend, whole.saturating_sub(measured));
    }
}
