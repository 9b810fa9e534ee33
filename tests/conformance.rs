//! What AWS answered, against what the engine answers: every recorded case and our own.
//!
//! The recorded cases are not part of the repository: `EXPRESSWAY_SHARED` says where they are. A
//! case that fails must be listed in `conformance-exceptions.txt` with the reason, and one that is
//! listed must fail; nothing is passed over in silence. The same holds for histories, in
//! `conformance-events-exceptions.txt`: where the recording's order is `total`, type, name, input,
//! output, id and predecessor agree event by event; where it is `partial`, all but ids and order.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use expressway::trial::{Agreement, Case, Kind, Report, Reported, Verdict, find, run};

/// What a failed case may be excused with: `NAME REASON`, one a line.
const EXCEPTIONS: &str = include_str!("conformance-exceptions.txt");

/// What a history that differs may be excused with: `NAME REASON`, one a line.
const EVENTS_EXCEPTIONS: &str = include_str!("conformance-events-exceptions.txt");

/// Histories that may be listed, of those that are recorded, in percent.
const EVENTS_EXCEPTIONS_PERCENT_MAX: usize = 2;

/// Enough to see what is wrong.
const COMPLAINTS_SHOWN_MAX: usize = 60;

#[test]
fn recorded_cases_agree() {
    let Some(folder) = recorded() else { return };
    let cases = find(&[folder]).unwrap_or_else(|errors| panic!("{errors:?}"));
    let report = run_all(&cases);
    let _ = std::io::stderr().lock().write_all(report.text().as_bytes());
    let exceptions = exceptions(EXCEPTIONS);
    let mut complaints = unexplained(&report, &exceptions);
    complaints.extend(unsupported(&cases, &report));
    if exceptions.len() * 100 > cases.len() {
        complaints.push(format!("{} exceptions are more than 1 %", exceptions.len()));
    }
    complaints.extend(histories(&cases, &report));
    let total = report.total();
    let more = complaints.len().saturating_sub(COMPLAINTS_SHOWN_MAX);
    complaints.truncate(COMPLAINTS_SHOWN_MAX);
    assert!(complaints.is_empty(), "{}\nand {more} more", complaints.join("\n"));
    assert!(total.passed > 0, "nothing was compared");
}

/// Our own cases and the examples hold only what we support.
#[test]
fn our_own_cases_agree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = find(&[root.join("tests/cases"), root.join("config/tests")])
        .unwrap_or_else(|errors| panic!("{errors:?}"));
    let report = run_all(&cases);
    let _ = std::io::stderr().lock().write_all(report.text().as_bytes());
    let differ =
        report.cases.iter().filter_map(|case| Some((case.name.as_str(), case.difference()?)));
    let differ: Vec<_> = differ.map(|(name, text)| format!("{name}: {text}")).collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

fn run_all(cases: &[Case]) -> Report {
    let mut report = Report::default();
    for case in cases {
        report.add(case, &run(case), Duration::ZERO);
    }
    report
}

/// Failures that no exception explains, and exceptions that explain nothing.
fn unexplained(report: &Report, exceptions: &BTreeMap<&str, &str>) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut left = exceptions.clone();
    for Reported { name, verdict, .. } in &report.cases {
        let excuse = left.remove(name.as_str());
        match (verdict, excuse) {
            (Verdict::Failed(difference), None) => complaints.push(format!("{name}: {difference}")),
            (Verdict::Failed(_), Some(_)) | (_, None) => {}
            (_, Some(_)) => {
                complaints.push(format!("{name}: listed as an exception, yet it passes"));
            }
        }
    }
    complaints.extend(left.keys().map(|name| format!("{name}: an exception for no case")));
    complaints
}

/// Histories that differ and are not listed, or were recorded and not compared; listed ones that
/// agree; too many on the list.
fn histories(cases: &[Case], report: &Report) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut left = exceptions(EVENTS_EXCEPTIONS);
    let listed = left.len();
    let mut recorded = 0;
    for (case, reported) in cases.iter().zip(&report.cases) {
        if case.expected.events.is_none() {
            continue;
        }
        recorded += 1;
        let name = &reported.name;
        match (&reported.events, left.remove(name.as_str())) {
            (Some(Agreement::Same), None) | (Some(Agreement::Differ(_)), Some(_)) => {}
            (Some(Agreement::Differ(difference)), None) => {
                complaints.push(format!("{name}: events: {difference}"));
            }
            (Some(Agreement::Same), Some(_)) => {
                complaints.push(format!("{name}: its events are listed as different, yet agree"));
            }
            (None, _) => complaints.push(format!("{name}: its events were not compared")),
        }
    }
    complaints.extend(left.keys().map(|name| format!("{name}: an exception for no history")));
    if listed * 100 > recorded * EVENTS_EXCEPTIONS_PERCENT_MAX {
        complaints.push(format!(
            "{listed} of {recorded} histories are listed, more than {EVENTS_EXCEPTIONS_PERCENT_MAX} %"
        ));
    }
    if recorded == 0 {
        complaints.push("no history was recorded".to_owned());
    }
    complaints
}

/// Cases that this version does not run; only those that check a mock against the model of an AWS
/// service may be.
fn unsupported(cases: &[Case], report: &Report) -> Vec<String> {
    let mut complaints = Vec::new();
    for (case, reported) in cases.iter().zip(&report.cases) {
        let Verdict::Unsupported(reason) = &reported.verdict else { continue };
        let by_model = case.kind == Kind::TestState && reason.contains("model of the service");
        if !by_model {
            complaints.push(format!("{}: unsupported: {reason}", reported.name));
        }
    }
    complaints
}

fn exceptions(list: &'static str) -> BTreeMap<&'static str, &'static str> {
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, reason) = line.split_once(' ').unwrap_or((line, ""));
            assert!(reason.len() > 20, "the exception {name} needs a reason");
            (name, reason)
        })
        .collect()
}

/// The folder of the recorded cases; `None` when it is missing, which CI does not allow.
fn recorded() -> Option<PathBuf> {
    let shared = std::env::var_os("EXPRESSWAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let folder = shared.join("conformance/cases");
    if folder.is_dir() {
        return Some(folder);
    }
    let mut message = String::new();
    let _ = writeln!(message, "skipped: no conformance cases at {}", folder.display());
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
    let _ = std::io::stderr().lock().write_all(message.as_bytes());
    None
}
