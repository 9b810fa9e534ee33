//! Matches results with billing records by execution ARN, in bounded memory.
//!
//! Either side may come first. An id of which only one side was seen is open; once matched it is
//! remembered for at least another [`BillBounds::remembered`] matches, so that a second bill for it
//! is recognised. Within these bounds the answer is exact (up to a 96-bit fingerprint); a repeat
//! that comes later shows as a bill without a result instead of a duplicate, and a run with more
//! than a million open ids says so.
//!
//! Open ids are few as long as the service keeps up, and matched ones are dropped by the
//! generation: both tables stay small enough for the processor's caches, which is what looking
//! something up in them costs.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::fingerprint::Fingerprint;

/// How much the ledger of bills may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BillBounds {
    /// Ids of which only one side was seen.
    pub(crate) open: usize,
    /// Matched ids kept to recognise repeats; up to twice as many are.
    pub(crate) remembered: usize,
}

impl Default for BillBounds {
    /// About 45 MB when both are full; 8 MB with as many open ids as matched ones.
    fn default() -> Self {
        Self { open: 1 << 20, remembered: 1 << 17 }
    }
}

/// Who is waiting for whom.
#[derive(Debug, Default)]
pub(crate) struct Bills {
    bounds: BillBounds,
    open: HashMap<Fingerprint, Side, BuildHasherDefault<PassThrough>>,
    matched: Matched,
    /// Matched ids of others, whose repeats are theirs.
    foreign: Matched,
    counts: BillCounts,
}

/// The ledger's figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BillCounts {
    /// Billing records seen.
    pub(crate) records: u64,
    /// Ids with both a result of this run and a bill.
    pub(crate) matched: u64,
    /// Further bills for an id already billed, unless it is known to be that of others.
    pub(crate) duplicated: u64,
    /// Results of this run without a bill so far.
    pub(crate) missing: u64,
    /// Bills without a result so far.
    pub(crate) unmatched: u64,
    /// Ids that found no room; they are counted as missing or unmatched for good.
    pub(crate) overflowed: u64,
}

/// Which side of an open id was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    OwnResult,
    ForeignResult,
    /// A bill, and so many repeats of it.
    Bill {
        repeats: u16,
    },
}

/// Whose result it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The first outcome of an event of this run: no bill of its own was matched yet.
    First,
    /// A further outcome of an event of this run.
    Repeat,
    /// This run did not send the event.
    Foreign,
}

impl Bills {
    /// An empty ledger within `bounds`.
    pub(crate) fn new(bounds: BillBounds) -> Self {
        Self { bounds, ..Self::default() }
    }

    /// Takes note of a result.
    pub(crate) fn result(&mut self, id: Fingerprint, owner: Owner) {
        let full = self.open.len() >= self.bounds.open;
        let own = owner != Owner::Foreign;
        match self.open.entry(id) {
            Entry::Occupied(occupied) => {
                if let Side::Bill { repeats } = *occupied.get() {
                    occupied.remove();
                    self.counts.unmatched -= 1;
                    if !own {
                        self.counts.duplicated -= u64::from(repeats);
                    }
                    self.settle(id, own);
                }
            }
            // Repeats of a result are not this ledger's business, and a first one is none.
            Entry::Vacant(_)
                if owner != Owner::First
                    && (self.matched.contains(id) || self.foreign.contains(id)) => {}
            Entry::Vacant(_) if full => {
                self.counts.overflowed += 1;
                self.counts.missing += u64::from(own);
            }
            Entry::Vacant(vacant) => {
                self.counts.missing += u64::from(own);
                vacant.insert(if own { Side::OwnResult } else { Side::ForeignResult });
            }
        }
    }

    /// Takes note of a billing record.
    pub(crate) fn bill(&mut self, id: Fingerprint) {
        self.counts.records += 1;
        let full = self.open.len() >= self.bounds.open;
        match self.open.entry(id) {
            Entry::Occupied(mut occupied) => match occupied.get_mut() {
                // Whose it is only its result will say.
                Side::Bill { repeats } => {
                    *repeats = repeats.saturating_add(1);
                    self.counts.duplicated += 1;
                }
                side => {
                    let own = *side == Side::OwnResult;
                    occupied.remove();
                    self.counts.missing -= u64::from(own);
                    self.settle(id, own);
                }
            },
            Entry::Vacant(_) if self.foreign.contains(id) => {}
            Entry::Vacant(_) if self.matched.contains(id) => self.counts.duplicated += 1,
            Entry::Vacant(_) if full => {
                self.counts.overflowed += 1;
                self.counts.unmatched += 1;
            }
            Entry::Vacant(vacant) => {
                self.counts.unmatched += 1;
                vacant.insert(Side::Bill { repeats: 0 });
            }
        }
    }

    /// Returns the figures so far.
    pub(crate) fn counts(&self) -> BillCounts {
        self.counts
    }

