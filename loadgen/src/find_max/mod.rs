//! `--find-max`: the highest rate with p99 below a limit, the lag not growing and nothing lost.
//!
//! Every trial is a run of its own at one constant rate, with its own id, warm-up and drain.
//! [`search`] decides which rate comes next, [`verdict`] whether it held.

mod search;
mod verdict;

use std::fmt::{self, Display, Formatter};
use std::io::Write as _;
use std::path::PathBuf;

use serde::Serialize;

use self::search::{Search, Trial};
use self::verdict::{Failure, failure, growth_per_second};
use crate::args::Args;
use crate::artefacts;
use crate::report::{Percentiles, Report, Verdict, hint_at_bills, share_of_rate};
use crate::run::{Interrupts, Run};
use crate::scenario::Scenario;

/// What the search came to.
#[derive(Debug, Serialize)]
pub(crate) struct FindMax {
    /// Version of this layout.
    pub(crate) format: &'static str,
    /// `pass` when a rate was sustained, `fail` when none was, `invalid` when the generator was
    /// too slow to tell, `interrupted`.
    pub(crate) verdict: Verdict,
    /// Name of the scenario.
    pub(crate) scenario: String,
    /// Highest rate that was sustained.
    pub(crate) max_rate: Option<f64>,
    /// Lowest rate that was not.
    pub(crate) failed_rate: Option<f64>,
    /// What kept the rate from being higher.
    pub(crate) limited_by: LimitedBy,
    /// The same as a sentence.
    pub(crate) reason: Option<String>,
    /// Limit on the 99th percentile.
    pub(crate) p99_ms_max: f64,
    /// Share within which the rate is known.
    pub(crate) precision: f64,
    /// Everything that was tried.
    pub(crate) trials: Vec<TrialPart>,
}

/// What kept the rate from being higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LimitedBy {
    /// The system under test.
    System,
    /// The generator: the system may do more.
    Generator,
    /// `--rate-max`: the system may do more.
    RateMax,
    /// Kafka or the outstanding limit, which did not take the rate: the system may do more.
    Sending,
    /// A signal, before the search had an end.
    Interrupted,
}

impl LimitedBy {
    fn of(search: &Search, limit: Option<&Failure>, interrupted: bool) -> Self {
        match limit {
            _ if interrupted => Self::Interrupted,
            Some(Failure::Generator(_)) => Self::Generator,
            Some(Failure::NotTaken(_)) => Self::Sending,
            // Without a rate that failed, only the highest one of all ends the search.
            None if search.held().is_some() => Self::RateMax,
            Some(_) | None => Self::System,
        }
    }

    fn note(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Generator => Some("the generator was the limit: the system may do more"),
            Self::RateMax => Some("--rate-max was the limit: the system may do more"),
            Self::Sending => {
                Some("Kafka or --outstanding-max did not take the rate: the system may do more")
            }
            Self::Interrupted => Some("interrupted: what held is a lower bound"),
        }
    }
}

/// One trial.
#[derive(Debug, Serialize)]
pub(crate) struct TrialPart {
    /// Rate asked for.
    pub(crate) rate: f64,
    /// Whether it was sustained.
    pub(crate) held: bool,
    /// Why not.
    pub(crate) reason: Option<String>,
    /// Rate reached.
    pub(crate) achieved_per_second: f64,
    /// From due time to consumption of the result.
    pub(crate) latency_ms: Percentiles,
    /// How fast the number of open events grew.
    pub(crate) lag_growth_per_second: f64,
    /// Delivered events without an outcome.
    pub(crate) lost: u64,
    /// Share of the generator's ticks that were late.
    pub(crate) late_share: f64,
}

/// Searches from the scenario's rate on.
pub(crate) fn find(
    args: &Args,
    scenario: &Scenario,
    interrupts: &Interrupts,
) -> anyhow::Result<FindMax> {
    let p99_ms_max = scenario.limits.p99_ms.unwrap_or(f64::INFINITY);
    let start = scenario.written.rate.map_or(1_000.0, crate::quantity::Rate::per_second);
    let rate_max = args.rate_max.per_second();
    let mut search = Search::new(start, rate_max, args.precision);
    let mut trials: Vec<TrialPart> = Vec::new();
    // Why the lowest rate that failed did so.
    let mut limit: Option<Failure> = None;
    while let Some(rate) = search.next() {
        let folder = args
            .output
            .as_ref()
            .map(|folder| folder.join(format!("trial-{:02}-{rate:.0}", trials.len() + 1)));
        let (report, found, growth) = carry_out(args, scenario, interrupts, rate, folder)?;
        if interrupts.signal().is_some() {
            break;
        }
        let part = TrialPart {
            rate,
            held: found.is_none(),
            reason: found.as_ref().map(|failure| failure.reason().to_owned()),
            achieved_per_second: report.events.achieved_per_second,
            latency_ms: report.latency_ms,
            lag_growth_per_second: growth,
            lost: report.outcomes.lost,
            late_share: report.generator.late_share,
        };
        tell(trials.len() + 1, &part);
        trials.push(part);
        let bound = search.failed();
        search.record(if found.is_none() { Trial::Held } else { Trial::Failed });
        if search.failed() != bound {
            limit = found;
        }
    }
    let interrupted = interrupts.signal().is_some();
    let limited_by = LimitedBy::of(&search, limit.as_ref(), interrupted);
    let verdict = match (interrupts.signal(), search.held(), limited_by) {
        (Some(_), _, _) => Verdict::Interrupted,
        (None, Some(_), _) => Verdict::Pass,
        (None, None, LimitedBy::Generator) => Verdict::Invalid,
        (None, None, _) => Verdict::Fail,
    };
    Ok(FindMax {
        format: "expressway-loadgen/find-max/1",
        verdict,
        scenario: scenario.name.clone(),
        max_rate: search.held(),
        failed_rate: search.failed(),
        limited_by,
        reason: limit.map(|failure| failure.reason().to_owned()),
        p99_ms_max,
        precision: args.precision,
        trials,
    })
}

