//! Wait and HTTP task through the service: the shipped definition against an echo server.

use std::time::Duration;

use expressway::task::echo::EchoServer;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Record};
use crate::config::{BILLS, Config, FAILURES, INPUT, RESULTS, TOPICS, directory, shipped, write};
use crate::instance::Instance;
use crate::support::within;

#[test]
fn a_wait_and_a_call_bring_back_what_the_server_said() {
    let echo = EchoServer::start().unwrap();
    let cluster = Cluster::new(TOPICS);
    let allow = format!("[task.http]\nallow = [\"{}\"]", echo.address());
    let (servers, definition) = (cluster.servers(), shipped("wait-call.asl.json"));
    let mut config = Config::new(&servers, &definition);
    config.pipeline = &allow;
    for number in 0..EVENTS {
        let path = if number == REFUSED { "?status=503" } else { "" };
        // Another name of the same server, which is not on the list.
        let host = if number == FORBIDDEN { "localhost" } else { "127.0.0.1" };
        let event = json!({
            "order": {"id": number},
            "pauseSeconds": number % 2,
            "endpoint": format!("http://{host}:{}/orders{path}", echo.address().port()),
        });
        let key = number.to_string();
        cluster.produce(INPUT, 0, Some(key.as_bytes()), Some(event.to_string().as_bytes()), &[]);
    }
    cluster.flush();
    let service = run(&config.text(), 2 * EVENTS);

    let results = cluster.read(RESULTS, 2, EVENTS - 2);
    assert_eq!(results.len(), EVENTS - 2);
    for record in &results {
        let result: Value = serde_json::from_str(record.text()).unwrap();
        assert_eq!(result["answer"]["status"], 200);
        assert_eq!(result["answer"]["echoed"], json!({"order": result["order"]}));
        assert_eq!(result["order"]["id"].to_string().as_bytes(), record.key.as_deref().unwrap());
    }
    let failures = cluster.read(FAILURES, 1, 2);
    assert_eq!(failures.len(), 2);
    let failure = |number: usize| {
        let key = number.to_string().into_bytes();
        failures.iter().find(|record| record.key.as_ref() == Some(&key)).unwrap()
    };
    assert_failed(failure(REFUSED), "States.Http.StatusCode.503", "503");
    let cause = format!("'localhost:{}' is not allowed", echo.address().port());
    assert_failed(failure(FORBIDDEN), "States.Permissions", &cause);
    assert_bills(&cluster, &[&results[..], &failures[..]].concat());

    // What is not allowed never becomes an attempt.
    let tasks = |family: &str, label: &str| {
        service.metric(&format!("expressway_tasks_{family}"), label) as usize
    };
    assert_eq!(tasks("scheduled_total", ""), EVENTS - 1);
    assert_eq!(tasks("finished_total", "status=\"succeeded\""), EVENTS - 2);
    assert_eq!(tasks("finished_total", "status=\"failed\""), 1);
    assert_eq!(tasks("in_flight", ""), 0);
    // The connections are kept for other calls.
    assert_eq!(service.metric("expressway_task_connections", "active") as usize, 0);
    assert!(service.metric("expressway_task_connections", "idle") as usize > 0);
    let delays = service.metric("expressway_shard_timer_delay_seconds_count", "") as usize;
    assert!(delays > 0, "half of the events wait for a second");
}

#[test]
fn a_machine_that_takes_too_long_is_timed_out_and_billed() {
    let cluster = Cluster::new(TOPICS);
    let directory = directory();
    let text = r#"{"StartAt": "Wait", "TimeoutSeconds": 1, "States": {
        "Wait": {"Type": "Wait", "Seconds": 60, "End": true}
    }}"#;
    let definition = write(&directory, "late.asl.json", text);
    cluster.produce(INPUT, 0, Some(b"k"), Some(b"{}"), &[("h", b"v")]);
    cluster.flush();
    let _service = run(&Config::new(&cluster.servers(), &definition).text(), 2);
    let failures = cluster.read(FAILURES, 1, 1);
    assert_eq!(failures.len(), 1);
    let failure = &failures[0];
    assert_eq!(failure.header("status"), Some("TIMED_OUT"));
    assert_eq!((failure.key.as_deref(), failure.header("h")), (Some(&b"k"[..]), Some("v")));
    assert_eq!(failure.text(), r#"{"error":"States.Timeout"}"#);
    assert_bills(&cluster, &failures);
    let bill: Value = serde_json::from_str(cluster.read(BILLS, 2, 1)[0].text()).unwrap();
    let billed_ms = bill["data"]["billed_duration_ms"].as_u64().unwrap();
    assert!((1_000..10_000).contains(&billed_ms), "{bill}");
    assert!(cluster.read(RESULTS, 2, 0).is_empty());
}

/// Starts the service and waits until it has written that many records.
fn run(config: &str, records: usize) -> Instance {
    let mut service = Instance::start(config);
    service.wait_ready();
    within(Duration::from_secs(20), "all outcomes are delivered", || {
        let delivered = service.metric("expressway_sink_records_total", "delivered");
        (delivered as usize >= records).then_some(())
    });
    service
}

fn assert_failed(record: &Record, error: &str, cause: &str) {
    assert_eq!((record.header("status"), record.header("error")), (Some("FAILED"), Some(error)));
    let value: Value = serde_json::from_str(record.text()).unwrap();
    assert_eq!(value["error"], error);
    assert!(value["cause"].as_str().unwrap().contains(cause), "{value}");
}

/// Each outcome has one bill, with its status.
fn assert_bills(cluster: &Cluster, outcomes: &[Record]) {
    let bills = cluster.read(BILLS, 2, outcomes.len());
    let mut billed: Vec<_> = bills
        .iter()
        .map(|record| {
            let bill: Value = serde_json::from_str(record.text()).unwrap();
            (bill["id"].as_str().unwrap().to_owned(), bill["data"]["status"].clone())
        })
        .collect();
    let header = |record: &Record, name| record.header(name).unwrap().to_owned();
    let mut ended: Vec<_> = outcomes
        .iter()
        .map(|record| (header(record, "execution-arn"), header(record, "status").into()))
        .collect();
    billed.sort_by(|one, other| one.0.cmp(&other.0));
    ended.sort_by(|one: &(String, Value), other| one.0.cmp(&other.0));
    assert_eq!(billed, ended);
}

const EVENTS: usize = 20;
/// The event that the server answers with an error.
const REFUSED: usize = 3;
/// The event that names a host that is not on the list.
const FORBIDDEN: usize = 6;
