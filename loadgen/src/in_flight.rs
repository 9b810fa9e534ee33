//! The records that the client holds, each under a tag that goes with it and comes back with the
//! report. Knows nothing of clients or reports.
//!
//! A tag is the number of a slot and of its use, and a slot is used again only after its report:
//! however long one partition stalls while others flow, a record keeps its due time. A report
//! that comes twice finds its use ended, also when the slot has been given to another record.

use rdkafka::error::RDKafkaErrorCode;

/// What is known of a record that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// Its number.
    pub(crate) sequence: u64,
    /// When it was due, nanoseconds since the epoch.
    pub(crate) due_ns: u64,
}

/// The records by tag. Memory is set aside once; it is touched as far as it is needed.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// As many as were ever in use at a time.
    slots: Vec<Slot>,
    /// Those that are not in use, the one given back last at the end.
    free: Vec<u32>,
    records_max: usize,
    strays: u64,
}

/// Room for a record.
#[derive(Clone, Copy, Debug)]
struct Slot {
    held: Held,
    /// How often it was taken into use and given back: odd while it is in use.
    turns: u32,
}

impl Slot {
    fn is_in_use(&self) -> bool {
        self.turns & 1 == 1
    }
}

impl InFlight {
    /// Room for as many records as the client's queue may hold, reports that nobody took included.
    pub(crate) fn new(records_max: usize) -> Self {
        let records_max = records_max.min(SLOT_MASK);
        Self {
            slots: Vec::with_capacity(records_max),
            free: Vec::with_capacity(records_max),
            records_max,
            strays: 0,
        }
    }

    /// Lets `send` hand a record over under a tag, which is free again if the record is refused.
    ///
    /// # Errors
    ///
    /// What `send` says, or [`RDKafkaErrorCode::QueueFull`] if there is no tag.
    pub(crate) fn send(
        &mut self,
        held: Held,
        send: impl FnOnce(usize) -> Result<(), RDKafkaErrorCode>,
    ) -> Result<(), RDKafkaErrorCode> {
        let tag = self.put(held).ok_or(RDKafkaErrorCode::QueueFull)?;
        let sent = send(tag);
        if sent.is_err() {
            self.take(tag);
        }
        sent
    }

    /// Ends the use of a tag, whose report has come. `None`, and counted as a stray, if it has
    /// ended before or the tag was never given.
    pub(crate) fn take(&mut self, tag: usize) -> Option<Held> {
        let number = tag & SLOT_MASK;
        let slot = self.slots.get_mut(number);
        let Some(slot) = slot.filter(|slot| slot.is_in_use() && tag == tag_of(number, slot.turns))
        else {
            self.strays += 1;
            return None;
        };
        slot.turns = slot.turns.wrapping_add(1);
        self.free.push(number as u32);
        Some(slot.held)
    }

    /// Returns how many reports were of no record that was held.
    pub(crate) fn strays(&self) -> u64 {
        self.strays
    }

    /// Returns the records whose report has not come.
    pub(crate) fn held(&self) -> impl Iterator<Item = Held> {
        self.slots.iter().filter(|slot| slot.is_in_use()).map(|slot| slot.held)
    }

    fn put(&mut self, held: Held) -> Option<usize> {
        if let Some(number) = self.free.pop() {
            let number = number as usize;
            let slot = &mut self.slots[number];
            *slot = Slot { held, turns: slot.turns.wrapping_add(1) };
            return Some(tag_of(number, slot.turns));
        }
        if self.slots.len() == self.records_max {
            return None;
        }
        self.slots.push(Slot { held, turns: 1 });
        Some(tag_of(self.slots.len() - 1, 1))
    }
}

/// The number of a slot in the lower half, and in the upper one as many of its turns as fit there:
/// all of them where a word has 64 bits.
fn tag_of(number: usize, turns: u32) -> usize {
    number | ((turns as usize) << (usize::BITS / 2))
}

const SLOT_MASK: usize = usize::MAX >> (usize::BITS / 2);

#[cfg(test)]
mod tests {
    use super::*;

    fn held(sequence: u64) -> Held {
        Held { sequence, due_ns: sequence * 1_000 }
    }

