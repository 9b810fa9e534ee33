//! From records to started executions, and the cheap refusals that need no shard.

use std::time::Instant;

use rdkafka::error::RDKafkaErrorCode;
use tracing::warn;

use crate::base::ids::Origin;
use crate::base::limits::PAYLOAD_BYTES_MAX;
use crate::base::name::name_is_valid;
use crate::base::trace::{TraceParent, tracestate};
use crate::shard::Start;

use super::books::{Books, Resend};
use super::dead_letter::{DeadLetterClass, DeadLetterHeaders};
use super::error::Error;
use super::held::Place;
use super::identity::push_default_name;
use super::io_thread::{IoThread, epoch_ms};
use super::ledger::Received;
use super::librdkafka::{Headers, Message, code_name};
use super::options::Options;
use super::port::{Router, origin_slot};
use super::producer::Target;

impl IoThread {
    /// Reads and starts what there is room for; says whether anything was taken.
    pub(super) fn intake(&mut self) -> Result<bool, Error> {
        // Outputs first: reading on while they wait would only grow what is held.
        let outputs_wait = self.publishing.is_some() || !self.books.resends.is_empty();
        self.books.now_ms = epoch_ms();
        let mut taken = 0;
        let mut blocked = outputs_wait;
        while !blocked && taken < TAKEN_PER_TURN_MAX {
            if !self.router.has_room()? {
                blocked = true;
                self.note_throttled();
            } else if self.consumer.inbox.front().is_none() {
                if self.read() == 0 {
                    break;
                }
            } else if self.take_front()? {
                taken += 1;
                self.front_waits = false;
            } else {
                blocked = true;
            }
        }
        self.router.hand_over()?;
        self.note_back_pressure(blocked);
        Ok(taken > 0)
    }

    /// Reads what lies ready; returns how many records that were.
    fn read(&mut self) -> usize {
        let count = self.consumer.inbox.read();
        if count > 0 {
            self.books.counters.batches.observe(count as u64);
        }
        count
    }

    /// Takes the oldest message read; false when it has to wait for room.
    fn take_front(&mut self) -> Result<bool, Error> {
        let Self { consumer, books, router, options, .. } = self;
        let Some(message) = consumer.inbox.front() else {
            return Ok(true);
        };
        if let Some((code, reason)) = message.error() {
            books.counters.error(code_name(code));
            let refused = refuse_error(options, message, code, reason);
            consumer.inbox.pop();
            return refused.map(|()| true);
        }
        let tag = (message.topic_tag(), message.partition());
        if let Some(index) = books.partitions.by_tag(options, tag, || message.topic()) {
            let Some(place) = admit(options, books, index, message.offset()) else {
                return Ok(false);
            };
            start(options, books, router, message, place);
        }
        consumer.inbox.pop();
        Ok(true)
    }

    /// The next record has to wait, if it is because shards hold all that may be open.
    fn note_throttled(&mut self) {
        let waits = self.router.is_out_of_credit() && !self.consumer.inbox.is_empty();
        if waits && !std::mem::replace(&mut self.front_waits, true) {
            self.books.counters.throttled.add(1);
        }
    }

    fn note_back_pressure(&mut self, blocked: bool) {
        let now = Instant::now();
        if let Some(since) = self.blocked_since.take() {
            let nanoseconds = now.saturating_duration_since(since).as_nanos() as u64;
            self.books.counters.back_pressure_ns.add(nanoseconds);
        }
        self.blocked_since = blocked.then_some(now);
        self.books.counters.standing_still.set(blocked.into());
    }
}

/// Writes an offset down as open; `None` when the partition's window or the slab is full, or when
/// it matters which topic of this name the record is of, and that is not known yet.
fn admit(options: &Options, books: &mut Books, index: u32, offset: i64) -> Option<Place> {
    if !books.held.has_room() {
        return None;
    }
    let partition = books.partitions.get_mut(index).filter(|one| !one.awaits_topic_id())?;
    let mut received = partition.ledger.as_mut()?.receive(offset);
    if received == Received::Behind {
        warn!(
            pipeline = options.pipeline_name,
            topic = partition.topic_name,
            partition = partition.number,
            offset,
            "the partition was rewound under us; taking it up again from here"
        );
        // If the topic is another one by now, nobody will run again what this range holds.
        books.close_range(options, index, books.now_ms);
        books.partitions.restart(index);
        let partition = books.partitions.get_mut(index).filter(|one| !one.awaits_topic_id())?;
        received = partition.ledger.as_mut()?.receive(offset);
    }
    let partition = books.partitions.get_mut(index)?;
    let ledger = partition.ledger.as_ref()?;
    if received != Received::Admitted {
        if !partition.warned {
            partition.warned = true;
            books.counters.window_full.add(1);
            warn!(
                pipeline = options.pipeline_name,
                topic = partition.topic_name,
                partition = partition.number,
                watermark = ledger.watermark(),
                uncommitted = ledger.capacity(),
                "the window of uncommitted offsets is full; raise `limits.uncommitted_per_partition` if executions take long"
            );
        }
        return None;
    }
    let epoch = ledger.epoch();
    // Where it begins is committed already, or is what a reset would find again.
    partition.committed.get_or_insert(offset);
    if let Some(sums) = &mut partition.sums {
        sums.begin(offset);
    }
    Some(Place { partition: index, epoch, offset })
}

