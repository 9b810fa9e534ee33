//! Memory that a piece of work takes from the heap: what this thread holds at most, counted at
//! every allocation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator with a count before it.
pub(crate) struct Watched;

thread_local! {
    /// Bytes that this thread has taken and not given back; what others gave back for it is not
    /// seen.
    static HELD_BYTES: Cell<isize> = const { Cell::new(0) };
    static HELD_BYTES_MAX: Cell<isize> = const { Cell::new(0) };
}

/// Runs `work` and answers how many bytes more than before this thread held at most.
pub(crate) fn growth<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = HELD_BYTES.get();
    HELD_BYTES_MAX.set(before);
    let result = work();
    (HELD_BYTES_MAX.get().abs_diff(before), result)
}

fn count(bytes: isize) {
    let held_bytes = HELD_BYTES.get() + bytes;
    HELD_BYTES.set(held_bytes);
    HELD_BYTES_MAX.set(HELD_BYTES_MAX.get().max(held_bytes));
}

#[expect(unsafe_code, reason = "an allocator is unsafe by its nature")]
// SAFETY: every call is handed to the system's allocator with the arguments it came with, so its
// contract is ours; the counters are of this thread, need no destructor, and allocate nothing.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps `alloc`'s contract, which is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the block came from `alloc` or `realloc` here, so from the system.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both blocks are held while one is copied to the other.
        count(size as isize);
        // SAFETY: as for `dealloc`, and the caller keeps `realloc`'s contract.
        let moved = unsafe { System.realloc(block, layout, size) };
        count(-(layout.size() as isize));
        moved
    }
}

#[test]
fn the_most_that_is_held_counts() {
    let (bytes, ()) = growth(|| {
        drop(vec![0_u8; 10_000]);
        drop(vec![0_u8; 30_000]);
    });
    assert_eq!(bytes, 30_000);
}
