//! The events of the pipeline tests and what must come out of each: numbered orders, some of which
//! the workflow rejects.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;

use crate::support::topics;

/// Events of one run, numbered from 0.
pub(crate) const EVENT_COUNT: usize = 200_000;
/// Partitions of the input topic.
pub(crate) const INPUT_PARTITIONS: i32 = 8;

/// What one event must become.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Whether the result is a failure.
    pub(crate) fails: bool,
    /// The value of the result record.
    pub(crate) value: String,
}

/// Returns the key of event `number`.
pub(crate) fn key(number: usize) -> String {
    format!("{number:06}")
}

/// Returns the number of the event with this key.
pub(crate) fn number_of(key: &[u8]) -> Option<usize> {
    let number = std::str::from_utf8(key).ok()?.parse().ok()?;
    (number < EVENT_COUNT).then_some(number)
}

/// Returns the execution input of event `number`, for `pass-choice`.
pub(crate) fn value(number: usize) -> String {
    let priority = if fails(number) { "critical" } else { "normal" };
    format!(
        r#"{{"order":{{"id":"ord-{number:06}","region":"eu-west-1","priority":"{priority}","total":{total},"itemCount":7}},"customer":{CUSTOMER},"device":{DEVICE}}}"#,
        total = total(number),
    )
}

/// Returns what `pass-choice` makes of event `number`.
pub(crate) fn expected(number: usize) -> Expected {
    if fails(number) {
        let value = r#"{"error":"Order.Rejected","cause":"order rejected by rules"}"#.to_owned();
        return Expected { fails: true, value };
    }
    let total = total(number);
    let value = format!(
        r#"{{"orderId":"ord-{number:06}","region":"eu-west-1","priority":"normal","total":{total},"items":7,"customer":{CUSTOMER},"device":{DEVICE},"source":"express-bench","enriched":{{"label":"order ord-{number:06} for Ada in eu-west-1","score":{score}}}}}"#,
        score = total + 7,
    );
    Expected { fails: false, value }
}

fn fails(number: usize) -> bool {
    number.is_multiple_of(10)
}

fn total(number: usize) -> usize {
    200 + number % 1_000
}

const CUSTOMER: &str = r#"{"name":"Ada","tier":"gold","blocked":false}"#;
const DEVICE: &str = r#"{"battery":87}"#;

/// Sends all events from a thread of its own: the first half at once, the second when told to.
///
/// A test that fails drops it; the thread then ends at the half.
pub(crate) struct Events {
    gate: SyncSender<()>,
    sender: Option<JoinHandle<()>>,
}

impl Events {
    /// Starts to send to `topic`.
    pub(crate) fn start(bootstrap: &str, topic: &'static str) -> Self {
        let producer: BaseProducer = topics::config(bootstrap)
            .set("enable.idempotence", "true")
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .create()
            .expect("a valid configuration");
        let (gate, opened) = sync_channel(1);
        let sender = thread::Builder::new()
            .name("events".to_owned())
            .spawn(move || send_all(&producer, topic, &opened))
            .expect("a thread");
        Self { gate, sender: Some(sender) }
    }

    /// Lets the second half go as soon as the first has gone.
    pub(crate) fn release_second_half(&self) {
        self.gate.send(()).expect("the sender waits at the half");
    }

    /// Waits until every event is acknowledged by the broker.
    pub(crate) fn assert_all_sent(&mut self) {
        let sender = self.sender.take().expect("asked once");
        sender.join().expect("every event was sent and acknowledged");
    }
}

fn send_all(producer: &BaseProducer, topic: &str, opened: &Receiver<()>) {
    send_paced(producer, topic, 0..EVENT_COUNT / 2);
    if opened.recv().is_err() {
        return;
    }
    send_paced(producer, topic, EVENT_COUNT / 2..EVENT_COUNT);
    producer.flush(ACKNOWLEDGE_LIMIT).expect("the broker acknowledges in time");
    assert_eq!(producer.in_flight_count(), 0);
}

/// Spreads the events over some seconds: a stop or a kill has to hit a flow, not a backlog.
fn send_paced(producer: &BaseProducer, topic: &str, numbers: std::ops::Range<usize>) {
    let began = Instant::now();
    for (count, number) in numbers.enumerate() {
        if count % BURST == 0 {
            let due = began + BURST_PAUSE * (count / BURST) as u32;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            producer.poll(Duration::ZERO);
        }
        send(producer, topic, number);
    }
}

fn send(producer: &BaseProducer, topic: &str, number: usize) {
    let (key, value) = (key(number), value(number));
    let mut record = BaseRecord::to(topic).key(&key).payload(&value);
    let deadline = Instant::now() + ACKNOWLEDGE_LIMIT;
    while let Err((error, back)) = producer.send(record) {
        let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
        assert_eq!(error, full, "event {number} cannot be sent");
        assert!(Instant::now() < deadline, "the producer's queue stays full");
        producer.poll(Duration::from_millis(5));
        record = back;
    }
}

const ACKNOWLEDGE_LIMIT: Duration = Duration::from_mins(1);
/// 20,000 events per second.
const BURST: usize = 200;
const BURST_PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_say_which_event_they_are() {
        assert_eq!(number_of(key(0).as_bytes()), Some(0));
        assert_eq!(number_of(key(EVENT_COUNT - 1).as_bytes()), Some(EVENT_COUNT - 1));
        assert_eq!(number_of(key(EVENT_COUNT).as_bytes()), None);
        assert_eq!(number_of(b"x"), None);
    }

    #[test]
    fn events_and_results_are_json() {
        for number in [10, 11] {
            let input: serde_json::Value = serde_json::from_str(&value(number)).unwrap();
            let output: serde_json::Value = serde_json::from_str(&expected(number).value).unwrap();
            assert_eq!(output.get("orderId").is_none(), number == 10);
            assert_eq!(input["order"]["total"], 200 + number);
        }
    }
}
