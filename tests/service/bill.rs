//! What the service has written to its billing topic, billed: in both modes of CloudEvents, each
//! execution once.

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::{Cluster, Record};
use crate::config::{BILLS, Config, GROUP, INPUT, PARTITIONS, TOPICS, directory, shipped, write};
use crate::instance::Instance;
use crate::support::within;

#[test]
fn a_topic_of_whole_events_is_billed() {
    let records = bill_of_a_run("structured");
    let first = &records[0];
    assert_eq!(first.header("content-type"), Some("application/cloudevents+json"));
    let event: Value = serde_json::from_str(first.text()).unwrap();
    assert_record(&event["data"]);
}

#[test]
fn a_topic_of_attributes_in_headers_is_billed_the_same() {
    let records = bill_of_a_run("binary");
    let first = &records[0];
    let id = std::str::from_utf8(first.key.as_deref().unwrap()).unwrap();
    for (name, value) in [
        ("content-type", "application/json"),
        ("ce_specversion", "1.0"),
        ("ce_type", "express.execution.billed.v1"),
        ("ce_source", "//states/us-east-1/000000000000"),
        ("ce_subject", "000000000000"),
        ("ce_id", id),
    ] {
        assert_eq!(first.header(name), Some(value), "{name}");
    }
    assert!(first.header("ce_time").is_some_and(|time| time.ends_with('Z')));
    assert_record(&serde_json::from_str(first.text()).unwrap());
}

#[test]
fn sums_of_a_minute_are_billed_the_same_and_committed_when_they_are_written() {
    let cluster = Cluster::new(TOPICS);
    send_events(&cluster);
    run_in_sums(&cluster, "structured", &[], "");
    let committed = cluster.committed(GROUP, INPUT, PARTITIONS);
    let end = EVENTS as i64 / i64::from(PARTITIONS);
    assert_eq!(committed, (0..PARTITIONS).map(|partition| (partition, end)).collect());
    // Each partition has one range, unless a minute ended meanwhile.
    let records = cluster.read(BILLS, 2, PARTITIONS as usize);
    assert!((4..=8).contains(&records.len()), "{} records", records.len());
    assert_eq!(topic_id(&records).len(), 22, "a UUID in base64");
    assert_billed_in_sums(&cluster, 0);
}

#[test]
fn where_topics_have_no_ids_sums_carry_that_of_the_cluster() {
    let cluster = Cluster::new(TOPICS);
    cluster.forget_topic_ids();
    send_events(&cluster);
    let classic = ("[kafka]", "[kafka]\ngroup_protocol = \"classic\"");
    run_in_sums(&cluster, "structured", &[classic], "");
    let records = cluster.read(BILLS, 2, PARTITIONS as usize);
    assert!(topic_id(&records).starts_with("mockCluster"), "{}", topic_id(&records));
    assert_billed_in_sums(&cluster, 0);
}

/// The id of the topic that all sums are about; it is in their own ids too.
fn topic_id(records: &[Record]) -> String {
    let events = records.iter().map(|record| serde_json::from_str::<Value>(record.text()).unwrap());
    let mut ids: Vec<String> = events
        .map(|event| {
            let topic_id = event["data"]["topic_id"].as_str().unwrap().to_owned();
            let within = format!("/{INPUT}/{topic_id}/");
            assert!(event["id"].as_str().unwrap().contains(&within), "{event}");
            topic_id
        })
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    ids.remove(0)
}

#[test]
fn ranges_that_ran_again_and_were_cut_elsewhere_are_billed_once() {
    let cluster = Cluster::new(TOPICS);
    send_events(&cluster);
    run_in_sums(&cluster, "structured", &[], "");
    let written = cluster.read(BILLS, 2, PARTITIONS as usize).len();
    // A group of its own finds nothing committed, as after a crash.
    let often = "[limits]\nuncommitted_per_partition = 4";
    let group = ("group = \"g\"", "group = \"another\"");
    run_in_sums(&cluster, "binary", &[group], often);
    let records = cluster.read(BILLS, 2, 2 * PARTITIONS as usize);
    assert!(records.len() > written + PARTITIONS as usize, "{} records", records.len());
    let binary = records.iter().find(|record| record.header("ce_id").is_some()).unwrap();
    assert_eq!(binary.header("ce_type"), Some("express.executions.billed.v1"));
    assert_eq!(binary.header("ce_source"), Some("//states/us-east-1/000000000000"));
    assert_billed_in_sums(&cluster, BILLED);
}

/// Runs all events with sums for bills, up to a stop in order, under a configuration with `changes`.
fn run_in_sums(cluster: &Cluster, mode: &str, changes: &[(&str, &str)], top: &str) {
    let (servers, definition) = (cluster.servers(), shipped("pass-choice.asl.json"));
    let mut config = Config::new(&servers, &definition);
    let lines = format!("billing_mode = \"{mode}\"\nbilling_per = \"minute\"");
    (config.pipeline, config.top) = (&lines, top);
    let text = changes.iter().fold(config.text(), |text, (old, new)| text.replace(old, new));
    let mut service = Instance::start(&text);
    service.wait_ready();
    within(LIMIT, "all events have run", || {
        let finished = service.metric("expressway_executions_finished_total", "");
        let dead = service.metric("expressway_dead_letter_records_total", "");
        let open = service.metric("expressway_executions_open", "");
        (finished as usize == BILLED && dead as usize == 1 && open < 1.0).then_some(())
    });
    // A stop writes what is open, then commits.
    service.signal("TERM");
    assert_eq!(service.wait_exit(LIMIT).code(), Some(0));
}

