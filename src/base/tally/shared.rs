//! Counts of rare things that several threads count: shared atomics, 9 ns each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that anyone may add to, by the index that their owner gives a meaning; clones share them.
#[derive(Clone, Debug)]
pub struct SharedCounts<const N: usize>(Arc<[AtomicU64; N]>);

impl<const N: usize> Default for SharedCounts<N> {
    fn default() -> Self {
        Self(Arc::new(std::array::from_fn(|_| AtomicU64::new(0))))
    }
}

impl<const N: usize> SharedCounts<N> {
    /// Counts `n` more of what stands at `index`; what stands nowhere is not counted.
    pub fn add(&self, index: usize, n: u64) {
        if let Some(count) = self.0.get(index) {
            count.fetch_add(n, Ordering::Relaxed);
        }
    }

    /// All counts.
    pub fn get(&self) -> [u64; N] {
        self.0.each_ref().map(|count| count.load(Ordering::Relaxed))
    }
}

/// What becomes of a span; the index of its count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanResult {
    /// The collector took it.
    Exported = 0,
    /// There was no room for it, or it was not delivered.
    Dropped = 1,
    /// The collector took others of its request, but not this one.
    Rejected = 2,
}

/// Label values of [`SpanResult`], in its order.
pub const SPAN_RESULTS: [&str; 3] = ["exported", "dropped", "rejected"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together() {
        let counts = SharedCounts::<2>::default();
        let others = counts.clone();
        others.add(1, 3);
        counts.add(1, 4);
        counts.add(2, 1);
        assert_eq!((counts.get(), others.get()), ([0, 7], [0, 7]));
    }
}
