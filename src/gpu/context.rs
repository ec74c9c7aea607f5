//! [`Context`]: one open GPU.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wgpu::BufferUsages;

use super::BufferRange;
use super::belt::Belt;
use super::cache::Cache;
use super::kernel::Kernels;
use super::matrix::MatrixUnits;
use super::trust::Trials;
use crate::error::{Error, Result};

/// How long a callback may lag behind the work that it reports.
const CALLBACK_WAIT: Duration = Duration::from_secs(5);

/// How long a hardware adapter may take for what was submitted. An integrated GPU may need many seconds for two faces
/// with a large generator, which is no fault; a driver itself gives up work that hangs, mostly after a few seconds. So
/// this is for drivers that do not. A software adapter is just slow.
const WORK_WAIT: Duration = Duration::from_secs(60);
const SOFTWARE_WAIT: Duration = Duration::from_secs(600);

/// An open GPU: device, queue and the kernels compiled so far. wgpu reports most failures out of band; they are kept
/// here, and [`Self::check`] (called by everything that submits or reads) turns them into [`Error::DeviceLost`].
#[derive(Debug)]
pub struct Context {
    /// The device.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    pub(crate) kernels: Kernels,
    pub(crate) cache: Option<Cache>,
    pub(crate) trials: Trials,
    pub(super) belt: Mutex<Belt>,
    pub(super) buffers: AtomicU64,
    submissions: AtomicU64,
    line: String,
    software: bool,
    matrix: Option<MatrixUnits>,
    fault: Fault,
}

/// The first thing that went wrong on the device.
#[derive(Clone, Debug, Default)]
struct Fault(Arc<Mutex<Option<String>>>);

impl Fault {
    fn set(&self, message: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
    }

    fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Context {
    /// Opens `adapter` with everything it offers that the kernels can use; `why` says why it was chosen.
    ///
    /// # Errors
    /// [`Error::Device`] when the driver refuses, or offers less than the kernels need.
    pub(crate) fn new(adapter: &wgpu::Adapter, why: &str) -> Result<Self> {
        let info = adapter.get_info();
        check_limits(&info.name, &adapter.limits())?;
        let wanted = wgpu::Features::SHADER_F16 | wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::PIPELINE_CACHE;
        let matrix = MatrixUnits::of(adapter);
        let (experimental_features, extra) = match matrix {
            // SAFETY: the one experimental feature is cooperative matrices. Only shaders of this crate use it, only in
            // shapes that the adapter lists, and none is trusted before its results were compared with plain ones.
            Some(_) => (unsafe { wgpu::ExperimentalFeatures::enabled() }, MatrixUnits::FEATURES),
            None => (wgpu::ExperimentalFeatures::disabled(), wgpu::Features::empty()),
        };
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("alphaswap"),
            required_features: adapter.features() & wanted | extra,
            required_limits: adapter.limits(),
            experimental_features,
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|e| Error::Device(format!("{} cannot be opened: {e}", info.name)))?;
        let fault = Fault::default();
        let (lost, failed) = (fault.clone(), fault.clone());
        device.set_device_lost_callback(move |reason, message| lost.set(format!("{reason:?}: {message}")));
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| failed.set(error.to_string())));
        let line = format!("{} ({}, {}): {why}", info.name, info.backend, info.driver_info);
        tracing::debug!("{line}");
        let software = info.device_type == wgpu::DeviceType::Cpu;
        let cache = Cache::open(&device, &info);
        let (kernels, trials, belt, buffers, submissions) = Default::default();
        Ok(Self { device, queue, kernels, cache, trials, belt, buffers, submissions, line, software, matrix, fault })
    }

    /// One line: what it runs on and why.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Whether the adapter computes on the CPU.
    pub fn is_software(&self) -> bool {
        self.software
    }

    /// Whether kernels may store 16-bit floats.
    pub fn has_f16(&self) -> bool {
        self.device.features().contains(wgpu::Features::SHADER_F16)
    }

    /// The units that multiply cooperative matrices, where there are such.
    pub fn matrix_units(&self) -> Option<MatrixUnits> {
        self.matrix
    }

    /// Whether kernels that an earlier start compiled were found on disk.
    pub fn has_warm_cache(&self) -> bool {
        self.cache.as_ref().is_some_and(|c| c.warm)
    }

    /// Keeps the kernels compiled so far for the next start; call it when all are.
    pub fn store_kernels(&self) {
        self.cache.iter().for_each(Cache::store);
    }

    /// # Errors
    /// [`Error::DeviceLost`] once anything has gone wrong on the device; it stays so.
    pub fn check(&self) -> Result<()> {
        match self.fault.get() {
            Some(message) => Err(Error::DeviceLost(message)),
            None => Ok(()),
        }
    }

    /// A command encoder.
    pub fn encoder(&self, label: &str) -> wgpu::CommandEncoder {
        self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some(label) })
    }

    /// Number of submissions so far.
    pub fn submissions_made(&self) -> u64 {
        self.submissions.load(Ordering::Relaxed)
    }

    pub(super) fn count_submission(&self) {
        self.submissions.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until all submitted work is done.
    ///
    /// # Errors
    /// [`Error::DeviceLost`], also when the work takes longer than any that is submitted here should.
    pub fn wait(&self) -> Result<()> {
        self.wait_for(None)
    }

    /// Waits for one submission and those before it, or for all.
    fn wait_for(&self, submission_index: Option<wgpu::SubmissionIndex>) -> Result<()> {
        let timeout = Some(if self.software { SOFTWARE_WAIT } else { WORK_WAIT });
        let waited = self.device.poll(wgpu::PollType::Wait { submission_index, timeout });
        if let Err(error) = waited {
            self.fault.set(error.to_string());
        }
        self.check()
    }

    /// A buffer into which results are copied to be read with [`Self::map`].
    pub fn staging(&self, label: &str, size: u64) -> BufferRange {
        self.buffer(label, size, BufferUsages::COPY_DST | BufferUsages::MAP_READ)
    }

    /// Waits for a submission and shows `read` the first `size` bytes of the staging buffer that it filled.
    pub fn map<T>(
        &self,
        staging: &BufferRange,
        size: u64,
        submission: wgpu::SubmissionIndex,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T> {
        let (sender, receiver) = mpsc::channel();
        let slice = staging.buffer.slice(staging.offset..staging.offset + size);
        slice.map_async(wgpu::MapMode::Read, move |mapped| drop(sender.send(mapped)));
        self.wait_for(Some(submission))?;
        let lost = |e: &dyn std::fmt::Display| Error::DeviceLost(e.to_string());
        // Another thread that waits may be the one that calls back, a moment after this wait is over.
        let mapped = receiver.recv_timeout(CALLBACK_WAIT).map_err(|e| lost(&e))?;
        mapped.map_err(|e| lost(&e))?;
        let value = read(&slice.get_mapped_range().map_err(|e| lost(&e))?);
        staging.buffer.unmap();
        Ok(value)
    }

    /// The f32 values of several ranges, in one readback; for tools and tests, since it waits.
    pub fn read_f32(&self, ranges: &[&BufferRange]) -> Result<Vec<Vec<f32>>> {
        let total: u64 = ranges.iter().map(|r| r.size).sum();
        let staging = self.staging("readback", total);
        let mut encoder = self.encoder("readback");
        let mut at = 0;
        for range in ranges {
            encoder.copy_buffer_to_buffer(&range.buffer, range.offset, &staging.buffer, at, range.size);
            at += range.size;
        }
        let submission = self.submit(encoder)?;
        self.map(&staging, total, submission, |bytes| {
            let mut rest = bytes;
            let mut next = |range: &&BufferRange| {
                let (head, tail) = rest.split_at(range.size as usize);
                rest = tail;
                bytemuck::pod_collect_to_vec(head)
            };
            ranges.iter().map(&mut next).collect()
        })
    }
}

/// Compares what an adapter offers with the largest that a kernel needs (`tests/shaders.rs` holds the kernels to it).
fn check_limits(name: &str, limits: &wgpu::Limits) -> Result<()> {
    let needs = [
        ("storage buffers per stage", limits.max_storage_buffers_per_shader_stage, 8),
        ("invocations per workgroup", limits.max_compute_invocations_per_workgroup, 256),
        ("columns per workgroup", limits.max_compute_workgroup_size_x, 256),
        ("bytes of workgroup storage", limits.max_compute_workgroup_storage_size, 16384),
    ];
    match needs.iter().find(|(_, offered, needed)| offered < needed) {
        Some((what, offered, needed)) => {
            Err(Error::Device(format!("{name} offers {offered} {what}, {needed} are needed")))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_that_offers_too_little_is_refused() {
        assert!(check_limits("good", &wgpu::Limits::default()).is_ok());
        let less: [fn(&mut wgpu::Limits); 4] = [
            |l| l.max_storage_buffers_per_shader_stage = 7,
            |l| l.max_compute_invocations_per_workgroup = 255,
            |l| l.max_compute_workgroup_size_x = 128,
            |l| l.max_compute_workgroup_storage_size = 16383,
        ];
        for change in less {
            let mut limits = wgpu::Limits::default();
            change(&mut limits);
            assert!(matches!(check_limits("small", &limits), Err(Error::Device(m)) if m.starts_with("small offers")));
        }
    }
}
