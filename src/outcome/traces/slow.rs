//! The 99th percentile of recent durations, to about a fifth, for the cost of an increment.

/// Durations by size, in buckets that grow by a quarter of a power of two.
#[derive(Debug)]
pub(super) struct Durations {
    counts: Box<[u32; BUCKETS]>,
    total: u32,
    /// Durations in buckets above this one are slow; unknown before the first thousands.
    slow_above: Option<usize>,
}

impl Default for Durations {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), total: 0, slow_above: None }
    }
}

impl Durations {
    /// Counts a duration, and says whether it is above the percentile of those before it.
    pub(super) fn is_above_p99(&mut self, ns: u64) -> bool {
        let bucket = bucket_of(ns);
        self.counts[bucket] += 1;
        self.total += 1;
        let is_slow = self.slow_above.is_some_and(|limit| bucket > limit);
        if self.total.is_multiple_of(RECKONED_EVERY) {
            self.reckon();
        }
        is_slow
    }

    #[cold]
    fn reckon(&mut self) {
        let mut left = self.total / 100;
        let limit = (0..BUCKETS).rev().find(|bucket| {
            let count = self.counts[*bucket];
            let is_it = count > left;
            left = left.saturating_sub(count);
            is_it
        });
        self.slow_above = limit;
        if self.total >= FORGOTTEN_FROM {
            // What was counts half as much as what is.
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.total = self.counts.iter().sum();
            // The next reckoning comes when that many more have been counted.
            self.total -= self.total % RECKONED_EVERY;
        }
    }
}

fn bucket_of(ns: u64) -> usize {
    let ns = ns.max(4);
    let power = ns.ilog2();
    let quarter = (ns >> (power - 2)) & 3;
    power as usize * 4 + quarter as usize
}

const BUCKETS: usize = 256;
const RECKONED_EVERY: u32 = 1_024;
const FORGOTTEN_FROM: u32 = 16 * RECKONED_EVERY;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_in_order_and_cover_everything() {
        let mut last = 0;
        for power in 2..64 {
            for ns in [1_u64 << power, (1 << power) + (1 << (power - 2))] {
                let bucket = bucket_of(ns);
                assert!(bucket > last && bucket < BUCKETS, "{ns}");
                last = bucket;
            }
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
        assert_eq!(bucket_of(0), bucket_of(4));
    }

    #[test]
    fn nothing_is_slow_before_there_is_something_to_compare() {
        let mut durations = Durations::default();
        assert!(!durations.is_above_p99(u64::MAX));
    }

    #[test]
    fn one_in_a_thousand_is_slow_and_what_all_take_is_not() {
        let mut durations = Durations::default();
        let slow = (0..100_000_u64).filter(|number| {
            let ns = if number % 1_000 == 999 { 50_000_000 } else { 1_000_000 };
            durations.is_above_p99(ns)
        });
        assert_eq!(slow.filter(|number| number % 1_000 == 999).count(), 99);
        assert!(!durations.is_above_p99(1_000_000));
    }

    #[test]
    fn a_new_normal_is_learnt() {
        let mut durations = Durations::default();
        (0..20_000).for_each(|_| _ = durations.is_above_p99(1_000));
        assert!(durations.is_above_p99(9_000));
        (0..40_000).for_each(|_| _ = durations.is_above_p99(9_000));
        assert!(!durations.is_above_p99(9_000));
    }
}
