//! Good and bad events from end to end: each has exactly one outcome, and the counters agree.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde_json::Value;

use crate::cluster::{Cluster, Record};
use crate::config::{
    BILLS, Config, DEAD_LETTERS, FAILURES, GROUP, INPUT, PARTITIONS, RESULTS, TOPICS, shipped,
};
use crate::events::{self, Event, Fate};
use crate::instance::Instance;
use crate::support::within;

#[test]
fn every_event_has_exactly_one_outcome() {
    let cluster = Cluster::new(TOPICS);
    let events = events::all();
    send(&cluster, &events);
    let mut service =
        Instance::start(&Config::new(&cluster.servers(), &shipped("pass-choice.asl.json")).text());
    service.wait_ready();
    assert_eq!(service.status("/livez").unwrap(), 200);
    let expected = Expected::of(&events);
    within(LIMIT, "everything is delivered and nothing is left to read", || {
        let delivered = service.metric("expressway_sink_records_total", "delivered");
        let lag = service.metric("expressway_source_lag_records", "");
        let partitions = service.metric("expressway_source_partitions_assigned", "");
        (delivered >= expected.delivered() && lag < 1.0 && partitions as i32 == PARTITIONS)
            .then_some(())
    });

    let assigned = service.logged("partitions assigned");
    assert_eq!(assigned[0]["pipeline"], "orders");
    let names = (0..PARTITIONS).fold(INPUT.to_owned(), |names, number| format!("{names} {number}"));
    assert_eq!(assigned[0]["partitions"], names.as_str(), "{assigned:?}");

    let outcomes = Outcomes::read(&cluster, &expected);
    outcomes.assert_match(&events);
    let bills = read_bills(&cluster, expected.succeeded + expected.failed);
    assert_eq!(bills.keys().collect::<BTreeSet<_>>(), outcomes.arns().iter().collect());
    assert_metrics(&service, &expected, &bills);

    service.signal("TERM");
    assert_eq!(service.wait_exit(LIMIT).code(), Some(0));
    let committed = cluster.committed(GROUP, INPUT, PARTITIONS);
    let end = events.len() as i64 / i64::from(PARTITIONS);
    assert_eq!(committed, (0..PARTITIONS).map(|partition| (partition, end)).collect());
}

fn send(cluster: &Cluster, events: &[Event]) {
    for (number, event) in events.iter().enumerate() {
        let headers: Vec<_> =
            event.headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        let key = Some(event.key.as_bytes());
        cluster.produce(INPUT, number as i32 % PARTITIONS, key, event.value.as_deref(), &headers);
    }
    cluster.flush();
}

/// How many events end in which way.
#[derive(Default)]
struct Expected {
    succeeded: usize,
    failed: usize,
    skipped: usize,
    dead: BTreeMap<&'static str, usize>,
}

impl Expected {
    fn of(events: &[Event]) -> Self {
        let mut expected = Self::default();
        for event in events {
            match &event.fate {
                Fate::Succeeds(_) => expected.succeeded += 1,
                Fate::Fails(_) => expected.failed += 1,
                Fate::IsSkipped => expected.skipped += 1,
                Fate::IsDead(class) => *expected.dead.entry(class).or_default() += 1,
            }
        }
        expected
    }

    fn dead(&self) -> usize {
        self.dead.values().sum()
    }

    /// Records written: an execution has a result and a bill.
    fn delivered(&self) -> f64 {
        (2 * (self.succeeded + self.failed) + self.dead()) as f64
    }
}

