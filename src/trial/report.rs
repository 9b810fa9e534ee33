//! What a run of many cases came to: counts by area, the table, the JSON document.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::case::Case;
use super::coverage::Coverage;
use super::run::{Agreement, Outcome, Verdict};

/// One case with what came of it.
#[derive(Clone, Debug)]
pub struct Reported {
    /// Name of the case.
    pub name: String,
    /// Its area.
    pub area: String,
    /// Its kind, as the file writes it.
    pub kind: &'static str,
    /// Whether it passed.
    pub verdict: Verdict,
    /// Whether its history agrees, where that was compared.
    pub events: Option<Agreement>,
    /// How it ended, where nothing was expected of that.
    pub ended: Option<String>,
    /// How long the computation took.
    pub took: Duration,
}

/// Counts of an area or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cases that passed.
    pub passed: usize,
    /// Cases that differ.
    pub failed: usize,
    /// Cases that need what this version does not have.
    pub unsupported: usize,
    /// Histories that agree.
    pub events_same: usize,
    /// Histories that differ.
    pub events_differ: usize,
}

/// What came of all cases, in the order in which they ran.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The cases.
    pub cases: Vec<Reported>,
}

impl Report {
    /// Adds a case.
    pub fn add(&mut self, case: &Case, outcome: &Outcome, took: Duration) {
        self.cases.push(Reported {
            name: case.name.clone(),
            area: case.area.clone(),
            kind: case.kind.as_str(),
            verdict: outcome.verdict.clone(),
            events: outcome.events.clone(),
            ended: outcome.ended.clone(),
            took,
        });
    }

    /// Counts by area, in alphabetical order.
    pub fn areas(&self) -> BTreeMap<&str, Counts> {
        let mut areas: BTreeMap<_, Counts> = BTreeMap::new();
        for case in &self.cases {
            areas.entry(case.area.as_str()).or_default().count(case);
        }
        areas
    }

    /// Counts of all.
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        for case in &self.cases {
            total.count(case);
        }
        total
    }

    /// Why cases are unsupported, and how many for each reason, most first.
    pub fn unsupported(&self) -> Vec<(&str, usize)> {
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for case in &self.cases {
            if let Verdict::Unsupported(reason) = &case.verdict {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        let mut reasons: Vec<_> = reasons.into_iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        reasons
    }

    /// The table by area, then the first difference of each failure, then what is unsupported.
    pub fn text(&self) -> String {
        let areas = self.areas();
        let width = areas.keys().map(|area| area.chars().count()).max().unwrap_or(0).max(5);
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{:<width$} {:>8} {:>8} {:>12} {:>12} {:>13}",
            "area", "passed", "failed", "unsupported", "events same", "events differ"
        );
        for (area, counts) in &areas {
            counts.line(area, width, &mut text);
        }
        if areas.len() != 1 {
            self.total().line("total", width, &mut text);
        }
        self.ends(&mut text);
        self.differences(&mut text);
        let unsupported = self.unsupported();
        if !unsupported.is_empty() {
            text.push('\n');
        }
        for (reason, count) in unsupported {
            let _ = writeln!(text, "unsupported {count:>5}: {reason}");
        }
        text
    }

    fn ends(&self, text: &mut String) {
        for case in &self.cases {
            if let (Verdict::Passed, Some(ended)) = (&case.verdict, &case.ended) {
                let _ = writeln!(text, "\n{}/{}\n  {ended}", case.area, case.name);
            }
        }
    }

    fn differences(&self, text: &mut String) {
        for case in &self.cases {
            if let Verdict::Failed(difference) = &case.verdict {
                let _ = writeln!(text, "\nFAILED {}/{}\n  {difference}", case.area, case.name);
            }
        }
    }

    /// The document that `expressway test --json` prints: stable. Coverage is in it only when it
    /// was asked for.
    pub fn json(&self, coverage: Option<&Coverage>) -> String {
        let Counts { passed, failed, unsupported, .. } = self.total();
        let areas = self.areas().into_iter().map(|(area, counts)| {
            let Counts { passed, failed, unsupported, .. } = counts;
            (area, AreaDocument { passed, failed, unsupported })
        });
        let cases = self.cases.iter().map(|case| CaseDocument {
            name: &case.name,
            area: &case.area,
            kind: case.kind,
            status: case.verdict.as_str(),
            events: case.events.as_ref().map(Agreement::as_str),
            difference: case.difference(),
        });
        let document = Document {
            passed,
            failed,
            unsupported,
            areas: areas.collect(),
            cases: cases.collect(),
            coverage: coverage.map(Coverage::json),
        };
        // Strings and counts always have a JSON form.
        serde_json::to_string(&document).unwrap_or_default()
    }
}

