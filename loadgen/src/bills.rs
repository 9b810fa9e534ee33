//! Matches results with billing records by execution ARN, in bounded memory.
//!
//! Either side may come first. An id of which only one side was seen waits in the table; a
//! matched id stays for another [`BillBounds::remembered`] matches, so that a second bill for it
//! is recognised, and is then forgotten. Within these bounds the answer is exact (up to a 96-bit
//! fingerprint); a repeat after more than a million other matches shows as a bill without a
//! result instead of a duplicate, and a run with more than a million open ids says so.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use crate::fingerprint::Fingerprint;

/// How much the ledger of bills may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BillBounds {
    /// Ids of which only one side was seen.
    pub(crate) open: usize,
    /// Matched ids kept to recognise repeats.
    pub(crate) remembered: usize,
}

impl Default for BillBounds {
    /// About 50 MB when both are full.
    fn default() -> Self {
        Self {
            open: 1 << 20,
            remembered: 1 << 20,
        }
    }
}

/// Who is waiting for whom.
#[derive(Debug, Default)]
pub(crate) struct Bills {
    bounds: BillBounds,
    sides: HashMap<Fingerprint, Side, BuildHasherDefault<PassThrough>>,
    matched_order: VecDeque<Fingerprint>,
    counts: BillCounts,
}

/// The ledger's figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BillCounts {
    /// Billing records seen.
    pub(crate) records: u64,
    /// Ids with both a result and a bill.
    pub(crate) matched: u64,
    /// Further bills for an id already billed.
    pub(crate) duplicated: u64,
    /// Results of this run without a bill so far.
    pub(crate) missing: u64,
    /// Bills without a result so far.
    pub(crate) unmatched: u64,
    /// Ids that found no room; they are counted as missing or unmatched for good.
    pub(crate) overflowed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    OwnResult,
    ForeignResult,
    Bill,
    Both,
}

impl Bills {
    /// An empty ledger within `bounds`.
    pub(crate) fn new(bounds: BillBounds) -> Self {
        Self {
            bounds,
            ..Self::default()
        }
    }

    /// Takes note of a result; `own` says that this run sent its event.
    pub(crate) fn result(&mut self, id: Fingerprint, own: bool) {
        let full = self.is_full();
        match self.sides.entry(id) {
            Entry::Occupied(mut occupied) => {
                if *occupied.get() == Side::Bill {
                    occupied.insert(Side::Both);
                    self.counts.unmatched -= 1;
                    self.settle(id);
                }
            }
            Entry::Vacant(_) if full => {
                self.counts.overflowed += 1;
                self.counts.missing += u64::from(own);
            }
            Entry::Vacant(vacant) => {
                self.counts.missing += u64::from(own);
                vacant.insert(if own {
                    Side::OwnResult
                } else {
                    Side::ForeignResult
                });
            }
        }
    }

    /// Takes note of a billing record.
    pub(crate) fn bill(&mut self, id: Fingerprint) {
        self.counts.records += 1;
        let full = self.is_full();
        match self.sides.entry(id) {
            Entry::Occupied(mut occupied) => match *occupied.get() {
                side @ (Side::OwnResult | Side::ForeignResult) => {
                    occupied.insert(Side::Both);
                    self.counts.missing -= u64::from(side == Side::OwnResult);
                    self.settle(id);
                }
                Side::Bill | Side::Both => self.counts.duplicated += 1,
            },
            Entry::Vacant(_) if full => {
                self.counts.overflowed += 1;
                self.counts.unmatched += 1;
            }
            Entry::Vacant(vacant) => {
                self.counts.unmatched += 1;
                vacant.insert(Side::Bill);
            }
        }
    }

    /// Returns the figures so far.
    pub(crate) fn counts(&self) -> BillCounts {
        self.counts
    }

    fn is_full(&self) -> bool {
        self.sides.len() - self.matched_order.len() >= self.bounds.open
    }

    fn settle(&mut self, id: Fingerprint) {
        self.counts.matched += 1;
        self.matched_order.push_back(id);
        if self.matched_order.len() > self.bounds.remembered
            && let Some(oldest) = self.matched_order.pop_front()
        {
            self.sides.remove(&oldest);
        }
    }
}

/// Fingerprints are hashes already; hashing them again would only cost time.
#[derive(Debug, Default)]
pub(crate) struct PassThrough(u64);

impl Hasher for PassThrough {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u32(&mut self, part: u32) {
        self.0 = (self.0 << 32) | u64::from(part);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> Fingerprint {
        Fingerprint::of(&number.to_le_bytes())
    }

    #[test]
    fn either_side_may_come_first() {
        let mut bills = Bills::default();
        bills.result(id(1), true);
        bills.bill(id(2));
        let open = bills.counts();
        assert_eq!((open.missing, open.unmatched, open.matched), (1, 1, 0));
        bills.bill(id(1));
        bills.result(id(2), true);
        let settled = bills.counts();
        assert_eq!((settled.missing, settled.unmatched), (0, 0));
        assert_eq!((settled.matched, settled.duplicated), (2, 0));
    }

    #[test]
    fn repeats_of_a_bill_are_duplicates_and_repeats_of_a_result_are_not_its_business() {
        let mut bills = Bills::default();
        bills.bill(id(1));
        bills.bill(id(1));
        bills.result(id(1), true);
        bills.result(id(1), true);
        bills.bill(id(1));
        let counts = bills.counts();
        assert_eq!((counts.records, counts.duplicated), (3, 2));
        assert_eq!((counts.missing, counts.unmatched), (0, 0));
    }

    #[test]
    fn results_of_others_owe_no_bill_but_explain_theirs() {
        let mut bills = Bills::default();
        bills.result(id(1), false);
        assert_eq!(bills.counts().missing, 0);
        bills.bill(id(1));
        assert_eq!(bills.counts().unmatched, 0);
        assert_eq!(bills.counts().matched, 1);
    }

    #[test]
    fn memory_stays_within_bounds_and_overflow_is_confessed() {
        let bounds = BillBounds {
            open: 10,
            remembered: 5,
        };
        let mut bills = Bills::new(bounds);
        for number in 0..1_000 {
            bills.result(id(number), true);
            bills.bill(id(number));
        }
        assert_eq!(bills.sides.len(), 5);
        for number in 1_000..1_020 {
            bills.result(id(number), true);
        }
        assert_eq!(bills.sides.len(), 15);
        assert_eq!(bills.counts().missing, 20);
        assert_eq!(bills.counts().overflowed, 10);
    }

    #[test]
    fn one_entry_takes_sixteen_bytes() {
        assert_eq!(size_of::<(Fingerprint, Side)>(), 16);
    }
}
