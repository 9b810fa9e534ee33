//! The books against a real Apache Kafka, through a SIGKILL: every input offset is an execution, a
//! refusal or skipped; every execution has a bill; `expressway bill` is the sum of these bills, to
//! the request and the millisecond. With sums in place of records the same holds for the request.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};
use tempfile::TempDir;

use support::broker::Broker;
use support::process::{Service, tell};
use support::{free_ports, topics, within};

#[test]
fn the_bill_is_the_sum_of_what_ran_through_a_kill() {
    let (broker, ends) = run_through_a_kill("execution");
    let books = Books::read(broker.bootstrap());
    books.assert_every_offset_is_accounted_for(&ends);
    tell(&format!(
        "{EVENT_COUNT} offsets: {} executions in {} bills, {} refused, {} skipped",
        books.bills.len(),
        books.bill_records,
        books.dead.len(),
        ends.iter().sum::<i64>() as usize - books.bills.len() - books.dead.len(),
    ));
    assert!(books.bill_records > books.bills.len(), "the kill repeated nothing: it was no test");
    for extra in [&["--memory", "1"][..], &["--memory", "256"]] {
        books.assert_bill(&bill(broker.bootstrap(), extra));
    }
}

#[test]
fn sums_of_a_minute_are_as_exact_through_a_kill() {
    let (broker, _) = run_through_a_kill("minute");
    let document = bill(broker.bootstrap(), &[]);
    let count = |wanted: &[Kind]| {
        (0..EVENT_COUNT).filter(|number| wanted.contains(&Kind::of(*number))).count() as u64
    };
    let executions = count(&[Kind::Passes, Kind::Waits, Kind::Fails]);
    let records = &document["records"];
    tell(&format!("{EVENT_COUNT} offsets: {executions} executions, in sums: {records}"));
    assert_eq!((&records["billed"], &records["refused"]), (&json!(executions), &json!(0)));
    assert_eq!(document["requests"], executions);
    assert_eq!(document["transitions"], 2 * executions, "two states each");
    let lines = document["statements"].as_array().expect("statements");
    let lines = lines.iter().flat_map(|one| one["lines"].as_array().expect("lines"));
    let failed: u64 = lines.filter_map(|line| line["not_succeeded"].as_u64()).sum();
    assert_eq!(failed, count(&[Kind::Fails]));
    // What waits a second is billed that, or somewhat more; all else is one step.
    let waits = count(&[Kind::Waits]);
    let billed_ms = document["billed_duration_ms"].as_u64().expect("a whole number");
    let least_ms = 100 * (executions - waits) + 1_000 * waits;
    assert!((least_ms..=least_ms + 60_000 * waits).contains(&billed_ms), "{billed_ms} ms");
    assert_eq!(document["mb_milliseconds"], (64 * billed_ms).to_string());
}

/// A topic that is deleted and created again begins at offset 0 again: its ranges are no repetitions
/// of those of the former one.
#[test]
fn every_life_of_a_topic_is_billed() {
    lives_of_a_topic("consumer", &[300, 180, 240]);
}

/// The same in a group whose coordinator does not tell topics of one name apart.
#[test]
fn every_life_of_a_topic_is_billed_in_a_classic_group() {
    lives_of_a_topic("classic", &[300, 180]);
}

