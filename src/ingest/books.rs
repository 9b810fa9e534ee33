//! What became of every record: held records, ledgers, and records to be sent again.
//!
//! Everything that a delivery report changes is here, so that the report is handled where it is
//! read, without a detour through a queue.

use std::collections::VecDeque;
use std::sync::Arc;

use rdkafka::error::RDKafkaErrorCode;
use tracing::warn;

use crate::shard::Status;
use crate::shard::outbox::{
    Billed, BilledRange, ERROR_HEADER, EXECUTION_ARN_HEADER, STARTED_AT_HEADER,
    STATE_MACHINE_ARN_HEADER, STATUS_HEADER, STOPPED_AT_HEADER, push_failure,
};

use super::counters::Counters;
use super::error::Error;
use super::held::{Held, Place, Tag};
use super::history::without_data;
use super::ledger::{Finished, Ledger};
use super::librdkafka::{Delivery, Headers};
use super::options::Options;
use super::partitions::Partitions;
use super::producer::Target;
use super::publish::EventHeaders;
use super::sums::Sums;

/// The books of one source.
pub(super) struct Books {
    pub(super) partitions: Partitions,
    pub(super) held: Held,
    pub(super) resends: VecDeque<Resend>,
    pub(super) counters: Arc<Counters>,
    /// Records finished since the last commit was sent.
    pub(super) finished_since_commit: u64,
    /// Wall clock of this turn, ms since the Unix epoch; read once for all records of a batch.
    pub(super) now_ms: i64,
    /// Set by a delivery that cannot succeed; ends the source.
    pub(super) failure: Option<Error>,
}

/// A record that has to be put into the producer's queue out of turn.
pub(super) struct Resend {
    pub(super) tag: Tag,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Option<Headers>,
}

impl Resend {
    /// ARN of the execution whose output it is; a dead letter has none.
    fn execution(&self) -> Option<&str> {
        let arn = match self.tag.target {
            Target::Result | Target::Failure => self.headers.as_ref()?.last(c"execution-arn")?,
            Target::Billing | Target::History => self.key.as_deref()?,
            Target::DeadLetter => return None,
        };
        std::str::from_utf8(arn).ok()
    }
}

