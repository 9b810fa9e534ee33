//! The few C calls of librdkafka that the `rdkafka` crate does not wrap, behind types that own
//! what they point to.
//!
//! Why at all: batch consumption on a forwarded queue costs 0.38 µs of CPU per record where
//! `poll` costs 0.49 and a detached message 0.69; topic handles and plain integers as delivery
//! tags save a C string, a name look-up and a box per produced record.
//!
//! Lifetimes are librdkafka's: a queue, topic handle or message must be gone before its client is
//! destroyed. Queues and topic handles hold an `Arc` of the client; messages never leave
//! [`Inbox`], which drops them first.
#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;

use rdkafka::TopicPartitionList;
use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rdkafka::types::RDKafkaRespErr;

use crate::shard::outbox::Bell;

use super::queue::{Event, Queue};

/// Messages of all assigned partitions, in one queue, read in batches.
pub(super) struct Inbox<C: ConsumerContext + 'static> {
    /// Read and not yet taken; before `queue` and `consumer`, so that it is dropped before them.
    messages: VecDeque<Message>,
    batch: Vec<*mut c::rd_kafka_message_t>,
    queue: Queue,
    /// The consumer's own queue: rebalances, commit answers, errors, log lines.
    events: Queue,
    consumer: Arc<BaseConsumer<C>>,
}

// SAFETY: the raw pointers are owned by this value alone, and librdkafka lets any one thread at a
// time use a queue and its messages; `&Inbox` offers nothing that mutates through them.
unsafe impl<C: ConsumerContext> Send for Inbox<C> {}

impl<C: ConsumerContext> Inbox<C> {
    /// A queue of its own beside the consumer's main queue; `batch_max` messages per read. The
    /// bell rings when a queue that was empty gets a message or an event.
    pub(super) fn new(
        consumer: Arc<BaseConsumer<C>>,
        batch_max: usize,
        bell: &Arc<Bell>,
    ) -> Option<Self> {
        // SAFETY: the client lives as long as `consumer`, which this value keeps.
        let queue = unsafe { c::rd_kafka_queue_new(consumer.client().native_ptr()) };
        let queue = Queue::new(queue, bell)?;
        // SAFETY: as above; the call returns a new reference.
        let events = unsafe { c::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        let events = Queue::new(events, bell)?;
        Some(Self {
            messages: VecDeque::with_capacity(batch_max),
            batch: Vec::with_capacity(batch_max),
            queue,
            events,
            consumer,
        })
    }

    /// Sends a partition's messages here instead of to the main queue; to be called before the
    /// partition is assigned. Stays in force across re-assignments.
    pub(super) fn forward(&self, topic: &str, partition: i32) -> bool {
        let Ok(topic) = CString::new(topic) else {
            return false;
        };
        // SAFETY: the client lives (`self.consumer`), `topic` is a C string for the call.
        let source = unsafe {
            c::rd_kafka_queue_get_partition(
                self.consumer.client().native_ptr(),
                topic.as_ptr(),
                partition,
            )
        };
        if source.is_null() {
            return false;
        }
        // SAFETY: both queues are live; forwarding takes its own reference on the destination, and
        // ours on the source is given back exactly once.
        unsafe {
            c::rd_kafka_queue_forward(source, self.queue.pointer.as_ptr());
            c::rd_kafka_queue_destroy(source);
        }
        true
    }

    /// Reads what is there without waiting; returns how many messages came.
    pub(super) fn read(&mut self) -> usize {
        let room = self.batch.capacity();
        // SAFETY: `batch` has room for `room` pointers; librdkafka writes the first `count` and
        // hands their ownership over. Only this thread reads (`&mut self`).
        let count = unsafe {
            c::rd_kafka_consume_batch_queue(
                self.queue.pointer.as_ptr(),
                0,
                self.batch.as_mut_ptr(),
                room,
            )
        };
        let count = usize::try_from(count).unwrap_or(0).min(room);
        // SAFETY: the first `count` elements were written by the call above.
        unsafe { self.batch.set_len(count) };
        self.messages.extend(self.batch.drain(..).filter_map(NonNull::new).map(Message));
        count
    }

    /// The oldest message not yet taken.
    pub(super) fn front(&mut self) -> Option<&mut Message> {
        self.messages.front_mut()
    }

    /// Drops the oldest message.
    pub(super) fn pop(&mut self) {
        self.messages.pop_front();
    }

    /// Drops what was read, not taken, and is not of the kind to keep.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Message) -> bool) {
        self.messages.retain(keep);
    }

