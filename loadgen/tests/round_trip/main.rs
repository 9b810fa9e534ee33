//! The load generator as a process against librdkafka's mock cluster, with a relay that plays the
//! service: a clean run passes, and every kind of misconduct is found, named and judged.

#![allow(clippy::unwrap_used)] // In tests a panic with a place is the report.

mod find_max;
mod group;
mod lines;
mod page;
mod relay;
mod scenarios;

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use serde_json::Value;

use relay::{Conduct, Relay};

const PARTITIONS: i32 = 3;
const DEADLINE: Duration = Duration::from_mins(1);

/// A mock broker with the five topics of a pipeline.
struct Stand {
    // Neither Send nor Sync: it stays on the thread of its test.
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Stand {
    fn new() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        for topic in ["events", "results", "failures", "billing", "dead-letters"] {
            cluster.create_topic(topic, PARTITIONS, 1).unwrap();
        }
        Self { cluster }
    }

    /// A command that does not mind a busy machine: what is shown here is not speed.
    fn command(&self, flags: &str) -> Command {
        self.command_on_time(&format!("--max-late 1 {flags}"))
    }

    fn command_on_time(&self, flags: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_expressway-loadgen"));
        command
            .arg("--brokers")
            .arg(self.cluster.bootstrap_servers())
            .args(["--topic", "events", "--result-topic", "results"])
            .args(["--failure-topic", "failures"])
            .args(["--billing-topic", "billing"])
            .args(["--dead-letter-topic", "dead-letters"])
            .args(flags.split_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the generator against a relay of this conduct; returns exit code and report.
    fn run(&self, conduct: fn(u64) -> Conduct, flags: &str) -> (i32, Value) {
        let _relay = Relay::start(&self.cluster.bootstrap_servers(), conduct);
        let output = finish(self.command(&format!("--json {flags}")).spawn().unwrap());
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("no report: {error}; stderr: {stderr}"));
        (output.status.code().unwrap(), report)
    }
}

/// Waits for the process within the deadline; ends it, and the test, beyond.
fn finish(mut child: Child) -> Output {
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > DEADLINE {
            child.kill().unwrap();
            panic!("the generator did not end within {DEADLINE:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    let builder = std::thread::Builder::new().name("drain".to_owned());
    let drained = builder.spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).unwrap();
        }
        bytes
    });
    drained.unwrap()
}

/// A path that no other test has, of this process or another.
fn own_path(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("{}-{number}-{name}", std::process::id()))
}

/// A file of this test, removed with it.
struct TestFile(PathBuf);