impl Books {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self {
            partitions: Partitions::default(),
            held: Held::default(),
            resends: VecDeque::new(),
            counters,
            finished_since_commit: 0,
            now_ms: 0,
            failure: None,
        }
    }

    /// Whether a record's partition is still ours in the assignment in which the record came.
    pub(super) fn is_current(&self, place: Place) -> bool {
        self.partitions
            .get(place.partition)
            .and_then(|partition| partition.ledger.as_ref())
            .is_some_and(|ledger| ledger.epoch() == place.epoch)
    }

    /// Marks a record finished: nothing of it is open any more.
    pub(super) fn finish(&mut self, place: Place) {
        let Some(partition) = self.partitions.get_mut(place.partition) else { return };
        let Some(ledger) = &mut partition.ledger else { return };
        let finished = ledger.finish(place.epoch, place.offset);
        if let (Some(sums), Some(watermark)) = (&mut partition.sums, ledger.watermark()) {
            sums.absorb(watermark);
        }
        if finished == Finished::Recorded {
            self.counters.finished.add(1);
            self.finished_since_commit += 1;
        }
    }

    /// Notes what an execution is billed, where the source sums.
    pub(super) fn note_billed(&mut self, place: Place, status: Status, billed: Billed) {
        let partition = self.partitions.get_mut(place.partition);
        if let Some(sums) = partition.and_then(|partition| partition.sums.as_mut()) {
            sums.ended(place.offset, status, billed);
        }
    }

    /// Closes the open range of a partition and puts its record into the queue.
    pub(super) fn close_range(&mut self, options: &Options, index: u32, now_ms: i64) {
        let Some(encoder) = &options.billing_sums else { return };
        // Without room for its acknowledgement the range stays open until next time.
        if !self.held.has_room() {
            return;
        }
        let Some(partition) = self.partitions.get_mut(index) else { return };
        let Some(epoch) = partition.ledger.as_ref().map(Ledger::epoch) else { return };
        // Without it nothing has been started.
        let Some(topic_id) = partition.topic_id.clone() else { return };
        let Some(range) = partition.sums.as_mut().and_then(Sums::close) else { return };
        let (topic, number) = (&partition.topic_name, partition.number);
        let record = encoder.encode(&BilledRange {
            topic,
            topic_id: &topic_id,
            partition: number,
            from: range.from,
            to: range.to,
            closed_ms: now_ms,
            sums: &range.sums,
        });
        let key = format!("{}/{topic}/{number}", options.pipeline_name);
        let place = Place { partition: index, epoch, offset: range.to };
        let Some(slot) = self.held.insert(place, now_ms, None, None) else { return };
        self.held.expect(slot, 1);
        let tag = Tag { sums: true, ..self.held.tag(slot, Target::Billing) };
        let event = EventHeaders {
            id: record.id.as_bytes(),
            kind: record.kind,
            time: record.time.as_bytes(),
        };
        self.resends.push_back(Resend {
            tag,
            key: Some(key.into_bytes()),
            value: Some(record.value),
            headers: Some(event.headers(options)),
        });
    }

    /// The record of a range is acknowledged: everything up to its end may be committed.
    fn billed(&mut self, place: Place) {
        if self.is_current(place)
            && let Some(partition) = self.partitions.get_mut(place.partition)
            && let Some(sums) = &mut partition.sums
        {
            sums.acknowledged(place.offset);
            self.finished_since_commit += 1;
        }
    }

    /// Lets go of a record that came too late: its next owner runs it again.
    pub(super) fn drop_late(&mut self, slot: u32) {
        self.held.release(slot);
        self.counters.dropped.add(1);
    }

    /// One output of a record is as safe as it gets; with the last one the record is finished.
    fn settle(&mut self, tag: Tag) {
        let Some((place, timestamp_ms)) = self.held.acknowledge(tag) else { return };
        if tag.sums {
            self.billed(place);
            return;
        }
        if tag.target != Target::DeadLetter {
            self.counters.event_latency.since_ms(timestamp_ms, self.now_ms);
        }
        self.finish(place);
    }

    /// Handles a delivery report.
    pub(super) fn delivered(&mut self, options: &Options, mut delivery: Delivery<'_>) {
        let tag = Tag::unpack(delivery.tag());
        let Some(code) = delivery.error() else {
            self.count_delivered(tag.target, &delivery);
            self.settle(tag);
            return;
        };
        self.counters.delivery_failed.add(1);
        self.counters.sink(tag.target).undelivered.add(1);
        if matches!(code, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) {
            self.give_up(tag.target);
            return;
        }
        let headers = delivery.take_headers();
        let resend = Resend {
            tag,
            key: delivery.key().map(<[u8]>::to_vec),
            value: delivery.value().map(<[u8]>::to_vec),
            headers,
        };
        self.failed(options, resend, code);
    }

    fn count_delivered(&self, target: Target, delivery: &Delivery<'_>) {
        self.counters.delivered.add(1);
        let sink = self.counters.sink(target);
        sink.delivered.add(1);
        sink.bytes.add(delivery.value().map_or(0, <[u8]>::len) as u64);
        sink.duration.observe(delivery.latency_us().saturating_mul(1_000));
    }

    /// Decides what becomes of a record that was not delivered: again, smaller, or the end.
    pub(super) fn failed(&mut self, options: &Options, mut resend: Resend, code: RDKafkaErrorCode) {
        let tag = resend.tag;
        let Some(place) = self.held.place_of(tag) else { return self.give_up(tag.target) };
        if !self.is_current(place) {
            self.give_up(tag.target);
            self.drop_late(tag.slot);
            return;
        }
        if code == RDKafkaErrorCode::MessageSizeTooLarge {
            if tag.solo {
                self.cut_down(options, resend);
            } else {
                // The broker refuses a whole batch: only alone can a record show that it is the
                // one that is too large.
                resend.tag.solo = true;
                self.counters.sink(tag.target).retried.add(1);
                self.resends.push_back(resend);
            }
            return;
        }
        let attempts = u32::from(tag.attempt) + 1;
        let origin = self.origin(tag);
        warn!(
            pipeline = options.pipeline_name,
            topic = origin.topic,
            partition = origin.partition,
            offset = origin.offset,
            role = tag.target.role(),
            to = sink_topic(options, tag.target),
            attempts,
            %code,
            "record not delivered"
        );
        if attempts < SENDS_MAX {
            resend.tag.attempt += 1;
            self.counters.sink(tag.target).retried.add(1);
            self.resends.push_back(resend);
        } else {
            self.fail(options, tag.target, attempts, code);
        }
    }

    /// Replaces a record that is too large for its topic by one that says so.
    pub(super) fn cut_down(&mut self, options: &Options, mut resend: Resend) {
        let target = resend.tag.target;
        if target == Target::History {
            return self.cut_log_event(options, resend);
        }
        if resend.tag.cut || target == Target::Billing {
            self.fail(options, target, 1, RDKafkaErrorCode::MessageSizeTooLarge);
            return;
        }
        resend.tag.solo = true;
        self.counters.sink(target).retried.add(1);
        let bytes = resend.value.as_ref().map_or(0, Vec::len);
        self.note_replaced(options, &resend, bytes);
        match target {
            Target::Result | Target::Failure => {
                let mut value = Vec::new();
                let cause = format!("the topic refuses a result of {bytes} bytes for its size");
                push_failure(&mut value, Some(OVERSIZE_ERROR), Some(&cause));
                if target == Target::Failure {
                    // It was small already: what makes it large came with the event.
                    resend.headers = resend.headers.as_ref().map(own_headers);
                    resend.key = None;
                    resend.tag.cut = true;
                }
                let mut headers = resend.headers.take().unwrap_or_else(|| Headers::new(2));
                headers.remove(c"status");
                headers.remove(c"error");
                headers.add(STATUS_HEADER, Status::Failed.as_str().as_bytes());
                headers.add(ERROR_HEADER, OVERSIZE_ERROR.as_bytes());
                resend.headers = Some(headers);
                resend.value = Some(value);
                resend.tag.target = Target::Failure;
            }
            Target::DeadLetter | Target::Billing | Target::History => {
                let mut headers = resend.headers.take().unwrap_or_else(|| Headers::new(1));
                headers.add("dlq.truncated", bytes.to_string().as_bytes());
                resend.headers = Some(headers);
                resend.value = None;
                resend.tag.cut = true;
            }
        }
        self.resends.push_back(resend);
    }

    /// Says of an output that its topic refuses it for its size: its consumers will miss it.
    fn note_replaced(&mut self, options: &Options, resend: &Resend, bytes: usize) {
        let target = resend.tag.target;
        self.counters.sink(target).replaced.add(1);
        let origin = self.origin(resend.tag);
        warn!(
            pipeline = options.pipeline_name,
            topic = origin.topic,
            partition = origin.partition,
            offset = origin.offset,
            execution = resend.execution(),
            role = target.role(),
            to = sink_topic(options, target),
            bytes,
            "an output is too large for its topic; a smaller record that says so takes its place"
        );
    }

    /// Where the record came from that an output belongs to, for log lines.
    fn origin(&mut self, tag: Tag) -> Origin<'_> {
        let place = self.held.place_of(tag);
        let partition = place.and_then(|place| self.partitions.get(place.partition));
        Origin {
            topic: partition.map(|partition| partition.topic_name.as_str()),
            partition: partition.map(|partition| partition.number),
            offset: place.map(|place| place.offset),
        }
    }

    /// Takes the data out of a log event that is too large for its topic; one that is too large
    /// even so is given up, and with it nothing else.
    fn cut_log_event(&mut self, options: &Options, mut resend: Resend) {
        let event = resend.value.as_deref().filter(|_| !resend.tag.cut).and_then(without_data);
        if let Some(event) = event {
            self.counters.history_cut.add(1);
            self.counters.sink(Target::History).replaced.add(1);
            self.counters.sink(Target::History).retried.add(1);
            resend.tag.solo = true;
            resend.tag.cut = true;
            resend.value = Some(event);
            self.resends.push_back(resend);
            return;
        }
        self.counters.history_refused.add(1);
        self.give_up(Target::History);
        let origin = self.origin(resend.tag);
        warn!(
            pipeline = options.pipeline_name,
            topic = origin.topic,
            partition = origin.partition,
            offset = origin.offset,
            execution = resend.execution(),
            to = sink_topic(options, Target::History),
            "the history topic refuses a log event for its size, without data too; it is lost"
        );
        self.settle(resend.tag);
    }

    /// Counts a record that is not sent any more.
    fn give_up(&self, target: Target) {
        self.counters.sink(target).failed.add(1);
    }

    fn fail(&mut self, options: &Options, target: Target, attempts: u32, code: RDKafkaErrorCode) {
        self.give_up(target);
        self.failure.get_or_insert(Error::Delivery {
            role: target.role(),
            topic: sink_topic(options, target).to_owned(),
            attempts,
            code,
        });
    }
}

