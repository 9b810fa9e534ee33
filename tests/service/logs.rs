//! What the service tells of its executions: the history on its topic, kept executions on the admin
//! port, the trace that goes on to tasks, and health with its reasons.

use std::collections::BTreeMap;
use std::time::Duration;

use expressway::task::echo::EchoServer;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::config::{Config, FAILURES, INPUT, RESULTS, TOPICS, directory, write};
use crate::instance::Instance;
use crate::support::within;

const HISTORY: &str = "history";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Waits long enough to be folded up, then calls; what is sent no endpoint fails.
const DEFINITION: &str = r#"{"StartAt": "Wait", "States": {
    "Wait": {"Type": "Wait", "Seconds": 2, "Next": "Call"},
    "Call": {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "End": true,
        "Parameters": {"ApiEndpoint.$": "$.endpoint", "Method": "GET"},
        "ResultSelector": {"headers.$": "$.ResponseBody.headers"}}}}"#;

fn body(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn an_execution_can_be_followed_from_its_event_to_its_calls() {
    let echo = EchoServer::start().unwrap();
    let cluster = Cluster::new(&[TOPICS, &[(HISTORY, 2)]].concat());
    let directory = directory();
    let definition = write(&directory, "call.asl.json", DEFINITION);
    let tables = format!(
        r#"
history_topic = "{HISTORY}"
[pipeline.logging]
level = "ALL"
include_execution_data = true
[traces]
per_million = 1000000
[task.http]
allow = ["{}"]
"#,
        echo.address()
    );
    let servers = cluster.servers();
    let mut config = Config::new(&servers, &definition);
    config.pipeline = &tables;
    let event = json!({"endpoint": format!("http://{}/", echo.address())}).to_string();
    let headers: &[(&str, &[u8])] = &[("traceparent", TRACEPARENT.as_bytes())];
    cluster.produce(INPUT, 0, Some(b"traced"), Some(event.as_bytes()), headers);
    cluster.produce(INPUT, 0, Some(b"plain"), Some(event.as_bytes()), &[]);
    cluster.produce(INPUT, 0, Some(b"fails"), Some(b"{}"), &[]);
    cluster.flush();
    let mut service = Instance::start(&config.text());
    service.wait_ready();
    let written = |result: &str| {
        let label = format!("result=\"{result}\"");
        service.metric("expressway_history_events_total", &label) as usize
    };
    within(Duration::from_secs(20), "all histories are written", || {
        (written("written") >= 9 + 9 + 5).then_some(())
    });

    let arn = assert_trace_goes_on(&cluster);
    let events = assert_history(&cluster, &arn, &event);
    assert_eq!([written("cut"), written("left_out"), written("refused")], [0, 0, 0]);
    assert_kept(&cluster, &service, &arn, &events);

    let ready = body(&service.get("/readyz?verbose").unwrap());
    let checks: Vec<_> =
        ready["checks"].as_array().unwrap().iter().map(|check| &check["name"]).collect();
    assert_eq!(checks, ["process", "shards", "sources", "loops", "brokers", "partitions"]);
    assert_eq!(ready["ok"], true);
}

/// The trace goes on to the task, over the time that the execution slept, and to the result.
/// Returns the ARN of the execution that has one.
fn assert_trace_goes_on(cluster: &Cluster) -> String {
    let results = cluster.read(RESULTS, 2, 2);
    let sent: BTreeMap<_, _> = results
        .iter()
        .map(|record| {
            let value: Value = serde_json::from_str(record.text()).unwrap();
            (record.key.clone().unwrap(), value["headers"]["traceparent"].clone())
        })
        .collect();
    assert_eq!(sent[&b"traced"[..]], TRACEPARENT);
    assert_eq!(sent[&b"plain"[..]], Value::Null);
    let traced = results.iter().find(|record| record.key.as_deref() == Some(b"traced")).unwrap();
    assert_eq!(traced.header("traceparent"), Some(TRACEPARENT));
    traced.header("execution-arn").unwrap().to_owned()
}

/// The history is all there, under the execution's ARN.
fn assert_history(cluster: &Cluster, arn: &str, input: &str) -> Vec<Value> {
    let events: Vec<Value> = cluster
        .read(HISTORY, 2, 9 + 9 + 5)
        .iter()
        .filter(|record| record.key.as_deref() == Some(arn.as_bytes()))
        .map(|record| serde_json::from_str(record.text()).unwrap())
        .collect();
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let expected = [
        "ExecutionStarted",
        "WaitStateEntered",
        "WaitStateExited",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(events[0]["details"]["input"], input);
    events
}

/// It is kept, and so is the one that failed, for that reason.
fn assert_kept(cluster: &Cluster, service: &Instance, arn: &str, events: &[Value]) {
    let list = body(&service.get("/api/v1/executions?state_machine=orders").unwrap());
    assert_eq!(list["executions"].as_array().unwrap().len(), 3);
    let failed = body(&service.get("/api/v1/executions?reason=error").unwrap());
    let failed = &failed["executions"][0];
    let failure = &cluster.read(FAILURES, 1, 1)[0];
    assert_eq!(failed["executionArn"], failure.header("execution-arn").unwrap());
    assert_eq!((&failed["status"], &failed["error"]), (&json!("FAILED"), &json!("States.Runtime")));
    let kept = body(&service.get(&format!("/api/v1/executions/{arn}")).unwrap());
    assert_eq!(kept["events"], json!(events));
    assert_eq!(kept["output"]["headers"]["traceparent"], TRACEPARENT);
}

#[test]
fn a_service_without_brokers_is_not_ready_and_says_so_until_one_is_back() {
    let cluster = Cluster::new(TOPICS);
    let directory = directory();
    let text = r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#;
    let definition = write(&directory, "a.asl.json", text);
    let servers = cluster.servers();
    let mut service = Instance::start(&Config::new(&servers, &definition).text());
    service.wait_ready();
    cluster.mock().broker_down(1).unwrap();
    let answer = within(Duration::from_secs(30), "it notices", || {
        let answer = service.get("/readyz").unwrap();
        answer.starts_with("HTTP/1.1 503").then_some(answer)
    });
    assert!(answer.contains("brokers: no broker answers the source of orders"), "{answer}");
    assert_eq!(service.status("/livez").unwrap(), 200, "a restart would not help");
    cluster.mock().broker_up(1).unwrap();
    service.wait_ready();
}
