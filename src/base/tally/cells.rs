//! Single-writer cells, and histograms made of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Single-writer cells; the clone that reads is private to the readers above.
#[derive(Clone, Debug)]
pub(super) struct Cells(Arc<[Line]>);

/// Sixteen cells on two cache lines of their own: adjacent-line prefetch works in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line([AtomicU64; LINE_CELLS]);

impl Cells {
    pub(super) fn new(count: usize) -> Self {
        let lines = count.div_ceil(LINE_CELLS);
        Self((0..lines).map(|_| Line::default()).collect())
    }

    fn cell(&self, index: usize) -> Option<&AtomicU64> {
        self.0.get(index / LINE_CELLS).map(|line| &line.0[index % LINE_CELLS])
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
    pub(super) fn observe(&mut self, at: usize, bounds: &[u64], value: u64) {
        let bucket = bounds.partition_point(|bound| *bound < value);
        self.add(at, value);
        self.add(at + 1 + bucket, 1);
    }

    /// The cells of so many lines from the one on that `at` begins, so that each is found at once.
    #[inline]
    pub(super) fn block<const LINES: usize>(&mut self, at: usize) -> Option<Block<'_, LINES>> {
        let lines = self.0.get(at / LINE_CELLS..)?.first_chunk()?;
        Some(Block(lines))
    }

    pub(super) fn get(&self, index: usize) -> u64 {
        self.cell(index).map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    pub(super) fn array<const N: usize>(&self, at: usize) -> [u64; N] {
        std::array::from_fn(|offset| self.get(at + offset))
    }

    pub(super) fn histogram(&self, at: usize, bounds: usize) -> Histogram {
        Histogram {
            buckets: (0..=bounds).map(|bucket| self.get(at + 1 + bucket)).collect(),
            sum: self.get(at),
        }
    }
}

/// Cells side by side, of which this thread is the only writer.
pub(super) struct Block<'a, const LINES: usize>(&'a [Line; LINES]);

impl<const LINES: usize> Block<'_, LINES> {
    /// As [`Cells::add`]; a constant index needs no check.
    #[inline]
    pub(super) fn add(&mut self, index: usize, n: u64) {
        if let Some(line) = self.0.get(index / LINE_CELLS) {
            let cell = &line.0[index % LINE_CELLS];
            cell.store(cell.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
        }
    }

    /// As [`Cells::observe`].
    #[inline]
    pub(super) fn observe(&mut self, at: usize, bounds: &[u64], value: u64) {
        let bucket = bounds.partition_point(|bound| *bound < value);
        self.add(at, value);
        self.add(at + 1 + bucket, 1);
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

pub(super) const LINE_CELLS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_two_cache_lines_to_itself() {
        assert_eq!(align_of::<Line>(), 128);
        assert_eq!(size_of::<Line>(), 128);
    }
}
