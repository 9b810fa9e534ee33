//! From outcomes to records on the output topics.

use rdkafka::error::RDKafkaErrorCode;

use crate::shard::Status;
use crate::shard::outbox::{
    BILLING_EVENT_TYPE, BillingMode, CE_ID_HEADER, CE_SOURCE_HEADER, CE_SPECVERSION_HEADER,
    CE_SUBJECT_HEADER, CE_TIME_HEADER, CE_TYPE_HEADER, CLOUDEVENTS_VERSION, ERROR_HEADER,
    EXECUTION_ARN_HEADER, Events, Outcome, OutcomeBatch, RejectedOutcome, STARTED_AT_HEADER,
    STATE_MACHINE_ARN_HEADER, STATUS_HEADER, STOPPED_AT_HEADER, SettledOutcome,
};

use super::books::{Books, Resend};
use super::dead_letter::DeadLetterHeaders;
use super::error::Error;
use super::history::{EVENTS_LEFT_OUT_HEADER, HistorySink, Lines};
use super::io_thread::IoThread;
use super::librdkafka::Headers;
use super::options::Options;
use super::port::own_slot;
use super::producer::{Producer, Refused, Target};

/// A batch that is being written, and how far.
pub(super) struct Publishing {
    batch: OutcomeBatch,
    next: usize,
    /// The next outcome's result is written, its billing record is not.
    result_is_written: bool,
    /// Log events of the next outcome that are written.
    history_written: u32,
    /// Headers of a record that met a full queue.
    headers: Option<Headers>,
}

impl IoThread {
    /// Writes the outputs of all outcomes that came back; stops when the producer's queue is full.
    pub(super) fn publish(&mut self) -> Result<bool, Error> {
        let mut any = self.resend()?;
        loop {
            let mut publishing = match self.publishing.take() {
                Some(publishing) => publishing,
                None => match self.lane.try_next() {
                    Some(batch) => {
                        self.router.give_back(batch.shard, batch.outcomes.len());
                        self.books.counters.settled.add(batch.outcomes.len() as u64);
                        Publishing {
                            batch,
                            next: 0,
                            result_is_written: false,
                            history_written: 0,
                            headers: None,
                        }
                    }
                    None => break,
                },
            };
            any = true;
            let is_done = publishing.run(&self.options, &mut self.books, &self.producer);
            if let Some(failure) = self.books.failure.take() {
                return Err(failure);
            }
            if !is_done {
                self.publishing = Some(publishing);
                break;
            }
            self.lane.recycle(publishing.batch);
        }
        if self.lane.take_stalled() {
            self.router.wake_all();
        }
        Ok(any)
    }

    /// Sends what has to be sent out of turn.
    fn resend(&mut self) -> Result<bool, Error> {
        let mut any = false;
        while let Some(resend) = self.books.resends.pop_front() {
            if resend.tag.solo && self.solo.is_none() {
                self.solo =
                    Some(Producer::new(&self.options, &self.bell, true, &self.books.counters)?);
            }
            let producer = match &self.solo {
                Some(solo) if resend.tag.solo => solo,
                _ => &self.producer,
            };
            let Resend { tag, key, value, headers } = resend;
            let sent =
                producer.send(tag.target, key.as_deref(), value.as_deref(), headers, tag.pack());
            let again = |headers| Resend { tag, key, value, headers };
            match sent {
                Ok(()) => self.books.counters.queued(tag.target),
                Err(Refused::QueueFull(headers)) => {
                    self.books.resends.push_front(again(headers));
                    break;
                }
                Err(Refused::TooLarge(headers)) => {
                    self.books.cut_down(&self.options, again(headers));
                }
                Err(Refused::Other(code, headers)) => {
                    self.books.failed(&self.options, again(headers), code);
                }
            }
            any = true;
            if let Some(failure) = self.books.failure.take() {
                return Err(failure);
            }
        }
        Ok(any)
    }
}

impl Publishing {
    /// Writes outcomes until the batch is done (true) or the queue is full (false).
    fn run(&mut self, options: &Options, books: &mut Books, producer: &Producer) -> bool {
        while let Some(&outcome) = self.batch.outcomes.get(self.next) {
            let origin = outcome.origin();
            let slot = own_slot(origin.slot);
            let place = books.held.get_mut(slot).map(|held| held.place);
            // Released when its partition went away, and perhaps given to another record since.
            let Some(place) =
                place.filter(|place| (place.offset, place.epoch) == (origin.offset, origin.epoch))
            else {
                self.advance();
                continue;
            };
            if books.is_current(place) {
                let is_written = match &outcome {
                    Outcome::Settled(settled) => {
                        self.write_settled(options, books, producer, slot, settled)
                    }
                    Outcome::Rejected(rejected) => {
                        self.write_rejected(options, books, producer, slot, rejected)
                    }
                };
                if !is_written {
                    return false;
                }
            } else {
                books.drop_late(slot);
            }
            if books.failure.is_some() {
                return true;
            }
            self.advance();
        }
        true
    }

    fn advance(&mut self) {
        self.next += 1;
        self.result_is_written = false;
        self.history_written = 0;
        self.headers = None;
    }

