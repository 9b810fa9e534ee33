//! The run second by second: what was meant to be sent, what was, what came back, how late.
//!
//! Kept by the reading thread, which closes an interval at every whole second. In memory the
//! timeline is bounded: when it is full, neighbouring intervals are joined and further ones are
//! joined from the start, so a run of a month keeps a curve of the same size as one of an hour. A
//! joined row still says the least and the most of its intervals: a burst of a second stays visible.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::checker::Recent;
use crate::gauges::Gauges;
use crate::plan::Plan;

/// An interval of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Row {
    /// Where it begins, from the start of the run.
    pub(crate) start_seconds: f64,
    /// How long it is.
    pub(crate) seconds: f64,
    /// Stage that its beginning falls into, by number.
    pub(crate) stage: usize,
    /// Whether it begins within the warm-up.
    pub(crate) warmup: bool,
    /// Events that were to be sent in it.
    pub(crate) target: f64,
    /// Events sent.
    pub(crate) sent: u64,
    /// Events acknowledged by the brokers.
    pub(crate) acknowledged: u64,
    /// Events that got their first outcome.
    pub(crate) settled: u64,
    /// Events without an outcome at its end.
    pub(crate) open: u64,
    /// Records that the group under test was behind; `None` when it is not watched.
    pub(crate) lag: Option<u64>,
    /// Further outcomes and bills.
    pub(crate) duplicated: u64,
    /// Wrong records.
    pub(crate) wrong: u64,
    /// Ticks of the generator.
    pub(crate) ticks: u64,
    /// Of them, late.
    pub(crate) ticks_late: u64,
    /// Latencies of what was consumed in it, in milliseconds; `None` when nothing was.
    pub(crate) latency: Option<RowLatency>,
    /// Between what the figures of its intervals lay; `None` when it is one interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extremes: Option<Extremes>,
}

/// The least and the most that the intervals of a joined row had.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Extremes {
    /// Events a second that were to be sent.
    pub(crate) target: Extent,
    /// Events a second that were.
    pub(crate) sent: Extent,
    /// Events a second that got their first outcome.
    pub(crate) settled: Extent,
    /// Events without an outcome at the end of an interval.
    pub(crate) open: Extent,
    /// Records that the group under test was behind.
    pub(crate) lag: Option<Extent>,
    /// The lowest of each latency; the row itself has the highest.
    pub(crate) latency_least: Option<RowLatency>,
}

/// Two bounds, both of which occurred.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Extent {
    /// The lower.
    pub(crate) least: f64,
    /// The upper.
    pub(crate) most: f64,
}

/// Latencies of an interval in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct RowLatency {
    /// Median.
    pub(crate) p50: f64,
    /// 90th percentile.
    pub(crate) p90: f64,
    /// 99th percentile.
    pub(crate) p99: f64,
    /// 99.9th percentile.
    pub(crate) p999: f64,
    /// Largest.
    pub(crate) max: f64,
}

/// All intervals so far.
#[derive(Debug)]
pub(crate) struct Timeline {
    rows: Vec<Row>,
    rows_max: usize,
    /// How many intervals a row stands for.
    joined: usize,
    /// The row that is being joined, and of how many intervals it is so far.
    pending: Option<(Row, usize)>,
    interval: Interval,
}

/// Where the open interval began.
#[derive(Clone, Copy, Debug, Default)]
struct Interval {
    start_ns: u64,
    totals: Totals,
}

/// Counters as they stood at some moment.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    sent: u64,
    acknowledged: u64,
    settled: u64,
    duplicated: u64,
    wrong: u64,
    ticks: u64,
    ticks_late: u64,
}

impl Totals {
    fn read(gauges: &Gauges) -> Self {
        Self {
            sent: gauges.sent.get(),
            acknowledged: gauges.acknowledged.get(),
            settled: gauges.settled.get(),
            duplicated: gauges.duplicated.get(),
            wrong: gauges.wrong.get(),
            ticks: gauges.ticks.get(),
            ticks_late: gauges.ticks_late.get(),
        }
    }
}

