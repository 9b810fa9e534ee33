//! What AWS answered, against what the engine answers: every recorded case and our own.
//!
//! The recorded cases are not part of the repository: `EXPRESSWAY_SHARED` says where they are. A
//! case that fails must be listed in `conformance-exceptions.txt` with the reason, and one that is
//! listed must fail; nothing is passed over in silence.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use expressway::trial::{Case, Kind, Report, Reported, Verdict, find, run};

/// What a failed case may be excused with: `NAME REASON`, one a line.
const EXCEPTIONS: &str = include_str!("conformance-exceptions.txt");

/// Histories that must agree, of those that are compared, in percent.
const EVENTS_SAME_PERCENT_MIN: usize = 90;

/// Enough to see what is wrong.
const COMPLAINTS_SHOWN_MAX: usize = 60;

#[test]
fn recorded_cases_agree() {
    let Some(folder) = recorded() else { return };
    let cases = find(&[folder]).unwrap_or_else(|errors| panic!("{errors:?}"));
    let report = run_all(&cases);
    let _ = std::io::stderr().lock().write_all(report.text().as_bytes());
    let exceptions = exceptions();
    let mut complaints = unexplained(&report, &exceptions);
    complaints.extend(unsupported(&cases, &report));
    if exceptions.len() * 100 > cases.len() {
        complaints.push(format!("{} exceptions are more than 1 %", exceptions.len()));
    }
    let total = report.total();
    let compared = total.events_same + total.events_differ;
    if total.events_same * 100 < compared * EVENTS_SAME_PERCENT_MIN {
        complaints.push(format!(
            "{} of {compared} histories agree, less than {EVENTS_SAME_PERCENT_MIN} %",
            total.events_same
        ));
    }
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

fn exceptions() -> BTreeMap<&'static str, &'static str> {
    let lines = EXCEPTIONS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
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
