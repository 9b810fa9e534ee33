//! The way from a shard into the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prost::Message as _;
use tokio::sync::mpsc::Sender;

use super::message::Spans;
use super::{Cards, story};
use crate::base::tally::{SharedCounts, SpanResult};
use crate::shard::Settled;

/// The spans of one execution, encoded.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) count: u64,
    pub(super) bytes: Vec<u8>,
}

/// Bytes in the queue, and how many there may be.
#[derive(Debug)]
pub(super) struct Room {
    taken: AtomicUsize,
    bytes_max: usize,
}

impl Room {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { taken: AtomicUsize::new(0), bytes_max }
    }

    fn take(&self, bytes: usize) -> bool {
        let before = self.taken.fetch_add(bytes, Ordering::Relaxed);
        let fits = before + bytes <= self.bytes_max;
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    pub(super) fn give_back(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Tells the spans of the executions that end on one shard.
#[derive(Clone, Debug)]
pub struct Recorder {
    pub(super) cards: Arc<Cards>,
    pub(super) queue: Sender<Told>,
    pub(super) room: Arc<Room>,
    pub(super) counts: SharedCounts<3>,
}

impl Recorder {
    /// An execution ended: tells its spans, if they are recorded. Never waits.
    #[inline]
    pub fn settled(&self, settled: &Settled<'_>) {
        if settled.trace.recorded {
            self.tell(settled);
        }
    }

    #[cold]
    fn tell(&self, settled: &Settled<'_>) {
        let machine = self.cards.machines.get(usize::from(settled.machine.0));
        let pipeline = self.cards.pipelines.get(usize::from(settled.origin.pipeline.0));
        let (Some(machine), Some(pipeline)) = (machine, pipeline) else { return };
        let spans = Spans { spans: story::spans(machine, pipeline, settled) };
        let count = spans.spans.len() as u64;
        let bytes = spans.encode_to_vec();
        let size = bytes.len();
        if !self.room.take(size) {
            return self.counts.add(SpanResult::Dropped as usize, count);
        }
        if self.queue.try_send(Told { count, bytes }).is_err() {
            self.room.give_back(size);
            self.counts.add(SpanResult::Dropped as usize, count);
        }
    }
}