/// Starts an admitted record, or finishes or refuses it here.
fn start(
    options: &Options,
    books: &mut Books,
    router: &mut Router,
    message: &mut Message,
    place: Place,
) {
    books.counters.consumed.add(1);
    let headers = message.take_headers();
    let Some(value) = message.payload() else {
        books.counters.skipped.add(1);
        books.finish(place);
        return;
    };
    let key_bytes = message.key().map_or(0, <[u8]>::len);
    books.counters.consumed_bytes.add((key_bytes + value.len()) as u64);
    if value.len() > PAYLOAD_BYTES_MAX {
        let cause =
            format!("the value has {} bytes, the limit is {PAYLOAD_BYTES_MAX}", value.len());
        let class = DeadLetterClass::TooLarge;
        dead_letter(options, books, message, headers, place, class, &cause);
        return;
    }
    let name = headers
        .as_ref()
        .and_then(|headers| headers.last(c"execution-name"))
        .map(|name| std::str::from_utf8(name).unwrap_or_default().to_owned());
    let (traceparent, tracestate) = trace(headers.as_ref());
    if name.as_deref().is_some_and(|name| !name_is_valid(name)) {
        let class = DeadLetterClass::InvalidName;
        dead_letter(options, books, message, headers, place, class, INVALID_NAME_CAUSE);
        return;
    }
    let timestamp_ms = message.timestamp_ms();
    let Some(slot) = books.held.insert(place, timestamp_ms, message.key(), headers) else {
        // `admit` has seen room, and nothing came in between.
        return;
    };
    let Some(partition) = books.partitions.get(place.partition) else {
        return;
    };
    books.counters.started.add(1);
    books.counters.record_age.since_ms(timestamp_ms, books.now_ms);
    router.push(|bytes| {
        let name_start = bytes.len() as u32;
        match &name {
            Some(name) => bytes.extend_from_slice(name.as_bytes()),
            None => push_default_name(bytes, &partition.topic_name, partition.number, place.offset),
        }
        let input_start = bytes.len() as u32;
        bytes.extend_from_slice(value);
        let input_end = bytes.len() as u32;
        bytes.extend_from_slice(tracestate.as_bytes());
        Start {
            origin: Origin {
                pipeline: options.pipeline,
                topic: partition.topic,
                partition: partition.number,
                offset: place.offset,
                slot: origin_slot(options.lane, slot),
                epoch: place.epoch,
            },
            machine: options.machine,
            suffix: partition.identity.suffix(place.offset, timestamp_ms, b""),
            traceparent,
            tracestate: input_end..bytes.len() as u32,
            name: name_start..input_start,
            input: input_start..input_end,
        }
    });
}

/// The trace that a record belongs to, with what others say of it.
fn trace(headers: Option<&Headers>) -> (Option<TraceParent>, String) {
    let header = |name| headers.and_then(|headers| headers.last(name));
    let traceparent = header(c"traceparent").and_then(TraceParent::parse);
    // W3C: without the one the other means nothing.
    let state = traceparent.and_then(|_| tracestate(header(c"tracestate")?));
    (traceparent, state.map(str::to_owned).unwrap_or_default())
}

/// Refuses a record before it reaches a shard.
fn dead_letter(
    options: &Options,
    books: &mut Books,
    message: &Message,
    headers: Option<Headers>,
    place: Place,
    class: DeadLetterClass,
    cause: &str,
) {
    let timestamp_ms = message.timestamp_ms();
    let Some(slot) = books.held.insert(place, timestamp_ms, None, None) else {
        return;
    };
    let Some(partition) = books.partitions.get(place.partition) else {
        return;
    };
    let mut headers = headers.unwrap_or_else(|| Headers::new(DeadLetterHeaders::COUNT));
    DeadLetterHeaders {
        topic: &partition.topic_name,
        partition: partition.number,
        offset: place.offset,
        timestamp_ms,
        class: class.as_str(),
        cause,
        pipeline: &options.pipeline_name,
    }
    .for_each(|name, value| headers.add(name, value));
    books.held.expect(slot, 1);
    books.counters.dead_lettered.add(class.as_str());
    books.resends.push_back(Resend {
        tag: books.held.tag(slot, Target::DeadLetter),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: Some(headers),
    });
}

/// An element that is an error instead of a record.
fn refuse_error(
    options: &Options,
    message: &Message,
    code: RDKafkaErrorCode,
    reason: String,
) -> Result<(), Error> {
    let (topic, partition) = (message.topic(), message.partition());
    if code == RDKafkaErrorCode::AutoOffsetReset {
        return Err(Error::OffsetReset { topic, partition, reason });
    }
    warn!(pipeline = options.pipeline_name, topic, partition, %code, reason, "consumer");
    Ok(())
}

const INVALID_NAME_CAUSE: &str = "the header `execution-name` must be 1 to 80 characters of UTF-8 \
                                  without those that AWS forbids in names";
/// Records taken per turn, so that outcomes and reports are never left waiting for long.
const TAKEN_PER_TURN_MAX: usize = 2_048;