/// Runs so many events in each life of the input topic, which ends while no service runs.
fn lives_of_a_topic(group_protocol: &str, lives: &[u64]) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let broker = Broker::start();
    broker.create_topics(&[(RESULTS, 1), (BILLING, 1), (DEAD_LETTERS, 1)]);
    let directory = TempDir::with_prefix_in("billing-", env!("CARGO_TARGET_TMPDIR"))
        .expect("a temporary folder below target/");
    std::fs::write(directory.path().join(DEFINITION_FILE), DEFINITION).expect("a definition");
    let start = || {
        let mut service = start_in(&broker, &directory, "minute", group_protocol);
        service.wait_ready(READY_LIMIT);
        service
    };
    let mut ran = 0;
    for events in lives {
        broker.create_topics(&[(INPUT, 1)]);
        let mut service = start();
        ran += run_in_full(broker.bootstrap(), *events, ran);
        service.terminate();
        assert_eq!(service.wait_exit(STOP_LIMIT).code(), Some(0));
        topics::delete(broker.bootstrap(), INPUT);
    }
    let document = bill(broker.bootstrap(), &[]);
    let records = &document["records"];
    tell(&format!("{ran} executions in the lives of a topic: {records}"));
    assert_eq!((&records["billed"], &records["repeated"]), (&json!(ran), &json!(0)));
    let mut ids = BTreeSet::new();
    read_to_the_end(broker.bootstrap(), BILLING, 1, |message| {
        let value = message.payload().expect("a value");
        let event: Value = serde_json::from_slice(value).expect("JSON");
        let id = event["data"]["topic_id"].as_str().expect("an id").to_owned();
        assert!(event["id"].as_str().is_some_and(|whole| whole.contains(&id)), "{event}");
        ids.insert(id);
    });
    assert_eq!(ids.len(), lives.len(), "{ids:?}");
}

/// Sends events and waits for the results of all of them, beside those of `before`.
fn run_in_full(bootstrap: &str, events: u64, before: u64) -> u64 {
    let producer: BaseProducer = topics::config(bootstrap).create().expect("a client");
    for number in 0..events {
        let value = format!("{{\"number\":{number}}}");
        let record: BaseRecord<'_, str, str> = BaseRecord::to(INPUT).partition(0).payload(&value);
        producer.send(record).map_err(|(error, _)| error).expect("room in the queue");
    }
    producer.flush(STEP_LIMIT).expect("the broker acknowledges in time");
    let client = topics::client(bootstrap);
    within(STEP_LIMIT, "every event has a result", || {
        (client.end_offsets(RESULTS, 1) == [(before + events) as i64]).then_some(())
    });
    events
}

/// Runs all events, with a SIGKILL and a rebalance in between; returns the end of each input partition.
fn run_through_a_kill(billing_per: &str) -> (Broker, Vec<i64>) {
    // Two brokers on two cores would only time each other out.
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let broker = Broker::start();
    broker.create_topics(&[
        (INPUT, PARTITIONS),
        (RESULTS, PARTITIONS),
        (BILLING, PARTITIONS),
        (DEAD_LETTERS, 1),
    ]);
    let directory = TempDir::with_prefix_in("billing-", env!("CARGO_TARGET_TMPDIR"))
        .expect("a temporary folder below target/");
    std::fs::write(directory.path().join(DEFINITION_FILE), DEFINITION).expect("a definition");
    let mut service = start(&broker, &directory, billing_per);
    service.wait_ready(READY_LIMIT);
    let mut events = Events::start(broker.bootstrap());
    within(STEP_LIMIT, "a quarter has run", || {
        let finished = service.metric("expressway_executions_finished_total");
        (finished > EVENT_COUNT as f64 / 4.0).then_some(())
    });
    service.kill();

    // Comes back, and gives half of its partitions to another one, while events flow.
    let mut services = Vec::new();
    for _ in 0..2 {
        let mut service = start(&broker, &directory, billing_per);
        service.wait_ready(READY_LIMIT);
        services.push(service);
    }
    events.finish();
    let client = topics::client_of_group(broker.bootstrap(), GROUP);
    let ends = client.end_offsets(INPUT, PARTITIONS);
    within(STEP_LIMIT, "every event has been read and none is open", || {
        let sum = |family: &str| services.iter().map(|one| one.metric(family)).sum::<f64>();
        let open = sum("expressway_executions_open");
        // Behind what is finished, committed or not.
        let lag = sum("expressway_source_lag_records");
        let reached = client.committed_offsets(INPUT, PARTITIONS);
        let near = reached.iter().zip(&ends).all(|(reached, end)| end - reached <= UNBILLED_MAX);
        (open < 1.0 && lag < 1.0 && near).then_some(())
    });
    for service in &mut services {
        service.terminate();
        assert_eq!(service.wait_exit(STOP_LIMIT).code(), Some(0));
    }
    assert_eq!(client.committed_offsets(INPUT, PARTITIONS), ends, "a stop bills and commits all");
    (broker, ends)
}

