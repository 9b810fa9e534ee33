//! The few calls of librdkafka that the `rdkafka` crate does not wrap, behind types that own what
//! they point to. Knows records and reports as bytes and numbers, nothing of runs.
//!
//! Why at all: a generator that costs much changes what it measures. Through the crate a record
//! that is read costs a lock, an event and a reference count more than in a batch, and every
//! header a check of its text; a record that is sent costs a look-up of the topic's name and a C
//! string. `docs/loadgen.md` has what that came to.
//!
//! Lifetimes are librdkafka's: queues, topic handles and messages must be gone before their client
//! is destroyed. [`Inbox`] and [`Outbox`] own the client beside what belongs to it and drop it
//! last; messages and reports borrow from them.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rdkafka::types::RDKafkaRespErr;

/// The records of all partitions sent here, read in batches.
pub(crate) struct Inbox<C: ConsumerContext> {
    batch: Vec<*mut c::rd_kafka_message_t>,
    queue: NonNull<c::rd_kafka_queue_t>,
    consumer: BaseConsumer<C>,
}

// SAFETY: the pointers belong to this value alone, librdkafka lets any one thread at a time read a
// queue, and nothing reads it through `&Inbox`.
unsafe impl<C: ConsumerContext> Send for Inbox<C> {}

impl<C: ConsumerContext> Inbox<C> {
    /// Takes over a client; up to `batch_max` records are read at a time.
    pub(crate) fn new(consumer: BaseConsumer<C>, batch_max: usize) -> Self {
        // SAFETY: the client is live. librdkafka aborts the process when memory is out, so the
        // pointer is never null.
        let queue = unsafe { c::rd_kafka_queue_new(consumer.client().native_ptr()) };
        let queue = NonNull::new(queue).expect("rd_kafka_queue_new aborts rather than return null");
        Self { batch: Vec::with_capacity(batch_max.max(1)), queue, consumer }
    }

    /// Returns the client, whose own queue then holds events and errors but no records.
    pub(crate) fn consumer(&self) -> &BaseConsumer<C> {
        &self.consumer
    }

    /// Sends the records of a partition here; to be called before the partition is assigned.
    /// Returns whether the partition can exist.
    pub(crate) fn forward(&self, topic: &str, partition: i32) -> bool {
        let Ok(topic) = CString::new(topic) else {
            return false;
        };
        let client = self.consumer.client().native_ptr();
        // SAFETY: the client is live, `topic` a C string for the call, which returns a new
        // reference or null.
        let source = unsafe { c::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition) };
        if source.is_null() {
            return false;
        }
        // SAFETY: both queues are live; forwarding takes a reference of its own on the
        // destination, and ours on the source is given back exactly once.
        unsafe {
            c::rd_kafka_queue_forward(source, self.queue.as_ptr());
            c::rd_kafka_queue_destroy(source);
        }
        true
    }

    /// Waits for a record, then takes what else is there; returns whether any came.
    pub(crate) fn fill(&mut self, wait: Duration) -> bool {
        self.drain().for_each(drop);
        // The call returns when it has all it was asked for or when the time is over: asking for
        // one waits no longer than needed.
        let wait_ms = c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX);
        self.fetch(1, wait_ms);
        if self.batch.is_empty() {
            return false;
        }
        self.fetch(self.batch.capacity() - 1, 0);
        true
    }

    /// Hands out the records of the last [`Self::fill`]; drops those that nobody takes.
    pub(crate) fn drain(&mut self) -> Drain<'_> {
        Drain(self.batch.drain(..))
    }

    /// Appends at most `most` records to the batch, which has room for them.
    fn fetch(&mut self, most: usize, wait_ms: c_int) {
        let read = self.batch.len();
        let room = self.batch.spare_capacity_mut();
        let most = most.min(room.len());
        // SAFETY: the queue is live and only this thread reads it (`&mut self`). librdkafka
        // writes at most `most` pointers, for which there is room, and hands their ownership over.
        let count = unsafe {
            c::rd_kafka_consume_batch_queue(
                self.queue.as_ptr(),
                wait_ms,
                room.as_mut_ptr().cast(),
                most,
            )
        };
        // Below zero means that nothing was read.
        let count = usize::try_from(count).unwrap_or(0).min(most);
        // SAFETY: the call above wrote the next `count` elements, within the capacity.
        unsafe { self.batch.set_len(read + count) };
    }
}

impl<C: ConsumerContext> Drop for Inbox<C> {
    fn drop(&mut self) {
        self.drain().for_each(drop);
        // SAFETY: our reference, given back exactly once, while the client is still live.
        unsafe { c::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

/// The records of a batch.
pub(crate) struct Drain<'a>(std::vec::Drain<'a, *mut c::rd_kafka_message_t>);

impl<'a> Iterator for Drain<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let message = self.0.find_map(NonNull::new)?;
        Some(Message { message, _inbox: PhantomData })
    }
}

impl Drop for Drain<'_> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