impl Timeline {
    /// An empty timeline of at most an hour's rows.
    pub(crate) fn new() -> Self {
        Self::bounded(ROWS_MAX)
    }

    fn bounded(rows_max: usize) -> Self {
        Self { rows: Vec::new(), rows_max, joined: 1, pending: None, interval: Interval::default() }
    }

    /// Returns when the open interval ends, from the start of the run.
    pub(crate) fn next_end_ns(&self) -> u64 {
        (self.interval.start_ns / INTERVAL_NS + 1) * INTERVAL_NS
    }

    /// Closes the interval that ends at `end_ns`, and returns its row.
    pub(crate) fn close(
        &mut self,
        end_ns: u64,
        plan: &Plan,
        gauges: &Gauges,
        recent: &Recent,
    ) -> Row {
        let Interval { start_ns, totals: before } = self.interval;
        let now = Totals::read(gauges);
        let target = plan.schedule.expected_until(end_ns) - plan.schedule.expected_until(start_ns);
        let row = Row {
            start_seconds: start_ns as f64 / 1e9,
            seconds: (end_ns - start_ns) as f64 / 1e9,
            stage: plan.schedule.stage_at(start_ns),
            warmup: start_ns < plan.warmup_ns,
            target,
            sent: now.sent - before.sent,
            acknowledged: now.acknowledged - before.acknowledged,
            settled: now.settled - before.settled,
            open: now.sent.saturating_sub(now.settled + gauges.undelivered.get()),
            lag: gauges.group_lag.get().checked_sub(1),
            duplicated: now.duplicated - before.duplicated,
            wrong: now.wrong - before.wrong,
            ticks: now.ticks - before.ticks,
            ticks_late: now.ticks_late - before.ticks_late,
            latency: RowLatency::of(recent),
            extremes: None,
        };
        self.interval = Interval { start_ns: end_ns, totals: now };
        self.push(&row);
        row
    }

    /// Returns all rows, the one that is not full yet included.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows = self.rows.clone();
        rows.extend(self.pending.map(|(row, _)| row));
        rows
    }

    fn push(&mut self, row: &Row) {
        let (joined, intervals) = match self.pending.take() {
            Some((pending, intervals)) => (pending.join(row), intervals + 1),
            None => (*row, 1),
        };
        if intervals < self.joined {
            self.pending = Some((joined, intervals));
            return;
        }
        self.rows.push(joined);
        if self.rows.len() == self.rows_max {
            self.rows =
                self.rows.chunks(2).map(|pair| pair[1..].iter().fold(pair[0], Row::join)).collect();
            self.joined *= 2;
        }
    }
}

impl Row {
    /// Two neighbours as one: what was counted is added, of latencies the higher one stands.
    fn join(self, next: &Self) -> Self {
        Self {
            start_seconds: self.start_seconds,
            seconds: self.seconds + next.seconds,
            stage: self.stage,
            warmup: self.warmup,
            target: self.target + next.target,
            sent: self.sent + next.sent,
            acknowledged: self.acknowledged + next.acknowledged,
            settled: self.settled + next.settled,
            open: next.open,
            lag: next.lag.or(self.lag),
            duplicated: self.duplicated + next.duplicated,
            wrong: self.wrong + next.wrong,
            ticks: self.ticks + next.ticks,
            ticks_late: self.ticks_late + next.ticks_late,
            latency: joined(self.latency, next.latency, |left, right| left.with(right, f64::max)),
            extremes: joined(Extremes::of(&self), Extremes::of(next), Extremes::join),
        }
    }
}

impl Extremes {
    /// Returns those of a row; what is left of a second says nothing as a rate.
    fn of(row: &Row) -> Option<Self> {
        if row.extremes.is_some() || row.seconds < INTERVAL_LEAST_SECONDS {
            return row.extremes;
        }
        let rate = |events: f64| Extent::one(events / row.seconds);
        Some(Self {
            target: rate(row.target),
            sent: rate(row.sent as f64),
            settled: rate(row.settled as f64),
            open: Extent::one(row.open as f64),
            lag: row.lag.map(|lag| Extent::one(lag as f64)),
            latency_least: row.latency,
        })
    }

