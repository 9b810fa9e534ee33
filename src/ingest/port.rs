//! A source's way to the shards: one open batch, bounded channels, credits.

use crossbeam::channel::{Receiver, Sender, TrySendError};

use crate::base::ids::ShardId;
use crate::shard::outbox::LANE_SLOT_BITS;
use crate::shard::{Start, StartBatch};

use super::error::Error;

/// A shard as a source sees it.
pub struct ShardPort {
    /// The shard's inbox; bounded.
    pub starts: Sender<StartBatch>,
    /// Used batches, emptied, that the shard gives back.
    pub spares: Receiver<StartBatch>,
    /// Wakes the shard if it is parked; called once per batch, and when a full lane has room
    /// again.
    pub wake: Box<dyn Fn() + Send>,
}

/// Places events on shards: `ordering = "none"`, round robin by batch.
pub(super) struct Router {
    ports: Vec<Port>,
    open: StartBatch,
    /// Shard that the open batch is for.
    target: usize,
    /// Events that one shard may hold of this source.
    credits_max: u32,
    bytes_hint: usize,
}

struct Port {
    port: ShardPort,
    in_flight: u32,
}

impl Router {
    pub(super) fn new(ports: Vec<ShardPort>, credits_max: u32) -> Self {
        Self {
            ports: ports.into_iter().map(|port| Port { port, in_flight: 0 }).collect(),
            open: StartBatch::default(),
            target: 0,
            credits_max: credits_max.max(1),
            bytes_hint: 0,
        }
    }

    /// Whether another event may be pushed. Hands the open batch over when it is full, and looks
    /// for a shard with credit.
    pub(super) fn has_room(&mut self) -> Result<bool, Error> {
        if self.open.starts.len() >= BATCH_STARTS_MAX || self.open.bytes.len() >= BATCH_BYTES_MAX {
            self.hand_over()?;
            if !self.open.starts.is_empty() {
                return Ok(false);
            }
        }
        if self.has_credit(self.target) {
            return Ok(true);
        }
        if !self.open.starts.is_empty() {
            self.hand_over()?;
            if !self.open.starts.is_empty() {
                return Ok(false);
            }
        }
        let count = self.ports.len();
        let next = (0..count)
            .map(|step| (self.target + step) % count)
            .find(|&shard| self.has_credit(shard));
        if let Some(shard) = next {
            self.target = shard;
        }
        Ok(next.is_some())
    }

    /// Adds an event to the open batch; only after [`Router::has_room`]. `fill` appends the bytes
    /// of name and input and says where they are.
    pub(super) fn push(&mut self, fill: impl FnOnce(&mut Vec<u8>) -> Start) {
        if self.open.starts.is_empty() {
            if self.open.bytes.capacity() == 0 {
                // A megabyte of fresh memory per batch would be paged in and out all the time.
                self.open = self.ports[self.target].port.spares.try_recv().unwrap_or_default();
            }
            // What the last batch needed, so that a batch seldom grows more than once.
            self.open.bytes.reserve(self.bytes_hint);
            self.open.starts.reserve(BATCH_STARTS_MAX);
        }
        let start = fill(&mut self.open.bytes);
        self.open.starts.push(start);
        self.ports[self.target].in_flight += 1;
    }

    /// Hands the open batch to its shard if the shard's inbox has room; otherwise it stays open.
    ///
    /// # Errors
    /// When the shard is gone.
    pub(super) fn hand_over(&mut self) -> Result<bool, Error> {
        if self.open.starts.is_empty() {
            return Ok(false);
        }
        self.bytes_hint = self.open.bytes.len();
        let batch = std::mem::take(&mut self.open);
        let port = &self.ports[self.target].port;
        match port.starts.try_send(batch) {
            Ok(()) => {
                (port.wake)();
                self.target = (self.target + 1) % self.ports.len();
                Ok(true)
            }
            Err(TrySendError::Full(batch)) => {
                self.open = batch;
                Ok(false)
            }
            Err(TrySendError::Disconnected(_)) => Err(Error::ShardGone(self.target)),
        }
    }

    /// Whether every shard holds as many events of this source as it may.
    pub(super) fn is_out_of_credit(&self) -> bool {
        (0..self.ports.len()).all(|shard| !self.has_credit(shard))
    }

    /// Whether no batch is open.
    pub(super) fn is_empty(&self) -> bool {
        self.open.starts.is_empty()
    }

    /// Takes the open batch back, unstarted.
    pub(super) fn take_open(&mut self) -> Vec<Start> {
        let batch = std::mem::take(&mut self.open);
        self.ports[self.target].in_flight -= batch.starts.len() as u32;
        batch.starts
    }