/// The bill of the topic.
fn bill(bootstrap: &str, extra: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_expressway"))
        .args(["bill", "--json", "--tag", "team", "--topic", BILLING, "--brokers", bootstrap])
        .args(extra)
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

/// What one execution was billed by its first record.
#[derive(Clone, Copy)]
struct Billed {
    ms: u64,
    mb: u64,
    transitions: u64,
    succeeded: bool,
}

/// What the output topics hold.
#[derive(Default)]
struct Books {
    /// By execution ARN.
    bills: BTreeMap<String, Billed>,
    /// Input partition and offset of each of them.
    ran: BTreeSet<(u64, u64)>,
    bill_records: usize,
    /// Input partition and offset of what was refused.
    dead: BTreeSet<(u64, u64)>,
}

impl Books {
    fn read(bootstrap: &str) -> Self {
        let mut books = Self::default();
        read_to_the_end(bootstrap, BILLING, PARTITIONS, |message| books.note_bill(message));
        read_to_the_end(bootstrap, DEAD_LETTERS, 1, |message| {
            books.dead.insert((header(message, "dlq.partition"), header(message, "dlq.offset")));
        });
        books
    }

    fn note_bill(&mut self, message: &BorrowedMessage<'_>) {
        let event: Value =
            serde_json::from_slice(message.payload().expect("a value")).expect("JSON");
        let data = &event["data"];
        let number = |field: &str| data[field].as_u64().expect("a whole number");
        let id = event["id"].as_str().expect("an id");
        assert_eq!(message.key(), Some(id.as_bytes()));
        self.bill_records += 1;
        self.ran.insert((number("partition"), number("offset")));
        self.bills.entry(id.to_owned()).or_insert(Billed {
            ms: number("billed_duration_ms"),
            mb: number("billed_memory_mb"),
            transitions: number("transitions"),
            succeeded: data["status"] == "SUCCEEDED",
        });
    }

    /// Executions, refusals and null values are all offsets there are, and no two are one.
    fn assert_every_offset_is_accounted_for(&self, ends: &[i64]) {
        let mut skipped = BTreeSet::new();
        for number in 0..EVENT_COUNT {
            if Kind::of(number) == Kind::Null {
                skipped.insert(place(number));
            }
        }
        assert_eq!(self.bills.len(), self.ran.len(), "an execution per offset");
        assert!(self.ran.is_disjoint(&self.dead) && self.ran.is_disjoint(&skipped));
        assert!(self.dead.is_disjoint(&skipped));
        let accounted: BTreeSet<_> =
            self.ran.iter().chain(&self.dead).chain(&skipped).copied().collect();
        let offsets = ends.iter().zip(0..);
        let all: BTreeSet<(u64, u64)> = offsets
            .flat_map(|(end, partition)| {
                (0..end.unsigned_abs()).map(move |offset| (partition, offset))
            })
            .collect();
        assert_eq!(all.len(), EVENT_COUNT);
        assert!(accounted == all, "input offsets = executions + refused + skipped");
    }

    fn assert_bill(&self, document: &Value) {
        let sum = |of: fn(&Billed) -> u64| self.bills.values().map(of).sum::<u64>();
        let count = self.bills.len();
        assert_eq!(
            document["records"],
            json!({"read": self.bill_records, "repeated": self.bill_records - count, "outside": 0,
                "billed": count, "refused": 0, "foreign": 0})
        );
        assert_eq!(document["requests"], count);
        assert_eq!(document["billed_duration_ms"], sum(|bill| bill.ms));
        let mb_milliseconds = sum(|bill| bill.ms * bill.mb);
        assert_eq!(document["mb_milliseconds"], mb_milliseconds.to_string());
        assert_eq!(document["transitions"], sum(|bill| bill.transitions));
        let lines = document["statements"].as_array().expect("statements");
        let lines = lines.iter().flat_map(|one| one["lines"].as_array().expect("lines"));
        let failed: u64 = lines
            .map(|line| {
                assert_eq!(
                    (&line["machine"], &line["tags"]["team"]),
                    (&json!("mixed"), &json!("t"))
                );
                line["not_succeeded"].as_u64().expect("a number")
            })
            .sum();
        assert_eq!(failed, sum(|bill| u64::from(!bill.succeeded)));
        assert!(failed > 0 && sum(|bill| u64::from(bill.ms >= 1_000)) > 0, "all kinds ran");
    }
}

fn header(message: &BorrowedMessage<'_>, name: &str) -> u64 {
    let headers = message.headers().expect("a dead letter has headers");
    let found = headers.iter().find(|header| header.key == name).and_then(|header| header.value);
    let text = std::str::from_utf8(found.unwrap_or_else(|| panic!("no {name}"))).expect("text");
    text.parse().expect("a number")
}

/// Gives out all records of a topic.
fn read_to_the_end(
    bootstrap: &str,
    topic: &str,
    partitions: i32,
    mut each: impl FnMut(&BorrowedMessage<'_>),
) {
    let consumer: BaseConsumer = topics::config(bootstrap)
        .set("group.id", "books")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "20")
        .create()
        .expect("a valid configuration");
    let mut list = TopicPartitionList::new();
    list.add_partition_range(topic, 0, partitions - 1);
    list.set_all_offsets(Offset::Beginning).expect("an offset");
    consumer.assign(&list).expect("an assignment");
    let ends = topics::client(bootstrap).end_offsets(topic, partitions);
    let mut left: i64 = ends.iter().sum();
    let deadline = Instant::now() + STEP_LIMIT;
    while left > 0 {
        assert!(Instant::now() < deadline, "{topic} does not end");
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            each(&message.expect("the topic can be read"));
            left -= 1;
        }
    }
}