impl TestFile {
    fn new(name: &str, text: &str) -> Self {
        let path = own_path(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn right(_: u64) -> Conduct {
    Conduct::Right
}

/// Misconduct at exactly one event.
macro_rules! once {
    ($conduct:ident) => {
        |sequence| {
            if sequence == 17 { Conduct::$conduct } else { Conduct::Right }
        }
    };
}

const SHORT: &str = "--count 500 --rate 5000 --drain-timeout 3s";

#[test]
fn a_clean_run_passes_with_everything_accounted_for() {
    let payload = TestFile::new("echo.json", r#"{"n":{{sequence}},"p":"{{padding}}"}"#);
    let expect = TestFile::new("expect.json", r#"{ "p": "{{padding}}", "n": {{sequence}} }"#);
    let flags = format!(
        "--count 4000 --rate 8000 --warmup 100ms --poison-share 0.05 --payload-size 300 \
         --payload {} --expect {} --drain-timeout 20s",
        payload.0.display(),
        expect.0.display()
    );
    let (code, report) = Stand::new().run(right, &flags);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["format"], "expressway-loadgen/1");
    assert_eq!(report["verdict"], "pass");
    assert_eq!(report["events"]["sent"], 4_000);
    assert_eq!(report["events"]["requested_per_second"], 8_000.0);
    let outcomes = &report["outcomes"];
    for field in ["lost", "duplicated", "wrong", "reordered", "foreign", "offsets_skipped"] {
        assert_eq!(outcomes[field], 0, "{field}: {report:#}");
    }
    assert_eq!(outcomes["settled"], 4_000);
    let results = outcomes["results"].as_u64().unwrap();
    let poison = outcomes["dead_letters"].as_u64().unwrap();
    assert_eq!(results + poison, 4_000);
    assert!((100..300).contains(&poison), "{poison}");
    let billing = &report["billing"];
    assert_eq!(billing["matched"], results);
    assert_eq!((&billing["missing"], &billing["unmatched"]), (&0.into(), &0.into()));
    let latency = &report["latency_ms"];
    // 800 events are due in the warm-up, some of the rest are poison.
    assert!(latency["count"].as_u64().unwrap() <= 3_200);
    let percentiles: Vec<f64> = ["p50", "p90", "p99", "p999", "max"]
        .iter()
        .map(|name| latency[*name].as_f64().unwrap())
        .collect();
    assert!(percentiles[0] > 0.0 && percentiles.is_sorted(), "{percentiles:?}");
}

#[test]
fn a_dropped_event_is_lost_and_named() {
    let (code, report) = Stand::new().run(once!(Drop), SHORT);
    assert_eq!(code, 99, "{report:#}");
    assert_eq!(report["outcomes"]["lost"], 1);
    assert_eq!(report["outcomes"]["lost_first"], serde_json::json!([17]));
    assert_eq!(report["violations"][0], "lost: 1, at most 0 allowed");
}

#[test]
fn a_threshold_may_allow_what_happened() {
    let flags = format!("{SHORT} --max-lost 1");
    let (code, report) = Stand::new().run(once!(Drop), &flags);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["outcomes"]["lost"], 1);
}

#[test]
fn a_doubled_result_is_a_duplicate() {
    let (code, report) = Stand::new().run(once!(Double), SHORT);
    assert_eq!(code, 99, "{report:#}");
    assert_eq!(report["outcomes"]["duplicated"], 1);
    assert_eq!(report["outcomes"]["lost"], 0);
    assert_eq!(report["billing"]["matched"], 500);
}

#[test]
fn a_corrupted_result_is_wrong() {
    let payload = TestFile::new("corrupt.json", r#"{"n":{{sequence}}}"#);
    let file = payload.0.display();
    let flags = format!("{SHORT} --payload {file} --expect {file}");
    let (code, report) = Stand::new().run(once!(Corrupt), &flags);
    assert_eq!(code, 99, "{report:#}");
    assert_eq!(report["outcomes"]["wrong"], 1);
    assert_eq!(report["outcomes"]["wrong_by"]["value"], 1);
    assert_eq!(report["outcomes"]["lost"], 0);
}

#[test]
fn a_result_under_another_key_is_wrong() {
    let (code, report) = Stand::new().run(once!(Rekey), SHORT);
    assert_eq!(code, 99, "{report:#}");
    assert_eq!(report["outcomes"]["wrong_by"]["key"], 1);
}

#[test]
fn a_rejected_sound_event_is_wrong() {
    let (code, report) = Stand::new().run(once!(Reject), SHORT);
    assert_eq!(code, 99, "{report:#}");
    assert_eq!(report["outcomes"]["wrong_by"]["kind"], 1);
    assert_eq!(report["outcomes"]["lost"], 0);
}

#[test]
fn a_missing_bill_is_a_fault_of_bills_and_no_loss() {
    let (code, report) = Stand::new().run(once!(Unbilled), SHORT);
    assert_eq!(code, 99, "{report:#}");
    assert_eq!(report["outcomes"]["lost"], 0);
    assert_eq!(
        (&report["billing"]["missing"], &report["billing"]["faults"]),
        (&1.into(), &1.into())
    );
    assert_eq!(report["violations"], serde_json::json!(["bill faults: 1, at most 0 allowed"]));
    // What may be lost has nothing to do with it.
    let (code, report) = Stand::new().run(once!(Unbilled), &format!("{SHORT} --max-lost 500"));
    assert_eq!(code, 99, "{report:#}");
    let (code, report) = Stand::new().run(once!(Unbilled), &format!("{SHORT} --max-bill-faults 1"));
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["billing"]["faults"], 1);
}

#[test]
fn a_second_bill_is_a_fault_of_bills_and_no_duplicate() {
    let (code, report) = Stand::new().run(once!(BilledTwice), SHORT);
    assert_eq!(code, 99, "{report:#}");
    assert_eq!(report["billing"]["duplicated"], 1);
    assert_eq!(report["outcomes"]["duplicated"], 0);
    assert_eq!(report["violations"], serde_json::json!(["bill faults: 1, at most 0 allowed"]));
}

#[test]
fn bills_in_binary_mode_are_looked_into_too() {
    let (code, report) = Stand::new().run(|_| Conduct::BilledInBinary, SHORT);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["billing"]["matched"], 500);
    let (code, report) = Stand::new().run(|_| Conduct::BilledForAnother, SHORT);
    assert_eq!(code, 99, "{report:#}");
    // The first hundred, and then every hundredth.
    assert_eq!(report["outcomes"]["wrong_by"]["bill"], 104);
    assert_eq!(
        (&report["outcomes"]["wrong"], &report["billing"]["faults"]),
        (&0.into(), &104.into())
    );
}

#[test]
fn sums_for_bills_are_told_as_such_and_a_topic_without_bills_too() {
    let hints = |report: &Value| -> Vec<String> {
        let notes = report["notes"].as_array().unwrap();
        let notes = notes.iter().map(|note| note.as_str().unwrap().to_owned());
        notes.filter(|note| note.contains("billing_per")).collect()
    };
    let short = "--count 200 --rate 5000 --drain-timeout 1s";
    let summed = |sequence| match sequence {
        99 | 199 => Conduct::BilledInSums,
        _ => Conduct::Unbilled,
    };
    let (code, report) = Stand::new().run(summed, short);
    assert_eq!(code, 99, "{report:#}");
    let billing = &report["billing"];
    assert_eq!((&billing["sums"], &billing["missing"]), (&2.into(), &200.into()), "{report:#}");
    assert_eq!(report["outcomes"]["wrong_by"]["bill"], 0);
    let said = hints(&report);
    assert_eq!(said.len(), 1, "{report:#}");
    assert!(said[0].starts_with("2 of 2 bills on billing were seen to be sums"), "{said:?}");
    assert!(said[0].contains(r#"set billing_per = "execution""#), "{said:?}");

    let (code, report) = Stand::new().run(|_| Conduct::Unbilled, short);
    assert_eq!(code, 99, "{report:#}");
    let said = hints(&report);
    assert_eq!(said.len(), 1, "{report:#}");
    assert!(said[0].starts_with("no bill at all came on billing: "), "{said:?}");
    // One that is missing among others is just that.
    let (_, report) = Stand::new().run(once!(Unbilled), short);
    assert!(hints(&report).is_empty(), "{report:#}");
}

#[test]
fn failures_are_outcomes_and_judged_only_on_request() {
    let (code, report) = Stand::new().run(once!(Fail), SHORT);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["outcomes"]["failures"], 1);
    assert_eq!(report["outcomes"]["status"]["failed"], 1);
    let flags = format!("{SHORT} --max-failed 0");
    let (code, report) = Stand::new().run(once!(Fail), &flags);
    assert_eq!(code, 99, "{report:#}");
}

#[test]
fn a_latency_above_the_threshold_fails_the_run() {
    let flags = format!("{SHORT} --max-p99-ms 0.001");
    let (code, report) = Stand::new().run(right, &flags);
    assert_eq!(code, 99, "{report:#}");
    let violation = report["violations"][0].as_str().unwrap();
    assert!(violation.starts_with("p99: "), "{violation}");
}

#[test]
fn the_outstanding_limit_binds_and_is_confessed() {
    // Nothing comes back for the first events, so only ten can ever be open.
    let flags = "--count 100 --rate 1000 --drain-timeout 500ms --outstanding-max 10";
    let (code, report) = Stand::new().run(|_| Conduct::Drop, flags);
    assert_eq!(code, 99, "{report:#}");
    assert_eq!(report["events"]["sent"], 10);
    assert_eq!(report["events"]["unsent"], 90);
    assert_eq!(report["generator"]["held_back"], true);
    assert_eq!(report["outcomes"]["lost"], 10);
    let violations = report["violations"].to_string();
    assert!(violations.contains("not sent: 90 of 100 planned events"), "{violations}");
}

#[test]
fn a_run_that_did_not_send_its_load_fails_though_all_came_back() {
    // One at a time, each for as long as a round trip takes.
    let flags = "--rate 10k --duration 300ms --outstanding-max 1 --max-lost 3000";
    let (code, report) = Stand::new().run(right, flags);
    assert_eq!(code, 99, "{report:#}");
    assert_eq!((&report["verdict"], &report["outcomes"]["lost"]), (&"fail".into(), &0.into()));
    let violation = report["violations"][0].as_str().unwrap();
    assert!(violation.starts_with("not sent: "), "{violation}");
    let (code, report) = Stand::new().run(right, &format!("{flags} --max-unsent 3000"));
    assert_eq!(code, 0, "{report:#}");
    assert!(report["events"]["unsent"].as_u64().unwrap() > 0, "{report:#}");
}

#[test]
fn what_kafka_never_acknowledged_is_not_lost() {
    let stand = Stand::new();
    let _relay = Relay::start(&stand.cluster.bootstrap_servers(), right);
    let flags = "--json --rate 200 --duration 2s --drain-timeout 1s";
    let mut child = stand.command(flags).args(["--progress", "always"]).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut String::new()).unwrap();
    stand.cluster.broker_down(1).unwrap();
    let mut live = String::new();
    stderr.read_to_string(&mut live).unwrap();
    let output = finish(child);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(99), "{report:#}");
    let count = |part: &str, name: &str| report[part][name].as_u64().unwrap();
    let unacknowledged = count("events", "unacknowledged");
    assert!(unacknowledged >= 100, "{report:#}");
    // What was acknowledged before and not read again is lost as far as anyone can tell.
    assert!(count("outcomes", "lost") < 200, "{report:#}");
    let all = count("outcomes", "settled") + count("outcomes", "lost") + unacknowledged;
    assert!(all >= count("events", "sent"), "{report:#}");
    let violations = report["violations"].to_string();
    let expected = format!("unacknowledged events: {unacknowledged}, at most 0 allowed");
    assert!(violations.contains(&expected), "{violations}");
    assert!(live.contains("  unacknowledged "), "{live}");
}

#[test]
fn the_table_tells_people_the_same() {
    let stand = Stand::new();
    let _relay = Relay::start(&stand.cluster.bootstrap_servers(), right);
    let output = finish(stand.command(&format!("{SHORT} --progress never")).spawn().unwrap());
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{table}");
    for line in [
        "events      sent 500 of 500, undelivered 0, unacknowledged 0",
        "outcomes    on result topics 500, on the failure topic 0, dead letters 0",
        "by status   succeeded 500, failed 0, timed out 0, unstated 0",
        "checked     lost 0, duplicated 0, wrong 0,",
        "bills       matched 500, missing 0, duplicated 0, without result 0, malformed 0; faults 0",
        "verdict     pass",
    ] {
        assert!(table.contains(line), "{line:?} is not in\n{table}");
    }
    assert!(output.stderr.is_empty());
}

#[test]
fn a_signal_stops_sending_and_still_reports() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let stand = Stand::new();
        let _relay = Relay::start(&stand.cluster.bootstrap_servers(), right);
        let flags = "--json --rate 500 --duration 10m";
        let mut command = stand.command(flags);
        // Without a terminal that is a line a second.
        command.args(["--progress", "auto"]);
        let mut child = command.spawn().unwrap();
        // The first live line says that the run is under way.
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        assert!(line.contains("sent "), "{line}");
        let kill = format!("kill -{signal} {}", child.id());
        let killed = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(killed.success());
        let rest = drain(Some(stderr));
        let output = finish(child);
        rest.join().unwrap();
        assert_eq!(output.status.code(), Some(code));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["verdict"], "interrupted");
        assert_eq!(report["outcomes"]["lost"], 0, "{report:#}");
        assert_eq!(report["outcomes"]["settled"], report["events"]["sent"]);
        let seconds = report["stages"][0]["seconds"].as_f64().unwrap();
        assert!(seconds < 60.0, "as long as it lasted, not {seconds}");
        let requested = report["events"]["requested_per_second"].as_f64().unwrap();
        assert!((requested - 500.0).abs() < 1e-6, "{requested}");
        assert!(!report["violations"].to_string().contains("not sent"), "{report:#}");
    }
}