    /// Gives credits back for outcomes that came from a shard.
    pub(super) fn give_back(&mut self, shard: Option<ShardId>, count: usize) {
        if let Some(port) = shard.and_then(|shard| self.ports.get_mut(usize::from(shard.0))) {
            port.in_flight = port.in_flight.saturating_sub(count as u32);
        }
    }

    /// Wakes every shard.
    pub(super) fn wake_all(&self) {
        for port in &self.ports {
            (port.port.wake)();
        }
    }

    fn has_credit(&self, shard: usize) -> bool {
        self.ports.get(shard).is_some_and(|port| port.in_flight < self.credits_max)
    }
}

/// `Origin::slot` of a source's slot.
pub(super) fn origin_slot(lane: u8, slot: u32) -> u32 {
    u32::from(lane) << LANE_SLOT_BITS | slot
}

/// The source's own slot in `Origin::slot`.
pub(super) fn own_slot(origin_slot: u32) -> u32 {
    origin_slot & ((1 << LANE_SLOT_BITS) - 1)
}

/// Events per batch: large enough to spread the cost of a hand-over, small enough to spread a
/// burst over the shards.
const BATCH_STARTS_MAX: usize = 256;
/// Bytes per batch.
const BATCH_BYTES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crossbeam::channel::{Receiver, bounded, never};

    use crate::base::ids::{ExecutionSuffix, MachineIdx, Origin};

    use super::*;

    fn router(
        shards: usize,
        credits: u32,
    ) -> (Router, Vec<Receiver<StartBatch>>, Arc<AtomicUsize>) {
        let wakes = Arc::new(AtomicUsize::new(0));
        let (ports, receivers) = (0..shards)
            .map(|_| {
                let (starts, receiver) = bounded(1);
                let wakes = Arc::clone(&wakes);
                let wake = Box::new(move || {
                    wakes.fetch_add(1, Ordering::SeqCst);
                });
                (ShardPort { starts, spares: never(), wake }, receiver)
            })
            .unzip();
        (Router::new(ports, credits), receivers, wakes)
    }

    fn push(router: &mut Router) {
        router.push(|bytes| {
            bytes.push(1);
            Start {
                origin: Origin::default(),
                machine: MachineIdx(0),
                suffix: ExecutionSuffix([0; 16]),
                traceparent: None,
                tracestate: 0..0,
                name: 0..0,
                input: 0..1,
            }
        });
    }

    fn push_all(router: &mut Router) -> usize {
        let mut pushed = 0;
        while pushed < 100_000 && router.has_room().unwrap() {
            push(router);
            pushed += 1;
        }
        pushed
    }

    #[test]
    fn batches_go_round_and_wake_once_each() {
        let (mut router, receivers, wakes) = router(2, 1_000_000);
        // One batch in each inbox, one open.
        assert_eq!(push_all(&mut router), 3 * BATCH_STARTS_MAX);
        assert_eq!(wakes.load(Ordering::SeqCst), 2);
        assert!(receivers.iter().all(|receiver| receiver.len() == 1));
        assert_eq!(receivers[0].recv().unwrap().starts.len(), BATCH_STARTS_MAX);
        assert!(router.hand_over().unwrap());
        assert_eq!(receivers[0].len(), 1);
    }

    #[test]
    fn credits_bound_what_a_shard_holds() {
        let (mut router, receivers, _) = router(2, 10);
        assert_eq!(push_all(&mut router), 20);
        router.hand_over().unwrap();
        assert!(!router.has_room().unwrap());
        assert!(router.is_out_of_credit());
        assert_eq!(receivers[1].recv().unwrap().starts.len(), 10);
        router.give_back(Some(ShardId(1)), 4);
        assert!(!router.is_out_of_credit());
        assert_eq!(push_all(&mut router), 4);
        assert_eq!(receivers[1].recv().unwrap().starts.len(), 4);
    }

    #[test]
    fn an_open_batch_taken_back_gives_its_credits_back() {
        let (mut router, _receivers, _) = router(1, 3);
        push(&mut router);
        push(&mut router);
        assert_eq!(router.take_open().len(), 2);
        assert_eq!(push_all(&mut router), 3);
    }

    #[test]
    fn a_shard_that_is_gone_is_an_error() {
        let (mut router, receivers, _) = router(1, 10);
        drop(receivers);
        push(&mut router);
        assert!(matches!(router.hand_over(), Err(Error::ShardGone(0))));
    }

    #[test]
    fn slots_carry_their_lane() {
        let slot = origin_slot(200, 77);
        assert_eq!(slot >> LANE_SLOT_BITS, 200);
        assert_eq!(own_slot(slot), 77);
    }
}
