//! Where finished calls wait for the shard.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use tokio::sync::Notify;

use super::CallResult;
use crate::base::ids::WakeToken;

/// Results of finished calls, in the order in which they finished. Shard-local: no lock, and at most
/// one entry per outstanding call, so its bound is that of open executions.
#[derive(Clone, Debug, Default)]
pub struct Completions {
    queue: Rc<RefCell<VecDeque<(WakeToken, CallResult)>>>,
    notify: Rc<Notify>,
}

impl Completions {
    /// Adds a result and wakes the shard if it sleeps.
    pub fn push(&self, token: WakeToken, result: CallResult) {
        self.queue.borrow_mut().push_back((token, result));
        self.notify.notify_one();
    }

    /// Takes the oldest result.
    pub fn pop(&self) -> Option<(WakeToken, CallResult)> {
        self.queue.borrow_mut().pop_front()
    }

    /// Moves all results to the end of `to`, which keeps its storage from turn to turn.
    pub fn drain_into(&self, to: &mut VecDeque<(WakeToken, CallResult)>) {
        to.extend(self.queue.borrow_mut().drain(..));
    }

    /// Results that wait.
    pub fn len(&self) -> usize {
        self.queue.borrow().len()
    }

    /// Whether no result waits.
    pub fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty()
    }

    /// Waits until a result has come since the last wait. A wake-up may be spurious: one permit is
    /// kept from a push that was already taken.
    pub async fn arrived(&self) {
        self.notify.notified().await;
    }
}
