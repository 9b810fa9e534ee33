//! What is generated and committed, as text.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::rules::{self, Alert, Case, THRESHOLDS};
use crate::{boards, families};

/// Path below the repository, and content.
pub(crate) fn all() -> Vec<(PathBuf, String)> {
    let mut files: Vec<(PathBuf, String)> = boards::all()
        .iter()
        .map(|board| {
            let text = serde_json::to_string_pretty(&board.json()).unwrap();
            (PathBuf::from(format!("dashboards/grafana/{}.json", board.uid)), text + "\n")
        })
        .collect();
    files.push((RULES.into(), rule_file()));
    files.push((CASES.into(), case_file()));
    files.push(("dashboards/runbook.md".into(), runbook()));
    files.push((families::PATH.into(), families::page(GENERATED)));
    files
}

pub(crate) const RULES: &str = "dashboards/prometheus/expressway.rules.yml";
pub(crate) const CASES: &str = "dashboards/prometheus/expressway.test.yml";
const GENERATED: &str = "Written by tests/dashboards; change it there, then run: make dashboards";

fn rule_file() -> String {
    let mut out = format!("# {GENERATED}\n#\n# Thresholds:\n");
    for (name, value) in THRESHOLDS {
        let _ = writeln!(out, "#   {name}: {value}");
    }
    out.push_str("groups:\n  - name: expressway-recorded\n    rules:\n");
    for rule in rules::recorded() {
        let _ = writeln!(out, "      # {}", rule.about);
        let _ =
            writeln!(out, "      - record: {}\n        expr: {}", rule.name, quoted(&rule.expr));
    }
    out.push_str("  - name: expressway-alerts\n    rules:\n");
    for alert in rules::alerts() {
        let _ = writeln!(out, "      - alert: {}", alert.name);
        let _ = writeln!(out, "        expr: {}", quoted(&alert.expr));
        let _ = writeln!(out, "        for: {}", alert.wait);
        let _ = writeln!(out, "        labels:\n          severity: {}", alert.severity);
        let _ = writeln!(out, "        annotations:");
        let _ = writeln!(out, "          summary: {}", quoted(alert.summary));
        let _ = writeln!(out, "          description: {}", quoted(alert.description));
        let anchor = alert.name.to_lowercase();
        let _ = writeln!(out, "          runbook_url: \"dashboards/runbook.md#{anchor}\"");
    }
    out
}

/// For `promtool test rules`: each alert once with what makes it fire, once with what must not.
fn case_file() -> String {
    let mut out = format!(
        "# {GENERATED}\nrule_files:\n  - expressway.rules.yml\nevaluation_interval: 1m\ntests:\n"
    );
    for alert in rules::alerts() {
        case(&mut out, &alert, &alert.fires, "fires", "1");
        case(&mut out, &alert, &alert.quiet, "quiet", "0");
    }
    out
}

fn case(out: &mut String, alert: &Alert, case: &Case, name: &str, expected: &str) {
    let _ = writeln!(out, "  - name: {} {name}\n    interval: 1m\n    input_series:", alert.name);
    for (series, values) in case.series {
        let _ = writeln!(out, "      - series: {}", quoted(series));
        let _ = writeln!(out, "        values: {}", quoted(values));
    }
    let firing =
        format!("count(ALERTS{{alertname=\"{}\",alertstate=\"firing\"}}) or vector(0)", alert.name);
    let _ = writeln!(out, "    promql_expr_test:\n      - expr: {}", quoted(&firing));
    let _ = writeln!(out, "        eval_time: {}", case.at);
    let _ = writeln!(
        out,
        "        exp_samples:\n          - labels: \"{{}}\"\n            value: {expected}"
    );
}

fn runbook() -> String {
    let mut out = format!(
        "<!-- {GENERATED} -->\n\n# Runbook\n\nOne heading per alert of \
         `prometheus/expressway.rules.yml`: what it means, where to look first, what mends it.\n\
         `critical` wakes somebody, `warning` is a ticket, `info` is for the next look at the boards.\n"
    );
    for alert in rules::alerts() {
        let Alert { name, severity, meaning, look, fix, expr, wait, .. } = alert;
        let _ = write!(
            out,
            "\n## {name}\n\n`{severity}`, after {wait}: `{expr}`\n\n\
             **Meaning.** {meaning}\n\n**First look.** {look}\n\n**Fix.** {fix}\n"
        );
    }
    out
}

/// A double-quoted YAML string; JSON's are a subset.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}
