//! When every event is due: stages laid end to end, and the arrivals within them.
//!
//! Pure and immutable; the sending thread walks it with [`Dues`], everyone else asks it what was
//! meant to happen at some moment. Nothing here reads a clock: offsets count from the start of
//! the run.

mod dues;
mod shape;

use std::sync::Arc;

pub(crate) use self::dues::Dues;
pub(crate) use self::shape::Shape;

/// How arrivals are spread over the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrivals {
    /// At even distances.
    Uniform,
    /// Independent of each other, as those of many users are.
    Poisson,
}

/// What happens within a stage.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Course {
    /// Arrivals at a rate.
    Rate(Shape),
    /// Arrivals as recorded: nanoseconds from the start of the stage, ascending.
    Replay(Arc<[u64]>),
}

/// A part of the run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stage {
    /// What reports call it.
    pub(crate) name: String,
    /// Where it begins, from the start of the run.
    pub(crate) start_ns: u64,
    /// How long it takes.
    pub(crate) duration_ns: u64,
    /// What happens in it.
    pub(crate) course: Course,
}

/// The whole run in time.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    stages: Vec<Stage>,
    arrivals: Arrivals,
    seed: u64,
    count: Option<u64>,
    /// Expected events before each stage.
    expected_before: Vec<f64>,
    /// Where the last stage would end without the count.
    written_ns: u64,
}

impl Schedule {
    /// Lays `stages`, of which there is at least one, end to end: their starts are set here.
    /// `count` ends the run early, and with it the stages.
    pub(crate) fn new(
        mut stages: Vec<Stage>,
        arrivals: Arrivals,
        seed: u64,
        count: Option<u64>,
    ) -> Self {
        let written_ns = stages.iter().map(|stage| stage.duration_ns).sum();
        if let Some(count) = count {
            match arrivals {
                Arrivals::Uniform => cut_at(&mut stages, count),
                Arrivals::Poisson => cut_behind(&mut stages, count),
            }
        }
        let mut start_ns = 0;
        let mut expected = 0.0;
        let mut expected_before = Vec::with_capacity(stages.len());
        for stage in &mut stages {
            stage.start_ns = start_ns;
            start_ns += stage.duration_ns;
            expected_before.push(expected);
            expected += stage.expected(stage.duration_ns);
        }
        Self { stages, arrivals, seed, count, expected_before, written_ns }
    }

    /// One rate until `count` events are sent.
    pub(crate) fn counted(rate: f64, arrivals: Arrivals, seed: u64, count: u64) -> Self {
        let stage = Stage {
            name: "all".to_owned(),
            start_ns: 0,
            duration_ns: (counted_room(count) / rate * 1e9) as u64,
            course: Course::Rate(Shape::Constant { rate }),
        };
        Self::new(vec![stage], arrivals, seed, Some(count))
    }

    /// Returns all that decides when events are due, and nothing else.
    pub(crate) fn load(&self) -> impl std::fmt::Debug {
        let courses: Vec<_> =
            self.stages.iter().map(|stage| (stage.duration_ns, stage.course.clone())).collect();
        // Even arrivals end where their stages were cut, whatever cut them.
        (courses, self.arrivals, self.count.filter(|_| !self.is_exact()))
    }

    /// Returns the stages in order.
    pub(crate) fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Returns where the last stage ends.
    pub(crate) fn duration_ns(&self) -> u64 {
        self.stages.last().map_or(0, |stage| stage.start_ns + stage.duration_ns)
    }

    /// Returns where the last stage would end if no count ended the run: until then events that
    /// had to wait may still be sent.
    pub(crate) fn written_ns(&self) -> u64 {
        self.written_ns
    }

    /// Returns the index of the stage that `offset_ns` falls into; the last one beyond its end.
    pub(crate) fn stage_at(&self, offset_ns: u64) -> usize {
        self.stages.partition_point(|stage| stage.start_ns <= offset_ns).saturating_sub(1)
    }