    fn join(self, next: Self) -> Self {
        Self {
            target: self.target.join(next.target),
            sent: self.sent.join(next.sent),
            settled: self.settled.join(next.settled),
            open: self.open.join(next.open),
            lag: joined(self.lag, next.lag, Extent::join),
            latency_least: joined(self.latency_least, next.latency_least, |left, right| {
                left.with(right, f64::min)
            }),
        }
    }
}

impl Extent {
    fn one(value: f64) -> Self {
        Self { least: value, most: value }
    }

    fn join(self, next: Self) -> Self {
        Self { least: self.least.min(next.least), most: self.most.max(next.most) }
    }
}

/// Returns both as one, or the one that is there.
fn joined<T>(left: Option<T>, right: Option<T>, join: impl FnOnce(T, T) -> T) -> Option<T> {
    match (left, right) {
        (Some(left), Some(right)) => Some(join(left, right)),
        (left, right) => left.or(right),
    }
}

impl RowLatency {
    fn of(recent: &Recent) -> Option<Self> {
        let Recent { measured_us, warmup_us } = recent;
        match (measured_us.is_empty(), warmup_us.is_empty()) {
            (true, true) => None,
            (false, true) => Some(Self::of_one(measured_us)),
            (true, false) => Some(Self::of_one(warmup_us)),
            // The one interval in which the warm-up ends.
            (false, false) => {
                let mut both = measured_us.clone();
                both.add(warmup_us).ok()?;
                Some(Self::of_one(&both))
            }
        }
    }

    fn of_one(histogram_us: &Histogram<u64>) -> Self {
        let at = |quantile| histogram_us.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram_us.max() as f64 / 1e3,
        }
    }

    /// Returns of each figure the one that `choose` takes.
    fn with(self, other: Self, choose: fn(f64, f64) -> f64) -> Self {
        Self {
            p50: choose(self.p50, other.p50),
            p90: choose(self.p90, other.p90),
            p99: choose(self.p99, other.p99),
            p999: choose(self.p999, other.p999),
            max: choose(self.max, other.max),
        }
    }
}

