//! SIGTERM and Ctrl-C with executions open: what can end in time ends, the rest runs again.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use expressway::ingest::IdentityPrefix;
use rdkafka::producer::{BaseProducer, Producer};
use serde_json::Value;

use crate::cluster::{Cluster, Record};
use crate::config::{
    BILLS, Config, FAILURES, INPUT, PARTITIONS, RESULTS, TOPICS, directory, shipped, write,
};
use crate::instance::Instance;
use crate::support::{topics, within};

/// Events of each partition that end while the service drains; they come first, so that what was
/// committed is exactly what has ended.
const SHORT: i64 = 10;
/// Events of each partition that do not.
const LONG: i64 = 5;
const SHORT_TOTAL: usize = (SHORT * PARTITIONS as i64) as usize;
const LONG_TOTAL: usize = (LONG * PARTITIONS as i64) as usize;

#[test]
fn what_does_not_end_in_time_runs_again_under_its_id() {
    let cluster = Cluster::new(TOPICS);
    let servers = cluster.servers();
    send(&cluster);
    let directory = directory();
    let wait = write(&directory, "orders.asl.json", WAIT);

    let mut first = start(&servers, &wait, "drain_timeout = \"3s\"");
    wait_for_started(&first, SHORT_TOTAL + LONG_TOTAL);
    let began = Instant::now();
    first.signal("TERM");
    within(Duration::from_secs(2), "not ready while it drains", || {
        first.status("/readyz").is_ok_and(|status| status == 503).then_some(())
    });
    assert_eq!(first.status("/livez").unwrap(), 200, "draining is no reason to be killed");
    assert_eq!(first.wait_exit(STOP_LIMIT).code(), Some(0));
    assert!(began.elapsed() >= Duration::from_secs(3), "{:?}", began.elapsed());
    assert_dropped(&first, LONG_TOTAL);
    let short = ids(&servers, 0..SHORT);
    assert_eq!(read(&cluster, SHORT_TOTAL), short);

    // The same definition: exactly what was dropped is open again.
    let mut second = start(&servers, &wait, "drain_timeout = \"0s\"");
    wait_for_started(&second, LONG_TOTAL);
    assert_eq!(second.metric("expressway_source_records_total", "") as usize, LONG_TOTAL);
    second.signal("INT");
    assert_eq!(second.wait_exit(STOP_LIMIT).code(), Some(130));
    assert_dropped(&second, LONG_TOTAL);
    assert_eq!(read(&cluster, SHORT_TOTAL), short, "it has ended nothing");

    // A definition without the wait under the same name: the ids show.
    let mut third = start(&servers, &shipped("passthrough.asl.json"), "");
    let all = ids(&servers, 0..SHORT + LONG);
    within(STEP_LIMIT, "the dropped ones have ended", || {
        let delivered = third.metric("expressway_sink_records_total", "delivered");
        (delivered as usize >= 2 * LONG_TOTAL).then_some(())
    });
    third.signal("TERM");
    assert_eq!(third.wait_exit(STOP_LIMIT).code(), Some(0));
    assert_dropped(&third, 0);
    assert_eq!(read(&cluster, all.len()), all);
    assert!(cluster.read(FAILURES, 1, 0).is_empty());
}

const WAIT: &str = r#"{"StartAt": "Wait", "States": {
    "Wait": {"Type": "Wait", "SecondsPath": "$.seconds", "End": true}
}}"#;

fn send(cluster: &Cluster) {
    for partition in 0..PARTITIONS {
        for offset in 0..SHORT + LONG {
            let seconds = if offset < SHORT { 1 } else { 60 };
            let value = format!("{{\"seconds\":{seconds}}}");
            cluster.produce(INPUT, partition, None, Some(value.as_bytes()), &[]);
        }
    }
    cluster.flush();
}

fn start(servers: &str, definition: &Path, top: &str) -> Instance {
    let mut config = Config::new(servers, definition);
    config.top = top;
    let mut service = Instance::start(&config.text());
    service.wait_ready();
    service
}

fn wait_for_started(service: &Instance, count: usize) {
    within(STEP_LIMIT, "all have started", || {
        let started = service.metric("expressway_executions_started_total", "");
        (started as usize >= count).then_some(())
    });
    let started = service.metric("expressway_executions_started_total", "");
    assert_eq!(started as usize, count);
}

fn assert_dropped(service: &Instance, count: usize) {
    let ends = service.logged("service has stopped");
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0]["dropped"], count, "{}", ends[0]);
    let warnings = service.logged(DROPPED);
    let dropped: Vec<_> = warnings.iter().map(|line| line["dropped"].clone()).collect();
    let expected = if count > 0 { vec![Value::from(count)] } else { vec![] };
    assert_eq!(dropped, expected);
}

/// Ids of all results so far, each of which has its bill and is there once.
fn read(cluster: &Cluster, count: usize) -> BTreeSet<String> {
    let of_results = cluster.read(RESULTS, 2, count);
    let arn = |record: &Record| record.header("execution-arn").unwrap().to_owned();
    let results: BTreeSet<_> = of_results.iter().map(arn).collect();
    assert_eq!((of_results.len(), results.len()), (count, count), "a result is doubled");
    let of_bills = cluster.read(BILLS, 2, count);
    let key = |record: &Record| String::from_utf8(record.key.clone().unwrap()).unwrap();
    let bills: BTreeSet<_> = of_bills.iter().map(key).collect();
    assert_eq!((of_bills.len(), &bills), (count, &results), "a bill is doubled or missing");
    results
}

/// What the ids of these offsets of every partition must be, by where the events stand.
fn ids(servers: &str, offsets: std::ops::Range<i64>) -> BTreeSet<String> {
    let client: BaseProducer = topics::config(servers).create().unwrap();
    let cluster_id = client.client().fetch_cluster_id(STEP_LIMIT).unwrap();
    let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:orders";
    (0..PARTITIONS)
        .flat_map(|partition| {
            let prefix =
                IdentityPrefix::new(&cluster_id, "orders", machine, INPUT, partition);
            offsets.clone().map(move |offset| {
                let suffix = prefix.suffix(offset, TIMESTAMP_MS, b"");
                format!(
                    "arn:aws:states:us-east-1:000000000000:express:orders:{INPUT}-{partition}-{offset}:{suffix}"
                )
            })
        })
        .collect()
}

const DROPPED: &str = "executions dropped uncommitted; their next owner runs them again";
/// The time that the cluster's producer gives every record.
const TIMESTAMP_MS: i64 = 1_767_225_600_000;
const STEP_LIMIT: Duration = Duration::from_secs(20);
/// The drain timeout of 3 s, and what a flush, a last commit and a farewell take.
const STOP_LIMIT: Duration = Duration::from_secs(6);