    /// Whether an event waits for the consumer's own `poll`, which handles one per call.
    pub(super) fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// Messages that are fetched and not taken.
    pub(super) fn len(&self) -> usize {
        self.messages.len() + self.queue.len()
    }

    /// Whether nothing is read and nothing is there to be read.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.queue.is_empty()
    }

    /// Sends a commit; its answer comes to the consumer's own queue. `rd_kafka_commit` answers an
    /// asynchronous commit only through a callback that the crate never sets.
    pub(super) fn commit(&self, offsets: &TopicPartitionList) -> Result<(), RDKafkaErrorCode> {
        // SAFETY: client and queue live; the list is copied, the queue referenced by the call.
        let code = unsafe {
            c::rd_kafka_commit_queue(
                self.consumer.client().native_ptr(),
                offsets.ptr(),
                self.events.pointer.as_ptr(),
                None,
                ptr::null_mut(),
            )
        };
        if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR { Ok(()) } else { Err(code.into()) }
    }

    /// The newest offset of a partition that a fetch has told us of, and no request.
    pub(super) fn high_watermark(&self, topic: &str, partition: i32) -> Option<i64> {
        let topic = CString::new(topic).ok()?;
        let (mut low, mut high) = (-1, -1);
        // SAFETY: the client lives, all pointers are valid for the call.
        let code = unsafe {
            c::rd_kafka_get_watermark_offsets(
                self.consumer.client().native_ptr(),
                topic.as_ptr(),
                partition,
                &raw mut low,
                &raw mut high,
            )
        };
        (code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
    }
}

/// A consumed message, destroyed on drop. It keeps its whole fetch buffer alive: copy and drop.
pub(super) struct Message(NonNull<c::rd_kafka_message_t>);

impl Message {
    fn raw(&self) -> &c::rd_kafka_message_t {
        // SAFETY: the pointer is ours until `drop`, and nobody writes to the struct meanwhile.
        unsafe { self.0.as_ref() }
    }

    /// The error this element stands for instead of a record, with its text.
    pub(super) fn error(&self) -> Option<(RDKafkaErrorCode, String)> {
        let raw = self.raw();
        if raw.err == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        // SAFETY: librdkafka returns a C string that lives as long as the message.
        let text = unsafe { text(c::rd_kafka_message_errstr(self.0.as_ptr())) };
        Some((raw.err.into(), text))
    }

    /// Identifies the topic among the present assignment, cheaply.
    pub(super) fn topic_tag(&self) -> usize {
        self.raw().rkt as usize
    }

    /// Topic name.
    pub(super) fn topic(&self) -> String {
        if self.raw().rkt.is_null() {
            return String::new();
        }
        // SAFETY: the topic handle is kept by the message; its name is a C string.
        unsafe { text(c::rd_kafka_topic_name(self.raw().rkt)) }
    }

    pub(super) fn partition(&self) -> i32 {
        self.raw().partition
    }

    pub(super) fn offset(&self) -> i64 {
        self.raw().offset
    }

    /// Timestamp in ms since the epoch, -1 when there is none.
    pub(super) fn timestamp_ms(&self) -> i64 {
        let mut kind = c::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is live, `kind` is written.
        unsafe { c::rd_kafka_message_timestamp(self.0.as_ptr(), &raw mut kind) }
    }

    pub(super) fn key(&self) -> Option<&[u8]> {
        // SAFETY: key and length describe memory of the message, live as long as `self`.
        unsafe { bytes(self.raw().key, self.raw().key_len) }
    }

    pub(super) fn payload(&self) -> Option<&[u8]> {
        // SAFETY: payload and length describe memory of the message, live as long as `self`.
        unsafe { bytes(self.raw().payload, self.raw().len) }
    }

