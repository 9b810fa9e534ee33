//! Histories on their topic, as lines, and what happens when the topic does not take them.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use expressway::ingest::{EVENTS_LEFT_OUT_HEADER, Error, HistorySink, Lines, Options};
use serde_json::{Value, json};

use super::cluster::{Cluster, Record};
use super::{
    PARTITIONS, Running, TOPICS, arns, options, produce, take_small_records_only, wait_for,
};

fn with_topic(cluster: &Cluster) -> Options {
    Options { history: HistorySink::Topic("history".into()), ..options(cluster) }
}

/// Ids of the log events by execution, in the order in which they came.
fn ids_by_execution(records: &[Record]) -> HashMap<String, Vec<String>> {
    let mut ids: HashMap<String, Vec<String>> = HashMap::new();
    for record in records {
        let event: Value = serde_json::from_str(record.text()).unwrap();
        let arn = event["execution_arn"].as_str().unwrap();
        assert_eq!(record.key.as_deref(), Some(arn.as_bytes()));
        ids.entry(arn.to_owned()).or_default().push(event["id"].as_str().unwrap().to_owned());
    }
    ids
}

#[test]
fn every_execution_has_its_events_in_order_under_its_arn() {
    let cluster = Cluster::new(TOPICS);
    produce(&cluster, 2_000);
    let running = Running::start(with_topic(&cluster));
    wait_for("all records", || running.finished() == 2_000);
    let counters = running.handle.counters();
    assert!(running.stop().error.is_none());
    assert_eq!(counters.history_events.get(), 4_000);
    assert_eq!(counters.delivered.get(), 8_000);
    let ids = ids_by_execution(&cluster.read("history", 2, 4_000));
    assert_eq!(ids.len(), 2_000);
    assert!(ids.values().all(|ids| ids == &["1", "2"]));
    let results = arns(&cluster.read("out", 2, 2_000));
    assert!(results.keys().all(|arn| ids.contains_key(arn)), "the same executions");
}

#[test]
fn without_a_sink_no_event_is_written() {
    let cluster = Cluster::new(TOPICS);
    produce(&cluster, 4);
    let running = Running::start(options(&cluster));
    wait_for("all records", || running.finished() == 4);
    let counters = running.handle.counters();
    assert!(running.stop().error.is_none());
    assert_eq!((counters.history_events.get(), counters.produced.get()), (0, 8));
}

#[test]
fn a_full_queue_holds_up_the_history_and_loses_and_repeats_nothing() {
    let cluster = Cluster::new(TOPICS);
    produce(&cluster, 800);
    let mut options = with_topic(&cluster);
    options.producer_settings.push(("queue.buffering.max.messages".into(), "5".into()));
    let running = Running::start(options);
    wait_for("all records", || running.finished() == 800);
    assert!(running.stop().error.is_none());
    let ids = ids_by_execution(&cluster.read("history", 2, 1_600));
    assert!(ids.len() == 800 && ids.values().all(|ids| ids == &["1", "2"]));
}

#[test]
fn an_event_over_the_limit_of_its_topic_is_written_without_its_data() {
    let cluster = Cluster::new(TOPICS);
    let value = format!("\"{}\"", "x".repeat(50_000));
    cluster.produce("in", 0, Some(b"k"), Some(value.as_bytes()), &[]);
    cluster.flush();
    let mut options = with_topic(&cluster);
    take_small_records_only(&mut options);
    let running = Running::start(options);
    wait_for("it", || running.finished() == 1);
    let counters = running.handle.counters();
    assert!(running.stop().error.is_none());
    assert_eq!((counters.history_cut.get(), counters.history_refused.get()), (1, 0));
    assert!(counters.sinks.iter().all(|sink| sink.failed.get() == 0), "all went through at last");
    let records = cluster.read("history", 2, 2);
    let events: Vec<Value> =
        records.iter().map(|record| serde_json::from_str(record.text()).unwrap()).collect();
    let started = events.iter().find(|event| event["id"] == "1").unwrap();
    assert_eq!(started["details"], json!({"input": "", "inputDetails": {"truncated": true}}));
    let ended = events.iter().find(|event| event["id"] == "2").unwrap();
    assert_eq!(ended["details"], json!({"output": "1", "outputDetails": {"truncated": false}}));
}

#[test]
fn the_last_event_says_how_many_found_no_room() {
    let cluster = Cluster::new(TOPICS);
    cluster.produce("in", 0, None, Some(b"{\"leave_out\":true}"), &[]);
    cluster.flush();
    let running = Running::start(with_topic(&cluster));
    wait_for("it", || running.finished() == 1);
    assert_eq!(running.handle.counters().history_left_out.get(), 1);
    assert!(running.stop().error.is_none());
    let said = |record: &Record| record.header(EVENTS_LEFT_OUT_HEADER).map(str::to_owned);
    let said: Vec<_> = cluster.read("history", 2, 2).iter().map(said).collect();
    assert_eq!(said, [None, Some("1".to_owned())]);
}

#[derive(Debug, Default)]
struct Sheet(Mutex<String>);

impl Lines for Sheet {
    fn write(&self, text: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().push_str(std::str::from_utf8(text).unwrap());
        Ok(())
    }
}

#[test]
fn lines_are_whole_and_those_of_an_execution_stand_together() {
    let cluster = Cluster::new(TOPICS);
    produce(&cluster, 400);
    let sheet = Arc::new(Sheet::default());
    let lines = Arc::clone(&sheet) as Arc<dyn Lines>;
    let running =
        Running::start(Options { history: HistorySink::Lines(lines), ..options(&cluster) });
    wait_for("all records", || running.finished() == 400);
    assert!(running.stop().error.is_none());
    let text = sheet.0.lock().unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 800);
    for pair in events.chunks(2) {
        assert_eq!((&pair[0]["id"], &pair[1]["id"]), (&json!("1"), &json!("2")));
        assert_eq!(pair[0]["execution_arn"], pair[1]["execution_arn"]);
    }
}

#[derive(Debug)]
struct Closed;

impl Lines for Closed {
    fn write(&self, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn a_reader_that_is_gone_stops_the_source_and_nothing_is_committed() {
    let cluster = Cluster::new(TOPICS);
    produce(&cluster, 4);
    let history = HistorySink::Lines(Arc::new(Closed));
    let running = Running::start(Options { history, ..options(&cluster) });
    wait_for("the end", || running.handle.is_finished());
    let report = running.stop();
    assert!(matches!(report.error, Some(Error::History(_))), "{:?}", report.error);
    assert!(cluster.committed("g", "in", PARTITIONS).values().all(|offset| *offset <= 0));
}
