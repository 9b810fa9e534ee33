//! Upper bounds of histogram buckets, and which bucket a value falls into.
//!
//! An execution is observed five times when it ends. A binary search over the bounds is a chain of
//! loads that wait for one another; the number of a value's bits leaves at most two bounds to compare
//! with, without a branch.

/// Upper bounds of the buckets of a histogram, ascending; a bound belongs to its bucket.
#[derive(Debug)]
pub struct Bounds {
    /// By number of bits: how many bounds are below every value of so many bits.
    below: [u8; BIT_COUNTS],
    count: u8,
    /// The bounds, and behind them some that nothing is above.
    upper: [u64; PLACES],
}

impl Bounds {
    /// Takes at most 30 bounds in ascending order, and at most two from a power of two up to the next.
    ///
    /// # Panics
    ///
    /// With others; for a constant that stops the build.
    pub const fn new<const N: usize>(bounds: [u64; N]) -> Self {
        assert!(N + COMPARED <= PLACES, "too many bounds");
        let mut upper = [u64::MAX; PLACES];
        let mut index = 0;
        while index < N {
            assert!(index == 0 || bounds[index - 1] < bounds[index], "bounds ascend");
            upper[index] = bounds[index];
            index += 1;
        }
        let mut below = [0; BIT_COUNTS];
        let mut bucket = 0;
        let mut bits = 1;
        while bits < BIT_COUNTS {
            let least = 1 << (bits - 1);
            let before = bucket;
            while bucket < N && bounds[bucket] < least {
                bucket += 1;
            }
            assert!(bucket - before <= COMPARED, "too many bounds of as many bits");
            below[bits] = bucket as u8;
            bits += 1;
        }
        assert!(N - bucket <= COMPARED, "too many bounds of as many bits");
        Self { below, count: N as u8, upper }
    }

    /// The bounds themselves.
    pub const fn upper(&self) -> &[u64] {
        self.upper.split_at(self.count as usize).0
    }

    /// The number of buckets: one for each bound, and one above them all.
    pub const fn buckets(&self) -> usize {
        self.count as usize + 1
    }

    /// The number of cells that its histogram takes: its sum, then its buckets.
    pub(super) const fn cells(&self) -> usize {
        1 + self.buckets()
    }

    /// The bucket of a value: the number of bounds below it.
    #[inline]
    pub fn bucket(&self, value: u64) -> usize {
        let bits = u64::BITS - value.leading_zeros();
        let first = usize::from(self.below[bits as usize]);
        let above = |bound: usize| usize::from(self.upper[bound % PLACES] < value);
        first + above(first) + above(first + 1)
    }
}

/// A value has 0 to 64 bits.
const BIT_COUNTS: usize = u64::BITS as usize + 1;

/// Bounds that a value is compared with.
const COMPARED: usize = 2;

/// A power of two, so that a place needs no check.
const PLACES: usize = 32;

#[cfg(test)]
mod tests {
    use super::super::{BATCH_BOUNDS, LATENCY_BOUNDS_NS, MEMORY_BOUNDS_BYTES, SIZE_BOUNDS_BYTES};
    use super::*;

    #[test]
    fn a_value_falls_into_the_bucket_that_a_search_over_all_bounds_finds() {
        static NONE: Bounds = Bounds::new([]);
        static EDGES: Bounds = Bounds::new([0, 1, 2, 3, 1 << 63, u64::MAX]);
        let all = [
            &LATENCY_BOUNDS_NS,
            &SIZE_BOUNDS_BYTES,
            &MEMORY_BOUNDS_BYTES,
            &BATCH_BOUNDS,
            &NONE,
            &EDGES,
        ];
        for bounds in all {
            let powers = (0..u64::BITS).map(|bit| 1 << bit);
            let places = powers.chain(bounds.upper().iter().copied()).chain([0, u64::MAX]);
            for value in places.flat_map(|at: u64| [at.wrapping_sub(1), at, at.wrapping_add(1)]) {
                let searched = bounds.upper().partition_point(|bound| *bound < value);
                assert_eq!(bounds.bucket(value), searched, "{value} in {:?}", bounds.upper());
                assert!(searched < bounds.buckets());
            }
        }
    }
}