const INTERVAL_NS: u64 = 1_000_000_000;
/// The page leaves out what is shorter too.
const INTERVAL_LEAST_SECONDS: f64 = 0.5;
const ROWS_MAX: usize = 3_600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::latency_histogram;

    const SECOND: u64 = 1_000_000_000;

    fn recent(measured: &[u64], warmup: &[u64]) -> Recent {
        let mut recent =
            Recent { measured_us: latency_histogram(), warmup_us: latency_histogram() };
        for value in measured {
            recent.measured_us.record(*value).unwrap();
        }
        for value in warmup {
            recent.warmup_us.record(*value).unwrap();
        }
        recent
    }

    #[test]
    fn a_row_is_what_happened_since_the_one_before() {
        let plan = Plan { warmup_ns: SECOND, ..Plan::for_tests(100.0, 10_000) };
        let gauges = Gauges::default();
        let mut timeline = Timeline::new();
        assert_eq!(timeline.next_end_ns(), SECOND);
        gauges.sent.set(90);
        gauges.settled.set(70);
        let first = timeline.close(SECOND, &plan, &gauges, &recent(&[], &[1_000]));
        assert_eq!((first.sent, first.settled, first.open), (90, 70, 20));
        assert!(first.warmup && (first.target - 100.0).abs() < 1e-9);
        assert!((first.latency.unwrap().max - 1.0).abs() < 1e-9);
        gauges.sent.set(210);
        gauges.settled.set(205);
        gauges.undelivered.set(1);
        gauges.ticks_late.set(3);
        // The reader was late to close it: the interval is as long as it was.
        let second = timeline.close(SECOND * 5 / 2, &plan, &gauges, &recent(&[9_000], &[2_000]));
        assert_eq!((second.sent, second.settled, second.open), (120, 135, 4));
        assert_eq!((second.seconds, second.ticks_late, second.warmup), (1.5, 3, false));
        assert!((second.latency.unwrap().max - 9.0).abs() < 0.01);
        assert_eq!(timeline.next_end_ns(), 3 * SECOND);
        let third = timeline.close(3 * SECOND, &plan, &gauges, &recent(&[], &[]));
        assert_eq!((third.sent, third.latency), (0, None));
        assert_eq!(timeline.rows(), [first, second, third]);
    }

    #[test]
    fn a_long_run_keeps_a_bounded_curve_and_loses_no_count() {
        let plan = Plan::for_tests(100.0, 100);
        let gauges = Gauges::default();
        let mut timeline = Timeline::bounded(8);
        for second in 1..=1_001 {
            gauges.sent.set(second * 10);
            gauges.settled.set(second * 10);
            let recent = recent(&[second], &[]);
            timeline.close(second * SECOND, &plan, &gauges, &recent);
        }
        let rows = timeline.rows();
        assert!(rows.len() <= 8, "{}", rows.len());
        assert_eq!(rows.iter().map(|row| row.sent).sum::<u64>(), 10_010);
        assert!((rows.iter().map(|row| row.seconds).sum::<f64>() - 1_001.0).abs() < 1e-6);
        assert!(rows.windows(2).all(|pair| pair[0].start_seconds < pair[1].start_seconds));
        assert!((rows.last().unwrap().latency.unwrap().max - 1.0).abs() < 0.01);
    }

    #[test]
    fn a_burst_of_one_second_and_a_pause_outlast_every_joining() {
        let plan = Plan::for_tests(100.0, 100);
        let gauges = Gauges::default();
        let mut timeline = Timeline::bounded(8);
        let mut sent = 0;
        for second in 1..=1_000 {
            sent += match second {
                333 => 5_000,
                666 => 0,
                _ => 100,
            };
            gauges.sent.set(sent);
            gauges.settled.set(if second == 333 { sent - 4_900 } else { sent });
            let latency = if second == 500 { 1_000 } else { 20_000 };
            timeline.close(second * SECOND, &plan, &gauges, &recent(&[latency], &[]));
        }
        // What is left of a second is no rate.
        gauges.sent.set(sent + 900);
        timeline.close(1_000 * SECOND + SECOND / 10, &plan, &gauges, &recent(&[], &[]));
        let rows = timeline.rows();
        assert!(rows.len() <= 8, "{}", rows.len());
        let at = |second: f64| {
            let row = rows.iter().rfind(|row| row.start_seconds < second).unwrap();
            (row.extremes.unwrap(), row)
        };
        let (burst, row) = at(333.0);
        assert_eq!(burst.sent, Extent { least: 100.0, most: 5_000.0 });
        assert_eq!(burst.open, Extent { least: 0.0, most: 4_900.0 });
        assert!(row.sent as f64 / row.seconds < 200.0, "on average it is next to nothing");
        let (pause, _) = at(666.0);
        assert_eq!(pause.sent, Extent { least: 0.0, most: 100.0 });
        let (fast, row) = at(500.0);
        assert!((fast.latency_least.unwrap().p50 - 1.0).abs() < 0.01);
        assert!((row.latency.unwrap().p50 - 20.0).abs() < 0.02);
        assert_eq!(at(1_001.0).0.sent, Extent { least: 100.0, most: 100.0 });
        assert_eq!((fast.lag, fast.sent.most), (None, 100.0));
    }

    #[test]
    fn one_second_has_no_extremes() {
        let plan = Plan::for_tests(100.0, 100);
        let mut timeline = Timeline::new();
        let row = timeline.close(SECOND, &plan, &Gauges::default(), &recent(&[], &[]));
        assert!(!serde_json::to_string(&row).unwrap().contains("extremes"));
    }
}