/// The records of the three topics where an event can end, by key.
struct Outcomes {
    by_key: HashMap<Vec<u8>, (&'static str, Record)>,
}

impl Outcomes {
    fn read(cluster: &Cluster, expected: &Expected) -> Self {
        let mut by_key = HashMap::new();
        for (topic, partitions, count) in [
            (RESULTS, 2, expected.succeeded),
            (FAILURES, 1, expected.failed),
            (DEAD_LETTERS, 1, expected.dead()),
        ] {
            let records = cluster.read(topic, partitions, count);
            assert_eq!(records.len(), count, "{topic}");
            for record in records {
                let doubled = by_key.insert(record.key.clone().unwrap(), (topic, record));
                assert!(doubled.is_none(), "two outcomes: {doubled:?}");
            }
        }
        Self { by_key }
    }

    fn assert_match(&self, events: &[Event]) {
        for (number, event) in events.iter().enumerate() {
            let outcome = self.by_key.get(event.key.as_bytes());
            if event.fate == Fate::IsSkipped {
                assert!(outcome.is_none(), "{outcome:?}");
                continue;
            }
            let (topic, record) = outcome.unwrap();
            let kept = record.headers.iter().take(event.headers.len());
            let kept: Vec<_> = kept.map(|(name, value)| (name.as_str(), value.clone())).collect();
            assert_eq!(kept, event.headers, "{}", event.key);
            match &event.fate {
                Fate::Succeeds(value) => {
                    assert_eq!((*topic, record.text()), (RESULTS, value.as_str()));
                    assert_eq!(record.header("status"), Some("SUCCEEDED"));
                    assert_named(record, number, event);
                }
                Fate::Fails(value) => {
                    assert_eq!((*topic, record.text()), (FAILURES, *value));
                    assert_eq!(record.header("status"), Some("FAILED"));
                    assert_eq!(record.header("error"), Some("Order.Rejected"));
                    assert_named(record, number, event);
                }
                Fate::IsDead(class) => {
                    assert_eq!(*topic, DEAD_LETTERS);
                    assert_eq!(record.value, event.value, "{}", event.key);
                    assert_dead_letter(record, number, class);
                }
                Fate::IsSkipped => {}
            }
        }
    }