/// Runs one trial; returns its report, why it failed if it did, and how fast the lag grew.
fn carry_out(
    args: &Args,
    scenario: &Scenario,
    interrupts: &Interrupts,
    rate: f64,
    folder: Option<PathBuf>,
) -> anyhow::Result<(Report, Option<Failure>, f64)> {
    let trial = scenario.at_rate(rate)?;
    let run = Run::prepare(&trial, folder.as_ref())?;
    let mut ended = run.execute(interrupts, args)?;
    if let Some(folder) = folder {
        artefacts::keep(&folder, &trial, &mut ended, None)?;
    }
    let p99_ms_max = scenario.limits.p99_ms.unwrap_or(f64::INFINITY);
    let sent = share_of_rate(&ended.report.events, trial.schedule());
    let found = failure(&ended.report, &ended.rows, rate, sent, p99_ms_max);
    // Notes of a trial are not shown, and this one is about all of them.
    let hint = hint_at_bills(&trial, &ended.report);
    let found = found.map(|failure| failure.with_hint_at_bills(hint));
    Ok((ended.report, found, growth_per_second(&ended.rows)))
}

fn tell(number: usize, trial: &TrialPart) {
    let outcome = trial.reason.as_deref().unwrap_or("sustained");
    let line = format!("trial {number}: {}/s: {outcome}\n", shown_rate(trial.rate));
    // Talk that nobody hears is no reason to stop.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

impl Display for FindMax {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>10} {:>10} {:>9} {:>9} {:>9} {:>8}  outcome",
            "rate/s", "reached/s", "p50 ms", "p99 ms", "lag +/s", "late"
        )?;
        for trial in &self.trials {
            writeln!(
                f,
                "{:>10} {:>10} {:>9} {:>9} {:>9.0} {:>6.2} %  {}",
                shown_rate(trial.rate),
                shown_rate(trial.achieved_per_second),
                shown_ms(&trial.latency_ms, trial.latency_ms.p50),
                shown_ms(&trial.latency_ms, trial.latency_ms.p99),
                trial.lag_growth_per_second,
                trial.late_share * 100.0,
                trial.reason.as_deref().unwrap_or("sustained")
            )?;
        }
        writeln!(f)?;
        match self.max_rate {
            Some(rate) => {
                let rate = shown_rate(rate);
                writeln!(f, "maximum     {rate}/s with p99 up to {} ms", self.p99_ms_max)?;
            }
            None => writeln!(f, "maximum     none: no rate that was tried was sustained")?,
        }
        if let Some(note) = self.limited_by.note() {
            writeln!(f, "note        {note}")?;
        }
        let verdict = match self.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "FAIL",
            Verdict::Invalid => "INVALID",
            Verdict::Interrupted => "interrupted",
        };
        writeln!(f, "verdict     {verdict}")
    }
}

/// Rates of three digits, as the search tries them.
fn shown_rate(rate: f64) -> String {
    match rate {
        100.0.. => format!("{rate:.0}"),
        10.0.. => format!("{rate:.1}"),
        _ => format!("{rate:.2}"),
    }
}

fn shown_ms(latency: &Percentiles, ms: f64) -> String {
    if latency.count == 0 { "-".to_owned() } else { format!("{ms:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(trials: &[Trial]) -> Search {
        let mut search = Search::new(500.0, 1_000.0, 0.05);
        for trial in trials {
            search.record(*trial);
        }
        search
    }

    #[test]
    fn what_really_limited_the_rate_is_said() {
        let of = LimitedBy::of;
        assert_eq!(of(&search(&[Trial::Held, Trial::Held]), None, false), LimitedBy::RateMax);
        let held = search(&[Trial::Held]);
        assert_eq!(of(&held, None, true), LimitedBy::Interrupted);
        let failures = [
            (Failure::Generator(String::new()), LimitedBy::Generator),
            (Failure::NotTaken(String::new()), LimitedBy::Sending),
            (Failure::Growing(String::new()), LimitedBy::System),
        ];
        for (failure, expected) in failures {
            assert_eq!(of(&held, Some(&failure), false), expected);
            assert_eq!(of(&held, Some(&failure), true), LimitedBy::Interrupted);
        }
        assert_eq!(of(&search(&[]), None, false), LimitedBy::System);
    }

    #[test]
    fn low_rates_are_shown_as_they_were_tried_and_nothing_measured_as_nothing() {
        let shown = [47_600.0, 12.5, 6.249_999_999, 100.0].map(shown_rate);
        assert_eq!(shown, ["47600", "12.5", "6.25", "100"]);
        assert_eq!(shown_ms(&Percentiles::default(), 0.0), "-");
        let one = Percentiles { count: 1, ..Percentiles::default() };
        assert_eq!(shown_ms(&one, 1.5), "1.50");
    }
}