    /// Returns how many events are expected up to `offset_ns`.
    pub(crate) fn expected_until(&self, offset_ns: u64) -> f64 {
        let most = self.count.map_or(f64::INFINITY, |count| count as f64);
        self.uncounted_until(offset_ns).min(most)
    }

    /// The same, a given count aside.
    fn uncounted_until(&self, offset_ns: u64) -> f64 {
        let index = self.stage_at(offset_ns);
        let stage = &self.stages[index];
        let within_ns = (offset_ns - stage.start_ns).min(stage.duration_ns);
        self.expected_before[index] + stage.expected(within_ns)
    }

    /// Returns the highest rate of any stage, in events per second.
    pub(crate) fn peak_per_second(&self) -> f64 {
        self.stages.iter().map(Stage::peak_per_second).fold(0.0, f64::max)
    }

    /// Returns how many events the run has: exactly with uniform arrivals, else as expected.
    pub(crate) fn planned(&self) -> u64 {
        self.planned_by_stage().into_iter().sum()
    }

    /// Returns how many events each stage has, in the same sense.
    pub(crate) fn planned_by_stage(&self) -> Vec<u64> {
        match self.arrivals {
            Arrivals::Uniform => {
                uniform_counts(&self.stages, self.count).map(|(events, _)| events).collect()
            }
            Arrivals::Poisson => {
                let until = |stage: &Stage| {
                    self.expected_until(stage.start_ns + stage.duration_ns).round() as u64
                };
                let mut before = 0;
                let counts = self.stages.iter().map(|stage| {
                    let until = until(stage);
                    until - std::mem::replace(&mut before, until)
                });
                counts.collect()
            }
        }
    }

    /// Returns whether [`Self::planned_by_stage`] says what will be sent, or what is expected.
    pub(crate) fn is_exact(&self) -> bool {
        self.arrivals == Arrivals::Uniform
    }

    /// Returns whether [`Self::planned`] says what will be sent.
    pub(crate) fn is_total_exact(&self) -> bool {
        let reaches = |count| self.uncounted_until(self.duration_ns()) + 1.0 >= counted_room(count);
        self.is_exact() || self.count.is_some_and(reaches)
    }

    /// Returns whether chance decides when the run ends: at a count of Poisson arrivals.
    pub(crate) fn ends_by_chance(&self) -> bool {
        !self.is_exact() && self.is_total_exact()
    }

    /// Returns the seconds that the events of a run are reckoned over. A run that was sent to its
    /// end takes as long as its stages, or until its last event if that was later. One that ended
    /// early, or at a count that chance had reached, takes until `last_ns`, when its last event was
    /// sent, and the interval that stands for it; else n events would take n - 1 intervals.
    pub(crate) fn seconds_of(&self, complete: bool, last_ns: u64) -> f64 {
        let planned_seconds = self.planned_ns() as f64 / 1e9;
        let last_seconds = last_ns as f64 / 1e9;
        if complete && !self.ends_by_chance() {
            last_seconds.max(planned_seconds)
        } else {
            last_seconds + planned_seconds / self.planned().max(1) as f64
        }
    }