    fn write_settled(
        &mut self,
        options: &Options,
        books: &mut Books,
        producer: &Producer,
        slot: u32,
        settled: &SettledOutcome,
    ) -> bool {
        let batch = &self.batch;
        if !self.result_is_written {
            let target = match settled.status {
                Status::Succeeded => Target::Result,
                Status::Failed | Status::TimedOut => Target::Failure,
            };
            // Lines cannot be told again once they are written: before anything else.
            if let HistorySink::Lines(lines) = &options.history
                && self.history_written == 0
            {
                write_lines(lines.as_ref(), books, batch, settled.history);
                if books.failure.is_some() {
                    return true;
                }
                self.history_written = settled.history.count;
            }
            let bills = u32::from(options.billing_sums.is_none());
            let log_events = options.history.topic().map_or(0, |_| settled.history.count);
            books.held.expect(slot, 1 + bills + log_events);
            let event_headers = books.held.get_mut(slot).and_then(|held| held.headers.take());
            let headers = self
                .headers
                .take()
                .unwrap_or_else(|| result_headers(options, batch, settled, event_headers));
            let value = batch.slice(settled.value);
            match write(options, books, producer, slot, target, value, headers) {
                Ok(()) => self.result_is_written = true,
                Err(headers) => {
                    self.headers = headers;
                    return false;
                }
            }
        }
        if !self.write_log_events(options, books, producer, slot, settled) {
            return false;
        }
        if options.billing_sums.is_some() {
            if let Some(place) = books.held.get_mut(slot).map(|held| held.place) {
                books.note_billed(place, settled.status, settled.billed);
            }
            return true;
        }
        self.write_bill(options, books, producer, slot, settled)
    }

    /// Sends the billing record of an outcome.
    fn write_bill(
        &mut self,
        options: &Options,
        books: &mut Books,
        producer: &Producer,
        slot: u32,
        settled: &SettledOutcome,
    ) -> bool {
        let batch = &self.batch;
        let event = EventHeaders {
            id: batch.slice(settled.execution_arn),
            kind: BILLING_EVENT_TYPE,
            time: batch.slice(settled.stopped_at),
        };
        let headers = event.headers(options);
        let tag = books.held.tag(slot, Target::Billing);
        let (arn, record) = (batch.slice(settled.execution_arn), batch.slice(settled.billing));
        let sent =
            producer.send(Target::Billing, Some(arn), Some(record), Some(headers), tag.pack());
        let (code, headers) = match sent {
            Ok(()) => {
                books.counters.queued(Target::Billing);
                return true;
            }
            Err(Refused::QueueFull(_)) => return false,
            Err(Refused::TooLarge(headers)) => (RDKafkaErrorCode::MessageSizeTooLarge, headers),
            Err(Refused::Other(code, headers)) => (code, headers),
        };
        let resend = Resend { tag, key: Some(arn.to_vec()), value: Some(record.to_vec()), headers };
        books.failed(options, resend, code);
        true
    }

    /// Sends the log events of an outcome, where they go to a topic.
    fn write_log_events(
        &mut self,
        options: &Options,
        books: &mut Books,
        producer: &Producer,
        slot: u32,
        settled: &SettledOutcome,
    ) -> bool {
        if options.history.topic().is_none() {
            return true;
        }
        let SettledOutcome { history, execution_arn, .. } = *settled;
        let arn = self.batch.slice(execution_arn);
        let events = self.batch.log_events(history);
        while let Some(event) = events.get(self.history_written as usize) {
            let is_last = self.history_written + 1 == history.count;
            let left_out = if is_last { history.left_out } else { 0 };
            let event = self.batch.slice(*event);
            if !write_log_event(options, books, producer, slot, (arn, event), left_out) {
                return false;
            }
            self.history_written += 1;
        }
        true
    }

    fn write_rejected(
        &mut self,
        options: &Options,
        books: &mut Books,
        producer: &Producer,
        slot: u32,
        rejected: &RejectedOutcome,
    ) -> bool {
        books.held.expect(slot, 1);
        let Some(held) = books.held.get_mut(slot) else {
            return true;
        };
        let (place, timestamp_ms, event_headers) =
            (held.place, held.timestamp_ms, held.headers.take());
        let Some(partition) = books.partitions.get(place.partition) else {
            return true;
        };
        let batch = &self.batch;
        let headers = self.headers.take().unwrap_or_else(|| {
            let mut headers =
                event_headers.unwrap_or_else(|| Headers::new(DeadLetterHeaders::COUNT));
            DeadLetterHeaders {
                topic: &partition.topic_name,
                partition: partition.number,
                offset: place.offset,
                timestamp_ms,
                class: rejected.class,
                cause: batch.text(rejected.cause),
                pipeline: &options.pipeline_name,
            }
            .for_each(|name, value| headers.add(name, value));
            headers
        });
        let value = batch.slice(rejected.input);
        match write(options, books, producer, slot, Target::DeadLetter, value, headers) {
            Ok(()) => {
                books.counters.dead_lettered.add(rejected.class);
                true
            }
            Err(headers) => {
                self.headers = headers;
                false
            }
        }
    }
}