/// A record that was read, or an error that took its place. Destroyed on drop.
pub(crate) struct Message<'a> {
    message: NonNull<c::rd_kafka_message_t>,
    /// The client outlives its messages.
    _inbox: PhantomData<&'a ()>,
}

impl Message<'_> {
    fn raw(&self) -> &c::rd_kafka_message_t {
        // SAFETY: the message is ours until `drop`, and nobody writes to it meanwhile.
        unsafe { self.message.as_ref() }
    }

    /// Returns what went wrong, if this is no record.
    pub(crate) fn error(&self) -> Option<RDKafkaErrorCode> {
        code(self.raw().err)
    }

    /// Identifies the topic among those assigned: equal for records of one topic, different for
    /// records of two.
    pub(crate) fn topic_tag(&self) -> usize {
        self.raw().rkt as usize
    }

    /// Returns the topic's name.
    pub(crate) fn topic(&self) -> String {
        if self.raw().rkt.is_null() {
            return String::new();
        }
        // SAFETY: the message keeps its topic handle, whose name is a C string.
        unsafe { text(c::rd_kafka_topic_name(self.raw().rkt)) }
    }

    /// Returns the partition.
    pub(crate) fn partition(&self) -> i32 {
        self.raw().partition
    }

    /// Returns the offset.
    pub(crate) fn offset(&self) -> i64 {
        self.raw().offset
    }

    /// Returns the record's timestamp in milliseconds since the epoch, if it has one.
    pub(crate) fn timestamp_ms(&self) -> Option<i64> {
        let mut kind = c::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is live, `kind` is written.
        let ms = unsafe { c::rd_kafka_message_timestamp(self.message.as_ptr(), &raw mut kind) };
        (kind != c::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE).then_some(ms)
    }

    /// Returns the key.
    pub(crate) fn key(&self) -> Option<&[u8]> {
        // SAFETY: memory of the message, which lives and stays as it is while `self` is borrowed.
        unsafe { bytes(self.raw().key, self.raw().key_len) }
    }

    /// Returns the value.
    pub(crate) fn value(&self) -> Option<&[u8]> {
        // SAFETY: memory of the message, which lives and stays as it is while `self` is borrowed.
        unsafe { bytes(self.raw().payload, self.raw().len) }
    }

    /// Returns the headers. They are read from the record when the first is asked for, which
    /// costs an allocation each.
    pub(crate) fn headers(&self) -> Headers<'_> {
        Headers { message: self, list: None, next: 0 }
    }

    fn header_list(&self) -> Option<NonNull<c::rd_kafka_headers_t>> {
        let mut list = ptr::null_mut();
        // SAFETY: the message is live; on success the list is the message's and lives as long.
        let err = unsafe { c::rd_kafka_message_headers(self.message.as_ptr(), &raw mut list) };
        if code(err).is_none() { NonNull::new(list) } else { None }
    }
}

impl Drop for Message<'_> {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed exactly once, before the client (see `_inbox`).
        unsafe { c::rd_kafka_message_destroy(self.message.as_ptr()) }
    }
}

/// Names and values of a record's headers, in its order.
pub(crate) struct Headers<'a> {
    message: &'a Message<'a>,
    list: Option<NonNull<c::rd_kafka_headers_t>>,
    next: usize,
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == 0 {
            self.list = self.message.header_list();
        }
        let list = self.list?;
        let mut name: *const c_char = ptr::null();
        let mut value: *const c_void = ptr::null();
        let mut len = 0;
        // SAFETY: the list lives for 'a and nobody changes it; the outputs are written on success.
        let err = unsafe {
            c::rd_kafka_header_get_all(
                list.as_ptr(),
                self.next,
                &raw mut name,
                &raw mut value,
                &raw mut len,
            )
        };
        if code(err).is_some() || name.is_null() {
            return None;
        }
        self.next += 1;
        // SAFETY: on success the name is a C string, and value and length describe memory, all
        // of the list.
        unsafe { Some((CStr::from_ptr(name).to_bytes(), bytes(value.cast_mut(), len))) }
    }
}

/// Records to one topic, and what became of them.
pub(crate) struct Outbox<C: ProducerContext<DeliveryOpaque: Copy> + 'static> {
    topic: NonNull<c::rd_kafka_topic_t>,
    reports: NonNull<c::rd_kafka_queue_t>,
    producer: BaseProducer<C>,
}

// SAFETY: topic handles and queues are reference counted and thread safe in librdkafka; events
// never leave `serve`.
unsafe impl<C: ProducerContext<DeliveryOpaque: Copy>> Send for Outbox<C> {}

impl<C: ProducerContext<DeliveryOpaque: Copy>> Outbox<C> {
    /// Takes over a client; `None` when no topic can have this name.
    pub(crate) fn new(producer: BaseProducer<C>, topic: &str) -> Option<Self> {
        let topic = CString::new(topic).ok()?;
        let client = producer.client().native_ptr();
        // SAFETY: the client is live, the name a C string; without a configuration the client's
        // own is used. The call returns a new reference or null.
        let topic = unsafe { c::rd_kafka_topic_new(client, topic.as_ptr(), ptr::null_mut()) };
        let topic = NonNull::new(topic)?;
        // SAFETY: the client is live; the call returns a new reference, never null.
        let reports = unsafe { c::rd_kafka_queue_get_main(client) };
        let reports = NonNull::new(reports).expect("every client has a main queue");
        Some(Self { topic, reports, producer })
    }

