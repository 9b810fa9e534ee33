//! A service in miniature: takes events, writes results, bills and dead letters, and can be told
//! to do it wrongly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::PARTITIONS;

/// What the relay does with one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// Result and bill.
    Right,
    /// Nothing at all.
    Drop,
    /// The result twice, billed once.
    Double,
    /// A result with another value.
    Corrupt,
    /// A result under another key.
    Rekey,
    /// A result without a bill.
    Unbilled,
    /// A result with two bills.
    BilledTwice,
    /// Result and bill, the latter as a CloudEvent in binary mode.
    BilledInBinary,
    /// The same, but the bill's id is another's.
    BilledForAnother,
    /// A result, and a bill for many executions.
    BilledInSums,
    /// Result and bill, on the failure topic with status FAILED.
    Fail,
    /// A dead letter, though the event is sound.
    Reject,
    /// Result and bill, a millisecond of work later: at most a thousand events a second.
    Slow,
}

/// The relay's thread.
pub(crate) struct Relay {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Starts reading `events` from the beginning; `conduct` decides by sequence number.
    pub(crate) fn start(brokers: &str, conduct: fn(u64) -> Conduct) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", "relay")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "5")
            .set("fetch.queue.backoff.ms", "5")
            .create()
            .unwrap();
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("linger.ms", "1")
            .set("partitioner", "murmur2_random")
            .create()
            .unwrap();
        let mut assignment = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            assignment.add_partition_offset("events", partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&assignment).unwrap();
        let builder = std::thread::Builder::new().name("relay".to_owned());
        let thread = builder.spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                if let Some(Ok(message)) = consumer.poll(Duration::from_millis(5)) {
                    relay(&producer, &message, conduct);
                }
                producer.poll(Duration::ZERO);
            }
            producer.flush(Duration::from_secs(5)).unwrap();
        });
        let thread = thread.unwrap();
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A relay that failed shows as lost events in the report under test.
            let _ = thread.join();
        }
    }
}

fn relay(producer: &BaseProducer, message: &BorrowedMessage<'_>, conduct: fn(u64) -> Conduct) {
    let value = message.payload().unwrap();
    let is_json = serde_json::from_slice::<serde_json::Value>(value).is_ok();
    let conduct = conduct(sequence_of(message));
    if conduct == Conduct::Slow {
        std::thread::sleep(Duration::from_millis(1));
    }
    if conduct == Conduct::Drop {
        return;
    }
    if !is_json || conduct == Conduct::Reject {
        let headers = with(message, &[("dlq.cause", "not JSON")]);
        send(producer, "dead-letters", message.key(), value, headers);
        return;
    }
    let arn = format!(
        "arn:aws:states:eu-west-1:111111111111:express:m:events-{}-{}:x",
        message.partition(),
        message.offset()
    );
    let failed = conduct == Conduct::Fail;
    let status = if failed { "FAILED" } else { "SUCCEEDED" };
    let topic = if failed { "failures" } else { "results" };
    let value = match conduct {
        Conduct::Corrupt => &br#"{"corrupt":true}"#[..],
        _ => value,
    };
    let key = match conduct {
        Conduct::Rekey => Some(&b"another"[..]),
        _ => message.key(),
    };
    let times = if conduct == Conduct::Double { 2 } else { 1 };
    for _ in 0..times {
        let headers = with(message, &[("execution-arn", &arn), ("status", status)]);
        send(producer, topic, key, value, headers);
    }
    let bills = match conduct {
        Conduct::Unbilled => 0,
        Conduct::BilledTwice => 2,
        _ => 1,
    };
    let (bill, headers) = match conduct {
        Conduct::BilledInBinary => (bill_data(status), binary_mode(&arn)),
        Conduct::BilledForAnother => (bill_data(status), binary_mode("another")),
        _ => (bill(&arn, status), OwnedHeaders::new()),
    };
    let (arn, bill) = match conduct {
        Conduct::BilledInSums => sums(message),
        _ => (arn, bill),
    };
    for _ in 0..bills {
        send(producer, "billing", Some(arn.as_bytes()), bill.as_bytes(), headers.clone());
    }
}

fn bill(arn: &str, status: &str) -> String {
    let data = bill_data(status);
    format!(
        r#"{{"specversion":"1.0","id":"{arn}","source":"//states/eu-west-1/111111111111",
        "type":"express.execution.billed","subject":"111111111111",
        "datacontenttype":"application/json","data":{data}}}"#
    )
}

/// What `billing_per = "minute"` writes: key and value.
fn sums(message: &BorrowedMessage<'_>) -> (String, String) {
    let (partition, offset) = (message.partition(), message.offset());
    let id = format!(
        "arn:aws:states:eu-west-1:111111111111:stateMachine:m/p/events/t/{partition}/0-{offset}"
    );
    let event = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"//states/eu-west-1/111111111111",
        "type":"express.executions.billed.v1","data":{{"from_offset":0,"to_offset":{offset},"requests":{offset},
        "sums":[{{"minute":"2026-01-01T00:00:00Z","status":"SUCCEEDED","requests":{offset}}}]}}}}"#
    );
    (id, event)
}

fn bill_data(status: &str) -> String {
    format!(
        r#"{{"requests":1,"billed_duration_ms":100,"billed_memory_mb":64,"gb_seconds":"0.00625",
        "status":"{status}","state_machine_arn":"arn:aws:states:eu-west-1:111111111111:stateMachine:m"}}"#
    )
}

fn binary_mode(id: &str) -> OwnedHeaders {
    OwnedHeaders::new()
        .insert(Header { key: "content-type", value: Some("application/json") })
        .insert(Header { key: "ce_specversion", value: Some("1.0") })
        .insert(Header { key: "ce_id", value: Some(id) })
}

fn sequence_of(message: &BorrowedMessage<'_>) -> u64 {
    let headers = message.headers().unwrap();
    let header = headers.iter().find(|header| header.key == "loadgen-stamp").unwrap();
    let stamp = std::str::from_utf8(header.value.unwrap()).unwrap();
    stamp.split('-').nth(1).unwrap().parse().unwrap()
}

fn with(message: &BorrowedMessage<'_>, added: &[(&str, &str)]) -> OwnedHeaders {
    let mut headers = message.headers().unwrap().detach();
    for (key, value) in added {
        headers = headers.insert(Header { key, value: Some(*value) });
    }
    headers
}

fn send(
    producer: &BaseProducer,
    topic: &str,
    key: Option<&[u8]>,
    value: &[u8],
    headers: OwnedHeaders,
) {
    let mut record: BaseRecord<'_, [u8], [u8]> =
        BaseRecord::to(topic).payload(value).headers(headers);
    if let Some(key) = key {
        record = record.key(key);
    }
    producer.send(record).map_err(|(error, _)| error).unwrap();
}