    /// Takes the headers out of the message; they are a copy of their own.
    pub(super) fn take_headers(&mut self) -> Option<Headers> {
        // SAFETY: the message is live and exclusively borrowed.
        unsafe { take_headers(self.0.as_ptr()) }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed exactly once.
        unsafe { c::rd_kafka_message_destroy(self.0.as_ptr()) }
    }
}

/// Record headers, owned.
pub(super) struct Headers(NonNull<c::rd_kafka_headers_t>);

// SAFETY: a plain list on the heap, owned by this value alone.
unsafe impl Send for Headers {}

impl Headers {
    /// An empty list with room for `count`.
    pub(super) fn new(count: usize) -> Self {
        // SAFETY: no preconditions. librdkafka aborts the process when memory is out, so the
        // pointer is never null.
        let pointer = unsafe { c::rd_kafka_headers_new(count) };
        Self(NonNull::new(pointer).expect("rd_kafka_headers_new aborts rather than return null"))
    }

    /// Appends a header; name and value are copied.
    pub(super) fn add(&mut self, name: &str, value: &[u8]) {
        // SAFETY: both are copied by the call, with explicit lengths. It can only fail for
        // read-only lists, which this type never holds.
        unsafe {
            c::rd_kafka_header_add(
                self.0.as_ptr(),
                name.as_ptr().cast(),
                name.len() as isize,
                value.as_ptr().cast(),
                value.len() as isize,
            );
        }
    }

    /// Removes all headers of this name.
    pub(super) fn remove(&mut self, name: &CStr) {
        // SAFETY: the list is ours, the name a C string.
        unsafe { c::rd_kafka_header_remove(self.0.as_ptr(), name.as_ptr()) };
    }

    /// Value of the last header of this name; a null value counts as empty.
    pub(super) fn last(&self, name: &CStr) -> Option<&[u8]> {
        let mut value: *const c_void = ptr::null();
        let mut len = 0;
        // SAFETY: the list is ours, the name a C string, the outputs are written on success.
        let code = unsafe {
            c::rd_kafka_header_get_last(
                self.0.as_ptr(),
                name.as_ptr(),
                &raw mut value,
                &raw mut len,
            )
        };
        // SAFETY: on success value and length describe memory of the list.
        (code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR)
            .then(|| unsafe { bytes(value.cast_mut(), len) }.unwrap_or_default())
    }
}

impl Drop for Headers {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed exactly once; `Topic::produce` forgets those it gave away.
        unsafe { c::rd_kafka_headers_destroy(self.0.as_ptr()) }
    }
}

/// A topic to produce to.
pub(super) struct Topic<C: ProducerContext + 'static> {
    pointer: NonNull<c::rd_kafka_topic_t>,
    producer: Arc<BaseProducer<C>>,
}

// SAFETY: topic handles are reference counted and thread safe in librdkafka.
unsafe impl<C: ProducerContext> Send for Topic<C> {}

impl<C: ProducerContext> Topic<C> {
    pub(super) fn new(producer: &Arc<BaseProducer<C>>, name: &str) -> Option<Self> {
        let name = CString::new(name).ok()?;
        // SAFETY: the client is live (we keep it), the name a C string, no configuration.
        let pointer = unsafe {
            c::rd_kafka_topic_new(producer.client().native_ptr(), name.as_ptr(), ptr::null_mut())
        };
        Some(Self { pointer: NonNull::new(pointer)?, producer: Arc::clone(producer) })
    }

    /// Puts a record into the producer's queue. Never waits. On failure the headers come back.
    pub(super) fn produce(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Option<Headers>,
        tag: usize,
    ) -> Result<(), (RDKafkaErrorCode, Option<Headers>)> {
        let (key_pointer, key_len) = parts(key);
        let (value_pointer, value_len) = parts(value);
        let headers_pointer =
            headers.as_ref().map_or(ptr::null_mut(), |headers| headers.0.as_ptr());
        // SAFETY: the variadic list follows rd_kafka_producev's table: each tag is followed by
        // arguments of exactly the type it names, and END closes it. Key and value are copied
        // (F_COPY). The headers change hands only on success.
        let code = unsafe {
            c::rd_kafka_producev(
                self.producer.client().native_ptr(),
                c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_RKT,
                self.pointer.as_ptr(),
                c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS,
                c::RD_KAFKA_MSG_F_COPY as c_int,
                c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_VALUE,
                value_pointer,
                value_len,
                c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_KEY,
                key_pointer,
                key_len,
                c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_OPAQUE,
                tag as *mut c_void,
                c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADERS,
                headers_pointer,
                c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
            )
        };
        if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            // librdkafka owns them now.
            std::mem::forget(headers);
            Ok(())
        } else {
            Err((code.into(), headers))
        }
    }
}