/// Where an input record came from; nothing is known once its slot was given to another.
struct Origin<'a> {
    topic: Option<&'a str>,
    partition: Option<i32>,
    offset: Option<i64>,
}

fn sink_topic(options: &Options, target: Target) -> &str {
    match target {
        Target::Result => &options.result_topic,
        Target::Failure => &options.failure_topic,
        Target::Billing => &options.billing_topic,
        Target::DeadLetter => &options.dead_letter_topic,
        Target::History => options.history.topic().unwrap_or_default(),
    }
}

/// The headers that we wrote, without those that came with the event.
fn own_headers(headers: &Headers) -> Headers {
    let mut own = Headers::new(6);
    for (name, text) in [
        (c"execution-arn", EXECUTION_ARN_HEADER),
        (c"state-machine-arn", STATE_MACHINE_ARN_HEADER),
        (c"started-at", STARTED_AT_HEADER),
        (c"stopped-at", STOPPED_AT_HEADER),
    ] {
        if let Some(value) = headers.last(name) {
            own.add(text, value);
        }
    }
    own
}

/// AWS's error for payloads over the limit.
const OVERSIZE_ERROR: &str = "States.DataLimitExceeded";
/// Sends of one record before its source gives up. Each takes up to `message.timeout.ms`.
const SENDS_MAX: u32 = 3;

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use serde_json::{Value, json};

    use crate::base::ids::{MachineIdx, PipelineIdx};
    use crate::ingest::HistorySink;

    use super::*;

    const ARN: &str = "arn:aws:states:us-east-1:000000000000:express:m:in-3-5:0a1b";

    #[derive(Clone, Default)]
    struct Sheet(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sheet {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that `logs` writes.
    fn logged(logs: impl FnOnce()) -> Vec<Value> {
        let sheet = Sheet::default();
        let writer = sheet.clone();
        let lines = tracing_subscriber::fmt().with_writer(move || writer.clone());
        let lines = lines.json().flatten_event(true).finish();
        tracing::subscriber::with_default(lines, logs);
        let text = String::from_utf8(sheet.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// A record of partition 3 of `in` at offset 5, with one output to come.
    fn with_one_open() -> (Options, Books, u32) {
        let mut options = Options::new(PipelineIdx(0), MachineIdx(0));
        options.pipeline_name = "orders".into();
        options.topics = vec!["in".into()];
        (options.result_topic, options.failure_topic) = ("out".into(), "failures".into());
        options.history = HistorySink::Topic("history".into());
        let mut books = Books::new(Arc::new(Counters::default()));
        books.partitions.assign(&options, "cluster", "in", 3);
        let index = books.partitions.find(&options, "in", 3).unwrap();
        let epoch = books.partitions.get(index).unwrap().ledger.as_ref().unwrap().epoch();
        let place = Place { partition: index, epoch, offset: 5 };
        let slot = books.held.insert(place, 0, None, None).unwrap();
        books.held.expect(slot, 1);
        (options, books, slot)
    }

    /// Whose record a line is about.
    fn whose(line: &Value) -> [&Value; 5] {
        ["pipeline", "topic", "partition", "offset", "execution"].map(|field| &line[field])
    }

    #[test]
    fn who_misses_a_result_that_its_topic_refuses_reads_whose_it_is() {
        let (options, mut books, slot) = with_one_open();
        let tag = Tag { solo: true, ..books.held.tag(slot, Target::Result) };
        let mut headers = Headers::new(1);
        headers.add(EXECUTION_ARN_HEADER, ARN.as_bytes());
        let resend =
            Resend { tag, key: None, value: Some(vec![b'1'; 900]), headers: Some(headers) };
        let code = RDKafkaErrorCode::MessageSizeTooLarge;
        let lines = logged(|| books.failed(&options, resend, code));
        assert_eq!(lines.len(), 1, "{lines:?}");
        let line = &lines[0];
        assert_eq!(line["level"], "WARN");
        let expected = [&json!("orders"), &json!("in"), &json!(3), &json!(5), &json!(ARN)];
        assert_eq!(whose(line), expected);
        assert_eq!((&line["to"], &line["bytes"]), (&json!("out"), &json!(900)));
        assert_eq!(books.counters.sink(Target::Result).replaced.get(), 1);
        assert_eq!(books.counters.sink(Target::Result).failed.get(), 0);
        assert_eq!(books.resends.pop_front().unwrap().tag.target, Target::Failure);
    }

    #[test]
    fn a_send_that_fails_says_whose_it_is_and_only_the_last_one_gives_up() {
        let (options, mut books, slot) = with_one_open();
        let tag = books.held.tag(slot, Target::Result);
        let code = RDKafkaErrorCode::MessageTimedOut;
        let mut resend = Resend { tag, key: None, value: None, headers: None };
        for sends in 1..=SENDS_MAX {
            let lines = logged(|| books.failed(&options, resend, code));
            assert_eq!((&lines[0]["attempts"], &lines[0]["offset"]), (&json!(sends), &json!(5)));
            assert_eq!((&lines[0]["pipeline"], &lines[0]["to"]), (&json!("orders"), &json!("out")));
            let given_up = u64::from(sends == SENDS_MAX);
            assert_eq!(books.counters.sink(Target::Result).failed.get(), given_up, "{sends}");
            match books.resends.pop_front() {
                Some(again) => resend = again,
                None => break,
            }
        }
        assert_eq!(books.counters.sink(Target::Result).failed.get(), 1);
        assert!(matches!(books.failure, Some(Error::Delivery { .. })));
    }

    #[test]
    fn a_send_that_fails_after_its_partition_went_away_is_given_up() {
        let (options, mut books, slot) = with_one_open();
        let tags = [Target::Result, Target::Billing].map(|target| books.held.tag(slot, target));
        books.partitions.revoke(&options, "in", 3);
        for tag in tags {
            let resend = Resend { tag, key: None, value: None, headers: None };
            books.failed(&options, resend, RDKafkaErrorCode::MessageTimedOut);
            assert_eq!(books.counters.sink(tag.target).failed.get(), 1);
        }
        assert!(books.resends.is_empty() && books.failure.is_none());
    }

    #[test]
    fn a_log_event_that_stays_too_large_is_given_up_and_holds_nothing_up() {
        let (options, mut books, slot) = with_one_open();
        let tag = books.held.tag(slot, Target::History);
        let key = Some(ARN.as_bytes().to_vec());
        let value = Some(br#"{"id":"1","details":{"input":"large"}}"#.to_vec());
        books.cut_down(&options, Resend { tag, key, value, headers: None });
        let again = books.resends.pop_front().unwrap();
        assert!(again.tag.cut && again.tag.solo);
        let cut = br#"{"id":"1","details":{"input":"","inputDetails":{"truncated":true}}}"#;
        assert_eq!(again.value.as_deref(), Some(&cut[..]));
        assert_eq!((books.counters.history_cut.get(), books.held.len()), (1, 1));
        let sink = books.counters.sink(Target::History);
        assert_eq!((sink.retried.get(), sink.failed.get()), (1, 0), "it is sent again");

        let lines = logged(|| books.cut_down(&options, again));
        let expected = [&json!("orders"), &json!("in"), &json!(3), &json!(5), &json!(ARN)];
        assert_eq!(whose(&lines[0]), expected);
        assert!(books.resends.is_empty() && books.failure.is_none());
        assert_eq!((books.counters.history_refused.get(), books.held.len()), (1, 0));
        assert_eq!(books.counters.sink(Target::History).failed.get(), 1, "given up, once");
    }
}
