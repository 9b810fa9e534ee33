//! This run against an earlier one: `--compare baseline.json`.
//!
//! A figure is worse when it is off by more than the tolerance, and by more than what a clock and
//! a histogram cannot tell apart. Runs of different loads can be compared, but it is said.

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::{FORMAT, Percentiles, Report, Verdict};

/// Why a baseline is of no use.
#[derive(Debug, thiserror::Error)]
#[error("--compare {path}: {reason}")]
pub(crate) struct BaselineError {
    path: PathBuf,
    reason: String,
}

/// Reads the summary of an earlier run.
pub(crate) fn read_baseline(path: &Path) -> Result<Report, BaselineError> {
    let failed = |reason: String| BaselineError { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let report: Report = serde_json::from_str(&text).map_err(|error| {
        failed(format!("not a summary.json or --json report of this program: {error}"))
    })?;
    if report.format != FORMAT {
        return Err(failed(format!("its format is {:?}, not {FORMAT:?}", report.format)));
    }
    Ok(report)
}

/// Two runs side by side.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Comparison {
    /// What a reader ought to know of the two.
    pub(crate) about: String,
    /// One figure each.
    pub(crate) lines: Vec<Line>,
}

/// One figure of both runs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Line {
    /// What it is, with its unit.
    pub(crate) name: String,
    /// In the baseline.
    pub(crate) before: f64,
    /// In this run.
    pub(crate) after: f64,
    /// The difference as a share of the baseline; zero when that is zero.
    pub(crate) change: f64,
    /// What to think of it.
    pub(crate) verdict: Change,
}

/// What to think of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Change {
    /// Better by more than the tolerance.
    Better,
    /// Within the tolerance.
    Same,
    /// Worse by more than the tolerance.
    Worse,
}

impl Comparison {
    /// Compares `report` with `baseline`; differences up to the share `tolerance` are no news.
    pub(crate) fn new(report: &Report, baseline: &Report, tolerance: f64) -> Self {
        let latency = |name, of: fn(&Percentiles) -> f64| {
            let (before, after) = (of(&baseline.latency_ms), of(&report.latency_ms));
            Line::new(name, before, after, Better::Lower { least: LEAST_MS }, tolerance)
        };
        let rate = |report: &Report| report.events.achieved_per_second;
        let lines = vec![
            Line::new("rate/s", rate(baseline), rate(report), Better::Higher, tolerance),
            latency("p50 ms", |latency| latency.p50),
            latency("p90 ms", |latency| latency.p90),
            latency("p99 ms", |latency| latency.p99),
            latency("p99.9 ms", |latency| latency.p999),
            // The highest of many latencies is chance; it is shown and not judged.
            Line { verdict: Change::Same, ..latency("max ms", |latency| latency.max) },
            // Counts have no tolerance: one lost event is one too many.
            Line::count("lost", lost(baseline), lost(report)),
            Line::count("duplicated", duplicated(baseline), duplicated(report)),
            Line::count("wrong", baseline.outcomes.wrong, report.outcomes.wrong),
            Line::count("reordered", baseline.outcomes.reordered, report.outcomes.reordered),
        ];
        Self { about: about(report, baseline, tolerance), lines }
    }

    /// Returns what became worse, one sentence each.
    pub(crate) fn violations(&self) -> Vec<String> {
        let worse = self.lines.iter().filter(|line| line.verdict == Change::Worse);
        worse
            .map(|line| {
                format!(
                    "compared: {} was {:.3}, now {:.3} ({:+.1} %)",
                    line.name,
                    line.before,
                    line.after,
                    line.change * 100.0
                )
            })
            .collect()
    }
}

#[derive(Clone, Copy)]
enum Better {
    Higher,
    /// Differences up to `least` are no news, whatever their share.
    Lower {
        least: f64,
    },
}

