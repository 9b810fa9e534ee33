//! The official suite of JSONata, case by case, in the full dialect.
//!
//! `JSONATA_SUITE` names a folder with `groups/` and `datasets/`; without it, it is
//! `$EXPRESSWAY_SHARED/jsonata-suite`, or `../shared/jsonata-suite`. The suite is not part of the
//! repository: with `CI=true` a missing folder fails, otherwise the test says so and passes.
//!
//! `JSONATA_GROUP=function-sum cargo test --test jsonata_suite` runs one group and shows every case
//! of it. A group or a case left out is counted as excluded, with its reason in [`EXCLUDED_GROUPS`]
//! and [`EXCEPTIONS`]; nothing is passed over in silence.

#[path = "jsonata_suite/case.rs"]
mod case;
#[path = "jsonata_suite/compare.rs"]
mod compare;
#[path = "support/jsonata.rs"]
mod engine;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, panic};

use case::{Case, Suite};
use engine::Bench;
use expressway::expr::jsonata::Dialect;

/// Groups of what we do not have.
const EXCLUDED_GROUPS: &[(&str, &str)] =
    &[("function-eval", "$eval does not exist in Step Functions, nor here")];

/// Cases that may fail: `GROUP/CASE` and the reason.
const EXCEPTIONS: &[(&str, &str)] = &[];
const EXCEPTIONS_MAX: usize = 5;

/// Enough to see what is wrong.
const COMPLAINTS_SHOWN_MAX: usize = 60;

#[test]
fn the_official_suite_passes() {
    let Some(folder) = folder() else { return };
    assert!(EXCEPTIONS.len() <= EXCEPTIONS_MAX, "too many exceptions");
    let suite = Suite::read(&folder);
    let only = env::var("JSONATA_GROUP").ok();
    // The case at fault is named below; the panic's own text would stand in the middle of a table.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let mut report = Report::default();
    for (group, cases) in &suite.groups {
        if only.as_ref().is_none_or(|only| only == group) {
            report.run(group, cases, &suite, only.is_some());
        }
    }
    panic::set_hook(hook);
    let _ = std::io::stderr().lock().write_all(report.text().as_bytes());
    assert!(report.unexplained == 0, "{} cases fail", report.unexplained);
    assert!(report.total().passed > 0, "no case was run");
}

/// How many cases of a group went which way.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    passed: usize,
    failed: usize,
    excluded: usize,
}

#[derive(Debug, Default)]
struct Report {
    groups: BTreeMap<String, Tally>,
    complaints: Vec<String>,
    /// Failures that no exception excuses.
    unexplained: usize,
}

impl Report {
    fn run(&mut self, group: &str, cases: &[Case], suite: &Suite, in_detail: bool) {
        let mut tally = Tally::default();
        let excluded = EXCLUDED_GROUPS.iter().any(|(known, _)| *known == group);
        for case in cases {
            let name = format!("{group}/{}", case.name);
            let excused = EXCEPTIONS.iter().any(|(known, _)| *known == name);
            if excluded || case.lone_surrogate {
                tally.excluded += 1;
                continue;
            }
            let fault = fault(case, suite);
            if in_detail {
                let verdict = fault.as_deref().unwrap_or("passes");
                let _ = writeln!(std::io::stderr().lock(), "{name}: {verdict}\n    {}", case.expr);
            }
            match fault {
                None if excused => self.complain(format!("{name}: an exception, yet it passes")),
                None => {}
                Some(_) if excused => tally.excluded += 1,
                Some(ref fault) => self.complain(format!("{name}: {fault}\n    {}", case.expr)),
            }
            tally.passed += usize::from(fault.is_none());
            tally.failed += usize::from(fault.is_some() && !excused);
        }
        self.groups.insert(group.to_owned(), tally);
    }

    fn complain(&mut self, complaint: String) {
        self.unexplained += 1;
        self.complaints.push(complaint);
    }

    fn total(&self) -> Tally {
        self.groups.values().fold(Tally::default(), |sum, tally| Tally {
            passed: sum.passed + tally.passed,
            failed: sum.failed + tally.failed,
            excluded: sum.excluded + tally.excluded,
        })
    }

    /// What failed, a table by group, and the totals as the last line.
    fn text(&self) -> String {
        let mut text = String::new();
        for complaint in self.complaints.iter().take(COMPLAINTS_SHOWN_MAX) {
            let _ = writeln!(text, "{complaint}");
        }
        if let Some(more) = self.complaints.len().checked_sub(COMPLAINTS_SHOWN_MAX + 1) {
            let _ = writeln!(text, "and {} more", more + 1);
        }
        let _ = writeln!(text, "{:<36} {:>6} {:>6} {:>8}", "group", "passed", "failed", "excluded");
        for (group, tally) in &self.groups {
            let Tally { passed, failed, excluded } = tally;
            let _ = writeln!(text, "{group:<36} {passed:>6} {failed:>6} {excluded:>8}");
        }
        let Tally { passed, failed, excluded } = self.total();
        let _ = writeln!(text, "total: {passed} passed, {failed} failed, {excluded} excluded");
        text
    }
}

/// What is wrong with a case; a panic is a fault like any other.
fn fault(case: &Case, suite: &Suite) -> Option<String> {
    let document = match case.document(suite) {
        Ok(document) => document,
        Err(fault) => return Some(fault),
    };
    let variables = case.variables();
    let judged = panic::catch_unwind(|| {
        // New memory for each, since a panic may leave it in any state.
        let outcome =
            Bench::default().run(&case.expr, Dialect::Full, document.as_deref(), &variables);
        compare::fault(case, &outcome)
    });
    judged.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        Some(format!("panicked: {text}"))
    })
}

/// The suite's folder; `None` when it is missing, which CI does not allow.
fn folder() -> Option<PathBuf> {
    let folder = env::var_os("JSONATA_SUITE").map_or_else(
        || {
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            let shared = env::var_os("EXPRESSWAY_SHARED");
            shared.map_or_else(|| root.join("../shared"), PathBuf::from).join("jsonata-suite")
        },
        PathBuf::from,
    );
    if fs::exists(folder.join("groups")).unwrap_or_default() {
        return Some(folder);
    }
    let message = format!("skipped: no JSONata suite at {}\n", folder.display());
    assert!(env::var("CI").as_deref() != Ok("true"), "{message}");
    let _ = std::io::stderr().lock().write_all(message.as_bytes());
    None
}
