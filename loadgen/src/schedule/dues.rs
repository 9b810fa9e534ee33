//! Walking the schedule: the due time of one event after the other.
//!
//! Arrivals are points on the axis of expected events: at whole numbers when uniform, at sums of
//! exponential gaps when Poisson. A point becomes a moment by the shape's integral, evaluated once
//! a millisecond and taken as straight in between, which costs a multiplication per event whatever
//! the shape.

use std::sync::Arc;

use super::{Arrivals, Course, SLACK, Schedule, Shape};
use crate::random::{Draws, Topic};

/// Due times as offsets from the start of the run, ascending; ends with the schedule.
#[derive(Clone, Debug)]
pub(crate) struct Dues {
    schedule: Arc<Schedule>,
    /// Number of the event to come.
    sequence: u64,
    stage: usize,
    /// Where the next arrival lies on the axis of expected events, from the stage's start.
    point: f64,
    /// The millisecond of the stage that is being walked.
    slice: Slice,
    /// Next arrival of a replayed stage.
    replayed: usize,
}

/// A millisecond of a stage, and what is expected until its two ends.
#[derive(Clone, Copy, Debug, Default)]
struct Slice {
    number: u64,
    before: f64,
    after: f64,
}

impl Dues {
    pub(super) fn new(schedule: Arc<Schedule>) -> Self {
        let mut dues = Self {
            schedule,
            sequence: 0,
            stage: 0,
            point: 0.0,
            slice: Slice::default(),
            replayed: 0,
        };
        if dues.schedule.arrivals == Arrivals::Poisson {
            dues.point = dues.gap();
        }
        dues
    }

    /// Returns the distance from the last arrival to the one to come, in expected events.
    fn gap(&self) -> f64 {
        match self.schedule.arrivals {
            Arrivals::Uniform => 1.0,
            Arrivals::Poisson => {
                let mut draws = Draws::new(self.schedule.seed, Topic::Gap as u64, self.sequence);
                // The argument lies above zero, so the gap is finite.
                -(1.0 - draws.unit()).ln()
            }
        }
    }

    /// Returns the next due time within the stage of this shape, or goes on to the next stage.
    fn at_rate(&mut self, shape: Shape, duration_ns: u64) -> Option<u64> {
        let total = shape.expected(duration_ns as f64 / 1e9);
        if self.point + SLACK > total {
            self.point = (self.point - total).max(0.0);
            self.next_stage();
            return None;
        }
        if self.slice.after <= self.point {
            self.slice = Slice::around(self.point, self.slice.number, shape, duration_ns);
        }
        let Slice { number, before, after } = self.slice;
        let start_ns = number * SLICE_NS;
        let width_ns = SLICE_NS.min(duration_ns - start_ns);
        let part = ((self.point - before) / (after - before)).clamp(0.0, 1.0);
        let due_ns = start_ns + (part * width_ns as f64).round() as u64;
        self.sequence += 1;
        self.point += self.gap();
        Some(due_ns)
    }

    fn replayed(&mut self, offsets: &[u64]) -> Option<u64> {
        let due_ns = offsets.get(self.replayed).copied();
        match due_ns {
            Some(_) => {
                self.replayed += 1;
                self.sequence += 1;
            }
            None => self.next_stage(),
        }
        due_ns
    }

    fn next_stage(&mut self) {
        self.stage += 1;
        self.slice = Slice::default();
        self.replayed = 0;
    }
}

impl Iterator for Dues {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.schedule.count.is_some_and(|count| self.sequence >= count) {
            return None;
        }
        let schedule = Arc::clone(&self.schedule);
        loop {
            let stage = schedule.stages.get(self.stage)?;
            let due_ns = match &stage.course {
                Course::Rate(shape) => self.at_rate(*shape, stage.duration_ns),
                Course::Replay(offsets) => self.replayed(offsets),
            };
            if let Some(due_ns) = due_ns {
                return Some(stage.start_ns + due_ns);
            }
        }
    }
}

impl Slice {
    /// Returns the first slice from `first` on that `point` lies in; the stage is known to reach
    /// that far. Gallops, so that hours without an event cost a few steps.
    fn around(point: f64, first: u64, shape: Shape, duration_ns: u64) -> Self {
        let last = duration_ns.div_ceil(SLICE_NS).saturating_sub(1);
        let until = |number: u64| shape.expected((number * SLICE_NS).min(duration_ns) as f64 / 1e9);
        let mut step = 1;
        let mut low = first;
        let mut high = first;
        while high < last && until(high + 1) <= point {
            low = high + 1;
            high = high.saturating_add(step).min(last);
            step *= 2;
        }
        // Below `low` every slice ends at or before the point; `high` ends after it.
        let low = low.min(high);
        let number = low + partition_point(high - low, |ahead| until(low + ahead + 1) <= point);
        Self { number, before: until(number), after: until(number + 1) }
    }
}

/// Returns the first of the numbers below `end` that `holds` does not hold for, or `end`.
fn partition_point(end: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

const SLICE_NS: u64 = 1_000_000;
