//! Sums instead of bills: what a partition owes one record for, and up to where it is billed.
//!
//! One record stands for a range of offsets `from..to` without a hole: all executions in it, summed
//! by minute and status. An execution joins the range when the watermark has passed it, and an
//! offset is committed when the record of its range is acknowledged. So a range is committed as a
//! whole or runs again as a whole, and whoever reads may take any set of ranges that do not overlap
//! and hold the most executions: each execution is in it exactly once.
//!
//! Pure, as the ledger: no clock, no Kafka.

use std::collections::{BTreeMap, VecDeque};

use crate::shard::Status;
use crate::shard::outbox::{Billed, MinuteSum};

/// The sums of one assignment of a partition.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// Executions that ended above the watermark.
    waiting: BTreeMap<i64, (Status, Billed)>,
    /// The range being filled; `None` before the first record.
    open: Option<Open>,
    /// Ends of ranges sent, oldest first, and whether they are acknowledged.
    sent: VecDeque<(i64, bool)>,
    /// Everything below is billed, or has nothing to bill.
    billed_to: Option<i64>,
}

#[derive(Debug)]
struct Open {
    from: i64,
    to: i64,
    /// Minute in which it was first seen to hold something.
    since: Option<i64>,
    sums: BTreeMap<(i64, u8), MinuteSum>,
}

/// A range that is to be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) sums: Vec<MinuteSum>,
}

impl Sums {
    /// The assignment begins with this offset.
    pub(super) fn begin(&mut self, offset: i64) {
        if self.open.is_none() {
            self.open = Some(Open { from: offset, to: offset, since: None, sums: BTreeMap::new() });
            self.billed_to = Some(offset);
        }
    }

    /// An execution has ended; its result is being written.
    pub(super) fn ended(&mut self, offset: i64, status: Status, billed: Billed) {
        self.waiting.insert(offset, (status, billed));
    }

    /// The watermark has moved: what it has passed joins the open range.
    pub(super) fn absorb(&mut self, watermark: i64) {
        let Some(open) = &mut self.open else { return };
        while let Some(first) = self.waiting.first_entry() {
            if *first.key() >= watermark {
                break;
            }
            let (status, billed) = first.remove();
            let minute_ms = billed.stopped_ms.div_euclid(MINUTE_MS) * MINUTE_MS;
            let sum = open.sums.entry((minute_ms, status as u8)).or_insert(MinuteSum {
                minute_ms,
                status,
                ..MinuteSum::default()
            });
            sum.requests += 1;
            sum.steps += u64::from(billed.steps);
            sum.units += u64::from(billed.steps) * u64::from(billed.chunks);
            sum.transitions += u64::from(billed.transitions);
        }
        open.to = open.to.max(watermark);
        if open.sums.is_empty() && self.sent.is_empty() {
            // Nothing to bill up to here: no record need say so.
            open.from = open.to;
            self.billed_to = Some(open.to);
        }
    }

    /// Whether a minute has ended since the open range was first seen to hold something: then its
    /// record is due. Asked again and again.
    pub(super) fn is_due(&mut self, now_ms: i64) -> bool {
        let minute = now_ms.div_euclid(MINUTE_MS);
        match &mut self.open {
            Some(open) if !open.sums.is_empty() => *open.since.get_or_insert(minute) < minute,
            _ => false,
        }
    }

    /// Offsets that are finished and not billed.
    pub(super) fn unbilled(&self) -> u64 {
        let end = self.open.as_ref().map(|open| open.to);
        end.zip(self.billed_to).map_or(0, |(end, billed)| (end - billed).max(0) as u64)
    }

    /// Ends the open range and begins the next; nothing when it holds no execution.
    pub(super) fn close(&mut self) -> Option<Range> {
        let open = self.open.as_mut().filter(|open| !open.sums.is_empty())?;
        let sums = std::mem::take(&mut open.sums).into_values().collect();
        let range = Range { from: open.from, to: open.to, sums };
        open.from = open.to;
        open.since = None;
        self.sent.push_back((range.to, false));
        Some(range)
    }

    /// The record of the range that ends here is acknowledged.
    pub(super) fn acknowledged(&mut self, to: i64) {
        if let Some(sent) = self.sent.iter_mut().find(|(end, _)| *end == to) {
            sent.1 = true;
        }
        while let Some((end, true)) = self.sent.front().copied() {
            self.sent.pop_front();
            self.billed_to = Some(end);
        }
        if let Some(open) = &mut self.open
            && self.sent.is_empty()
            && open.sums.is_empty()
        {
            open.from = open.to;
            self.billed_to = Some(open.to);
        }
    }

    /// The next offset to commit.
    pub(super) fn billed_to(&self) -> Option<i64> {
        self.billed_to
    }
}

