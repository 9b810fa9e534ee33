//! What a source counts, as plain atomics that a metrics edge can read at scrape.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::base::tally::{
    BATCH_BOUNDS, Bounds, Histogram, LATENCY_BOUNDS_NS, REJECTED, rejected_index,
};

use super::client_stats::ClientStats;
use super::producer::Target;

/// Counters of one source; written by its thread only, read by anybody.
#[derive(Debug, Default)]
pub struct Counters {
    /// Records read.
    pub consumed: Counter,
    /// Bytes of the keys and values read.
    pub consumed_bytes: Counter,
    /// Records with a null value: finished, not run, not billed.
    pub skipped: Counter,
    /// Events handed to shards.
    pub started: Counter,
    /// Outcomes that came back from shards.
    pub settled: Counter,
    /// Dead letters written (at the time of the write, not of its acknowledgement).
    pub dead_lettered: Refusals,
    /// Records put into the producer's queue, all topics together.
    pub produced: Counter,
    /// Records whose delivery the broker acknowledged.
    pub delivered: Counter,
    /// Sends that were not acknowledged, whether another followed or not.
    pub delivery_failed: Counter,
    /// Log events of histories written.
    pub history_events: Counter,
    /// Log events that found no room in the history of their execution.
    pub history_left_out: Counter,
    /// Log events written without their data, because they were too large for the topic.
    pub history_cut: Counter,
    /// Log events that were too large for the topic even so: lost.
    pub history_refused: Counter,
    /// Input records finished: every output acknowledged.
    pub finished: Counter,
    /// Offset commits sent.
    pub commits: Counter,
    /// Offset commits that failed.
    pub commits_failed: Counter,
    /// Nanoseconds during which intake stood still for want of room.
    pub back_pressure_ns: Counter,
    /// 1 while intake stands still for want of room, else 0.
    pub standing_still: Counter,
    /// Records that had to wait, since shards held as many executions as may be open.
    pub throttled: Counter,
    /// Times that a partition's window of uncommitted offsets was full.
    pub window_full: Counter,
    /// Rebalance callbacks, by [`REBALANCES`].
    pub rebalances: [Counter; REBALANCES.len()],
    /// Nanoseconds for which a rebalance callback held the source up.
    pub rebalance_duration: Observed,
    /// Nanoseconds from a commit to its answer.
    pub commit_duration: Observed,
    /// Nanoseconds from a record's timestamp to its hand-over to a shard.
    pub record_age: Observed,
    /// Nanoseconds from a record's timestamp to the last acknowledgement of its execution.
    pub event_latency: Observed,
    /// Records per read that returned any.
    pub batches: Batches,
    /// What is written, by topic: result, failure, billing, dead letter, history.
    pub sinks: [Sink; 5],
    /// Events whose outcome came too late, after their partition was taken away.
    pub dropped: Counter,
    /// Turns of the source's loop: it stands still when this does.
    pub loops: Counter,
    /// 1 while no broker answers, else 0.
    pub brokers_down: Counter,
    /// Records held now.
    pub in_flight: Counter,
    lags: Mutex<Vec<PartitionLag>>,
    /// Records that the consumer has fetched and nobody has taken yet.
    pub fetched: Counter,
    errors: Mutex<BTreeMap<String, u64>>,
    /// Of the consumer, then of the producer.
    clients: [Mutex<ClientStats>; 2],
}

/// The clients of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientRole {
    /// Reads.
    Consumer,
    /// Writes.
    Producer,
}

impl Counters {
    /// Distance of each assigned partition's watermark from its end.
    pub fn lags(&self) -> Vec<PartitionLag> {
        self.lags.lock().map(|lags| lags.clone()).unwrap_or_default()
    }

    /// Errors of the clients, by librdkafka's name of the code: `_TRANSPORT`.
    pub fn errors(&self) -> BTreeMap<String, u64> {
        self.errors.lock().map(|errors| errors.clone()).unwrap_or_default()
    }

    /// A client had an error. Rare, and its codes are a closed list.
    pub(super) fn error(&self, code: String) {
        if let Ok(mut errors) = self.errors.lock() {
            *errors.entry(code).or_default() += 1;
        }
    }

    /// What a client last told of itself.
    pub fn client(&self, role: ClientRole) -> ClientStats {
        self.clients[role as usize].lock().map(|stats| stats.clone()).unwrap_or_default()
    }

    pub(super) fn set_client(&self, role: ClientRole, stats: ClientStats) {
        if let Ok(mut present) = self.clients[role as usize].lock() {
            present.update(stats);
        }
    }

    pub(super) fn sink(&self, target: Target) -> &Sink {
        &self.sinks[target as usize]
    }

    /// A record got into the producer's queue.
    pub(super) fn queued(&self, target: Target) {
        self.produced.add(1);
        self.sink(target).produced.add(1);
    }

    pub(super) fn set_lags(&self, lags: Vec<PartitionLag>) {
        if let Ok(mut present) = self.lags.lock() {
            *present = lags;
        }
    }
}

/// A day.
const AGE_MS_MAX: i64 = 86_400_000;

/// Label values of [`Counters::rebalances`].
pub const REBALANCES: [&str; 3] = ["assigned", "revoked", "lost"];

