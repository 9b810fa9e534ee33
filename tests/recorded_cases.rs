//! What AWS answered to executions, against what the engine answers.
//!
//! Every recorded JSONPath execution runs through the real shard core under virtual time, its
//! tasks answered by the case's mocks. What this version does not support is decided by compiling
//! the definition and is counted, never passed over in silence; any other difference fails.

#[path = "recorded_cases/pattern.rs"]
mod pattern;
#[path = "recorded_cases/trial.rs"]
mod trial;
mod virtual_shard;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use trial::Verdict;

#[test]
fn recorded_executions_agree() {
    let Some(cases) = recorded() else { return };
    let mut report = Report::default();
    for case in &cases {
        if case["kind"] != "execution" {
            continue;
        }
        if case["query_language"] != "JSONPath" {
            report.other_language += 1;
            continue;
        }
        report.take(case, trial::run(case));
    }
    report.finish("recorded executions");
}

/// Our own cases hold only what we support.
#[test]
fn our_own_cases_agree() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let cases = read(&folder).expect("our own cases are in the repository");
    assert!(!cases.is_empty(), "no cases in {}", folder.display());
    let mut report = Report::default();
    for case in &cases {
        let verdict = match trial::run(case) {
            Verdict::Unsupported(what) => Verdict::Failed(what),
            verdict => verdict,
        };
        report.take(case, verdict);
    }
    report.finish("own cases");
}

#[derive(Default)]
struct Report {
    areas: BTreeMap<String, Counts>,
    failed: Vec<String>,
    unsupported: BTreeMap<String, usize>,
    other_language: usize,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    passed: usize,
    failed: usize,
    unsupported: usize,
}

impl Report {
    fn take(&mut self, case: &Value, verdict: Verdict) {
        let text = |field: &str| case[field].as_str().unwrap_or_default().to_owned();
        let counts = self.areas.entry(text("area")).or_default();
        match verdict {
            Verdict::Passed => counts.passed += 1,
            Verdict::Failed(difference) => {
                counts.failed += 1;
                self.failed.push(format!("{}: {difference}", text("name")));
            }
            Verdict::Unsupported(what) => {
                counts.unsupported += 1;
                *self.unsupported.entry(what).or_default() += 1;
            }
        }
    }

    /// Prints the table and fails the test if any case failed.
    fn finish(mut self, what: &str) {
        let total = self.areas.values().fold(Counts::default(), |sum, area| Counts {
            passed: sum.passed + area.passed,
            failed: sum.failed + area.failed,
            unsupported: sum.unsupported + area.unsupported,
        });
        self.areas.insert("~ total".to_owned(), total);
        let mut text = format!("{what:<28}{:>8}{:>8}{:>13}\n", "passed", "failed", "unsupported");
        for (area, counts) in &self.areas {
            let Counts { passed, failed, unsupported } = counts;
            let _ = writeln!(text, "  {area:<26}{passed:>8}{failed:>8}{unsupported:>13}");
        }
        let mut reasons: Vec<_> = self.unsupported.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (reason, count) in reasons {
            let _ = writeln!(text, "  unsupported {count:>4}: {reason}");
        }
        if self.other_language > 0 {
            let _ = writeln!(text, "  not run: {} with JSONata", self.other_language);
        }
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
        assert!(self.failed.is_empty(), "{} failed:\n{}", total.failed, self.failed.join("\n"));
        assert!(total.passed > 0, "nothing was compared");
    }
}

/// All recorded cases; `None` when the folder is missing, which CI does not allow.
fn recorded() -> Option<Vec<Value>> {
    let shared = std::env::var_os("EXPRESSWAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let folder = shared.join("conformance/cases");
    let cases = read(&folder);
    if cases.is_none() {
        let message = format!("skipped: no conformance cases at {}\n", folder.display());
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
        let _ = std::io::stderr().lock().write_all(message.as_bytes());
    }
    cases
}

/// The cases of a folder with one folder for each area, sorted; `None` when it is not there.
fn read(folder: &Path) -> Option<Vec<Value>> {
    let mut cases = Vec::new();
    for area in fs::read_dir(folder).ok()? {
        let area = area.expect("a folder that can be read").path();
        for file in fs::read_dir(&area).expect("an area is a folder") {
            let path = file.expect("a file that can be read").path();
            let text = fs::read_to_string(&path).expect("a case is text");
            let case: Value = serde_json::from_str(&text).expect("a case is JSON");
            cases.push((path, case));
        }
    }
    cases.sort_by(|(a, _), (b, _)| a.cmp(b));
    Some(cases.into_iter().map(|(_, case)| case).collect())
}