impl Line {
    fn new(name: &str, before: f64, after: f64, better: Better, tolerance: f64) -> Self {
        let change = if before == 0.0 { 0.0 } else { (after - before) / before };
        let (gain, least) = match better {
            Better::Higher => (after - before, 0.0),
            Better::Lower { least } => (before - after, least),
        };
        let is_news = gain.abs() > least && gain.abs() > before.abs() * tolerance;
        let verdict = match (is_news, gain > 0.0) {
            (false, _) => Change::Same,
            (true, true) => Change::Better,
            (true, false) => Change::Worse,
        };
        Self { name: name.to_owned(), before, after, change, verdict }
    }

    fn count(name: &str, before: u64, after: u64) -> Self {
        Self::new(name, before as f64, after as f64, Better::Lower { least: 0.0 }, 0.0)
    }
}

fn lost(report: &Report) -> u64 {
    report.outcomes.lost + report.billing.as_ref().map_or(0, |billing| billing.missing)
}

fn duplicated(report: &Report) -> u64 {
    report.outcomes.duplicated + report.billing.as_ref().map_or(0, |billing| billing.duplicated)
}

fn about(report: &Report, baseline: &Report, tolerance: f64) -> String {
    let mut about = format!(
        "{} of {}, {}; up to {} % is no news",
        baseline.scenario.name,
        baseline.scenario.started_at,
        name_of(baseline.verdict),
        tolerance * 100.0
    );
    if report.scenario.load_hash != baseline.scenario.load_hash {
        about.push_str("; NOT THE SAME LOAD");
    }
    if report.scenario.cpus != baseline.scenario.cpus {
        about.push_str("; on another number of processors");
    }
    let nothing = |latency: &Percentiles| latency.count == 0;
    if nothing(&report.latency_ms) || nothing(&baseline.latency_ms) {
        about.push_str("; one of them measured no latency");
    }
    about
}

fn name_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passed",
        Verdict::Fail => "failed",
        Verdict::Invalid => "invalid",
        Verdict::Interrupted => "interrupted",
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:<14}{:>14}{:>14}{:>10}", "compared", "baseline", "this run", "change")?;
        for line in &self.lines {
            let mark = match line.verdict {
                Change::Better => "  better",
                Change::Same => "",
                Change::Worse => "  WORSE",
            };
            writeln!(
                f,
                "  {:<12}{:>14.2}{:>14.2}{:>8.1} %{mark}",
                line.name,
                line.before,
                line.after,
                line.change * 100.0
            )?;
        }
        writeln!(f, "            {}", self.about)
    }
}

/// Latencies closer than this are one scheduler's whim apart.
const LEAST_MS: f64 = 0.5;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(before: f64, after: f64, better: Better) -> Change {
        Line::new("x", before, after, better, 0.1).verdict
    }

    #[test]
    fn latencies_are_worse_beyond_the_tolerance_and_the_clock() {
        let lower = Better::Lower { least: LEAST_MS };
        assert_eq!(line(10.0, 10.9, lower), Change::Same);
        assert_eq!(line(10.0, 11.1, lower), Change::Worse);
        assert_eq!(line(10.0, 8.0, lower), Change::Better);
        assert_eq!(line(1.0, 1.4, lower), Change::Same, "within half a millisecond");
    }

    #[test]
    fn rates_are_worse_when_they_fall() {
        assert_eq!(line(1_000.0, 950.0, Better::Higher), Change::Same);
        assert_eq!(line(1_000.0, 850.0, Better::Higher), Change::Worse);
        assert_eq!(line(1_000.0, 1_200.0, Better::Higher), Change::Better);
    }

    #[test]
    fn counts_have_no_tolerance() {
        assert_eq!(Line::count("lost", 0, 1).verdict, Change::Worse);
        assert_eq!(Line::count("lost", 5, 5).verdict, Change::Same);
        assert_eq!(Line::count("lost", 5, 4).verdict, Change::Better);
    }
}
