//! What is finished of one partition: the watermark never passes an unfinished offset.
//!
//! Owned by the I/O thread, one per assigned partition. Pure: no clock, no Kafka. A finished record
//! is one whose outputs are all acknowledged (or which needs none); the committable offset is the
//! end of the contiguous run of finished ones.

/// Bitmap ring over the offsets between the watermark and the newest one received.
///
/// An *epoch* is one assignment of the partition. An acknowledgement that belongs to an earlier
/// epoch changes nothing: after a revoke somebody else may already have committed further.
#[derive(Debug)]
pub struct Ledger {
    epoch: u32,
    /// Next offset to commit: everything below is finished. `None` before the first record.
    watermark: Option<i64>,
    /// One above the newest offset received.
    next: i64,
    /// Received and not finished.
    unfinished: u32,
    /// One bit per offset in `watermark..next`, set when finished, at `offset % capacity`.
    /// Outside that range all bits are 0.
    words: Box<[u64]>,
}

/// What became of an offset that was read from the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Written down as unfinished.
    Admitted,
    /// The window is full: come again with this offset when the watermark has moved.
    Full,
    /// It lies below an offset already received: the partition was rewound under us. Restart the
    /// ledger in a new epoch to take it.
    Behind,
}

/// What became of an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// The offset was unfinished and is finished now.
    Recorded,
    /// It belongs to an earlier assignment, or was finished before: nothing changed.
    Stale,
}

impl Ledger {
    /// An empty ledger in `epoch` that lets at most `capacity` offsets lie open (rounded up to a
    /// power of two, at least 64).
    pub fn new(epoch: u32, capacity: usize) -> Self {
        let words = (capacity.div_ceil(WORD_BITS)).next_power_of_two();
        Self {
            epoch,
            watermark: None,
            next: 0,
            unfinished: 0,
            words: vec![0; words].into_boxed_slice(),
        }
    }

    /// Forgets everything and begins a new epoch.
    pub fn restart(&mut self, epoch: u32) {
        self.epoch = epoch;
        self.watermark = None;
        self.next = 0;
        self.unfinished = 0;
        self.words.fill(0);
    }

    /// The present epoch.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The next offset to commit; `None` before the first record.
    pub fn watermark(&self) -> Option<i64> {
        self.watermark
    }

    /// The next offset to read; `None` before the first record.
    pub fn position(&self) -> Option<i64> {
        self.watermark.map(|_| self.next)
    }

    /// Number of records received and not finished.
    pub fn unfinished(&self) -> u32 {
        self.unfinished
    }

    /// Offsets that may lie between the watermark and the newest one.
    pub fn capacity(&self) -> usize {
        self.words.len() * WORD_BITS
    }

    /// Says what [`Ledger::receive`] would, and changes nothing.
    pub fn check(&self, offset: i64) -> Received {
        let Some(watermark) = self.watermark else {
            return Received::Admitted;
        };
        if offset < self.next {
            return Received::Behind;
        }
        // With nothing open the watermark jumps over any gap.
        let base = if self.unfinished == 0 { offset } else { watermark };
        if offset - base >= self.capacity() as i64 {
            return Received::Full;
        }
        Received::Admitted
    }

    /// Takes an offset in as unfinished. Offsets between the last one received and this one are
    /// gaps (compacted records, transaction markers): they will never come, so they are finished.
    pub fn receive(&mut self, offset: i64) -> Received {
        let received = self.check(offset);
        if received != Received::Admitted {
            return received;
        }
        if self.unfinished == 0 {
            // All bits are 0 here: the watermark has run up to `next` and cleared them.
            self.watermark = Some(offset);
        } else {
            for gap in self.next..offset {
                self.set(gap);
            }
        }
        self.next = offset + 1;
        self.unfinished += 1;
        Received::Admitted
    }

    /// Marks an offset finished and moves the watermark over every finished offset above it.
    pub fn finish(&mut self, epoch: u32, offset: i64) -> Finished {
        let Some(watermark) = self.watermark else {
            return Finished::Stale;
        };
        if epoch != self.epoch || offset < watermark || offset >= self.next || self.is_set(offset) {
            return Finished::Stale;
        }
        self.set(offset);
        self.unfinished -= 1;
        if offset == watermark {
            self.advance(watermark);
        }
        Finished::Recorded
    }

    /// Runs over the finished offsets from `watermark` a word at a time, clearing their bits.
    fn advance(&mut self, mut watermark: i64) {
        while watermark < self.next {
            let (word, bit) = self.place(watermark);
            let room = (WORD_BITS - bit) as i64;
            let run = i64::from((self.words[word] >> bit).trailing_ones()).min(room);
            if run == 0 {
                break;
            }
            let mask = if run as usize == WORD_BITS { u64::MAX } else { ((1 << run) - 1) << bit };
            self.words[word] &= !mask;
            watermark += run;
            if run < room {
                break;
            }
        }
        debug_assert!(watermark <= self.next, "the watermark passed the newest offset");
        self.watermark = Some(watermark);
    }

    fn place(&self, offset: i64) -> (usize, usize) {
        let index = offset as usize & (self.capacity() - 1);
        (index / WORD_BITS, index % WORD_BITS)
    }

    fn set(&mut self, offset: i64) {
        let (word, bit) = self.place(offset);
        self.words[word] |= 1 << bit;
    }

    fn is_set(&self, offset: i64) -> bool {
        let (word, bit) = self.place(offset);
        self.words[word] >> bit & 1 == 1
    }
}