impl Reported {
    /// The first difference, or what is unsupported; for a case that passed, that of its history.
    pub fn difference(&self) -> Option<&str> {
        match (&self.verdict, &self.events) {
            (Verdict::Failed(text) | Verdict::Unsupported(text), _)
            | (Verdict::Passed, Some(Agreement::Differ(text))) => Some(text),
            (Verdict::Passed, _) => None,
        }
    }
}

impl Verdict {
    /// The word in reports.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::Unsupported(_) => "unsupported",
        }
    }
}

impl Agreement {
    /// The word in reports.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differ(_) => "differ",
        }
    }
}

impl Counts {
    fn count(&mut self, case: &Reported) {
        match &case.verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed(_) => self.failed += 1,
            Verdict::Unsupported(_) => self.unsupported += 1,
        }
        match &case.events {
            Some(Agreement::Same) => self.events_same += 1,
            Some(Agreement::Differ(_)) => self.events_differ += 1,
            None => {}
        }
    }

    fn line(&self, area: &str, width: usize, text: &mut String) {
        let Self { passed, failed, unsupported, events_same, events_differ } = self;
        let _ = writeln!(
            text,
            "{area:<width$} {passed:>8} {failed:>8} {unsupported:>12} {events_same:>12} \
             {events_differ:>13}"
        );
    }
}

#[derive(Serialize)]
struct Document<'a> {
    passed: usize,
    failed: usize,
    unsupported: usize,
    areas: BTreeMap<&'a str, AreaDocument>,
    cases: Vec<CaseDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct AreaDocument {
    passed: usize,
    failed: usize,
    unsupported: usize,
}

#[derive(Serialize)]
struct CaseDocument<'a> {
    name: &'a str,
    area: &'a str,
    kind: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<&'a str>,
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub(in crate::trial) fn sample() -> Report {
        let case = |name: &str, area: &str, verdict, events| Reported {
            name: name.to_owned(),
            area: area.to_owned(),
            kind: "execution",
            verdict,
            events,
            ended: None,
            took: Duration::from_millis(1_500),
        };
        Report {
            cases: vec![
                case("b", "pay", Verdict::Passed, Some(Agreement::Same)),
                case("a", "pay", Verdict::Failed("output: <1> & \"2\"".to_owned()), None),
                case("c", "map", Verdict::Unsupported("ASL0902 x".to_owned()), None),
                case("d", "map", Verdict::Passed, Some(Agreement::Differ("event 1".to_owned()))),
            ],
        }
    }

    #[test]
    fn the_table_has_a_line_for_each_area_and_the_differences() {
        assert_eq!(
            sample().text(),
            "\
area    passed   failed  unsupported  events same events differ
map          1        0            1            0             1
pay          1        1            0            1             0
total        2        1            1            1             1

FAILED pay/a
  output: <1> & \"2\"

unsupported     1: ASL0902 x
"
        );
    }

    #[test]
    fn the_document_has_the_form_that_scripts_rely_on() {
        let document: Value = serde_json::from_str(&sample().json(None)).expect("JSON");
        assert_eq!(
            document,
            json!({"passed": 2, "failed": 1, "unsupported": 1,
                "areas": {"map": {"passed": 1, "failed": 0, "unsupported": 1},
                    "pay": {"passed": 1, "failed": 1, "unsupported": 0}},
                "cases": [
                    {"name": "b", "area": "pay", "kind": "execution", "status": "passed",
                        "events": "same"},
                    {"name": "a", "area": "pay", "kind": "execution", "status": "failed",
                        "difference": "output: <1> & \"2\""},
                    {"name": "c", "area": "map", "kind": "execution", "status": "unsupported",
                        "difference": "ASL0902 x"},
                    {"name": "d", "area": "map", "kind": "execution", "status": "passed",
                        "events": "differ", "difference": "event 1"}]})
        );
    }
}
