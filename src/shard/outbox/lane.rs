//! The way back from the shards to one source: a bounded channel of batches, and a bell.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, bounded};

use super::batch::OutcomeBatch;

/// Makes the lane of one source. `batches_max` bounds what may lie between shards and source.
pub fn lane(batches_max: usize) -> (LaneSender, LaneReceiver) {
    let (sender, receiver) = bounded(batches_max);
    let (spare_sender, spare_receiver) = bounded(batches_max);
    let bell = Arc::new(Bell::default());
    let stalled = Arc::new(AtomicBool::new(false));
    (
        LaneSender {
            sender,
            spare: spare_receiver,
            bell: Arc::clone(&bell),
            stalled: Arc::clone(&stalled),
        },
        LaneReceiver { receiver, spare: spare_sender, bell, stalled },
    )
}

/// A shard's end of a lane; cloned once per shard.
#[derive(Clone, Debug)]
pub struct LaneSender {
    sender: Sender<OutcomeBatch>,
    spare: Receiver<OutcomeBatch>,
    bell: Arc<Bell>,
    stalled: Arc<AtomicBool>,
}

impl LaneSender {
    /// Hands a batch over, or gives it back when the lane is full. A source that is gone takes
    /// everything and writes nothing: its records are uncommitted, so their next owner runs them.
    ///
    /// # Errors
    /// The batch itself, when the lane is full.
    pub fn offer(&self, batch: OutcomeBatch) -> Result<(), OutcomeBatch> {
        match self.sender.try_send(batch) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
            Err(TrySendError::Full(batch)) => {
                // Set before one more try: a receiver that drains in between either takes the
                // flag (and wakes this shard) or leaves room for the second try.
                self.stalled.store(true, Ordering::SeqCst);
                match self.sender.try_send(batch) {
                    Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
                    Err(TrySendError::Full(batch)) => Err(batch),
                }
            }
        }
    }

    /// Wakes the source if it sleeps.
    pub fn ring(&self) {
        self.bell.ring();
    }

    /// A used batch whose memory can be filled again.
    pub fn spare(&self) -> OutcomeBatch {
        self.spare.try_recv().unwrap_or_default()
    }
}

/// The source's end of a lane.
#[derive(Debug)]
pub struct LaneReceiver {
    receiver: Receiver<OutcomeBatch>,
    spare: Sender<OutcomeBatch>,
    bell: Arc<Bell>,
    stalled: Arc<AtomicBool>,
}

impl LaneReceiver {
    /// The next batch, if one is there.
    pub fn try_next(&self) -> Option<OutcomeBatch> {
        self.receiver.try_recv().ok()
    }

    /// The next batch, waiting up to `timeout`.
    ///
    /// # Errors
    /// `Disconnected` when every shard has dropped its end and nothing is left.
    pub fn next_within(&self, timeout: Duration) -> Result<Option<OutcomeBatch>, TryRecvError> {
        match self.receiver.recv_timeout(timeout) {
            Ok(batch) => Ok(Some(batch)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(TryRecvError::Disconnected),
        }
    }

    /// Whether a batch is waiting.
    pub fn has_next(&self) -> bool {
        !self.receiver.is_empty()
    }

    /// Gives a batch's memory back to the shards.
    pub fn recycle(&self, mut batch: OutcomeBatch) {
        batch.clear();
        if batch.bytes.capacity() <= SPARE_BYTES_MAX {
            // A full spare channel just frees the memory.
            let _ = self.spare.try_send(batch);
        }
    }

    /// Whether a shard met a full lane since the last call. The source then wakes its shards, so
    /// that they flush what they keep.
    pub fn take_stalled(&self) -> bool {
        // The plain load keeps the line shared in the common case.
        self.stalled.load(Ordering::SeqCst) && self.stalled.swap(false, Ordering::SeqCst)
    }

    /// The bell that shards ring after handing over.
    pub fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.bell)
    }
}

/// Wakes one parked thread; ringing while it is awake costs one load.
#[derive(Debug, Default)]
pub struct Bell {
    sleeper: OnceLock<Thread>,
    asleep: AtomicBool,
}

impl Bell {
    /// Wakes the thread that sleeps in [`Bell::sleep`], if any.
    pub fn ring(&self) {
        if self.asleep.load(Ordering::SeqCst)
            && self.asleep.swap(false, Ordering::SeqCst)
            && let Some(thread) = self.sleeper.get()
        {
            thread.unpark();
        }
    }

    /// Parks the calling thread until the bell rings or `timeout` is over, unless `is_idle` says,
    /// after the bell is armed, that there is work. Only ever called by one thread.
    pub fn sleep(&self, timeout: Duration, is_idle: impl FnOnce() -> bool) {
        self.sleeper.get_or_init(std::thread::current);
        self.asleep.store(true, Ordering::SeqCst);
        if is_idle() {
            std::thread::park_timeout(timeout);
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

/// A spare batch above this is freed: one burst must not pin its memory for ever.
const SPARE_BYTES_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_full_lane_gives_the_batch_back_and_says_so() {
        let (sender, receiver) = lane(1);
        assert!(sender.offer(OutcomeBatch::default()).is_ok());
        let mut second = OutcomeBatch::default();
        second.bytes.push(7);
        let second = sender.offer(second).unwrap_err();
        assert_eq!(second.bytes, [7]);
        assert!(receiver.try_next().is_some());
        assert!(receiver.take_stalled());
        assert!(!receiver.take_stalled());
        assert!(sender.offer(second).is_ok());
        assert!(receiver.has_next());
    }

    #[test]
    fn a_lane_without_source_swallows() {
        let (sender, receiver) = lane(1);
        drop(receiver);
        assert!(sender.offer(OutcomeBatch::default()).is_ok());
        assert!(sender.offer(OutcomeBatch::default()).is_ok());
    }

    #[test]
    fn bell_wakes_a_sleeper_long_before_its_timeout() {
        let bell = Arc::new(Bell::default());
        let ringer = Arc::clone(&bell);
        let start = Instant::now();
        let thread = std::thread::Builder::new();
        let thread = thread.spawn(move || {
            while !ringer.asleep.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            ringer.ring();
        });
        let thread = thread.unwrap();
        bell.sleep(Duration::from_secs(30), || true);
        assert!(start.elapsed() < Duration::from_secs(10));
        thread.join().unwrap();
    }

    #[test]
    fn bell_does_not_sleep_when_there_is_work() {
        let start = Instant::now();
        Bell::default().sleep(Duration::from_secs(30), || false);
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
