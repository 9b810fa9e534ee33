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
