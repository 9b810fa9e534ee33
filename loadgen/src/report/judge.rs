//! Holding a report against the thresholds.
//!
//! What is lost, repeated or wrong is a fault of the system under test even when the generator
//! fell behind; latencies and rates of such a run say nothing, so it is invalid instead.

use std::sync::Arc;

use super::{Events, Percentiles, Report, Verdict};
use crate::scenario::{Limits, Scenario};
use crate::schedule::Schedule;

/// Sets the verdict of `report` and names everything that crossed a threshold.
pub(super) fn judge(
    report: &mut Report,
    scenario: &Scenario,
    gave_up: Option<&str>,
    interrupted: bool,
) {
    let mut findings = Findings::default();
    findings.counts("", &whole(report), &scenario.limits);
    if let Some(billing) = &report.billing {
        findings.count("", BILL_FAULTS, billing.faults, scenario.limits.bill_faults);
    }
    let events = &report.events;
    findings.count("", "undelivered events", events.undelivered, Some(0));
    findings.count("", "unacknowledged events", events.unacknowledged, Some(0));
    if !interrupted {
        let crossed = too_many_unsent(events.unsent, events.planned, &scenario.limits);
        findings.faults.extend(crossed);
    }
    if let Some(group) = &report.group {
        let what = "committed offsets gone backwards";
        findings.count("", what, group.regressions, scenario.limits.regressed);
    }
    findings.latencies("", &report.latency_ms, &scenario.limits);
    findings.rate("", share_of_rate(events, scenario.schedule()), &scenario.limits);
    for (stage, limits) in report.stages.iter().zip(&scenario.stage_limits) {
        let place = format!("stage {}: ", stage.name);
        let counts = Counts {
            lost: stage.lost,
            duplicated: stage.duplicated,
            wrong: stage.wrong,
            reordered: stage.reordered,
            failed: stage.failed,
        };
        findings.counts(&place, &counts, limits);
        findings.latencies(&place, &stage.latency_ms, limits);
        let requested = stage.requested_per_second * stage.seconds;
        // Events belong to the stage of their due time, however late they were sent.
        let share = if events.unsent == 0 { 1.0 } else { stage.sent as f64 / requested.max(1.0) };
        findings.rate(&place, share, limits);
    }
    findings.faults.extend(gave_up.map(str::to_owned));
    let late = report.generator.late.then(|| {
        format!(
            "invalid: the generator was late in {:.2} % of its ticks, at most {:.2} % allowed",
            report.generator.late_share * 100.0,
            report.generator.late_share_max * 100.0
        )
    });
    report.verdict = if interrupted {
        Verdict::Interrupted
    } else if findings.faults.is_empty() && late.is_some() {
        Verdict::Invalid
    } else if findings.faults.is_empty() && findings.measures.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Fail
    };
    report.violations = late.into_iter().chain(findings.faults).chain(findings.measures).collect();
}

/// Returns the violation when more of the plan stayed unsent than may.
pub(crate) fn too_many_unsent(unsent: u64, planned: u64, limits: &Limits) -> Option<String> {
    let max = limits.unsent.filter(|max| unsent > *max)?;
    Some(format!("{NOT_SENT}: {unsent} of {planned} planned events, at most {max} allowed"))
}

/// Returns what was sent in the time, of what came of the plan in it: how chance spreads arrivals
/// is no fault of the one who sends them.
pub(crate) fn share_of_rate(events: &Events, schedule: &Arc<Schedule>) -> f64 {
    if events.unsent > 0 || schedule.is_exact() {
        events.achieved_per_second / events.requested_per_second
    } else if schedule.ends_by_chance() {
        let last_ns = schedule.dues().last().unwrap_or(0);
        schedule.seconds_of(true, last_ns) / events.seconds
    } else {
        schedule.planned_ns() as f64 / 1e9 / events.seconds
    }
}

#[derive(Debug, Default)]
struct Findings {
    /// Thresholds on what was lost, repeated or wrong.
    faults: Vec<String>,
    /// Thresholds on times and rates.
    measures: Vec<String>,
}

/// What is counted against limits.
struct Counts {
    lost: u64,
    duplicated: u64,
    wrong: u64,
    reordered: u64,
    failed: u64,
}

fn whole(report: &Report) -> Counts {
    let outcomes = &report.outcomes;
    Counts {
        lost: outcomes.lost,
        duplicated: outcomes.duplicated,
        wrong: outcomes.wrong,
        reordered: outcomes.reordered,
        failed: outcomes.status.failed + outcomes.status.timed_out,
    }
}

impl Findings {
    fn counts(&mut self, place: &str, counts: &Counts, limits: &Limits) {
        self.count(place, "lost", counts.lost, limits.lost);
        self.count(place, "duplicated", counts.duplicated, limits.duplicated);
        self.count(place, "wrong", counts.wrong, limits.wrong);
        self.count(place, "reordered", counts.reordered, limits.reordered);
        self.count(place, "failed", counts.failed, limits.failed);
    }

