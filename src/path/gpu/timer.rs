//! How long the stages of a submission took, by the GPU's own clock.

use std::time::Duration;

use crate::gpu::{BufferRange, Clock, Context};
use crate::path::{Stage, StageTimes};

/// Passes that are measured at most: seven for each of sixteen faces, and some for the whole frame.
const PASSES: u32 = 120;

/// Begins compute passes and notes when they start and end.
#[derive(Debug)]
pub struct Timer {
    clock: Option<Clock>,
    stages: Vec<Stage>,
}

impl Timer {
    /// Measures where the device can.
    pub fn new(ctx: &Context) -> Self {
        Self { clock: Clock::new(ctx, "stages", PASSES), stages: Vec::new() }
    }

    /// Forgets the last submission.
    pub fn restart(&mut self) {
        self.stages.clear();
    }

    /// Begins a pass that belongs to `stage`.
    pub fn pass<'e>(&mut self, encoder: &'e mut wgpu::CommandEncoder, stage: Stage) -> wgpu::ComputePass<'e> {
        let index = self.stages.len() as u32;
        let timestamp_writes = self.clock.as_ref().filter(|_| index < PASSES).map(|clock| clock.pass(index));
        if timestamp_writes.is_some() {
            self.stages.push(stage);
        }
        encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: Some(stage.name()), timestamp_writes })
    }

    /// Bytes that [`Self::finish`] copies.
    pub fn size(&self) -> u64 {
        self.stages.len() as u64 * Clock::PASS_BYTES
    }

    /// Copies the ticks of all passes so far to `staging`, from byte `at` on.
    pub fn finish(&self, encoder: &mut wgpu::CommandEncoder, staging: &BufferRange, at: u64) {
        let Some(clock) = self.clock.as_ref().filter(|_| !self.stages.is_empty()) else { return };
        clock.finish(encoder, self.stages.len() as u32, staging, at);
    }

    /// Adds what `bytes`, the ticks, say to `times`. What they leave of `whole`, the submission's time as the CPU saw
    /// it (transfers, waiting), is added to the blend; without a clock all of it is added to the swap.
    pub fn read(&self, bytes: &[u8], whole: Duration, times: &mut StageTimes) {
        let Some(clock) = &self.clock else { return times.add(Stage::Swap, whole) };
        let mut measured = Duration::ZERO;
        for (stage, time) in self.stages.iter().zip(clock.times(bytes)) {
            measured += time;
            times.add(*stage, time);
        }
        times.add(Stage::Blend, whole.saturating_sub(measured));
    }
}
