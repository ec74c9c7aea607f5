//! Ranges of GPU buffers: what kernels are bound to.

use std::num::NonZeroU64;
use std::sync::atomic::Ordering;

use bytemuck::NoUninit;
use wgpu::BufferUsages;

use super::Context;

/// Part of a buffer; cloning shares it.
#[derive(Clone, Debug)]
pub struct BufferRange {
    /// The buffer.
    pub buffer: wgpu::Buffer,
    /// First byte, a multiple of 256.
    pub offset: u64,
    /// Bytes, a multiple of 4.
    pub size: u64,
}

impl BufferRange {
    /// A buffer from its first byte to its last.
    pub fn whole(buffer: wgpu::Buffer) -> Self {
        let size = buffer.size();
        Self { buffer, offset: 0, size }
    }

    /// The first `size` bytes of this range (rounded up to a multiple of 4).
    pub fn prefix(&self, size: u64) -> Self {
        Self { size: size.next_multiple_of(4).min(self.size), ..self.clone() }
    }

    pub(crate) fn binding(&self) -> wgpu::BindingResource<'_> {
        let size = NonZeroU64::new(self.size);
        wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer: &self.buffer, offset: self.offset, size })
    }
}

impl Context {
    /// Number of buffers made so far: a frame like the one before makes none.
    pub fn buffers_made(&self) -> u64 {
        self.buffers.load(Ordering::Relaxed)
    }

    /// A storage buffer of at least `size` bytes that can be copied from and to; zero at first.
    pub fn storage(&self, label: &str, size: u64) -> BufferRange {
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        self.buffer(label, size, usage)
    }

    /// A buffer of at least `size` bytes for other uses; zero at first.
    pub fn buffer(&self, label: &str, size: u64, usage: BufferUsages) -> BufferRange {
        BufferRange::whole(self.make(label, size, usage, false))
    }

    pub(super) fn make(&self, label: &str, size: u64, usage: BufferUsages, mapped_at_creation: bool) -> wgpu::Buffer {
        let size = size.max(16).next_multiple_of(16);
        self.buffers.fetch_add(1, Ordering::Relaxed);
        self.device.create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation })
    }

    /// A storage buffer that holds `data`, padded with zeros to a multiple of 16 bytes.
    pub fn constant<T: NoUninit>(&self, label: &str, data: &[T]) -> BufferRange {
        self.filled(label, bytemuck::cast_slice(data), BufferUsages::STORAGE)
    }

    /// A uniform buffer that holds `params` and can be written again with [`Self::write`].
    pub fn uniform<T: NoUninit>(&self, label: &str, params: &T) -> BufferRange {
        self.filled(label, bytemuck::bytes_of(params), BufferUsages::UNIFORM | BufferUsages::COPY_DST)
    }

    fn filled(&self, label: &str, bytes: &[u8], usage: BufferUsages) -> BufferRange {
        let buffer = self.make(label, bytes.len() as u64, usage, true);
        // On a lost device there is nothing to write to; `check` tells.
        if let Ok(mut view) = buffer.get_mapped_range_mut(..bytes.len().next_multiple_of(4) as u64) {
            view.slice(..bytes.len()).copy_from_slice(bytes);
        }
        buffer.unmap();
        BufferRange::whole(buffer)
    }

    /// Writes `data` to the start of `range` before the next [`Self::submit`]; its length must be a multiple of 4 bytes.
    pub fn write<T: NoUninit>(&self, range: &BufferRange, data: &[T]) {
        let bytes = bytemuck::cast_slice(data);
        self.fill(range, 0, bytes.len(), |put| put(0, bytes));
    }
}
