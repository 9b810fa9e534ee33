//! The records that the client holds, each under a tag that goes with it and comes back with the
//! report. Knows nothing of clients or reports.
//!
//! Tags are numbers of slots, and a slot is used again only after its report: however long one
//! partition stalls while others flow, a record keeps its due time.

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
    slots: Vec<Held>,
    /// Those that are not in use, the one given back last at the end.
    free: Vec<u32>,
    records_max: usize,
}

impl InFlight {
    /// Room for as many records as the client's queue may hold, reports that nobody took included.
    pub(crate) fn new(records_max: usize) -> Self {
        Self {
            slots: Vec::with_capacity(records_max),
            free: Vec::with_capacity(records_max),
            records_max,
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

    /// Ends the use of a tag, whose report has come.
    pub(crate) fn take(&mut self, tag: usize) -> Held {
        debug_assert!(self.free.len() < self.slots.len(), "more reports than records");
        self.free.push(tag as u32);
        self.slots[tag]
    }

    /// Returns the records whose report has not come.
    pub(crate) fn held(&self) -> impl Iterator<Item = Held> {
        let free: std::collections::HashSet<u32> = self.free.iter().copied().collect();
        let slots = self.slots.iter().zip(0..);
        slots.filter(move |(_, slot)| !free.contains(slot)).map(|(held, _)| *held)
    }

    fn put(&mut self, held: Held) -> Option<usize> {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = held;
            return Some(slot as usize);
        }
        if self.slots.len() == self.records_max {
            return None;
        }
        self.slots.push(held);
        Some(self.slots.len() - 1)
    }
}

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
                assert_eq!(in_flight.take(tag), held(sequence));
            }
            flowing.push_back((sent(&mut in_flight, sequence).unwrap(), sequence));
        }
        for (tag, sequence) in stalled.into_iter().zip(0..) {
            assert_eq!(in_flight.take(tag), held(sequence));
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
        assert_eq!(in_flight.take(first), held(1));
        assert_eq!(sent(&mut in_flight, 3), Some(first));
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
            assert_eq!((refused, tags), (Err(refusal), vec![0]));
        }
        assert_eq!(sent(&mut in_flight, 2), Some(0));
        assert_eq!(in_flight.take(0), held(2));
    }
}
