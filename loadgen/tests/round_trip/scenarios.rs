//! Scenario files carried out: stages, keys, fields, thresholds by stage, and the files of a run.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::relay::{Conduct, Relay};
use super::{Stand, TestFile, finish, own_path, right};

/// A folder of this test, removed with it.
pub(crate) struct TestFolder(pub(crate) PathBuf);

impl TestFolder {
    pub(crate) fn new(name: &str) -> Self {
        let path = own_path(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Two seconds of all there is; in the last stage a limit that nothing can keep.
pub(crate) const SCENARIO: &str = r#"
name = "all-shapes"
seed = 42
arrivals = "poisson"
warmup = "200ms"
drain_timeout = "20s"

[[stage]]
shape = "ramp"
name = "warm"
from = 0
to = "2k"
duration = "500ms"

[[stage]]
shape = "burst"
base = 500
peak = "5k"
every = "250ms"
length = "50ms"
duration = "500ms"

[[stage]]
shape = "sine"
mean = 1000
amplitude = 1000
period = "250ms"
duration = "500ms"

[[stage]]
shape = "step"
name = "up"
from = 500
to = 1500
steps = 2
duration = "500ms"
LIMITS

[keys]
distribution = "zipf"
count = 50

[payload]
size = { min = 100, max = 400 }
[payload.fields]
amount = { kind = "decimal", min = 0.0, max = 9.0 }
color = { kind = "choice", values = ["red", "blue"] }

[expect]
template = '{"amount": {{amount}}, "color": "{{color}}", "sequence": {{sequence}}, "padding": "{{padding}}"}'

[poison]
share = 0.05
kinds = ["truncated", "text", "binary"]
"#;

fn carry_out(limits: &str, conduct: fn(u64) -> Conduct, flags: &str) -> (i32, Value) {
    let file = TestFile::new("scenario.toml", &SCENARIO.replace("LIMITS", limits));
    Stand::new().run(conduct, &format!("--scenario {} {flags}", file.0.display()))
}

#[test]
fn every_shape_is_sent_and_checked_to_the_last_field() {
    let (code, report) = carry_out("", right, "");
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["scenario"]["name"], "all-shapes");
    assert_eq!(report["scenario"]["seed"], 42);
    let sent = report["events"]["sent"].as_u64().unwrap();
    // 500, 700, 500 and 500 are expected.
    assert!((1_950..2_450).contains(&sent), "{sent}");
    let outcomes = &report["outcomes"];
    for field in ["lost", "duplicated", "wrong", "reordered", "foreign"] {
        assert_eq!(outcomes[field], 0, "{field}: {report:#}");
    }
    assert!(outcomes["dead_letters"].as_u64().unwrap() > 30);
    let stages = report["stages"].as_array().unwrap();
    let names: Vec<&str> = stages.iter().map(|stage| stage["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["warm", "burst-2", "sine-3", "up 1/2", "up 2/2"]);
    let sum = |field: &str| stages.iter().map(|stage| stage[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("sent"), sent);
    assert_eq!(sum("settled"), sent);
    let measured: u64 =
        stages.iter().map(|stage| stage["latency_ms"]["count"].as_u64().unwrap()).sum();
    assert_eq!(report["latency_ms"]["count"], measured);
    assert!(measured < sum("results"), "the warm-up is left out");
}

#[test]
fn a_stage_is_judged_by_its_own_limits() {
    let limits = "thresholds = { p50_ms = 0.001, failed = 0 }";
    let (code, report) = carry_out(limits, right, "");
    assert_eq!(code, 99, "{report:#}");
    let violations = report["violations"].as_array().unwrap();
    assert_eq!(violations.len(), 2, "{violations:?}");
    assert!(violations[0].as_str().unwrap().starts_with("stage up 1/2: p50: "), "{violations:?}");
}

#[test]
fn what_is_lost_is_told_by_stage() {
    let (code, report) = carry_out(
        "",
        |sequence| if sequence == 3 { Conduct::Drop } else { Conduct::Right },
        "--poison-share 0 --drain-timeout 1s",
    );
    assert_eq!(code, 99, "{report:#}");
    assert_eq!(report["stages"][0]["lost"], 1);
    assert_eq!(report["outcomes"]["lost_first"], serde_json::json!([3]));
}

#[test]
fn the_same_seed_is_the_same_load_and_a_rate_replaces_the_stages() {
    let (_, first) = carry_out("", right, "--duration 500ms");
    let (_, second) = carry_out("", right, "--duration 500ms");
    let (_, other) = carry_out("", right, "--rate 1k --duration 500ms --arrivals uniform");
    let hash = |report: &Value| report["scenario"]["load_hash"].as_str().unwrap().to_owned();
    assert_eq!(hash(&first), hash(&second));
    assert_eq!(first["events"]["sent"], second["events"]["sent"]);
    assert_ne!(hash(&first), hash(&other));
    assert_eq!(other["events"]["sent"], 500);
    assert_eq!(other["stages"].as_array().unwrap().len(), 1);
}

#[test]
fn a_run_leaves_its_files() {
    let folder = TestFolder::new("artefacts");
    let flags = format!("--output {}", folder.0.display());
    let (code, report) = carry_out("", right, &flags);
    assert_eq!(code, 0, "{report:#}");

    let summary: Value = serde_json::from_str(&folder.read("summary.json")).unwrap();
    assert_eq!(summary, report);

    let timeline = folder.read("timeline.csv");
    let mut lines = timeline.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column = |name: &str| columns.iter().position(|column| *column == name).unwrap();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let sum = |name: &str| -> u64 {
        rows.iter().map(|row| row[column(name)].parse::<u64>().unwrap()).sum()
    };
    assert_eq!(sum("sent"), report["events"]["sent"].as_u64().unwrap());
    assert_eq!(sum("settled"), report["outcomes"]["settled"].as_u64().unwrap());
    assert_eq!(rows[0][column("stage")], "warm");
    assert_eq!(rows[0][column("warmup")], "1");
    assert_eq!(rows.last().unwrap()[column("open")], "0");

    let distribution = folder.read("latency.hgrm");
    let count = report["latency_ms"]["count"].as_u64().unwrap();
    let total = format!("Total count    = {count:>12}]");
    assert!(distribution.contains(&total), "{distribution}");
    assert!(folder.read("latency.hlog").contains("#[StartTime: "));

    // What was carried out can be carried out again.
    let again = folder.0.join("scenario.toml");
    let (code, repeated) = Stand::new().run(right, &format!("--scenario {}", again.display()));
    assert_eq!(code, 0, "{repeated:#}");
    assert_eq!(repeated["scenario"]["load_hash"], report["scenario"]["load_hash"]);
}

#[test]
fn a_generator_that_falls_behind_makes_the_run_invalid() {
    // Two thousand events a millisecond are more than any machine sends, and all of them fit into
    // the client's queue, so nothing but the generator is in the way.
    let stand = Stand::new();
    let _relay = Relay::start(&stand.cluster.bootstrap_servers(), right);
    let output = finish(
        stand.command_on_time("--json --rate 2M --count 40000 --max-late 0").spawn().unwrap(),
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["verdict"], "invalid", "{report:#}");
    assert_eq!(output.status.code(), Some(99));
    let violation = report["violations"][0].as_str().unwrap();
    assert!(violation.starts_with("invalid: the generator was late in"), "{violation}");
    assert_eq!(report["generator"]["late"], true);
}

#[test]
fn a_dry_run_says_what_would_be_sent_and_needs_no_broker() {
    let file = TestFile::new("dry.toml", &SCENARIO.replace("LIMITS", ""));
    let stand = Stand::new();
    let flags = format!("--dry-run --scenario {}", file.0.display());
    let output = finish(stand.command(&flags).spawn().unwrap());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("all-shapes") && text.contains("up 2/2"), "{text}");
    assert!(text.contains("500, 5000 for 0.05 s every 0.25 s"), "{text}");
}

#[test]
fn a_bad_scenario_ends_with_3_and_the_place() {
    let stand = Stand::new();
    let complaint = |text: &str| {
        let file = TestFile::new("bad.toml", text);
        let output =
            finish(stand.command(&format!("--scenario {}", file.0.display())).spawn().unwrap());
        assert_eq!(output.status.code(), Some(3), "{text}");
        String::from_utf8(output.stderr).unwrap()
    };
    let text = complaint("sede = 1\n");
    assert!(text.contains("bad.toml") && text.contains("did you mean `seed`"), "{text}");
    let text = complaint(
        "[[stage]]\nshape = \"sine\"\nmean = 1\namplitude = 2\nperiod = 1\nduration = 1\n",
    );
    assert!(text.contains("stage 1: amplitude is above the mean"), "{text}");
}

#[test]
fn the_committed_schemas_are_those_of_the_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for of in ["scenario", "summary"] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_expressway-loadgen"));
        let output = command.args(["--schema", of]).output().unwrap();
        let path = root.join(format!("config/loadgen/{of}.schema.json"));
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(
            committed == printed,
            "{} is not what `expressway-loadgen --schema {of}` prints",
            path.display()
        );
    }
}

#[test]
fn the_ready_scenarios_can_be_carried_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(root.join("config/loadgen")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_expressway-loadgen"));
        let output = command.args(["--dry-run", "--scenario"]).arg(&path).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{}: {complaint}", path.display());
        seen += 1;
    }
    assert!(seen >= 6, "{seen}");
}
