//! The GPU's clock: when compute passes began and ended.

use std::time::Duration;

use super::{BufferRange, Context};

/// Ticks of a number of passes.
#[derive(Debug)]
pub struct Clock {
    set: wgpu::QuerySet,
    resolved: BufferRange,
    tick_nanos: f64,
}

impl Clock {
    /// Bytes of a pass' two ticks.
    pub const PASS_BYTES: u64 = 16;

    /// A clock for `passes` passes in a submission; none where passes cannot read the device's.
    pub fn new(ctx: &Context, label: &str, passes: u32) -> Option<Self> {
        if !ctx.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return None;
        }
        let (ty, count) = (wgpu::QueryType::Timestamp, 2 * passes);
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        Some(Self {
            set: ctx.device.create_query_set(&wgpu::QuerySetDescriptor { label: Some(label), ty, count }),
            resolved: ctx.buffer(label, u64::from(passes) * Self::PASS_BYTES, usage),
            tick_nanos: f64::from(ctx.queue.get_timestamp_period()),
        })
    }

    /// What pass number `index` notes.
    pub fn pass(&self, index: u32) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.set,
            beginning_of_pass_write_index: Some(2 * index),
            end_of_pass_write_index: Some(2 * index + 1),
        }
    }

    /// Copies the ticks of the first `passes` passes to `staging`, from byte `at` on.
    pub fn finish(&self, encoder: &mut wgpu::CommandEncoder, passes: u32, staging: &BufferRange, at: u64) {
        encoder.resolve_query_set(&self.set, 0..2 * passes, &self.resolved.buffer, 0);
        let size = u64::from(passes) * Self::PASS_BYTES;
        encoder.copy_buffer_to_buffer(&self.resolved.buffer, 0, &staging.buffer, at, size);
    }

    /// How long each pass took whose ticks are `bytes`.
    pub fn times(&self, bytes: &[u8]) -> impl Iterator<Item = Duration> {
        bytes.chunks_exact(Self::PASS_BYTES as usize).map(|ticks| {
            let [start, end]: [u64; 2] = bytemuck::pod_read_unaligned(ticks);
            Duration::from_nanos((end.saturating_sub(start) as f64 * self.tick_nanos) as u64)
        })
    }
}