impl<C: ProducerContext> Drop for Topic<C> {
    fn drop(&mut self) {
        // SAFETY: our reference, given back exactly once, while the client is still live.
        unsafe { c::rd_kafka_topic_destroy(self.pointer.as_ptr()) }
    }
}

/// The delivery reports of a producer.
pub(super) struct Reports<C: ProducerContext + 'static> {
    queue: Queue,
    producer: Arc<BaseProducer<C>>,
}

// SAFETY: as for `Inbox`; the events never leave `poll`.
unsafe impl<C: ProducerContext> Send for Reports<C> {}

impl<C: ProducerContext> Reports<C> {
    pub(super) fn new(producer: &Arc<BaseProducer<C>>, bell: &Arc<Bell>) -> Option<Self> {
        // SAFETY: the client is live; the call returns a new reference.
        let queue = unsafe { c::rd_kafka_queue_get_main(producer.client().native_ptr()) };
        Some(Self { queue: Queue::new(queue, bell)?, producer: Arc::clone(producer) })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Handles the next event without waiting; false when there was none. One event holds the
    /// reports of one produce request.
    pub(super) fn poll(&self, mut each: impl FnMut(Report<'_>)) -> bool {
        let Some(event) = self.queue.poll() else {
            return false;
        };
        // SAFETY: the event is live until the end of this function.
        match unsafe { c::rd_kafka_event_type(event.0.as_ptr()) } {
            c::RD_KAFKA_EVENT_DR => loop {
                // SAFETY: the message belongs to the event and lives until the event is gone.
                let message = unsafe { c::rd_kafka_event_message_next(event.0.as_ptr()) };
                let Some(message) = NonNull::new(message.cast_mut()) else {
                    break;
                };
                each(Report::Delivery(Delivery { message, _event: &event }));
            },
            c::RD_KAFKA_EVENT_ERROR => {
                // SAFETY: error events have a code and a C string that lives as long as they do.
                let (code, reason) = unsafe {
                    (
                        c::rd_kafka_event_error(event.0.as_ptr()),
                        text(c::rd_kafka_event_error_string(event.0.as_ptr())),
                    )
                };
                each(Report::Error(code.into(), reason));
            }
            c::RD_KAFKA_EVENT_STATS => {
                // SAFETY: statistics are a C string that lives as long as the event.
                let json = unsafe { CStr::from_ptr(c::rd_kafka_event_stats(event.0.as_ptr())) };
                each(Report::Statistics(json.to_bytes()));
            }
            c::RD_KAFKA_EVENT_LOG => {
                let (mut facility, mut line): (*const c_char, *const c_char) =
                    (ptr::null(), ptr::null());
                let mut level = 0;
                // SAFETY: the three outputs are written when the call returns 0, with C strings
                // that live as long as the event.
                unsafe {
                    if c::rd_kafka_event_log(
                        event.0.as_ptr(),
                        &raw mut facility,
                        &raw mut line,
                        &raw mut level,
                    ) == 0
                    {
                        each(Report::Log(level, text(line)));
                    }
                }
            }
            _ => {}
        }
        true
    }

    /// Tells the producer to stop lingering and send what it has, without waiting.
    pub(super) fn hurry(&self) {
        // SAFETY: the client is live; with a timeout of 0 the call only nudges the brokers'
        // threads.
        unsafe { c::rd_kafka_flush(self.producer.client().native_ptr(), 0) };
    }
}

/// What a producer has to say.
pub(super) enum Report<'a> {
    /// A record was delivered, or not.
    Delivery(Delivery<'a>),
    /// A client-wide error.
    Error(RDKafkaErrorCode, String),
    /// Statistics of the client, a JSON document.
    Statistics(&'a [u8]),
    /// A log line with its syslog level.
    Log(c_int, String),
}

/// The delivery report of one record; the record is still in it.
pub(super) struct Delivery<'a> {
    message: NonNull<c::rd_kafka_message_t>,
    _event: &'a Event,
}

impl Delivery<'_> {
    fn raw(&self) -> &c::rd_kafka_message_t {
        // SAFETY: lives as long as the event that this borrows.
        unsafe { self.message.as_ref() }
    }

    /// The number given to [`Topic::produce`].
    pub(super) fn tag(&self) -> usize {
        self.raw()._private as usize
    }

    pub(super) fn error(&self) -> Option<RDKafkaErrorCode> {
        let code = self.raw().err;
        (code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| code.into())
    }

    pub(super) fn key(&self) -> Option<&[u8]> {
        // SAFETY: memory of the message, see `raw`.
        unsafe { bytes(self.raw().key, self.raw().key_len) }
    }

    pub(super) fn value(&self) -> Option<&[u8]> {
        // SAFETY: memory of the message, see `raw`.
        unsafe { bytes(self.raw().payload, self.raw().len) }
    }

    /// Time from the queue to the broker's answer, in microseconds.
    pub(super) fn latency_us(&self) -> u64 {
        // SAFETY: the message is live, see `raw`, and is only read.
        let us = unsafe { c::rd_kafka_message_latency(self.message.as_ptr()) };
        // Below zero means unknown.
        u64::try_from(us).unwrap_or(0)
    }

    /// Takes the headers out, to send them again.
    pub(super) fn take_headers(&mut self) -> Option<Headers> {
        // SAFETY: the message is live and this is its only handle.
        unsafe { take_headers(self.message.as_ptr()) }
    }
}

/// # Safety
/// `message` is live and nobody else uses it during the call.
unsafe fn take_headers(message: *mut c::rd_kafka_message_t) -> Option<Headers> {
    let mut headers = ptr::null_mut();
    // SAFETY: as promised by the caller; on success the list is ours.
    let code = unsafe { c::rd_kafka_message_detach_headers(message, &raw mut headers) };
    if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return None;
    }
    NonNull::new(headers).map(Headers)
}

