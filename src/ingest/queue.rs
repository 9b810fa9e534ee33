//! Queues of librdkafka and the events that they hold, as types that own what they point to.
//!
//! Whoever waits on a bell hears of a queue by it; who put what there, and what is read of an event, is
//! not known here. A queue must be gone before its client is destroyed: whoever has one keeps the client.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use rdkafka::bindings as c;

use crate::shard::outbox::Bell;

/// An owned queue reference that rings a bell when it stops being empty.
pub(super) struct Queue {
    pub(super) pointer: NonNull<c::rd_kafka_queue_t>,
    /// What the C side's callback points to; freed after the callback is taken off.
    _bell: Arc<Bell>,
}

impl Queue {
    pub(super) fn new(pointer: *mut c::rd_kafka_queue_t, bell: &Arc<Bell>) -> Option<Self> {
        let pointer = NonNull::new(pointer)?;
        let bell = Arc::clone(bell);
        // SAFETY: the queue is live; the opaque pointer stays valid until `drop` has taken the
        // callback off, because `_bell` is dropped after that.
        unsafe {
            c::rd_kafka_queue_cb_event_enable(
                pointer.as_ptr(),
                Some(ring),
                Arc::as_ptr(&bell).cast_mut().cast(),
            );
        }
        Some(Self { pointer, _bell: bell })
    }

    pub(super) fn len(&self) -> usize {
        // SAFETY: the queue is live as long as `self`.
        unsafe { c::rd_kafka_queue_length(self.pointer.as_ptr()) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the oldest event, without waiting.
    pub(super) fn poll(&self) -> Option<Event> {
        // SAFETY: the queue is live; a non-null event is ours to destroy, which `Event` does.
        let event = unsafe { c::rd_kafka_queue_poll(self.pointer.as_ptr(), 0) };
        NonNull::new(event).map(Event)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: our reference is given back exactly once, after the callback is off: enabling
        // takes the queue's lock, under which callbacks run, so none is running afterwards.
        unsafe {
            c::rd_kafka_queue_cb_event_enable(self.pointer.as_ptr(), None, ptr::null_mut());
            c::rd_kafka_queue_destroy(self.pointer.as_ptr());
        }
    }
}

/// Called by librdkafka's threads with the queue's lock held: must only ring.
unsafe extern "C" fn ring(_client: *mut c::rd_kafka_t, bell: *mut c_void) {
    // SAFETY: `Queue` registered a pointer to its `Bell` and keeps it until it has unregistered.
    let bell = unsafe { &*bell.cast::<Bell>() };
    bell.ring();
}

/// An event taken from a queue.
pub(super) struct Event(pub(super) NonNull<c::rd_kafka_event_t>);

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed exactly once.
        unsafe { c::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}