/// What is written to one topic.
#[derive(Debug, Default)]
pub struct Sink {
    /// Records put into the producer's queue, each time that they were.
    pub produced: Counter,
    /// Records whose delivery the broker acknowledged.
    pub delivered: Counter,
    /// Records given up: none of their sends was acknowledged, and none follows.
    pub failed: Counter,
    /// Sends that were not acknowledged, whether another followed or not.
    pub undelivered: Counter,
    /// Records put into the queue again after they were refused or not delivered.
    pub retried: Counter,
    /// Records that the topic refused for their size, with a smaller one in their place.
    pub replaced: Counter,
    /// Bytes of the values acknowledged.
    pub bytes: Counter,
    /// Nanoseconds from the queue to the acknowledgement.
    pub duration: Observed,
}

/// Observations over the latency bounds, with one writer.
#[derive(Debug)]
pub struct Observed(Cells);

/// Observations over the batch bounds, with one writer.
#[derive(Debug)]
pub struct Batches(Cells);

impl Default for Observed {
    fn default() -> Self {
        Self(Cells::new(&LATENCY_BOUNDS_NS))
    }
}

impl Default for Batches {
    fn default() -> Self {
        Self(Cells::new(&BATCH_BOUNDS))
    }
}

impl Observed {
    /// The present counts.
    pub fn get(&self) -> Histogram {
        self.0.get()
    }

    pub(super) fn observe(&self, ns: u64) {
        self.0.observe(ns);
    }

    pub(super) fn took(&self, duration: Duration) {
        self.0.observe(duration.as_nanos() as u64);
    }

    /// Between two wall clocks that need not agree: what would be negative is 0, and more than a day
    /// is a day, since a producer may write any timestamp and a sum must not run over. A record
    /// without a timestamp has -1 and is not observed.
    pub(super) fn since_ms(&self, then_ms: i64, now_ms: i64) {
        if then_ms >= 0 {
            let ms = now_ms.saturating_sub(then_ms).clamp(0, AGE_MS_MAX) as u64;
            self.0.observe(ms * 1_000_000);
        }
    }
}

impl Batches {
    /// The present counts.
    pub fn get(&self) -> Histogram {
        self.0.get()
    }

    pub(super) fn observe(&self, records: u64) {
        self.0.observe(records);
    }
}

#[derive(Debug)]
struct Cells {
    bounds: &'static Bounds,
    sum: Counter,
    buckets: Box<[Counter]>,
}

impl Cells {
    fn new(bounds: &'static Bounds) -> Self {
        let buckets = (0..bounds.buckets()).map(|_| Counter::default()).collect();
        Self { bounds, sum: Counter::default(), buckets }
    }

    fn observe(&self, value: u64) {
        self.sum.add(value);
        if let Some(bucket) = self.buckets.get(self.bounds.bucket(value)) {
            bucket.add(1);
        }
    }

    fn get(&self) -> Histogram {
        let buckets = self.buckets.iter().map(Counter::get).collect();
        Histogram { buckets, sum: self.sum.get() }
    }
}

/// Events refused, by [`REJECTED`].
#[derive(Debug, Default)]
pub struct Refusals([Counter; REJECTED.len()]);

impl Refusals {
    /// All classes together.
    pub fn get(&self) -> u64 {
        self.by_class().iter().sum()
    }

    /// The present values, in the order of [`REJECTED`].
    pub fn by_class(&self) -> [u64; REJECTED.len()] {
        self.0.each_ref().map(Counter::get)
    }

    pub(super) fn add(&self, class: &str) {
        self.0[rejected_index(class)].add(1);
    }
}

/// How far one partition is behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionLag {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Next offset to commit; where the assignment began before the first record, -1 before that is known.
    pub watermark: i64,
    /// Offset committed last, -1 when it is not known.
    pub committed: i64,
    /// Next offset to read, -1 when it is not known.
    pub position: i64,
    /// Records between the watermark and the end of the partition as last heard of; -1 unknown.
    pub records: i64,
}

/// One counter with one writer, so that adding needs no locked instruction.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The present value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, count: u64) {
        // A sum that wraps looks like a restart, which every reader of counters knows.
        self.0.store(self.get().wrapping_add(count), Ordering::Relaxed);
    }

    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_timestamp_can_be_observed_any_number_of_times() {
        let observed = Observed::default();
        for then_ms in [0, i64::MAX, i64::MIN, -1, 1_000] {
            for now_ms in [0, 2_000, i64::MAX] {
                observed.since_ms(then_ms, now_ms);
            }
        }
        let counts = observed.get();
        // Nine with a timestamp; what is negative has none.
        assert_eq!(counts.count(), 9);
        assert_eq!(counts.buckets.last(), Some(&2), "a day is more than 300 s: {counts:?}");
        observed.observe(u64::MAX);
        assert_eq!(observed.get().count(), 10);
    }

    #[test]
    fn batches_fall_into_their_buckets() {
        let batches = Batches::default();
        for records in [1, 2, 1_024, 9_999] {
            batches.observe(records);
        }
        let counts = batches.get();
        assert_eq!((counts.count(), counts.sum), (4, 11_026));
        assert_eq!(counts.buckets.first(), Some(&1));
        assert_eq!(counts.buckets.last(), Some(&1));
    }
}
