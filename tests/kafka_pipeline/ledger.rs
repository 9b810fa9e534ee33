//! What came out, held against what went in: results by event, bills by execution.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use crate::events::{self, EVENT_COUNT};
use crate::support::topics::{self, Client};
use crate::{BILLING, DEAD_LETTERS, FAILURES, HISTORY, INPUT, RESULTS};

/// Reads the output topics from their beginning and keeps account.
pub(crate) struct Ledger {
    consumer: BaseConsumer,
    client: Client,
    partitions: i32,
    /// By event number: the executions of its results, in the order in which they came.
    results: Vec<Vec<Box<str>>>,
    /// Events with at least one result.
    result_count: usize,
    /// How often each execution was billed.
    bills: HashMap<Box<str>, usize>,
    /// How often each log event came, by execution: the last state entered, and the end.
    log_events: HashMap<Box<str>, [usize; 2]>,
}

impl Ledger {
    /// Starts to read; `partitions` is the number that each output topic has.
    pub(crate) fn open(bootstrap: &str, partitions: i32) -> Self {
        let consumer: BaseConsumer = topics::config(bootstrap)
            .set("group.id", "ledger")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "error")
            .set("fetch.wait.max.ms", "20")
            .set("fetch.queue.backoff.ms", "5")
            .create()
            .expect("a valid configuration");
        let mut list = TopicPartitionList::new();
        for topic in [RESULTS, FAILURES, BILLING, HISTORY] {
            list.add_partition_range(topic, 0, partitions - 1);
        }
        list.add_partition(DEAD_LETTERS, 0);
        list.set_all_offsets(Offset::Beginning).expect("an offset");
        consumer.assign(&list).expect("an assignment");
        Self {
            consumer,
            client: topics::client(bootstrap),
            partitions,
            results: vec![Vec::new(); EVENT_COUNT],
            result_count: 0,
            bills: HashMap::with_capacity(EVENT_COUNT),
            log_events: HashMap::new(),
        }
    }

    /// Reads until `count` different events have a result.
    pub(crate) fn collect_results(&mut self, count: usize, limit: Duration) {
        let deadline = Instant::now() + limit;
        while self.result_count < count {
            let so_far = self.result_count;
            assert!(Instant::now() < deadline, "not after {limit:?}: {so_far} of {count} results");
            self.collect_one();
        }
    }

    /// Reads up to the end that each output topic has now.
    pub(crate) fn collect_to_the_end(&mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while !self.is_at_the_end() {
            assert!(Instant::now() < deadline, "the output topics do not end");
            while self.collect_one() {}
        }
    }

    fn is_at_the_end(&self) -> bool {
        let reached = self.consumer.position().expect("an assignment");
        [RESULTS, FAILURES, BILLING, HISTORY, DEAD_LETTERS].into_iter().all(|topic| {
            let partitions = if topic == DEAD_LETTERS { 1 } else { self.partitions };
            let ends = self.client.end_offsets(topic, partitions);
            ends.into_iter().zip(0..).all(|(end, partition)| {
                let element = reached.find_partition(topic, partition).expect("assigned");
                // Without a record read there is no position yet.
                element.offset().to_raw().unwrap_or(0).max(0) >= end
            })
        })
    }

    /// Takes one record into account; returns `false` when none came for a moment.
    fn collect_one(&mut self) -> bool {
        let Some(polled) = self.consumer.poll(Duration::from_millis(100)) else {
            return false;
        };
        let message = polled.expect("the output topics can be read");
        match message.topic() {
            BILLING => {
                let arn = bill_arn(&message);
                *self.bills.entry(arn).or_default() += 1;
            }
            HISTORY => {
                let (arn, index) = log_event(&message);
                self.log_events.entry(arn).or_default()[index] += 1;
            }
            topic @ (RESULTS | FAILURES) => {
                let number = message.key().and_then(events::number_of);
                let number = number.expect("a result keeps the key of its event");
                check_result(number, topic == FAILURES, &message);
                let executions = &mut self.results[number];
                self.result_count += usize::from(executions.is_empty());
                executions.push(header(&message, "execution-arn").into());
            }
            topic => {
                let value = String::from_utf8_lossy(message.payload().unwrap_or_default());
                panic!("a record on {topic}: {value}");
            }
        }
        true
    }

    /// Asserts that every event has a result, all results of an event are of one execution, and
    /// exactly the executions with a result have a bill.
    pub(crate) fn assert_complete(&self) {
        let missing = (0..EVENT_COUNT).filter(|number| self.results[*number].is_empty());
        assert_eq!(missing.count(), 0, "events without a result");
        for (number, executions) in self.results.iter().enumerate() {
            let first = &executions[0];
            assert!(
                executions.iter().all(|arn| arn == first),
                "event {number} ran under different ids: {executions:?}"
            );
            assert!(self.bills.contains_key(first), "event {number} has no bill: {first}");
        }
        for (number, executions) in self.results.iter().enumerate() {
            let logged = self.log_events.get(&executions[0]);
            let is_whole = logged.is_some_and(|counts| counts.iter().all(|count| *count > 0));
            assert_eq!(is_whole, events::expected(number).fails, "the history of event {number}");
        }
        // As many bills as events, and one for each event: no bill is without an event.
        assert_eq!(self.bills.len(), EVENT_COUNT, "executions billed");
    }

    /// Returns how many log events came on top of the first of their execution and number.
    pub(crate) fn doubled_log_event_count(&self) -> usize {
        self.log_events.values().flatten().map(|count| count - 1).sum()
    }

    /// Returns input partition and offset of every event with more than one result.
    pub(crate) fn doubled_results(&self) -> Vec<(usize, i64)> {
        let doubled = self.results.iter().filter(|executions| executions.len() > 1);
        doubled.map(|executions| source_of(&executions[0])).collect()
    }

    /// Returns how many bills came on top of the first of their execution.
    pub(crate) fn doubled_bill_count(&self) -> usize {
        self.bills.values().map(|count| count - 1).sum()
    }
}