    /// Returns how long the run is meant to take: all stages, or until the count is expected.
    pub(crate) fn planned_ns(&self) -> u64 {
        let (mut low, mut high) = (0, self.duration_ns());
        let Some(count) = self.count else {
            return high;
        };
        while low < high {
            let middle = low + (high - low) / 2;
            if self.uncounted_until(middle) + 1e-9 < count as f64 {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Returns a number that no sequence reaches, close above [`Self::planned`].
    pub(crate) fn sequence_end(&self) -> u64 {
        let end = match self.arrivals {
            Arrivals::Uniform => self.planned(),
            Arrivals::Poisson => {
                let expected = self.uncounted_until(self.duration_ns());
                (expected + 10.0 * expected.sqrt() + 100.0) as u64
            }
        };
        end.min(self.count.unwrap_or(u64::MAX))
    }

    /// Returns when each event is due, in order.
    pub(crate) fn dues(self: &Arc<Self>) -> Dues {
        Dues::new(Arc::clone(self))
    }
}

/// Counts the uniform arrivals of each stage as [`Dues`] would meet them, at most `count` in all;
/// with the point of its first one on the axis of expected events, from the stage's start.
fn uniform_counts(stages: &[Stage], count: Option<u64>) -> impl Iterator<Item = (u64, f64)> {
    let mut left = count.unwrap_or(u64::MAX);
    let mut next = 0.0;
    stages.iter().map(move |stage| {
        let first = next;
        let events = match &stage.course {
            Course::Replay(offsets) => offsets.len() as u64,
            Course::Rate(shape) => {
                let expected = shape.expected(stage.duration_ns as f64 / 1e9);
                let events = (expected - next - SLACK).ceil().max(0.0);
                next = (next + events - expected).max(0.0);
                events as u64
            }
        };
        let events = events.min(left);
        left -= events;
        (events, first)
    })
}

/// Ends the stages where `count` uniform arrivals do, and the interval after the last of them.
fn cut_at(stages: &mut Vec<Stage>, count: u64) {
    let mut left = count;
    let counts: Vec<(u64, f64)> = uniform_counts(stages, Some(count)).collect();
    let Some(last) = counts.iter().position(|(events, _)| {
        left -= events;
        left == 0
    }) else {
        return;
    };
    let (events, first) = counts[last];
    stages.truncate(last + 1);
    let stage = &mut stages[last];
    match &mut stage.course {
        Course::Replay(offsets) => {
            *offsets = offsets[..events as usize].into();
            stage.duration_ns = offsets.last().map_or(1, |last| last + 1);
        }
        Course::Rate(shape) => {
            let end = first + events as f64;
            let (mut low, mut high) = (1, stage.duration_ns);
            while low < high {
                let middle = low + (high - low) / 2;
                if shape.expected(middle as f64 / 1e9) + 1e-9 < end {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            stage.duration_ns = low;
        }
    }
}

/// Drops the stages that `count` arrivals by chance do not reach.
fn cut_behind(stages: &mut Vec<Stage>, count: u64) {
    let most = counted_room(count);
    let mut expected = 0.0;
    let reached = stages.iter().position(|stage| {
        expected += stage.expected(stage.duration_ns);
        expected >= most
    });
    stages.truncate(reached.map_or(stages.len(), |last| last + 1));
}

/// Poisson arrivals may need longer than their mean; ten standard deviations are enough.
fn counted_room(count: u64) -> f64 {
    count as f64 + 10.0 * (count as f64).sqrt() + 100.0
}

impl Stage {
    fn peak_per_second(&self) -> f64 {
        match &self.course {
            Course::Rate(shape) => shape.peak(),
            // Those of the second that ends with each arrival; both ends only move on.
            Course::Replay(offsets) => {
                let mut oldest = 0;
                let counts = offsets.iter().enumerate().map(|(nth, at)| {
                    while offsets[oldest] + SECOND_NS <= *at {
                        oldest += 1;
                    }
                    nth + 1 - oldest
                });
                counts.max().unwrap_or(0) as f64
            }
        }
    }

    /// Returns how many events are expected in its first `within_ns`.
    fn expected(&self, within_ns: u64) -> f64 {
        match &self.course {
            Course::Rate(shape) => shape.expected(within_ns as f64 / 1e9),
            Course::Replay(offsets) => offsets.partition_point(|at| *at < within_ns) as f64,
        }
    }
}

const SECOND_NS: u64 = 1_000_000_000;

/// An event this close to the end of its stage belongs to the next: 30 s at 0.1/s are three
/// events, whatever the product of binary fractions says.
const SLACK: f64 = 1e-6;

#[cfg(test)]
mod tests;