    /// Ids of all executions.
    fn arns(&self) -> BTreeSet<String> {
        let executions = self.by_key.values().filter(|(topic, _)| *topic != DEAD_LETTERS);
        executions.map(|(_, record)| record.header("execution-arn").unwrap().to_owned()).collect()
    }
}

fn assert_named(record: &Record, number: usize, event: &Event) {
    let given = event.headers.iter().find(|(name, _)| *name == "execution-name");
    let name = match given {
        Some((_, name)) => String::from_utf8(name.clone()).unwrap(),
        None => format!("{INPUT}-{}-{}", partition_of(number), offset_of(number)),
    };
    let arn = record.header("execution-arn").unwrap();
    let prefix = format!("arn:aws:states:us-east-1:000000000000:express:orders:{name}:");
    assert!(arn.starts_with(&prefix), "{arn} is not {prefix}…");
}

fn assert_dead_letter(record: &Record, number: usize, class: &str) {
    let place = [
        ("dlq.topic", INPUT.to_owned()),
        ("dlq.partition", partition_of(number).to_string()),
        ("dlq.offset", offset_of(number).to_string()),
        ("dlq.timestamp", "1767225600000".to_owned()),
        ("dlq.class", class.to_owned()),
        ("dlq.pipeline", "orders".to_owned()),
    ];
    for (name, value) in place {
        assert_eq!(record.header(name), Some(value.as_str()), "{name} of event {number}");
    }
    assert_ne!(record.header("dlq.cause").unwrap(), "");
    assert_eq!(record.header("execution-arn"), None, "it never was an execution");
}

fn partition_of(number: usize) -> usize {
    number % PARTITIONS as usize
}

fn offset_of(number: usize) -> usize {
    number / PARTITIONS as usize
}

/// The bills by id, each of which must be there once.
fn read_bills(cluster: &Cluster, count: usize) -> BTreeMap<String, Value> {
    let records = cluster.read(BILLS, 2, count);
    assert_eq!(records.len(), count);
    let bills: BTreeMap<_, _> = records
        .iter()
        .map(|record| {
            let bill: Value = serde_json::from_str(record.text()).unwrap();
            let id = bill["id"].as_str().unwrap().to_owned();
            assert_eq!(record.key.as_deref(), Some(id.as_bytes()));
            (id, bill)
        })
        .collect();
    assert_eq!(bills.len(), count, "an execution has two bills");
    bills
}

fn assert_metrics(service: &Instance, expected: &Expected, bills: &BTreeMap<String, Value>) {
    let metric = |family: &str, label: &str| {
        service.metric(&format!("expressway_{family}"), label).round() as usize
    };
    let executions = expected.succeeded + expected.failed;
    let loaded = metric("state_machines_loaded", "");
    assert_eq!(metric("definition_compile_duration_seconds_count", ""), loaded);
    assert!(
        loaded > 0
            && service.metric("expressway_definition_compile_duration_seconds_sum", "") > 0.0
    );
    assert_eq!(metric("source_records_total", ""), events::COUNT);
    assert_eq!(metric("source_records_skipped_total", "tombstone"), expected.skipped);
    assert_eq!(metric("executions_started_total", ""), executions);
    assert_eq!(metric("executions_finished_total", "succeeded"), expected.succeeded);
    assert_eq!(metric("executions_finished_total", "\"failed\""), expected.failed);
    assert_eq!(metric("executions_finished_total", ""), executions);
    assert_eq!(metric("executions_open", ""), 0);
    for (class, count) in &expected.dead {
        assert_eq!(metric("dead_letter_records_total", class), *count, "{class}");
    }
    assert_eq!(metric("dead_letter_records_total", ""), expected.dead());
    assert_eq!(metric("source_records_rejected_total", ""), expected.dead());
    let too_large = expected.dead.get("too-large").copied().unwrap_or(0);
    assert_eq!(metric("source_records_rejected_total", "too_large"), too_large);
    assert_eq!(metric("execution_input_bytes_count", ""), executions);
    assert_eq!(metric("execution_arena_bytes_count", ""), executions);
    // Nothing is tried again here, and nothing is inside a state any more.
    let entered = metric("states_entered_total", "");
    assert_eq!(entered, metric("state_transitions_total", ""));
    assert_eq!(entered, metric("states_exited_total", ""));
    let choices = metric("states_entered_total", "type=\"Choice\"");
    assert!(choices >= executions && choices == metric("choice_branches_total", ""));
    // Two instructions for each state at least: one to enter it, one to leave it.
    assert!(metric("vm_instructions_total", "") >= 2 * entered);
    assert_eq!(metric("sink_retries_total", ""), 0);
    // At most ten a second on each shard.
    assert!((1..=expected.failed).contains(&metric("traces_sampled_total", "error")));
    let delivered = 2 * executions + expected.dead();
    assert_eq!(metric("sink_records_total", "delivered"), delivered);
    assert_eq!(metric("sink_records_total", "\"failed\""), 0);
    // Between a few hundred events and the first question there was nothing to do.
    assert!(service.metric("expressway_shard_parked_seconds_total", "") > 0.0);

    let sum = |of: &dyn Fn(&Value) -> u64| bills.values().map(|bill| of(&bill["data"])).sum();
    let billed = |data: &Value| data["billed_duration_ms"].as_u64().unwrap();
    let memory = |data: &Value| data["billed_memory_mb"].as_u64().unwrap();
    let milliseconds: u64 = sum(&billed);
    let product: u64 = sum(&|data| billed(data) * memory(data));
    let seconds = service.metric("expressway_execution_billed_duration_seconds_total", "");
    assert_eq!((seconds * 1e3).round() as u64, milliseconds);
    assert_eq!(metric("execution_billed_mb_milliseconds_total", "") as u64, product);
}

/// Seconds on a quiet machine.
const LIMIT: Duration = Duration::from_secs(30);