    /// Returns the client, whose own `poll` must not be called: it would take the reports.
    pub(crate) fn producer(&self) -> &BaseProducer<C> {
        &self.producer
    }

    /// Puts a record into the client's queue, without waiting.
    pub(crate) fn send(&self, record: &Record<'_>) -> Result<(), RDKafkaErrorCode> {
        let Record { key, value, header: (name, content), timestamp_ms, tag } = *record;
        let key_pointer = key.map_or(ptr::null(), <[u8]>::as_ptr);
        let key_len = key.map_or(0, <[u8]>::len);
        // SAFETY: the variadic list follows rd_kafka_producev's table: each tag is followed by
        // arguments of exactly the types it names, and END closes it. Everything is copied
        // (F_COPY; headers always are) before the call returns. OPAQUE is a number, which no
        // DeliveryOpaque that is Copy takes for a pointer that it owns: the producer looks at reports
        // itself when it is dropped.
        let err = unsafe {
            c::rd_kafka_producev(
                self.producer.client().native_ptr(),
                c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_RKT,
                self.topic.as_ptr(),
                c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS,
                c::RD_KAFKA_MSG_F_COPY as c_int,
                c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_VALUE,
                value.as_ptr().cast::<c_void>(),
                value.len(),
                c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_KEY,
                key_pointer.cast::<c_void>(),
                key_len,
                c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_OPAQUE,
                tag as *mut c_void,
                c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_TIMESTAMP,
                timestamp_ms,
                c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADER,
                name.as_ptr(),
                content.as_ptr().cast::<c_void>(),
                content.len() as isize,
                c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
            )
        };
        code(err).map_or(Ok(()), Err)
    }

    /// Hands over the reports that one answer of a broker brought, without waiting; returns
    /// whether there was anything.
    pub(crate) fn serve(&self, mut each: impl FnMut(Report)) -> bool {
        // SAFETY: the queue is live; an event that is not null is ours to destroy.
        let event = unsafe { c::rd_kafka_queue_poll(self.reports.as_ptr(), 0) };
        let Some(event) = NonNull::new(event) else {
            return false;
        };
        let event = Event(event);
        // SAFETY: the event is live until the end of this function.
        match unsafe { c::rd_kafka_event_type(event.0.as_ptr()) } {
            c::RD_KAFKA_EVENT_DR => loop {
                // SAFETY: the message belongs to the event and is only read.
                let message = unsafe { c::rd_kafka_event_message_next(event.0.as_ptr()).as_ref() };
                let Some(message) = message else {
                    break;
                };
                let tag = message._private as usize;
                each(
                    code(message.err)
                        .map_or(Report::Delivered(tag), |error| Report::Undelivered(tag, error)),
                );
            },
            c::RD_KAFKA_EVENT_ERROR => {
                // SAFETY: error events have a code, and a C string that lives as long as they do.
                let (err, reason) = unsafe {
                    (
                        c::rd_kafka_event_error(event.0.as_ptr()),
                        text(c::rd_kafka_event_error_string(event.0.as_ptr())),
                    )
                };
                each(Report::Complaint(err.into(), reason));
            }
            _ => {}
        }
        true
    }

    /// Returns how many records have no report yet, or one that was not served.
    pub(crate) fn in_flight(&self) -> usize {
        usize::try_from(self.producer.in_flight_count()).unwrap_or(0)
    }
}

impl<C: ProducerContext<DeliveryOpaque: Copy>> Drop for Outbox<C> {
    fn drop(&mut self) {
        // SAFETY: our references, each given back exactly once, while the client is still live.
        unsafe {
            c::rd_kafka_topic_destroy(self.topic.as_ptr());
            c::rd_kafka_queue_destroy(self.reports.as_ptr());
        }
    }
}

/// A record to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    /// Its key.
    pub(crate) key: Option<&'a [u8]>,
    /// Its value.
    pub(crate) value: &'a [u8],
    /// Name and value of its only header.
    pub(crate) header: (&'a CStr, &'a [u8]),
    /// Its time in milliseconds since the epoch; the client would read a clock for each.
    pub(crate) timestamp_ms: i64,
    /// What its report is recognised by.
    pub(crate) tag: usize,
}

/// What a sending client has to say.
#[derive(Debug)]
pub(crate) enum Report {
    /// The record with this tag is on the broker.
    Delivered(usize),
    /// It is not, or nobody knows.
    Undelivered(usize, RDKafkaErrorCode),
    /// Something is wrong with the connection.
    Complaint(RDKafkaErrorCode, String),
}

struct Event(NonNull<c::rd_kafka_event_t>);

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed exactly once.
        unsafe { c::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

fn code(err: RDKafkaRespErr) -> Option<RDKafkaErrorCode> {
    (err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| err.into())
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
