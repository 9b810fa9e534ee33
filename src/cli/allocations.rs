//! Counts heap allocations for `expressway bench`, in builds with the feature
//! `count-allocations`. Any other build has the plain allocator and pays nothing.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicU64, Ordering};

use mimalloc::MiMalloc;

/// mimalloc with a counter before it.
#[derive(Debug)]
pub struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// Allocations and reallocations of the process so far; `None` where they are not counted.
pub fn count() -> Option<u64> {
    cfg!(feature = "count-allocations").then(|| ALLOCATIONS.load(Ordering::Relaxed))
}

// SAFETY: every call is handed to mimalloc with the arguments it came with, so mimalloc's own
// contract as an allocator is ours; the counter touches no memory of the caller.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps `alloc`'s contract, which is mimalloc's.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from `alloc` or `realloc` above, so from mimalloc.
        unsafe { MiMalloc.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as for `dealloc`, and the caller keeps `realloc`'s contract.
        unsafe { MiMalloc.realloc(block, layout, size) }
    }
}