/// Sends a record under its event's key; gives the headers back when the queue is full.
fn write(
    options: &Options,
    books: &mut Books,
    producer: &Producer,
    slot: u32,
    target: Target,
    value: &[u8],
    headers: Headers,
) -> Result<(), Option<Headers>> {
    let tag = books.held.tag(slot, target);
    let key = books.held.get_mut(slot).and_then(|held| held.key());
    let (headers, code) = match producer.send(target, key, Some(value), Some(headers), tag.pack()) {
        Ok(()) => {
            books.counters.queued(target);
            return Ok(());
        }
        Err(Refused::QueueFull(headers)) => return Err(headers),
        Err(Refused::TooLarge(headers)) => (headers, None),
        Err(Refused::Other(code, headers)) => (headers, Some(code)),
    };
    let resend = Resend { tag, key: key.map(<[u8]>::to_vec), value: Some(value.to_vec()), headers };
    match code {
        None => books.cut_down(options, resend),
        Some(code) => books.failed(options, resend, code),
    }
    Ok(())
}

/// Sends one log event; false when the queue is full.
fn write_log_event(
    options: &Options,
    books: &mut Books,
    producer: &Producer,
    slot: u32,
    (arn, event): (&[u8], &[u8]),
    left_out: u32,
) -> bool {
    let tag = books.held.tag(slot, Target::History);
    let headers = (left_out > 0).then(|| {
        let mut headers = Headers::new(1);
        headers.add(EVENTS_LEFT_OUT_HEADER, left_out.to_string().as_bytes());
        headers
    });
    let (code, headers) =
        match producer.send(Target::History, Some(arn), Some(event), headers, tag.pack()) {
            Ok(()) => {
                books.counters.produced.add(1);
                books.counters.history_events.add(1);
                books.counters.history_left_out.add(left_out.into());
                return true;
            }
            Err(Refused::QueueFull(_)) => return false,
            Err(Refused::TooLarge(headers)) => (None, headers),
            Err(Refused::Other(code, headers)) => (Some(code), headers),
        };
    books.counters.history_events.add(1);
    books.counters.history_left_out.add(left_out.into());
    let resend = Resend { tag, key: Some(arn.to_vec()), value: Some(event.to_vec()), headers };
    match code {
        None => books.cut_down(options, resend),
        Some(code) => books.failed(options, resend, code),
    }
    true
}

/// Writes the log events of an outcome as lines, in one piece.
fn write_lines(lines: &dyn Lines, books: &mut Books, batch: &OutcomeBatch, events: Events) {
    let spans = batch.log_events(events);
    let mut text = Vec::new();
    for span in spans {
        text.extend_from_slice(batch.slice(*span));
        text.push(b'\n');
    }
    if text.is_empty() {
        return;
    }
    match lines.write(&text) {
        Ok(()) => {
            books.counters.history_events.add(spans.len() as u64);
            books.counters.history_left_out.add(events.left_out.into());
        }
        Err(error) => {
            books.failure.get_or_insert(Error::History(error));
        }
    }
}

/// Attributes of a billing event that differ from one to the next.
pub(super) struct EventHeaders<'a> {
    pub(super) id: &'a [u8],
    pub(super) kind: &'static str,
    pub(super) time: &'a [u8],
}

impl EventHeaders<'_> {
    /// In structured mode the content type says that the value is the whole event; in binary mode
    /// the event's attributes are here.
    pub(super) fn headers(&self, options: &Options) -> Headers {
        let mode = options.billing_mode;
        let mut headers = Headers::new(if mode == BillingMode::Binary { 7 } else { 1 });
        headers.add("content-type", mode.content_type().as_bytes());
        if mode == BillingMode::Binary {
            headers.add(CE_SPECVERSION_HEADER, CLOUDEVENTS_VERSION.as_bytes());
            headers.add(CE_TYPE_HEADER, self.kind.as_bytes());
            headers.add(CE_SOURCE_HEADER, options.billing_source.as_bytes());
            headers.add(CE_SUBJECT_HEADER, options.billing_subject.as_bytes());
            headers.add(CE_ID_HEADER, self.id);
            headers.add(CE_TIME_HEADER, self.time);
        }
        headers
    }
}

fn result_headers(
    options: &Options,
    batch: &OutcomeBatch,
    settled: &SettledOutcome,
    event_headers: Option<Headers>,
) -> Headers {
    let mut headers = event_headers.unwrap_or_else(|| Headers::new(6));
    headers.add(EXECUTION_ARN_HEADER, batch.slice(settled.execution_arn));
    headers.add(STATE_MACHINE_ARN_HEADER, options.machine_arn.as_bytes());
    headers.add(STATUS_HEADER, settled.status.as_str().as_bytes());
    headers.add(STARTED_AT_HEADER, batch.slice(settled.started_at));
    headers.add(STOPPED_AT_HEADER, batch.slice(settled.stopped_at));
    if let Some(error) = settled.error {
        headers.add(ERROR_HEADER, batch.slice(error));
    }
    headers
}
