//! What the group under test has committed: its lag, and offsets that go backwards.
//!
//! A consumer that names the group without joining it asks for the committed offsets of the source
//! topic, and for the ends of its partitions, four times a second. Whoever commits a lower offset
//! than before makes events run twice after the next restart, whether or not that shows in a run.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;

use crate::gauges::Gauges;
use crate::kafka::{self, Reader};
use crate::scenario::Connection;

/// Watches the committed offsets of one group on one topic.
pub(crate) struct GroupWatch {
    client: Reader,
    topic: String,
    ledger: Ledger,
}

/// What the watch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupCounts {
    /// Times that all offsets were read.
    pub(crate) samples: u64,
    /// Times that a partition's committed offset was below the one before.
    pub(crate) regressions: u64,
    /// Most records behind the ends of the partitions.
    pub(crate) lag_max: u64,
    /// The same at the last sample.
    pub(crate) lag_last: u64,
    /// Whether the group had committed any offset at the last sample.
    pub(crate) committed: bool,
}

impl GroupWatch {
    /// Creates the client; asks nothing yet.
    pub(crate) fn create(
        connection: &Connection,
        group: &str,
        gauges: &Arc<Gauges>,
    ) -> Result<Self, kafka::Error> {
        let client = kafka::group_reader(connection, group, gauges)?;
        let deadline = Instant::now() + connection.connect_timeout.duration();
        let topic = &connection.topic;
        let partitions = kafka::partition_count(&client, topic, connection, deadline)?;
        let ends = (0..partitions)
            .map(|partition| kafka::end_offset(&client, topic, partition, connection, deadline));
        let ledger = Ledger::new(ends.collect::<Result<_, _>>()?);
        Ok(Self { client, topic: topic.clone(), ledger })
    }

    /// Asks until told to stop, and once more.
    pub(crate) fn run(mut self, gauges: &Gauges) -> GroupCounts {
        loop {
            let last = gauges.stop_consuming.load(Ordering::Relaxed);
            match self.sample() {
                Ok(()) => {
                    gauges.group_lag.set(self.ledger.counts.lag_last + 1);
                    gauges.group_regressions.set(self.ledger.counts.regressions);
                }
                Err(error) => gauges.note(format!("committed offsets: {error}")),
            }
            if last {
                return self.ledger.counts;
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn sample(&mut self) -> KafkaResult<()> {
        let mut asked = TopicPartitionList::new();
        for partition in 0..self.ledger.committed.len() {
            asked.add_partition(&self.topic, partition as i32);
        }
        let committed = self.client.committed_offsets(asked, PATIENCE)?;
        let mut sample = Vec::with_capacity(self.ledger.committed.len());
        for partition in 0..self.ledger.committed.len() as i32 {
            let (_, end) = self.client.fetch_watermarks(&self.topic, partition, PATIENCE)?;
            let offset = committed.find_partition(&self.topic, partition);
            sample.push(match offset.map(|element| element.offset()) {
                Some(Offset::Offset(offset)) => (Some(offset), end),
                _ => (None, end),
            });
        }
        self.ledger.enter(&sample);
        Ok(())
    }
}

/// Committed offsets by partition, and what became of them.
#[derive(Debug)]
struct Ledger {
    committed: Vec<Option<i64>>,
    /// Where the partitions ended before the first event.
    ends: Vec<i64>,
    counts: GroupCounts,
}

impl Ledger {
    fn new(ends: Vec<i64>) -> Self {
        Self { committed: vec![None; ends.len()], ends, counts: GroupCounts::default() }
    }

    /// Enters the committed offset and the end of every partition. Where nothing is committed, only
    /// what came since the beginning counts as lag: whether the group will ever read what was there
    /// before, nobody knows.
    fn enter(&mut self, sample: &[(Option<i64>, i64)]) {
        let mut lag = 0;
        let known = self.committed.iter_mut().zip(&self.ends);
        for ((before, first_end), (committed, end)) in known.zip(sample) {
            lag += (end - committed.or(*before).unwrap_or(*first_end)).max(0) as u64;
            if let (Some(before), Some(committed)) = (*before, *committed)
                && committed < before
            {
                self.counts.regressions += 1;
            }
            *before = committed.or(*before);
        }
        self.counts.committed = self.committed.iter().any(Option::is_some);
        self.counts.samples += 1;
        self.counts.lag_last = lag;
        self.counts.lag_max = self.counts.lag_max.max(lag);
    }
}

const PAUSE: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_what_lies_between_the_committed_offsets_and_the_ends() {
        let mut ledger = Ledger::new(vec![0, 7]);
        ledger.enter(&[(None, 10), (Some(5), 7)]);
        assert_eq!(ledger.counts.lag_last, 12);
        ledger.enter(&[(Some(10), 10), (Some(7), 7)]);
        let counts = ledger.counts;
        assert_eq!((counts.lag_last, counts.lag_max), (0, 12));
        assert_eq!((counts.samples, counts.regressions), (2, 0));
    }

    #[test]
    fn offsets_that_go_backwards_are_counted_by_partition() {
        let mut ledger = Ledger::new(vec![0, 0]);
        ledger.enter(&[(Some(10), 20), (Some(10), 20)]);
        ledger.enter(&[(Some(9), 20), (Some(11), 20)]);
        ledger.enter(&[(None, 20), (Some(11), 20)]);
        ledger.enter(&[(Some(8), 20), (Some(11), 20)]);
        assert_eq!(ledger.counts.regressions, 2);
    }

    #[test]
    fn a_group_that_never_committed_is_not_behind_by_what_was_there_before() {
        let mut ledger = Ledger::new(vec![1_000_000, 50]);
        ledger.enter(&[(None, 1_000_000), (None, 50)]);
        assert_eq!((ledger.counts.lag_last, ledger.counts.committed), (0, false));
        ledger.enter(&[(None, 1_000_003), (None, 52)]);
        assert_eq!((ledger.counts.lag_last, ledger.counts.committed), (5, false));
        ledger.enter(&[(Some(1_000_002), 1_000_003), (None, 52)]);
        assert_eq!((ledger.counts.lag_last, ledger.counts.committed), (3, true));
    }
}