fn start(broker: &Broker, directory: &TempDir, billing_per: &str) -> Service {
    start_in(broker, directory, billing_per, "consumer")
}

fn start_in(
    broker: &Broker,
    directory: &TempDir,
    billing_per: &str,
    group_protocol: &str,
) -> Service {
    let [admin_port] = free_ports();
    let definition = directory.path().join(DEFINITION_FILE);
    let config = format!(
        r#"
[kafka]
brokers = ["{brokers}"]
group_protocol = "{group_protocol}"

[shards]
count = 1

[limits]
uncommitted_per_partition = {UNCOMMITTED_MAX}

[http]
listen = "127.0.0.1:{admin_port}"

[[pipeline]]
name = "mixed"
group = "{GROUP}"
topics = ["{INPUT}"]
definition = '{definition}'
result_topic = "{RESULTS}"
billing_topic = "{BILLING}"
billing_per = "{billing_per}"
dead_letter_topic = "{DEAD_LETTERS}"
tags = {{ team = "t" }}
"#,
        brokers = broker.bootstrap(),
        definition = definition.display(),
    );
    let name = format!("service-{admin_port}");
    Service::start(Path::new(directory.path()), &name, &config, admin_port)
}

/// What an event is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Ends at once.
    Passes,
    /// Waits a second: what comes after it ends before it.
    Waits,
    /// Fails.
    Fails,
    /// Is refused.
    NotJson,
    /// Is skipped.
    Null,
}

impl Kind {
    fn of(number: usize) -> Self {
        // A prime, so that every partition gets all kinds.
        match number % 53 {
            0 => Self::Waits,
            1 => Self::NotJson,
            2 => Self::Null,
            3..8 => Self::Fails,
            _ => Self::Passes,
        }
    }

