//! Whether a trial held: what was lost, how late results were, and whether the lag grew.

use crate::report::{BILL_FAULTS, NOT_SENT, Report};
use crate::timeline::Row;

/// Why a rate was not sustained, in the order of what matters most.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Failure {
    /// Something was lost, repeated or wrong.
    Faults(String),
    /// The generator could not send the rate; nothing is known about the system.
    Generator(String),
    /// Kafka or the outstanding limit did not take the rate.
    NotTaken(String),
    /// The lag grew: the system settled less than was sent.
    Growing(String),
    /// Latency was above the limit.
    Latency(String),
}

impl Failure {
    /// Adds what explains faults of bills, if these are what failed and anything does.
    pub(super) fn with_hint_at_bills(self, hint: Option<String>) -> Self {
        match (self, hint) {
            (Self::Faults(reason), Some(hint)) if reason.starts_with(BILL_FAULTS) => {
                Self::Faults(format!("{reason}; {hint}"))
            }
            (failure, _) => failure,
        }
    }

    /// Returns the reason as a sentence.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Faults(reason)
            | Self::Generator(reason)
            | Self::NotTaken(reason)
            | Self::Growing(reason)
            | Self::Latency(reason) => reason,
        }
    }
}

/// Returns why the trial at `rate`, of which the share `sent` was sent in time, does not count as
/// sustained, if it does not.
pub(super) fn failure(
    report: &Report,
    rows: &[Row],
    rate: f64,
    sent: f64,
    p99_ms_max: f64,
) -> Option<Failure> {
    if let Some(fault) = report.violations.iter().find(|violation| is_fault(violation)) {
        return Some(Failure::Faults(fault.clone()));
    }
    if report.generator.late {
        let share = report.generator.late_share * 100.0;
        return Some(Failure::Generator(format!(
            "the generator was late in {share:.1} % of its ticks"
        )));
    }
    if report.events.unsent > 0 {
        let unsent = report.events.unsent;
        return Some(Failure::NotTaken(format!("{unsent} events were held back to the end")));
    }
    if sent < ACHIEVED_MIN {
        let share = sent * 100.0;
        return Some(Failure::NotTaken(format!("only {share:.1} % of the rate could be sent")));
    }
    let growth = growth_per_second(rows);
    if growth > rate * GROWTH_MAX {
        return Some(Failure::Growing(format!("the lag grew by {growth:.0} events a second")));
    }
    let p99_ms = report.latency_ms.p99;
    if report.latency_ms.count == 0 {
        return Some(Failure::Latency("no latency was measured".to_owned()));
    }
    (p99_ms > p99_ms_max)
        .then(|| Failure::Latency(format!("p99 was {p99_ms:.1} ms, above {p99_ms_max} ms")))
}

/// Latency and lateness are judged here, by the numbers; everything else that was crossed counts.
fn is_fault(violation: &str) -> bool {
    !["p50", "p90", "p99", "max", "invalid", "rate", "compared", NOT_SENT]
        .iter()
        .any(|kind| violation.starts_with(kind))
}

/// Returns how fast the number of open events grew while events were sent: the slope of the line
/// that fits best.
pub(super) fn growth_per_second(rows: &[Row]) -> f64 {
    // The first seconds fill the pipeline; what follows the last event empties it.
    let steady: Vec<(f64, f64)> = rows
        .iter()
        .filter(|row| !row.warmup && row.target > 0.0 && row.seconds > 0.5)
        .map(|row| (row.start_seconds + row.seconds, row.open as f64))
        .collect();
    if steady.len() < 3 {
        return 0.0;
    }
    let count = steady.len() as f64;
    let mean_x = steady.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = steady.iter().map(|(_, y)| y).sum::<f64>() / count;
    let covariance: f64 = steady.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let variance: f64 = steady.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    covariance / variance
}

const ACHIEVED_MIN: f64 = 0.99;
/// A system that settles less than 98 % of what is sent falls behind.
const GROWTH_MAX: f64 = 0.02;

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(open: &[u64]) -> Vec<Row> {
        let row = |(second, open): (usize, &u64)| Row {
            start_seconds: second as f64,
            seconds: 1.0,
            target: 100.0,
            open: *open,
            ..Row::default()
        };
        open.iter().enumerate().map(row).collect()
    }

    #[test]
    fn a_lag_that_stays_does_not_grow() {
        assert!(growth_per_second(&rows(&[50, 55, 48, 52, 51, 49])).abs() < 2.0);
        assert!((growth_per_second(&rows(&[10, 30, 50, 70])) - 20.0).abs() < 1e-9);
        assert!(growth_per_second(&rows(&[100, 50, 0])) < 0.0);
    }

    #[test]
    fn what_is_said_of_bills_explains_no_other_fault() {
        let explained = |reason: &str| {
            let failure = Failure::Faults(reason.to_owned());
            failure.with_hint_at_bills(Some("why".to_owned())).reason().to_owned()
        };
        let bills = format!("{BILL_FAULTS}: 3, at most 0 allowed");
        assert_eq!(explained(&bills), format!("{bills}; why"));
        assert_eq!(explained("lost: 3, at most 0 allowed"), "lost: 3, at most 0 allowed");
    }

    #[test]
    fn warm_up_drain_and_rests_of_seconds_do_not_count() {
        let mut rows = rows(&[0, 500, 500, 500, 0]);
        rows[0].warmup = true;
        rows[4].target = 0.0;
        assert!(growth_per_second(&rows).abs() < 1e-9);
        rows[2].seconds = 0.1;
        assert!(growth_per_second(&rows).abs() < 1e-9, "two points are no line");
    }

    #[test]
    fn what_was_lost_is_a_fault_and_what_was_slow_is_not() {
        assert!(is_fault("lost: 1, at most 0 allowed"));
        assert!(is_fault("undelivered events: 1, at most 0 allowed"));
        assert!(is_fault("held back without any outcome"));
        assert!(!is_fault("p99: 12 ms, at most 5 ms allowed"));
        assert!(!is_fault("p99.9: 12 ms, at most 5 ms allowed"));
        assert!(!is_fault("not sent: 1 of 2 planned events"));
        assert!(!is_fault("invalid: the generator was late"));
    }
}
