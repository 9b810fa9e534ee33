//! The group under test is watched: its lag, and committed offsets that go backwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;

use super::{Stand, right};

/// Runs the generator while `offset` says what the group commits for partition 0, call by call.
fn watched(offset: fn(i64) -> i64, flags: &str) -> (i32, Value) {
    let stand = Stand::new();
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", stand.cluster.bootstrap_servers())
        .set("group.id", "service")
        .create()
        .unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let builder = std::thread::Builder::new().name("committer".to_owned());
    let committer = builder
        .spawn(move || {
            let mut calls = 0;
            while !stopped.load(Ordering::Relaxed) {
                let mut offsets = TopicPartitionList::new();
                let next = Offset::Offset(offset(calls));
                offsets.add_partition_offset("events", 0, next).unwrap();
                // The first may come before the broker knows the group; the next will not.
                let _ = consumer.commit(&offsets, CommitMode::Sync);
                calls += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
        })
        .unwrap();
    let flags = format!("--group service --rate 500 --duration 2s {flags}");
    let found = stand.run(right, &flags);
    stop.store(true, Ordering::Relaxed);
    committer.join().unwrap();
    found
}

#[test]
fn offsets_that_go_backwards_fail_the_run() {
    let (code, report) = watched(|call| 1_000_000 - call, "");
    assert_eq!(code, 99, "{report:#}");
    let regressions = report["group"]["regressions"].as_u64().unwrap();
    assert!(regressions > 0, "{report:#}");
    let violation = report["violations"][0].as_str().unwrap();
    assert!(violation.starts_with("committed offsets gone backwards: "), "{violation}");
}

#[test]
fn offsets_that_only_rise_are_fine_and_the_lag_is_told() {
    let (code, report) = watched(|call| call, "");
    assert_eq!(code, 0, "{report:#}");
    let group = &report["group"];
    assert_eq!((&group["name"], &group["regressions"]), (&"service".into(), &0.into()));
    assert!(group["samples"].as_u64().unwrap() >= 2, "{group:#}");
    // A thousand events, of which the group has committed a hundred or so on one partition.
    let lag = group["lag_max"].as_u64().unwrap();
    assert!((500..=1_000).contains(&lag), "{group:#}");
}