fn assert_billed_in_sums(cluster: &Cluster, repeated: usize) {
    let bill = bill(&["--topic", BILLS, "--brokers", &cluster.servers(), "--json"]);
    assert_eq!(bill.status.code(), Some(0), "{}", String::from_utf8_lossy(&bill.stderr));
    let document: Value = serde_json::from_slice(&bill.stdout).unwrap();
    assert_eq!(document["requests"], BILLED);
    assert_eq!(document["billed_duration_ms"], 100 * BILLED);
    let records = &document["records"];
    assert_eq!((&records["billed"], &records["repeated"]), (&json!(BILLED), &json!(repeated)));
}

fn send_events(cluster: &Cluster) {
    let input = std::fs::read_to_string(shipped("pass-choice.input.json")).unwrap();
    for number in 0..EVENTS {
        // A null value is skipped and what is no JSON is refused: neither is billed.
        let value: Option<&[u8]> = match number {
            3 => None,
            4 => Some(b"nope"),
            _ => Some(input.as_bytes()),
        };
        cluster.produce(INPUT, number as i32 % PARTITIONS, Some(b"k"), value, &[]);
    }
    cluster.flush();
}

/// Runs events, bills the topic twice over, and returns its records.
fn bill_of_a_run(mode: &str) -> Vec<Record> {
    let cluster = Cluster::new(TOPICS);
    send_events(&cluster);
    let (servers, definition) = (cluster.servers(), shipped("pass-choice.asl.json"));
    let mut config = Config::new(&servers, &definition);
    let lines = format!("billing_mode = \"{mode}\"\nversion = \"7\"\ntags = {{ team = \"t\" }}");
    config.pipeline = &lines;
    let mut service = Instance::start(&config.text());
    service.wait_ready();
    within(LIMIT, "all bills are delivered", || {
        let delivered = service.metric("expressway_sink_records_total", "delivered");
        (delivered as usize >= DELIVERED).then_some(())
    });
    let records = cluster.read(BILLS, 2, BILLED);
    assert_eq!(records.len(), BILLED);
    // As after a crash: one execution ran again, and its bill is another.
    let again = &records[0];
    let headers: Vec<(&str, &[u8])> =
        again.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    for partition in [0, 1] {
        cluster.produce(BILLS, partition, again.key.as_deref(), again.value.as_deref(), &headers);
    }
    cluster.flush();

    let bill = bill(&["--topic", BILLS, "--brokers", &servers, "--tag", "team", "--json"]);
    assert_eq!(bill.status.code(), Some(0), "{}", String::from_utf8_lossy(&bill.stderr));
    let document: Value = serde_json::from_slice(&bill.stdout).unwrap();
    let read = json!({"read": BILLED + 2, "repeated": 2, "outside": 0, "billed": BILLED,
        "refused": 0, "foreign": 0});
    assert_eq!(document["records"], read);
    assert_eq!(document["requests"], BILLED);
    assert_eq!(document["billed_duration_ms"], 100 * BILLED);
    let line = &document["statements"][0]["lines"][0];
    assert_eq!((&line["machine"], &line["tags"]), (&json!("orders"), &json!({"team": "t"})));

    // The configuration names brokers and topics too.
    let directory = directory();
    let file = write(&directory, "expressway.toml", &config.text());
    let by_config = self::bill(&["--json", "--tag", "team", "--config", file.to_str().unwrap()]);
    assert_eq!(by_config.stdout, bill.stdout);
    records
}

fn assert_record(data: &Value) {
    assert_eq!(data["requests"], 1);
    assert_eq!((&data["billed_duration_ms"], &data["billed_memory_mb"]), (&json!(100), &json!(64)));
    assert_eq!((&data["mb_milliseconds"], &data["gb_seconds"]), (&json!(6_400), &json!("0.00625")));
    assert_eq!((&data["status"], &data["version"]), (&json!("SUCCEEDED"), &json!("7")));
    assert_eq!(data["revision"].as_str().map(str::len), Some(36));
    assert_eq!((&data["pipeline"], &data["topic"]), (&json!("orders"), &json!(INPUT)));
    assert!(data["partition"].is_u64() && data["offset"].is_u64());
    assert!(data["transitions"].as_u64() > Some(1));
}

#[test]
fn a_topic_or_a_broker_that_is_not_there_is_named() {
    let cluster = Cluster::new(TOPICS);
    let missing = bill(&["--topic", "no-bills", "--brokers", &cluster.servers()]);
    assert_eq!(missing.status.code(), Some(3));
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(
        said.contains("topic `no-bills` does not exist") && said.contains("check --topic"),
        "{said}"
    );

    let away = bill(&["--topic", BILLS, "--brokers", "127.0.0.1:1", "--timeout", "1"]);
    assert_eq!(away.status.code(), Some(4));
    let said = String::from_utf8_lossy(&away.stderr).into_owned();
    assert!(said.contains("no Kafka broker at `127.0.0.1:1` answered within 1s"), "{said}");

    let empty = bill(&["--topic", BILLS, "--brokers", &cluster.servers(), "--json"]);
    assert_eq!(empty.status.code(), Some(0));
    let document: Value = serde_json::from_slice(&empty.stdout).unwrap();
    assert_eq!((&document["requests"], &document["total"]), (&json!(0), &json!("0")));
}

fn bill(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_expressway")).arg("bill").args(arguments).output().unwrap()
}

const EVENTS: usize = 400;
/// Less one that is skipped and one that is refused.
const BILLED: usize = EVENTS - 2;
/// A result and a bill each, and one dead letter.
const DELIVERED: usize = 2 * BILLED + 1;
const LIMIT: Duration = Duration::from_secs(20);
