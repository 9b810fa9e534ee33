//! Single-writer cells, and histograms made of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::bounds::Bounds;

/// Single-writer cells, with [`MARGIN`] unused ones around them; the clone that reads is private to
/// the readers above.
#[derive(Clone, Debug)]
pub(super) struct Cells(Arc<[AtomicU64]>);

impl Cells {
    pub(super) fn new(count: usize) -> Self {
        Self((0..MARGIN + count + MARGIN).map(|_| AtomicU64::new(0)).collect())
    }

    /// The cell at `index`, for the writer: behind the last one it may be of the margin, which no
    /// reader looks at.
    #[inline]
    fn cell(&self, index: usize) -> Option<&AtomicU64> {
        self.0.get(MARGIN + index)
    }

    /// No read-modify-write: `&mut` on the only writing handle makes this thread the only writer.
    pub(super) fn add(&mut self, index: usize, n: u64) {
        if let Some(cell) = self.cell(index) {
            cell.store(cell.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
        }
    }

    pub(super) fn set(&mut self, index: usize, value: u64) {
        if let Some(cell) = self.cell(index) {
            cell.store(value, Ordering::Relaxed);
        }
    }

    /// A histogram is its sum, then one cell per bound, then the cell above them all.
    pub(super) fn observe(&mut self, at: usize, bounds: &Bounds, value: u64) {
        self.add(at, value);
        self.add(at + 1 + bounds.bucket(value), 1);
    }

    /// So many cells from `at` on, so that each is found at once.
    #[inline]
    pub(super) fn block<const CELLS: usize>(&mut self, at: usize) -> Option<Block<'_, CELLS>> {
        Some(Block(self.0.get(MARGIN + at..)?.first_chunk()?))
    }

    pub(super) fn get(&self, index: usize) -> u64 {
        let cells = &self.0[MARGIN..self.0.len() - MARGIN];
        cells.get(index).map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    pub(super) fn array<const N: usize>(&self, at: usize) -> [u64; N] {
        std::array::from_fn(|offset| self.get(at + offset))
    }

    pub(super) fn histogram(&self, at: usize, bounds: &Bounds) -> Histogram {
        Histogram {
            buckets: (0..bounds.buckets()).map(|bucket| self.get(at + 1 + bucket)).collect(),
            sum: self.get(at),
        }
    }
}

/// Cells side by side, of which this thread is the only writer.
pub(super) struct Block<'a, const CELLS: usize>(&'a [AtomicU64; CELLS]);

impl<const CELLS: usize> Block<'_, CELLS> {
    /// As [`Cells::add`]; a constant index needs no check.
    #[inline]
    pub(super) fn add(&mut self, index: usize, n: u64) {
        if let Some(cell) = self.0.get(index) {
            cell.store(cell.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
        }
    }

    /// As [`Cells::observe`].
    #[inline]
    pub(super) fn observe(&mut self, at: usize, bounds: &Bounds, value: u64) {
        self.add(at, value);
        self.add(at + 1 + bounds.bucket(value), 1);
    }
}

/// Counts by bucket; the last bucket has no upper bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Observations per bucket, not cumulative; empty means none at all.
    pub buckets: Vec<u64>,
    /// Exact sum of what was observed.
    pub sum: u64,
}

impl Histogram {
    /// Number of observations.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Adds the observations of another histogram over the same bounds.
    pub fn add(&mut self, other: &Self) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.sum += other.sum;
    }
}

/// Adds element by element.
pub(super) fn add_each<const N: usize>(to: &mut [u64; N], from: &[u64; N]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

/// Unused cells at either end: two cache lines, since adjacent ones are fetched in pairs. What lies
/// beside them in memory is written by other threads.
const MARGIN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_cell_is_not_counted() {
        let mut cells = Cells::new(2);
        cells.add(1, 5);
        cells.add(2, 7);
        cells.set(usize::MAX / 2, 7);
        cells.add(usize::MAX / 2, 7);
        assert_eq!(cells.array(0), [0, 5, 0]);
        assert_eq!(cells.get(usize::MAX / 2), 0);
        assert!(cells.block::<2>(0).is_some());
        assert!(cells.block::<100>(0).is_none());
    }
}
