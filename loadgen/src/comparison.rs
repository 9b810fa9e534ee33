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
    /// Whether it is a count of records; a count has no tolerance.
    #[serde(default)]
    pub(crate) is_count: bool,
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
    /// Shown for what it is; chance decides it.
    #[serde(rename = "not judged")]
    NotJudged,
}

impl Comparison {
    /// Compares `report` with `baseline`; differences up to the share `tolerance` are no news.
    pub(crate) fn new(report: &Report, baseline: &Report, tolerance: f64) -> Self {
        let latency = |name, of: fn(&Percentiles) -> f64| {
            let (before, after) = (of(&baseline.latency_ms), of(&report.latency_ms));
            Line::new(name, before, after, Better::Lower { least: LEAST_MS }, tolerance)
        };
        let count = |name, of: fn(&Report) -> u64| Line::count(name, of(baseline), of(report));
        let rate = |report: &Report| report.events.achieved_per_second;
        let lines = vec![
            Line::new("rate/s", rate(baseline), rate(report), Better::Higher, tolerance),
            latency("p50 ms", |latency| latency.p50),
            latency("p90 ms", |latency| latency.p90),
            latency("p99 ms", |latency| latency.p99),
            latency("p99.9 ms", |latency| latency.p999),
            // The highest of many latencies is chance; it is shown and not judged.
            Line { verdict: Change::NotJudged, ..latency("max ms", |latency| latency.max) },
            // Counts have no tolerance: one lost event is one too many.
            count("lost", |report| report.outcomes.lost),
            count("duplicated", |report| report.outcomes.duplicated),
            // Earlier summaries count bills among what is wrong.
            count("wrong", |report| report.outcomes.wrong_by.outcomes()),
            count("bill faults", bill_faults),
            count("reordered", |report| report.outcomes.reordered),
        ];
        Self { about: about(report, baseline, tolerance), lines }
    }

    /// Returns what became worse, one sentence each.
    pub(crate) fn violations(&self) -> Vec<String> {
        let worse = self.lines.iter().filter(|line| line.verdict == Change::Worse);
        worse
            .map(|line| {
                let [before, after] = line.shown(3);
                format!("compared: {} was {before}, now {after} ({})", line.name, line.difference())
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
        Self { name: name.to_owned(), before, after, change, is_count: false, verdict }
    }

    fn count(name: &str, before: u64, after: u64) -> Self {
        let line = Self::new(name, before as f64, after as f64, Better::Lower { least: 0.0 }, 0.0);
        Self { is_count: true, ..line }
    }

    /// Returns both figures, those that are no counts with so many decimals.
    fn shown(&self, decimals: usize) -> [String; 2] {
        let decimals = if self.is_count { 0 } else { decimals };
        [self.before, self.after].map(|value| format!("{value:.decimals$}"))
    }

    /// Returns the change as a share, or the difference where there is nothing to share.
    fn difference(&self) -> String {
        let decimals = if self.is_count { 0 } else { 2 };
        if self.before == 0.0 && self.after != 0.0 {
            format!("{:+.decimals$}", self.after)
        } else {
            format!("{:+.1} %", self.change * 100.0)
        }
    }
}

/// Earlier summaries have all that it is made of, but not the sum.
fn bill_faults(report: &Report) -> u64 {
    let billing = report.billing.as_ref();
    billing.map_or(0, |billing| billing.count_faults(&report.outcomes.wrong_by))
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
        writeln!(f, "\n{:<14} {:>13} {:>13} {:>9}", "compared", "baseline", "this run", "change")?;
        for line in &self.lines {
            let mark = match line.verdict {
                Change::Better => "  better",
                Change::Same => "",
                Change::Worse => "  WORSE",
                Change::NotJudged => "  not judged",
            };
            let [before, after] = line.shown(2);
            writeln!(
                f,
                "  {:<12} {before:>13} {after:>13} {:>9}{mark}",
                line.name,
                line.difference()
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

    #[test]
    fn a_count_that_was_zero_is_shown_as_a_difference_of_whole_records() {
        let lines = vec![
            Line::count("lost", 0, 9),
            Line::count("wrong", 4, 6),
            Line::count("reordered", 0, 0),
            Line::new("p50 ms", 0.0, 1.5, Better::Lower { least: LEAST_MS }, 0.1),
        ];
        let comparison = Comparison { about: String::new(), lines };
        assert_eq!(
            comparison.violations(),
            [
                "compared: lost was 0, now 9 (+9)",
                "compared: wrong was 4, now 6 (+50.0 %)",
                "compared: p50 ms was 0.000, now 1.500 (+1.50)",
            ]
        );
        let table = comparison.to_string();
        let words = |name: &str| {
            let line = table.lines().find(|line| line.contains(name)).unwrap();
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(words("lost"), ["lost", "0", "9", "+9", "WORSE"]);
        assert_eq!(words("reordered"), ["reordered", "0", "0", "+0.0", "%"]);
    }

    #[test]
    fn the_maximum_is_not_judged_and_says_so() {
        let line = Line { verdict: Change::NotJudged, ..Line::count("max", 1, 100) };
        let json = serde_json::to_value(&line).unwrap();
        assert_eq!(json["verdict"], "not judged");
        assert_eq!(serde_json::from_value::<Line>(json).unwrap().verdict, Change::NotJudged);
        let comparison = Comparison { about: String::new(), lines: vec![line] };
        assert!(comparison.to_string().contains("not judged"));
        assert!(comparison.violations().is_empty());
    }
}