    fn sent(in_flight: &mut InFlight, sequence: u64) -> Option<usize> {
        let mut used = None;
        let sent = in_flight.send(held(sequence), |tag| {
            used = Some(tag);
            Ok(())
        });
        assert_eq!(sent.is_ok(), used.is_some());
        used
    }

    #[test]
    fn a_record_of_a_stalled_partition_keeps_its_due_time() {
        let mut in_flight = InFlight::new(1_000);
        let stalled: Vec<_> = (0..10).map(|number| sent(&mut in_flight, number).unwrap()).collect();
        let mut flowing = std::collections::VecDeque::new();
        for sequence in 10..100_000 {
            if flowing.len() == 990 {
                let (tag, sequence) = flowing.pop_front().unwrap();
                assert_eq!(in_flight.take(tag), Some(held(sequence)));
            }
            flowing.push_back((sent(&mut in_flight, sequence).unwrap(), sequence));
        }
        for (tag, sequence) in stalled.into_iter().zip(0..) {
            assert_eq!(in_flight.take(tag), Some(held(sequence)));
        }
        assert_eq!((in_flight.slots.capacity(), in_flight.free.capacity()), (1_000, 1_000));
    }

    #[test]
    fn without_a_tag_the_queue_is_full() {
        let mut in_flight = InFlight::new(2);
        let first = sent(&mut in_flight, 1).unwrap();
        sent(&mut in_flight, 2).unwrap();
        let full = in_flight.send(held(3), |_| panic!("there is no tag for it"));
        assert_eq!(full, Err(RDKafkaErrorCode::QueueFull));
        assert_eq!(in_flight.take(first), Some(held(1)));
        let again = sent(&mut in_flight, 3).unwrap();
        assert!(again != first && in_flight.slots.len() == 2, "another use of the same slot");
    }

    #[test]
    fn what_has_no_report_is_named() {
        let mut in_flight = InFlight::new(10);
        let tags: Vec<_> = (0..4).map(|number| sent(&mut in_flight, number).unwrap()).collect();
        in_flight.take(tags[0]);
        in_flight.take(tags[2]);
        let open: Vec<u64> = in_flight.held().map(|held| held.sequence).collect();
        assert_eq!(open, [1, 3]);
    }

    #[test]
    fn a_refused_record_gives_its_tag_back() {
        let mut in_flight = InFlight::new(1);
        for refusal in [RDKafkaErrorCode::QueueFull, RDKafkaErrorCode::MessageSizeTooLarge] {
            let mut tags = Vec::new();
            let refused = in_flight.send(held(1), |tag| {
                tags.push(tag);
                Err(refusal)
            });
            assert_eq!((refused, tags.len()), (Err(refusal), 1));
        }
        let tag = sent(&mut in_flight, 2).unwrap();
        assert_eq!((in_flight.take(tag), in_flight.strays()), (Some(held(2)), 0));
    }

    #[test]
    fn a_report_that_comes_twice_is_counted_and_touches_no_other_record() {
        let mut in_flight = InFlight::new(3);
        let first = sent(&mut in_flight, 1).unwrap();
        let second = sent(&mut in_flight, 2).unwrap();
        assert_eq!(in_flight.take(first), Some(held(1)));
        assert_eq!((in_flight.take(first), in_flight.strays()), (None, 1));
        // Its slot is another's by now, and there is room for no more than there is.
        let third = sent(&mut in_flight, 3).unwrap();
        let fourth = sent(&mut in_flight, 4).unwrap();
        assert_eq!(sent(&mut in_flight, 5), None);
        assert_eq!((in_flight.take(first), in_flight.strays()), (None, 2));
        for unknown in [0, 7, usize::MAX, fourth ^ (1 << (usize::BITS / 2))] {
            assert_eq!(in_flight.take(unknown), None);
        }
        assert_eq!((in_flight.strays(), in_flight.held().count()), (6, 3));
        for (tag, sequence) in [(third, 3), (second, 2), (fourth, 4)] {
            assert_eq!(in_flight.take(tag), Some(held(sequence)));
        }
        assert_eq!((in_flight.strays(), in_flight.held().count()), (6, 0));
    }

    #[test]
    fn a_slot_takes_as_much_memory_as_its_record_and_a_word() {
        assert_eq!(size_of::<Slot>(), 24);
    }
}