    fn settle(&mut self, id: Fingerprint, own: bool) {
        self.counts.matched += u64::from(own);
        let matched = if own { &mut self.matched } else { &mut self.foreign };
        matched.insert(id, self.bounds.remembered);
    }
}

/// Matched ids in two generations: when the young one is full, the old one is forgotten.
#[derive(Debug, Default)]
struct Matched {
    young: Generation,
    old: Generation,
}

type Generation = HashSet<Fingerprint, BuildHasherDefault<PassThrough>>;

impl Matched {
    fn contains(&self, id: Fingerprint) -> bool {
        self.young.contains(&id) || self.old.contains(&id)
    }

    fn insert(&mut self, id: Fingerprint, generation_max: usize) {
        if self.young.len() >= generation_max {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(id);
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
        bills.result(id(1), Owner::First);
        bills.bill(id(2));
        let open = bills.counts();
        assert_eq!((open.missing, open.unmatched, open.matched), (1, 1, 0));
        bills.bill(id(1));
        bills.result(id(2), Owner::First);
        let settled = bills.counts();
        assert_eq!((settled.missing, settled.unmatched), (0, 0));
        assert_eq!((settled.matched, settled.duplicated), (2, 0));
    }

    #[test]
    fn repeats_of_a_bill_are_duplicates_and_repeats_of_a_result_are_not_its_business() {
        let mut bills = Bills::default();
        bills.bill(id(1));
        bills.bill(id(1));
        bills.result(id(1), Owner::First);
        bills.result(id(1), Owner::Repeat);
        bills.bill(id(1));
        let counts = bills.counts();
        assert_eq!((counts.records, counts.duplicated), (3, 2));
        assert_eq!((counts.missing, counts.unmatched), (0, 0));
    }

    #[test]
    fn an_event_that_ran_twice_owes_two_bills() {
        let mut bills = Bills::default();
        bills.result(id(1), Owner::First);
        bills.result(id(2), Owner::Repeat);
        bills.bill(id(1));
        assert_eq!(bills.counts().missing, 1);
        bills.bill(id(2));
        assert_eq!((bills.counts().missing, bills.counts().unmatched), (0, 0));
    }

    #[test]
    fn two_events_under_one_id_owe_two_bills() {
        let mut bills = Bills::default();
        bills.result(id(1), Owner::First);
        bills.bill(id(1));
        bills.result(id(1), Owner::First);
        assert_eq!(bills.counts().missing, 1);
    }

    #[test]
    fn results_of_others_owe_no_bill_but_explain_theirs() {
        let mut bills = Bills::default();
        bills.result(id(1), Owner::Foreign);
        assert_eq!(bills.counts().missing, 0);
        bills.bill(id(1));
        assert_eq!(bills.counts().unmatched, 0);
        assert_eq!(bills.counts().matched, 0, "it is theirs");
        bills.result(id(1), Owner::Foreign);
        assert_eq!(bills.open.len(), 0);
    }

    #[test]
    fn repeated_bills_of_others_are_theirs_whichever_side_came_first() {
        let mut bills = Bills::default();
        bills.result(id(1), Owner::Foreign);
        for _ in 0..3 {
            bills.bill(id(1));
            bills.bill(id(2));
            bills.bill(id(3));
        }
        assert_eq!(bills.counts().duplicated, 4, "nobody knows yet whose the others are");
        bills.result(id(2), Owner::Foreign);
        bills.result(id(3), Owner::First);
        bills.bill(id(2));
        bills.bill(id(3));
        let counts = bills.counts();
        assert_eq!((counts.records, counts.matched, counts.duplicated), (11, 1, 3));
        assert_eq!((counts.missing, counts.unmatched), (0, 0));
    }

    #[test]
    fn memory_stays_within_bounds_and_overflow_is_confessed() {
        let bounds = BillBounds { open: 10, remembered: 5 };
        let mut bills = Bills::new(bounds);
        for number in 0..1_000 {
            bills.result(id(number), Owner::First);
            bills.bill(id(number));
            assert!(bills.matched.young.len() + bills.matched.old.len() <= 10);
        }
        // The last five are remembered, and more of them while the generation is young.
        for number in 995..1_000 {
            bills.bill(id(number));
        }
        assert_eq!(bills.counts().duplicated, 5);
        bills.bill(id(900));
        assert_eq!((bills.counts().duplicated, bills.counts().unmatched), (5, 1));
        for number in 1_000..1_020 {
            bills.result(id(number), Owner::First);
        }
        assert_eq!(bills.open.len(), 10);
        assert_eq!(bills.counts().missing, 20);
        assert_eq!(bills.counts().overflowed, 11);
    }

    #[test]
    fn one_entry_takes_sixteen_bytes() {
        assert_eq!(size_of::<(Fingerprint, Side)>(), 16);
    }
}