const MINUTE_MS: i64 = 60_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn billed(stopped_ms: i64) -> Billed {
        Billed { stopped_ms, steps: 3, chunks: 2, transitions: 5 }
    }

    #[test]
    fn a_range_is_billed_when_its_record_is_acknowledged() {
        let mut sums = Sums::default();
        assert_eq!((sums.billed_to(), sums.close()), (None, None));
        sums.begin(10);
        sums.begin(11);
        for offset in [12, 11, 10] {
            sums.ended(offset, Status::Succeeded, billed(60_000));
        }
        sums.absorb(10);
        assert!(!sums.is_due(i64::MAX));
        sums.absorb(13);
        assert_eq!((sums.is_due(119_999), sums.unbilled()), (false, 3));
        assert!(sums.is_due(120_000), "the minute is over");
        let range = sums.close().unwrap();
        let sum = MinuteSum {
            minute_ms: 60_000,
            status: Status::Succeeded,
            requests: 3,
            steps: 9,
            units: 18,
            transitions: 15,
        };
        assert_eq!(range, Range { from: 10, to: 13, sums: vec![sum] });
        assert_eq!(sums.billed_to(), Some(10));
        sums.acknowledged(13);
        assert_eq!((sums.billed_to(), sums.unbilled()), (Some(13), 0));
    }

    #[test]
    fn minutes_and_statuses_are_summed_apart() {
        let mut sums = Sums::default();
        sums.begin(0);
        sums.ended(0, Status::Succeeded, billed(59_999));
        sums.ended(1, Status::Failed, billed(59_999));
        sums.ended(2, Status::Succeeded, billed(60_000));
        sums.absorb(3);
        let range = sums.close().unwrap();
        let keys: Vec<_> = range.sums.iter().map(|sum| (sum.minute_ms, sum.status)).collect();
        let expected = [(0, Status::Succeeded), (0, Status::Failed), (60_000, Status::Succeeded)];
        assert_eq!(keys, expected);
    }

    #[test]
    fn what_owes_nothing_needs_no_record() {
        let mut sums = Sums::default();
        sums.begin(5);
        sums.absorb(9);
        assert_eq!((sums.billed_to(), sums.close()), (Some(9), None));
        // Behind a record that is under way it has to wait.
        sums.ended(9, Status::Succeeded, billed(0));
        sums.absorb(10);
        let range = sums.close().unwrap();
        sums.absorb(20);
        assert_eq!(sums.billed_to(), Some(9));
        sums.acknowledged(range.to);
        assert_eq!(sums.billed_to(), Some(20));
    }

    proptest! {
        /// Whatever the order of ends, closes and acknowledgements: ranges lie side by side, hold
        /// each execution once, and nothing is committed before its record is acknowledged.
        #[test]
        fn every_execution_is_in_one_range_and_committed_after_it(
            steps in proptest::collection::vec((0u8..4, any::<u8>()), 1..200),
        ) {
            let mut sums = Sums::default();
            sums.begin(0);
            let (mut watermark, mut requests, mut acknowledged) = (0_i64, 0, 0_i64);
            let mut under_way: Vec<Range> = Vec::new();
            let mut done: Vec<(i64, i64, u64)> = Vec::new();
            for (kind, pick) in steps {
                match kind {
                    0 => {
                        // A run of offsets, some of which are executions.
                        for offset in watermark..watermark + i64::from(pick % 5) {
                            if offset % 3 != 0 {
                                sums.ended(offset, Status::Succeeded, billed(offset * 30_000));
                                requests += 1;
                            }
                        }
                        watermark += i64::from(pick % 5);
                        sums.absorb(watermark);
                    }
                    1 => under_way.extend(sums.close()),
                    _ if under_way.is_empty() => {}
                    _ => {
                        let range = under_way.remove(usize::from(pick) % under_way.len());
                        let count = range.sums.iter().map(|sum| sum.requests).sum();
                        sums.acknowledged(range.to);
                        done.push((range.from, range.to, count));
                    }
                }
                let billed_to = sums.billed_to().unwrap();
                prop_assert!(billed_to >= acknowledged && billed_to <= watermark);
                acknowledged = billed_to;
                for range in &under_way {
                    prop_assert!(billed_to <= range.from);
                }
            }
            under_way.extend(sums.close());
            for range in under_way {
                let count = range.sums.iter().map(|sum| sum.requests).sum();
                sums.acknowledged(range.to);
                done.push((range.from, range.to, count));
            }
            prop_assert_eq!(sums.billed_to(), Some(watermark));
            done.sort_unstable();
            prop_assert!(done.windows(2).all(|pair| pair[0].1 <= pair[1].0));
            prop_assert_eq!(done.iter().map(|(_, _, count)| count).sum::<u64>(), requests);
        }
    }
}