/// # Safety
/// `pointer` is null or points to `len` bytes that live and do not change for `'a`.
unsafe fn bytes<'a>(pointer: *mut c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: as promised by the caller.
    (!pointer.is_null()).then(|| unsafe { slice::from_raw_parts(pointer.cast(), len) })
}

/// # Safety
/// `pointer` is null or a C string that lives for the call.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: as promised by the caller.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

fn parts(bytes: Option<&[u8]>) -> (*mut c_void, usize) {
    bytes.map_or((ptr::null_mut(), 0), |bytes| (bytes.as_ptr().cast_mut().cast(), bytes.len()))
}

/// The name of a code as librdkafka spells it: `_TRANSPORT`, `REQUEST_TIMED_OUT`.
pub(super) fn code_name(code: RDKafkaErrorCode) -> String {
    let code = RDKafkaRespErr::try_from(code as i32);
    let code = code.unwrap_or(RDKafkaRespErr::RD_KAFKA_RESP_ERR__FAIL);
    // SAFETY: any code has a name, a C string that lives for ever.
    unsafe { text(c::rd_kafka_err2name(code)) }
}

/// Sets how often members of the mock cluster's KIP-848 groups are told to report: a joining
/// member has its partitions after a few of these.
pub(super) fn set_mock_heartbeat<C: ClientContext>(client: &Client<C>, millis: i32) {
    // SAFETY: the client is live for the length of the call and owns the cluster, if it has one.
    let cluster = unsafe { c::rd_kafka_handle_mock_cluster(client.native_ptr()) };
    if !cluster.is_null() {
        // SAFETY: the handle is that of a live cluster, checked above.
        unsafe { c::rd_kafka_mock_set_group_consumer_heartbeat_interval_ms(cluster, millis) };
    }
}