#[test]
fn an_unreachable_broker_ends_with_4_and_says_what_to_look_at() {
    // Port 1 on loopback is closed: nothing is ever reached.
    let mut command = Command::new(env!("CARGO_BIN_EXE_expressway-loadgen"));
    command
        .args("--brokers 127.0.0.1:1 --topic events --result-topic results".split(' '))
        .args("--count 1 --connect-timeout 500ms".split(' '))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = finish(command.spawn().unwrap());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("127.0.0.1:1"), "{stderr}");
}

#[test]
fn usage_errors_end_with_2_and_the_way_out() {
    let stand = Stand::new();
    let complaint = |flags: &str| {
        let output = finish(stand.command(flags).spawn().unwrap());
        assert_eq!(output.status.code(), Some(2), "{flags}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(complaint("").contains("--duration 30s"));
    assert!(complaint("--count 0").contains("--count"));
    assert!(complaint("--count 1 --payload /nowhere").contains("/nowhere"));
    assert!(complaint("--count 1 --expect /dev/null").contains("not JSON"));
    assert!(complaint("--count 1 -X no.such.setting=1").contains("-X"));
    let secret = complaint("--count 1 -X ssl.key.password=hush-hush");
    assert!(!secret.contains("hush-hush"), "{secret}");
    assert!(complaint("--count 1 --payload /nowhere --expect /nowhere").lines().count() == 1);
    assert!(complaint("--count 1 --poison-share 2").contains("between 0 and 1"));
}
