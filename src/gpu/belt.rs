//! Bytes on their way to the device: buffers that the host fills, used again once the device has read them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wgpu::BufferUsages;

use super::{BufferRange, Context};

/// Bytes of the smallest buffer: enough for what a frame needs beside its planes.
const LEAST: u64 = 1 << 17;
/// A piece begins at a multiple of this (wgpu's rule for mapped ranges asks for 8).
const ALIGN: u64 = 16;

/// What has been written since the last submission, and empty buffers.
#[derive(Debug, Default)]
pub(crate) struct Belt {
    filling: Vec<Filling>,
    copies: Option<wgpu::CommandEncoder>,
    empty: Arc<Mutex<Vec<wgpu::Buffer>>>,
}

/// A mapped buffer and the number of its bytes that are taken.
#[derive(Debug)]
struct Filling {
    buffer: wgpu::Buffer,
    taken: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Belt {
    /// Room for `size` bytes that the next submission copies to byte `at` of `range`; none on a lost device.
    fn room(&mut self, ctx: &Context, range: &BufferRange, at: u64, size: u64) -> Option<wgpu::BufferViewMut> {
        let index = self.filling.iter().position(|f| f.taken + size <= f.buffer.size()).unwrap_or_else(|| {
            let buffer = self.take_empty(size).unwrap_or_else(|| ctx.mapped(size.max(LEAST)));
            self.filling.push(Filling { buffer, taken: 0 });
            self.filling.len() - 1
        });
        let Filling { buffer, taken } = &mut self.filling[index];
        let start = *taken;
        let view = buffer.get_mapped_range_mut(start..start + size).ok()?;
        *taken = (start + size).next_multiple_of(ALIGN);
        let copies = self.copies.get_or_insert_with(|| ctx.encoder("uploads"));
        copies.copy_buffer_to_buffer(buffer, start, &range.buffer, range.offset + at, size);
        Some(view)
    }

    /// The smallest empty buffer of at least `size` bytes.
    fn take_empty(&self, size: u64) -> Option<wgpu::Buffer> {
        let mut empty = lock(&self.empty);
        let fitting = empty.iter().enumerate().filter(|(_, b)| b.size() >= size);
        let index = fitting.min_by_key(|(_, b)| b.size())?.0;
        Some(empty.swap_remove(index))
    }
}

impl Context {
    fn mapped(&self, size: u64) -> wgpu::Buffer {
        self.make("upload", size, BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC, true)
    }

    /// Writes `size` bytes of `range`, from byte `at` on (both multiples of 4), before the next [`Self::submit`]: piece
    /// by piece, `pieces` calls its argument with a place in them and what stands there. What is not written keeps no
    /// value. Nothing is written on a lost device; [`Self::check`] tells.
    pub fn fill(&self, range: &BufferRange, at: u64, size: usize, pieces: impl FnOnce(&mut dyn FnMut(usize, &[u8]))) {
        debug_assert!(at + size as u64 <= range.size);
        if size > 0
            && let Some(mut view) = lock(&self.belt).room(self, range, at, size as u64)
        {
            pieces(&mut |at, bytes| view.slice(at..at + bytes.len()).copy_from_slice(bytes));
        }
    }

    /// Hands what was written and then the commands to the GPU and does not wait.
    ///
    /// # Errors
    /// [`Error::DeviceLost`](crate::Error::DeviceLost).
    pub fn submit(&self, encoder: wgpu::CommandEncoder) -> crate::Result<wgpu::SubmissionIndex> {
        let mut belt = lock(&self.belt);
        belt.filling.iter().for_each(|f| f.buffer.unmap());
        let uploads = belt.copies.take().map(wgpu::CommandEncoder::finish);
        let index = self.queue.submit(uploads.into_iter().chain([encoder.finish()]));
        let Belt { filling, empty, .. } = &mut *belt;
        for Filling { buffer, .. } in filling.drain(..) {
            let (back, empty) = (buffer.clone(), empty.clone());
            buffer.map_async(wgpu::MapMode::Write, .., move |mapped| {
                if mapped.is_ok() {
                    lock(&empty).push(back);
                }
            });
        }
        self.count_submission();
        self.check()?;
        Ok(index)
    }
}
