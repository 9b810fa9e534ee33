//! promtool's word on rules, alerts and queries.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use crate::files::{CASES, RULES};
use crate::{boards, root, rules};

#[test]
fn rules_pass_the_lint() {
    run(&["check", "rules", "--lint=all", "--lint-fatal", RULES]);
}

/// Each alert fires on what it is for, and is quiet on what it is not for.
#[test]
fn alerts_fire_when_they_should_and_only_then() {
    run(&["test", "rules", CASES]);
}

/// promtool has no command to parse a query alone; as a rule it does.
#[test]
fn every_query_of_every_board_parses() {
    let mut file = "groups:\n  - name: queries\n    rules:\n".to_owned();
    let mut count = 0;
    for board in boards::all() {
        for (query, _) in board.panels().flat_map(|panel| &panel.targets) {
            let query = query.replace("$__rate_interval", "10s");
            let query = serde_json::to_string(&query).unwrap();
            let _ = writeln!(file, "      - record: query:{count}\n        expr: {query}");
            count += 1;
        }
    }
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = directory.path().join("queries.yml");
    std::fs::write(&path, file.replace("query:", "query:n")).unwrap();
    run(&["check", "rules", "--lint=none", path.to_str().unwrap()]);
    assert!(count > 100, "only {count} queries");
}

#[test]
fn the_configuration_of_the_compose_set_up_is_valid() {
    // The rule file is mounted beside it in the container; here it is checked by itself.
    run(&["check", "config", "--syntax-only", "config/deploy/compose/prometheus.yml"]);
}

#[test]
fn every_alert_has_its_texts() {
    for alert in rules::alerts() {
        assert!(["critical", "warning", "info"].contains(&alert.severity), "{}", alert.name);
        for text in [alert.summary, alert.description, alert.meaning, alert.look, alert.fix] {
            assert!(!text.is_empty(), "{}", alert.name);
        }
    }
}

fn run(arguments: &[&str]) {
    let output = Command::new(promtool()).args(arguments).current_dir(root()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "promtool {arguments:?}:\n{}", String::from_utf8_lossy(&said));
}

/// Fetched when it is missing; see `.ci/prometheus`.
fn promtool() -> PathBuf {
    let output =
        Command::new(root().join(".ci/prometheus")).args(["path", "promtool"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().into()
}
