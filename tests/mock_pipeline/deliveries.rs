//! What the producer cannot hold, and what the broker refuses: nothing is lost, nothing repeated.

use std::collections::BTreeMap;

use expressway::ingest::{Counter, Counters, Error, Sink};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::cluster::Cluster;
use super::{
    PARTITIONS, Running, TOPICS, arns, options, produce, take_small_records_only, wait_for,
};

/// Records that ended, over all sinks: delivered, and given up.
fn ended(counters: &Counters) -> (u64, u64) {
    let sum = |of: fn(&Sink) -> &Counter| counters.sinks.iter().map(|sink| of(sink).get()).sum();
    (sum(|sink| &sink.delivered), sum(|sink| &sink.failed))
}

fn replaced(counters: &Counters) -> u64 {
    counters.sinks.iter().map(|sink| sink.replaced.get()).sum()
}
#[test]
fn an_output_over_the_producers_limit_becomes_a_failure_record() {
    let cluster = Cluster::new(TOPICS);
    let value = format!("\"{}\"", "x".repeat(50_000));
    cluster.produce("in", 0, Some(b"k"), Some(value.as_bytes()), &[("h", b"v")]);
    cluster.flush();
    let mut options = options(&cluster);
    options.failure_topic = "dead".into();
    take_small_records_only(&mut options);
    let running = Running::start(options);
    wait_for("it", || running.finished() == 1);
    let counters = running.handle.counters();
    assert!(running.stop().error.is_none());
    assert_eq!(replaced(&counters), 1);
    let failures = cluster.read("dead", 1, 1);
    let failure = &failures[0];
    assert_eq!(failure.key.as_deref(), Some(&b"k"[..]));
    assert_eq!(failure.header("h"), Some("v"));
    assert_eq!(failure.header("status"), Some("FAILED"));
    assert_eq!(failure.header("error"), Some("States.DataLimitExceeded"));
    assert!(failure.header("execution-arn").is_some());
    assert_eq!(failure.headers.iter().filter(|(name, _)| name == "status").count(), 1);
    assert_eq!(
        failure.text(),
        r#"{"error":"States.DataLimitExceeded","cause":"the topic refuses a result of 50002 bytes for its size"}"#
    );
    assert_eq!(cluster.read("bills", 2, 1).len(), 1);
    assert_eq!(cluster.committed("g", "in", PARTITIONS), BTreeMap::from([(0, 1)]));
}

#[test]
fn a_full_producer_queue_holds_up_and_loses_and_repeats_nothing() {
    let cluster = Cluster::new(TOPICS);
    for index in 0..2_000 {
        let value = format!("{{\"n\":{index},\"fail\":{}}}", index % 2 == 0);
        cluster.produce("in", index % PARTITIONS, None, Some(value.as_bytes()), &[("h", b"v")]);
    }
    cluster.flush();
    let mut options = options(&cluster);
    let setting = ("queue.buffering.max.messages".into(), "7".into());
    options.producer_settings.push(setting);
    let running = Running::start(options);
    wait_for("all", || running.finished() == 2_000);
    let counters = running.handle.counters();
    assert!(running.stop().error.is_none());
    assert!(counters.back_pressure_ns.get() > 0);
    let results = cluster.read("out", 2, 2_000);
    assert_eq!(arns(&results).len(), 2_000);
    for result in &results {
        let count = if result.header("error").is_some() { 7 } else { 6 };
        assert_eq!(result.headers.len(), count, "{result:?}");
        assert_eq!(result.header("h"), Some("v"));
    }
    assert_eq!(cluster.read("bills", 2, 2_000).len(), 2_000);
}

#[test]
fn a_batch_refused_for_its_size_goes_through_record_by_record() {
    let cluster = Cluster::new(TOPICS);
    produce(&cluster, 400);
    cluster.fail_requests(
        RDKafkaApiKey::Produce,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        1,
    );
    let running = Running::start(options(&cluster));
    wait_for("all", || running.finished() == 400);
    let counters = running.handle.counters();
    assert!(running.stop().error.is_none());
    assert!(counters.delivery_failed.get() > 0);
    let retried: u64 = counters.sinks.iter().map(|sink| sink.retried.get()).sum();
    assert_eq!(retried, counters.delivery_failed.get(), "each is sent again, once");
    assert_eq!(ended(&counters), (800, 0), "each is delivered in the end");
    assert_eq!(replaced(&counters), 0);
    assert_eq!(arns(&cluster.read("out", 2, 400)).len(), 400);
    assert_eq!(cluster.read("bills", 2, 400).len(), 400);
}

#[test]
fn a_delivery_that_fails_for_good_stops_the_source_and_commits_nothing_past_it() {
    let cluster = Cluster::new(TOPICS);
    produce(&cluster, 4);
    cluster.fail_requests(
        RDKafkaApiKey::Produce,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        1_000,
    );
    let running = Running::start(options(&cluster));
    wait_for("the end", || running.handle.is_finished());
    let counters = running.handle.counters();
    let report = running.stop();
    assert!(
        matches!(report.error, Some(Error::Delivery { .. } | Error::Producer(_))),
        "{:?}",
        report.error
    );
    assert_eq!(report.finished, 0);
    assert!(report.dropped > 0);
    let (delivered, failed) = ended(&counters);
    assert_eq!(delivered, 0);
    assert!((1..=8).contains(&failed), "{failed} ends of eight records");
    cluster.mock().clear_request_errors(RDKafkaApiKey::Produce);
    assert_eq!(cluster.committed("g", "in", PARTITIONS), BTreeMap::new());
}