    fn count(&mut self, place: &str, what: &str, found: u64, max: Option<u64>) {
        if let Some(max) = max
            && found > max
        {
            self.faults.push(format!("{place}{what}: {found}, at most {max} allowed"));
        }
    }

    fn latencies(&mut self, place: &str, latency: &Percentiles, limits: &Limits) {
        let found = [latency.p50, latency.p90, latency.p99, latency.p999, latency.max];
        for ((name, _, limit), found) in limits.latencies().into_iter().zip(found) {
            let Some(limit) = limit else {
                continue;
            };
            if latency.count == 0 {
                self.measures.push(format!("{place}{name}: nothing was measured"));
            } else if found > limit {
                self.measures
                    .push(format!("{place}{name}: {found:.3} ms, at most {limit} ms allowed"));
            }
        }
    }

    fn rate(&mut self, place: &str, share: f64, limits: &Limits) {
        if let Some(min) = limits.rate_share
            && share < min
        {
            self.measures.push(format!(
                "{place}rate: {:.1} % of the rate asked for, at least {:.1} % required",
                share * 100.0,
                min * 100.0
            ));
        }
    }
}

/// How the violation begins that says how much of the plan was not sent.
pub(crate) const NOT_SENT: &str = "not sent";

/// How a threshold for bills begins that was crossed.
pub(crate) const BILL_FAULTS: &str = "bill faults";

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(limits: Limits, counts: &Counts, latency: &Percentiles) -> Vec<String> {
        let mut findings = Findings::default();
        findings.counts("stage a: ", counts, &limits);
        findings.latencies("", latency, &limits);
        findings.rate("", 0.5, &limits);
        findings.faults.into_iter().chain(findings.measures).collect()
    }

    const NONE: Counts = Counts { lost: 0, duplicated: 0, wrong: 0, reordered: 0, failed: 0 };

    #[test]
    fn what_has_no_limit_is_not_judged() {
        let counts = Counts { lost: 9, failed: 9, ..NONE };
        let latency = Percentiles { count: 1, max: 1e9, ..Percentiles::default() };
        assert!(violations(Limits::default(), &counts, &latency).is_empty());
    }

    #[test]
    fn every_limit_is_told_with_what_was_found() {
        let limits = Limits {
            p999_ms: Some(5.0),
            max_ms: Some(100.0),
            failed: Some(1),
            rate_share: Some(0.9),
            ..Limits::default()
        };
        let latency = Percentiles { count: 1, p999: 7.25, max: 8.0, ..Percentiles::default() };
        assert_eq!(
            violations(limits, &Counts { failed: 2, ..NONE }, &latency),
            [
                "stage a: failed: 2, at most 1 allowed",
                "p99.9: 7.250 ms, at most 5 ms allowed",
                "rate: 50.0 % of the rate asked for, at least 90.0 % required",
            ]
        );
    }

    #[test]
    fn chance_is_no_share_of_the_rate() {
        use crate::schedule::Arrivals;
        let share = |schedule: &Arc<Schedule>, sent: u64, seconds: f64| {
            let events = Events {
                planned: sent,
                sent,
                undelivered: 0,
                unacknowledged: 0,
                unsent: 0,
                stray_reports: 0,
                requested_per_second: 100.0,
                achieved_per_second: sent as f64 / seconds,
                seconds,
            };
            share_of_rate(&events, schedule)
        };
        let even = Arc::new(Schedule::counted(100.0, Arrivals::Uniform, 0, 100));
        assert!((share(&even, 100, 1.25) - 0.8).abs() < 1e-9);
        let stages = even.stages().to_vec();
        let timed = Arc::new(Schedule::new(stages, Arrivals::Poisson, 0, None));
        assert!((share(&timed, 80, 1.0) - 1.0).abs() < 1e-9, "few came of the plan");
        assert!((share(&timed, 80, 1.25) - 0.8).abs() < 1e-9, "sent late");
        let counted = Arc::new(Schedule::counted(100.0, Arrivals::Poisson, 0, 100));
        let chance_seconds = counted.seconds_of(true, counted.dues().last().unwrap());
        assert!((share(&counted, 100, chance_seconds) - 1.0).abs() < 1e-9, "chance took its time");
        assert!((share(&counted, 100, 2.0 * chance_seconds) - 0.5).abs() < 1e-9, "sent late");
    }

    #[test]
    fn a_limit_on_latency_is_not_kept_by_measuring_nothing() {
        let limits = Limits { p99_ms: Some(5.0), ..Limits::default() };
        assert_eq!(
            violations(limits, &NONE, &Percentiles::default()),
            ["p99: nothing was measured"]
        );
    }
}
