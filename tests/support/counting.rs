//! An allocator that counts, for each thread by itself.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// What a thread has allocated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Allocated {
    pub calls: usize,
    pub bytes: usize,
    /// Bytes of the largest.
    pub largest: usize,
}

thread_local! {
    static SO_FAR: Cell<Allocated> = const { Cell::new(Allocated { calls: 0, bytes: 0, largest: 0 }) };
}

/// The system's allocator, counted.
pub struct Counting;

fn count(size: usize) {
    // A thread that is ending counts no more.
    let _ = SO_FAR.try_with(|so_far| {
        let Allocated { calls, bytes, largest } = so_far.get();
        so_far.set(Allocated { calls: calls + 1, bytes: bytes + size, largest: largest.max(size) });
    });
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        unsafe { System.realloc(at, layout, size) }
    }
}

/// What `work` allocates on this thread.
pub fn allocated<T>(work: impl FnOnce() -> T) -> (T, Allocated) {
    let before = SO_FAR.replace(Allocated::default());
    let value = work();
    let counted = SO_FAR.replace(before);
    (value, counted)
}
