//! The figures that the threads of a run show each other while it lasts.
//!
//! One writer per cell, relaxed throughout: they steer pacing and the live line. The report is
//! made from what the threads hand over when they end.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Shared by the producer, consumer and main threads.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    /// Records the client accepted.
    pub(crate) sent: Cell,
    /// Records the brokers acknowledged.
    pub(crate) acknowledged: Cell,
    /// Records that could not be delivered.
    pub(crate) undelivered: Cell,
    /// Events with an outcome.
    pub(crate) settled: Cell,
    /// Further outcomes.
    pub(crate) duplicated: Cell,
    /// Wrong records.
    pub(crate) wrong: Cell,
    /// Results without a bill plus, unless records of others are about, bills without a result.
    pub(crate) bills_open: Cell,
    /// Median of the last second in microseconds.
    pub(crate) recent_p50_us: Cell,
    /// 99th percentile of the last second in microseconds.
    pub(crate) recent_p99_us: Cell,
    /// Due time to outcome seen.
    pub(crate) latency: Buckets,
    /// Due time to sent.
    pub(crate) schedule_delay: Buckets,
    /// Tells the metrics endpoint to end.
    pub(crate) stop_serving: AtomicBool,
    /// Tells the producer thread to send no more.
    pub(crate) stop_sending: AtomicBool,
    /// Tells the consumer thread to end.
    pub(crate) stop_consuming: AtomicBool,
    notes: Mutex<Vec<String>>,
}

/// A relaxed counter on a cache line of its own, so that writers do not disturb each other.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Cell(AtomicU64);

impl Cell {
    /// Sets the value.
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Returns the value.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts by bucket, with one writer.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    sum_us: Cell,
    counts: [AtomicU64; BOUNDS_US.len() + 1],
}

impl Buckets {
    /// Enters a duration in microseconds.
    pub(crate) fn observe_us(&self, us: u64) {
        self.sum_us.set(self.sum_us.get() + us);
        let count = &self.counts[BOUNDS_US.partition_point(|bound| *bound < us)];
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Returns the sum in microseconds.
    pub(crate) fn sum_us(&self) -> u64 {
        self.sum_us.get()
    }

    /// Returns the counts, not cumulative; the last one is above all bounds.
    pub(crate) fn counts(&self) -> impl Iterator<Item = u64> + '_ {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed))
    }
}

/// The service's own latency buckets, so that both draw alike.
const BOUNDS_US: [u64; 20] = [
    50,
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
];

/// The same as they are printed.
pub(crate) const BOUNDS_SECONDS: [&str; BOUNDS_US.len()] = [
    "0.00005", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05",
    "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "300",
];

impl Gauges {
    /// Keeps a note for the report: what a client complained about, once per text, twenty at most.
    pub(crate) fn note(&self, note: String) {
        if let Ok(mut notes) = self.notes.lock()
            && notes.len() < NOTES_MAX
            && !notes.contains(&note)
        {
            notes.push(note);
        }
    }

    /// Returns the notes so far.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.lock().map_or_else(|_| Vec::new(), |notes| notes.clone())
    }
}

const NOTES_MAX: usize = 20;
