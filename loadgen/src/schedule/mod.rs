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
}

impl Schedule {
    /// Lays `stages`, of which there is at least one, end to end: their starts are set here.
    /// `count` ends the run early.
    pub(crate) fn new(
        mut stages: Vec<Stage>,
        arrivals: Arrivals,
        seed: u64,
        count: Option<u64>,
    ) -> Self {
        let mut start_ns = 0;
        let mut expected = 0.0;
        let mut expected_before = Vec::with_capacity(stages.len());
        for stage in &mut stages {
            stage.start_ns = start_ns;
            start_ns += stage.duration_ns;
            expected_before.push(expected);
            expected += stage.expected(stage.duration_ns);
        }
        Self { stages, arrivals, seed, count, expected_before }
    }

    /// One rate until `count` events are sent.
    pub(crate) fn counted(rate: f64, arrivals: Arrivals, seed: u64, count: u64) -> Self {
        // Poisson arrivals may need longer than their mean; ten standard deviations are enough.
        let room = count as f64 + 10.0 * (count as f64).sqrt() + 100.0;
        let stage = Stage {
            name: "all".to_owned(),
            start_ns: 0,
            duration_ns: (room / rate * 1e9) as u64,
            course: Course::Rate(Shape::Constant { rate }),
        };
        Self::new(vec![stage], arrivals, seed, Some(count))
    }

    /// Returns the stages in order.
    pub(crate) fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Returns where the last stage ends.
    pub(crate) fn duration_ns(&self) -> u64 {
        self.stages.last().map_or(0, |stage| stage.start_ns + stage.duration_ns)
    }

    /// Returns the index of the stage that `offset_ns` falls into; the last one beyond its end.
    pub(crate) fn stage_at(&self, offset_ns: u64) -> usize {
        self.stages.partition_point(|stage| stage.start_ns <= offset_ns).saturating_sub(1)
    }

    /// Returns how many events are expected up to `offset_ns`, a given count aside.
    pub(crate) fn expected_until(&self, offset_ns: u64) -> f64 {
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
        let planned = match self.arrivals {
            Arrivals::Poisson => self.expected_until(self.duration_ns()).round() as u64,
            Arrivals::Uniform => self.uniform_total(),
        };
        planned.min(self.count.unwrap_or(u64::MAX))
    }

    /// Returns how long the run is meant to take: all stages, or until the count is expected.
    pub(crate) fn planned_ns(&self) -> u64 {
        let (mut low, mut high) = (0, self.duration_ns());
        let Some(count) = self.count else {
            return high;
        };
        while low < high {
            let middle = low + (high - low) / 2;
            if self.expected_until(middle) + 1e-9 < count as f64 {
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
            Arrivals::Uniform => self.uniform_total(),
            Arrivals::Poisson => {
                let expected = self.expected_until(self.duration_ns());
                (expected + 10.0 * expected.sqrt() + 100.0) as u64
            }
        };
        end.min(self.count.unwrap_or(u64::MAX))
    }

    /// Returns when each event is due, in order.
    pub(crate) fn dues(self: &Arc<Self>) -> Dues {
        Dues::new(Arc::clone(self))
    }

    /// Counts uniform arrivals as [`Dues`] would meet them, stage by stage.
    fn uniform_total(&self) -> u64 {
        let mut total = 0;
        let mut next = 0.0;
        for stage in &self.stages {
            match &stage.course {
                Course::Replay(offsets) => total += offsets.len() as u64,
                Course::Rate(shape) => {
                    let expected = shape.expected(stage.duration_ns as f64 / 1e9);
                    let count = (expected - next - SLACK).ceil().max(0.0);
                    total += count as u64;
                    next = (next + count - expected).max(0.0);
                }
            }
        }
        total
    }
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
