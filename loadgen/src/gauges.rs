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
    /// Ticks that have come due.
    pub(crate) ticks: Cell,
    /// Of them, served late.
    pub(crate) ticks_late: Cell,
    /// Records the brokers acknowledged.
    pub(crate) acknowledged: Cell,
    /// Records that could not be delivered.
    pub(crate) undelivered: Cell,
    /// Events with an outcome.
    pub(crate) settled: Cell,
    /// Of them, results with status failed.
    pub(crate) failed: Cell,
    /// Of them, results with status timed out.
    pub(crate) timed_out: Cell,
    /// Of them, results without a known status.
    pub(crate) unstated: Cell,
    /// Of them, dead letters.
    pub(crate) dead_letters: Cell,
    /// Further outcomes.
    pub(crate) duplicated: Cell,
    /// Wrong records.
    pub(crate) wrong: Cell,
    /// Results without a bill plus, unless records of others are about, bills without a result.
    pub(crate) bills_open: Cell,
    /// Latency from due time to consumption, the warm-up left out; written once a second.
    pub(crate) latency: Buckets,
    /// How far bursts were behind their due time; written by the producer thread.
    pub(crate) schedule_delay: Buckets,
    /// Records that the group under test is behind, plus one; zero while nothing is known.
    pub(crate) group_lag: Cell,
    /// Committed offsets of the group that went backwards.
    pub(crate) group_regressions: Cell,
    /// Median of the last second in microseconds.
    pub(crate) recent_p50_us: Cell,
    /// 99th percentile of the last second in microseconds.
    pub(crate) recent_p99_us: Cell,
    /// 99.9th percentile of the last second in microseconds.
    pub(crate) recent_p999_us: Cell,
    /// Highest latency of the last second in microseconds.
    pub(crate) recent_max_us: Cell,
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

/// A histogram of few, fixed buckets, for those who look from outside. One writer.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    counts: [AtomicU64; BOUNDS_US.len()],
    beyond: AtomicU64,
    sum_us: AtomicU64,
}

impl Buckets {
    /// Adds `count` measurements of `value_us` microseconds.
    pub(crate) fn record(&self, value_us: u64, count: u64) {
        let bucket = BOUNDS_US.partition_point(|bound_us| *bound_us < value_us);
        add(self.counts.get(bucket).unwrap_or(&self.beyond), count);
        add(&self.sum_us, value_us * count);
    }

    /// Returns the buckets that have an upper bound, in microseconds, with their counts.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (u64, u64)> {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        BOUNDS_US.into_iter().zip(counts)
    }

    /// Returns how many measurements were above the last bound.
    pub(crate) fn beyond(&self) -> u64 {
        self.beyond.load(Ordering::Relaxed)
    }

    /// Returns the sum of all measurements in microseconds.
    pub(crate) fn sum_us(&self) -> u64 {
        self.sum_us.load(Ordering::Relaxed)
    }
}

/// With one writer a load and a store are an addition.
fn add(cell: &AtomicU64, count: u64) {
    cell.store(cell.load(Ordering::Relaxed) + count, Ordering::Relaxed);
}

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

/// From half a millisecond to a minute, as the service's latencies have them.
const BOUNDS_US: [u64; 16] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];
const NOTES_MAX: usize = 20;