const WORD_BITS: usize = u64::BITS as usize;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn watermark_is_the_contiguous_prefix() {
        let mut ledger = Ledger::new(1, 64);
        assert_eq!(ledger.watermark(), None);
        for offset in 10..14 {
            assert_eq!(ledger.receive(offset), Received::Admitted);
        }
        assert_eq!(ledger.watermark(), Some(10));
        assert_eq!(ledger.finish(1, 12), Finished::Recorded);
        assert_eq!(ledger.finish(1, 11), Finished::Recorded);
        assert_eq!(ledger.watermark(), Some(10));
        assert_eq!(ledger.finish(1, 10), Finished::Recorded);
        assert_eq!(ledger.watermark(), Some(13));
        assert_eq!(ledger.finish(1, 13), Finished::Recorded);
        assert_eq!((ledger.watermark(), ledger.unfinished()), (Some(14), 0));
    }

    #[test]
    fn gaps_are_finished() {
        let mut ledger = Ledger::new(1, 64);
        ledger.receive(0);
        ledger.receive(5);
        ledger.finish(1, 0);
        assert_eq!(ledger.watermark(), Some(5));
        ledger.finish(1, 5);
        // Nothing is open: a gap wider than the window is no obstacle.
        assert_eq!(ledger.receive(1_000_000), Received::Admitted);
        assert_eq!(ledger.watermark(), Some(1_000_000));
    }

    #[test]
    fn a_full_window_takes_no_more_until_its_head_is_finished() {
        let mut ledger = Ledger::new(1, 64);
        for offset in 0..64 {
            assert_eq!(ledger.receive(offset), Received::Admitted);
        }
        assert_eq!(ledger.receive(64), Received::Full);
        for offset in 1..64 {
            ledger.finish(1, offset);
        }
        assert_eq!(ledger.receive(64), Received::Full);
        ledger.finish(1, 0);
        assert_eq!(ledger.watermark(), Some(64));
        assert_eq!(ledger.receive(64), Received::Admitted);
    }

    #[test]
    fn late_and_double_acknowledgements_change_nothing() {
        let mut ledger = Ledger::new(1, 64);
        ledger.receive(0);
        ledger.receive(1);
        assert_eq!(ledger.finish(1, 1), Finished::Recorded);
        assert_eq!(ledger.finish(1, 1), Finished::Stale);
        assert_eq!(ledger.finish(1, 2), Finished::Stale);
        ledger.restart(2);
        assert_eq!(ledger.finish(1, 0), Finished::Stale);
        ledger.receive(0);
        assert_eq!(ledger.finish(1, 0), Finished::Stale);
        assert_eq!(ledger.watermark(), Some(0));
        assert_eq!(ledger.finish(2, 0), Finished::Recorded);
    }

    #[test]
    fn a_rewind_is_reported() {
        let mut ledger = Ledger::new(1, 64);
        ledger.receive(10);
        assert_eq!(ledger.receive(10), Received::Behind);
        assert_eq!(ledger.receive(3), Received::Behind);
        ledger.restart(2);
        assert_eq!(ledger.receive(3), Received::Admitted);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Receive { gap: u8 },
        Finish { pick: u16, epoch_back: bool },
        Reassign { from: u8 },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => prop_oneof![6 => Just(0u8), 2 => 1u8..70].prop_map(|gap| Step::Receive { gap }),
            8 => (any::<u16>(), prop::bool::weighted(0.1))
                .prop_map(|(pick, epoch_back)| Step::Finish { pick, epoch_back }),
            1 => any::<u8>().prop_map(|from| Step::Reassign { from }),
        ];
        prop::collection::vec(step, 1..600)
    }

    proptest! {
        /// Against a model that keeps the open offsets in a set.
        #[test]
        fn commit_never_passes_unfinished_offset_and_never_goes_back(
            steps in steps(), capacity in 1usize..200,
        ) {
            let mut ledger = Ledger::new(1, capacity);
            let mut open: BTreeSet<i64> = BTreeSet::new();
            let mut next = 0;
            let mut last = None;
            for step in steps {
                match step {
                    Step::Receive { gap } => {
                        let offset = next + i64::from(gap);
                        let full = open
                            .first()
                            .is_some_and(|first| offset - first >= ledger.capacity() as i64);
                        prop_assert_eq!(ledger.receive(offset) == Received::Full, full);
                        if !full {
                            open.insert(offset);
                            next = offset + 1;
                        }
                    }
                    Step::Finish { pick, epoch_back } => {
                        let Some(&offset) = open.iter().nth(usize::from(pick) % open.len().max(1))
                        else { continue };
                        let epoch = ledger.epoch() - u32::from(epoch_back);
                        let finished = ledger.finish(epoch, offset);
                        prop_assert_eq!(finished == Finished::Stale, epoch_back);
                        if !epoch_back {
                            open.remove(&offset);
                        }
                    }
                    Step::Reassign { from } => {
                        ledger.restart(ledger.epoch() + 1);
                        open.clear();
                        next = i64::from(from);
                        last = None;
                    }
                }
                prop_assert_eq!(ledger.unfinished() as usize, open.len());
                if let Some(watermark) = ledger.watermark() {
                    // Exactly the first open offset, or everything received.
                    prop_assert_eq!(watermark, open.first().copied().unwrap_or(next));
                    prop_assert!(last.is_none_or(|last| watermark >= last));
                    last = Some(watermark);
                }
            }
        }
    }
}
