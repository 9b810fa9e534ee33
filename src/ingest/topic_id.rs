//! Asks the cluster for the ids of topics, by which one life of a topic is told from the next
//! (KIP-516): a topic that is deleted and created again has a new one. Beside `librdkafka`, since
//! the crate does not wrap these calls either.
//!
//! The client's own threads send a question and take the answer; nothing here waits. What an id is
//! good for, and who has to wait for it, is not known here.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::bindings as c;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;

use crate::shard::outbox::Bell;

use super::queue::Queue;

/// What the cluster says of one topic.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TopicId {
    pub(super) topic: String,
    /// The id as Kafka prints it; `None` from brokers that know none (before 2.8).
    pub(super) id: Result<Option<String>, RDKafkaErrorCode>,
}

/// Questions for topic ids and their answers.
pub(super) struct TopicIds<C: ConsumerContext + 'static> {
    /// Before `consumer`, so that it is dropped before it.
    answers: Queue,
    /// Brokers to ask, in turn; the controller comes after them.
    brokers: Vec<i32>,
    next: usize,
    consumer: Arc<BaseConsumer<C>>,
}

// SAFETY: the queue is owned by this value alone, and librdkafka lets any one thread at a time use
// it; `&TopicIds` is used by the thread that owns the consumer.
unsafe impl<C: ConsumerContext> Send for TopicIds<C> {}

impl<C: ConsumerContext> TopicIds<C> {
    /// The bell rings when an answer has come.
    pub(super) fn new(consumer: &Arc<BaseConsumer<C>>, bell: &Arc<Bell>) -> Option<Self> {
        // SAFETY: the client lives as long as `consumer`, which this value keeps.
        let queue = unsafe { c::rd_kafka_queue_new(consumer.client().native_ptr()) };
        Some(Self {
            answers: Queue::new(queue, bell)?,
            brokers: Vec::new(),
            next: 0,
            consumer: Arc::clone(consumer),
        })
    }

    /// Whom to ask: any broker knows. librdkafka by itself would ask the controller, which the mock
    /// cluster does not have.
    pub(super) fn set_brokers(&mut self, brokers: Vec<i32>) {
        self.brokers = brokers;
    }

    /// Has the next question go to another broker.
    pub(super) fn ask_another(&mut self) {
        self.next = (self.next + 1) % (self.brokers.len() + 1);
    }

    /// Sends a question, which is answered or fails within `timeout_ms`; false when it cannot even
    /// be asked. No topic twice.
    pub(super) fn ask(&self, topics: &[&str], timeout_ms: i32) -> bool {
        let names: Vec<CString> =
            topics.iter().filter_map(|name| CString::new(*name).ok()).collect();
        let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let client = self.consumer.client().native_ptr();
        // SAFETY: the client lives; the names are C strings that outlive the call, which copies
        // them. A null pointer is checked for.
        let collection = unsafe {
            c::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len())
        };
        // SAFETY: the client lives; the call returns options of our own, or null.
        let options = unsafe {
            c::rd_kafka_AdminOptions_new(
                client,
                c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
            )
        };
        let is_asked = !collection.is_null() && !options.is_null();
        if is_asked {
            // SAFETY: client, collection, options and queue are live for the calls. What the
            // request needs of them it copies or references. No text of an error is asked for.
            unsafe {
                c::rd_kafka_AdminOptions_set_request_timeout(
                    options,
                    timeout_ms,
                    ptr::null_mut(),
                    0,
                );
                if let Some(broker) = self.brokers.get(self.next) {
                    c::rd_kafka_AdminOptions_set_broker(options, *broker, ptr::null_mut(), 0);
                }
                c::rd_kafka_DescribeTopics(
                    client,
                    collection,
                    options,
                    self.answers.pointer.as_ptr(),
                );
            }
        }
        // SAFETY: both are ours, given back exactly once, and only where there is one.
        unsafe {
            if !collection.is_null() {
                c::rd_kafka_TopicCollection_destroy(collection);
            }
            if !options.is_null() {
                c::rd_kafka_AdminOptions_destroy(options);
            }
        }
        is_asked
    }

    /// Whether no answer has come.
    pub(super) fn is_quiet(&self) -> bool {
        self.answers.is_empty()
    }

    /// The next answer, without waiting; an error is one of the whole question.
    pub(super) fn answer(&self) -> Option<Result<Vec<TopicId>, RDKafkaErrorCode>> {
        let event = self.answers.poll()?;
        // SAFETY: the event is live until the end of this function.
        let code = unsafe { c::rd_kafka_event_error(event.0.as_ptr()) };
        if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Some(Err(code.into()));
        }
        // SAFETY: the event is live; null unless it is an answer to `ask`.
        let result = unsafe { c::rd_kafka_event_DescribeTopics_result(event.0.as_ptr()) };
        if result.is_null() {
            return Some(Err(RDKafkaErrorCode::Fail));
        }
        let mut count = 0;
        // SAFETY: the result is checked; the array lives as long as the event.
        let list = unsafe { c::rd_kafka_DescribeTopics_result_topics(result, &raw mut count) };
        // SAFETY: the call above promises `count` pointers, each null, where the answer left a topic
        // out, or to a description that lives as long as the event. An empty array may be null.
        let topic = |index| unsafe { Some(read(NonNull::new((*list.add(index)).cast_mut())?)) };
        Some(Ok((0..count).filter_map(topic).collect()))
    }
}

/// # Safety
/// `topic` is a live description of a topic.
unsafe fn read(topic: NonNull<c::rd_kafka_TopicDescription_t>) -> TopicId {
    let topic = topic.as_ptr();
    // SAFETY: the caller's promise. Name, error and id belong to the description and are read here
    // only; the name is a C string, no error is null.
    unsafe {
        let name = CStr::from_ptr(c::rd_kafka_TopicDescription_name(topic));
        let code = c::rd_kafka_error_code(c::rd_kafka_TopicDescription_error(topic));
        let id = c::rd_kafka_TopicDescription_topic_id(topic);
        let id = match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(print(
                c::rd_kafka_Uuid_most_significant_bits(id),
                c::rd_kafka_Uuid_least_significant_bits(id),
            )),
            code => Err(code.into()),
        };
        TopicId { topic: name.to_string_lossy().into_owned(), id }
    }
}

/// An id as Kafka's own tools print it: base64 for URLs, where librdkafka prints the other one.
/// Zero stands for none.
fn print(most: i64, least: i64) -> Option<String> {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&most.to_be_bytes());
    bytes[8..].copy_from_slice(&least.to_be_bytes());
    (bytes != [0; 16]).then(|| URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_printed_as_kafka_prints_them() {
        assert_eq!(print(0, 0), None);
        // The id of the metadata topic.
        assert_eq!(print(0, 1).as_deref(), Some("AAAAAAAAAAAAAAAAAAAAAQ"));
        assert_eq!(print(-1, -5).as_deref(), Some("____________________-w"));
    }
}
