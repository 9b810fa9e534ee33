//! What a source counts, as plain atomics that a metrics edge can read at scrape.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::tally::{REJECTED, rejected_index};

/// Counters of one source; written by its thread only, read by anybody.
#[derive(Debug, Default)]
pub struct Counters {
    /// Records read.
    pub consumed: Counter,
    /// Bytes of the values read.
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
    /// Deliveries that failed, re-sent ones included.
    pub delivery_failed: Counter,
    /// Results replaced by a failure record because they were too large.
    pub oversize_results: Counter,
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
    /// Times that a partition's window of uncommitted offsets was full.
    pub window_full: Counter,
    /// Rebalances seen.
    pub rebalances: Counter,
    /// Events whose outcome came too late, after their partition was taken away.
    pub dropped: Counter,
    /// Turns of the source's loop: it stands still when this does.
    pub loops: Counter,
    /// 1 while no broker answers, else 0.
    pub brokers_down: Counter,
    /// Records held now.
    pub in_flight: Counter,
    lags: Mutex<Vec<PartitionLag>>,
}

impl Counters {
    /// Distance of each assigned partition's watermark from its end.
    pub fn lags(&self) -> Vec<PartitionLag> {
        self.lags.lock().map(|lags| lags.clone()).unwrap_or_default()
    }

    pub(super) fn set_lags(&self, lags: Vec<PartitionLag>) {
        if let Ok(mut present) = self.lags.lock() {
            *present = lags;
        }
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
    /// Next offset to commit; -1 before the first record.
    pub watermark: i64,
    /// Offset committed last, -1 when it is not known.
    pub committed: i64,
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
        self.0.store(self.get() + count, Ordering::Relaxed);
    }

    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}