    fn value(self) -> Option<&'static str> {
        match self {
            Self::Passes => Some(r#"{"kind":"pass"}"#),
            Self::Waits => Some(r#"{"kind":"wait"}"#),
            Self::Fails => Some(r#"{"kind":"fail"}"#),
            Self::NotJson => Some("{kind"),
            Self::Null => None,
        }
    }
}

/// Partition and offset of an event: they are dealt out in order.
fn place(number: usize) -> (u64, u64) {
    let partitions = PARTITIONS as usize;
    ((number % partitions) as u64, (number / partitions) as u64)
}

/// Sends events from a thread: half of them at once, in a flow, the rest when told to.
struct Events {
    gate: SyncSender<()>,
    sender: Option<JoinHandle<()>>,
}

impl Events {
    fn start(bootstrap: &str) -> Self {
        let producer: BaseProducer = topics::config(bootstrap)
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .create()
            .expect("a valid configuration");
        let (gate, opened) = sync_channel(1);
        let sender = thread::Builder::new()
            .name("events".to_owned())
            .spawn(move || send_all(&producer, &opened))
            .expect("a thread");
        Self { gate, sender: Some(sender) }
    }

    fn finish(&mut self) {
        self.gate.send(()).expect("the sender waits");
        self.sender.take().expect("asked once").join().expect("every event was sent");
    }
}

fn send_all(producer: &BaseProducer, opened: &Receiver<()>) {
    let began = Instant::now();
    for number in 0..EVENT_COUNT {
        if number == EVENT_COUNT / 2 && opened.recv().is_err() {
            return;
        }
        if number % BURST == 0 && number < EVENT_COUNT / 2 {
            let due = began + BURST_PAUSE * (number / BURST) as u32;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            producer.poll(Duration::ZERO);
        }
        send(producer, number);
    }
    producer.flush(STEP_LIMIT).expect("the broker acknowledges in time");
}

fn send(producer: &BaseProducer, number: usize) {
    let mut record: BaseRecord<'_, str, str> =
        BaseRecord::to(INPUT).partition(place(number).0 as i32).key("k");
    record.payload = Kind::of(number).value();
    let deadline = Instant::now() + STEP_LIMIT;
    while let Err((error, back)) = producer.send(record) {
        let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
        assert_eq!(error, full, "event {number} cannot be sent");
        assert!(Instant::now() < deadline, "the producer's queue stays full");
        producer.poll(Duration::from_millis(5));
        record = back;
    }
}

static TURN: Mutex<()> = Mutex::new(());

const DEFINITION_FILE: &str = "mixed.asl.json";
const DEFINITION: &str = r#"{
  "StartAt": "Which",
  "States": {
    "Which": {"Type": "Choice", "Default": "Pass", "Choices": [
      {"Variable": "$.kind", "StringEquals": "wait", "Next": "Wait"},
      {"Variable": "$.kind", "StringEquals": "fail", "Next": "Fail"}
    ]},
    "Pass": {"Type": "Pass", "End": true},
    "Wait": {"Type": "Wait", "Seconds": 1, "End": true},
    "Fail": {"Type": "Fail", "Error": "No", "Cause": "as asked"}
  }
}"#;
const GROUP: &str = "billing";
const INPUT: &str = "mixed";
const RESULTS: &str = "mixed-results";
const BILLING: &str = "mixed-billing";
const DEAD_LETTERS: &str = "mixed-dlq";
const PARTITIONS: i32 = 4;
/// Sums are written when half of this is held back: many ranges, of which the kill repeats some.
const UNCOMMITTED_MAX: i64 = 4_096;
const UNBILLED_MAX: i64 = UNCOMMITTED_MAX / 2;
const EVENT_COUNT: usize = 80_000;
/// 10,000 events per second.
const BURST: usize = 100;
const BURST_PAUSE: Duration = Duration::from_millis(10);

/// Seconds on a quiet machine; the rest is for a busy one.
const STEP_LIMIT: Duration = Duration::from_secs(90);
const READY_LIMIT: Duration = Duration::from_secs(30);
/// The service's own drain budget is 25 s.
const STOP_LIMIT: Duration = Duration::from_secs(35);