/// Asserts that a result is the one its event must have, and says so in its headers.
fn check_result(number: usize, fails: bool, message: &BorrowedMessage) {
    let expected = events::expected(number);
    let value = String::from_utf8_lossy(message.payload().unwrap_or_default());
    assert_eq!((fails, &*value), (expected.fails, &*expected.value), "event {number}");
    let status = if fails { "FAILED" } else { "SUCCEEDED" };
    assert_eq!(header(message, "status"), status, "event {number}");
}

/// Returns the execution that a billing record is for; its key and its id say the same.
fn bill_arn(message: &BorrowedMessage) -> Box<str> {
    let key = message.key().expect("a bill has its execution as key");
    let arn = std::str::from_utf8(key).expect("an ARN is text");
    let value = String::from_utf8_lossy(message.payload().expect("a bill has a value"));
    assert!(value.contains(&format!("\"id\":\"{arn}\"")), "key {arn}, but value {value}");
    arn.into()
}

/// Returns the execution that a log event is of, and which of the two it is that `pass-choice` logs
/// at ERROR.
fn log_event(message: &BorrowedMessage) -> (Box<str>, usize) {
    let value: serde_json::Value =
        serde_json::from_slice(message.payload().expect("an event has a value")).expect("JSON");
    let arn = value["execution_arn"].as_str().expect("an ARN");
    assert_eq!(message.key(), Some(arn.as_bytes()));
    let details = &value["details"];
    let index = match value["type"].as_str() {
        Some("FailStateEntered") => 0,
        Some("ExecutionFailed") => {
            assert_eq!(details["error"], "Order.Rejected");
            1
        }
        kind => panic!("{kind:?} is not logged at ERROR"),
    };
    assert!(details.get("input").is_none(), "data was not asked for");
    (arn.into(), index)
}

fn header<'a>(message: &'a BorrowedMessage, name: &str) -> &'a str {
    let headers = message.headers().expect("a result has headers");
    let found = headers.iter().find(|header| header.key == name);
    let value = found.and_then(|header| header.value);
    std::str::from_utf8(value.unwrap_or_else(|| panic!("no header {name}"))).expect("text")
}

/// Returns input partition and offset of an execution: `…:express:MACHINE:TOPIC-P-O:SUFFIX`.
fn source_of(arn: &str) -> (usize, i64) {
    let name = arn.rsplit(':').nth(1).and_then(|name| name.strip_prefix(INPUT));
    let place =
        name.and_then(|name| name.strip_prefix('-')).and_then(|place| place.split_once('-'));
    let (partition, offset) = place.unwrap_or_else(|| panic!("not named after its record: {arn}"));
    (partition.parse().expect("a partition"), offset.parse().expect("an offset"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_says_where_its_event_was() {
        let arn = "arn:aws:states:us-east-1:000000000000:express:pass-choice:orders-3-17:ab-cd";
        assert_eq!(source_of(arn), (3, 17));
    }
}
