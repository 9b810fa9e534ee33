//! What waits: frames of suspended executions, each under a token of its own.
//!
//! A token is good for one wake. Its place is reused with another generation, so that a token
//! that comes late finds nothing: the one rule that makes timeouts, cancelled branches and
//! duplicate answers harmless.

use super::timers::TimerKey;
use crate::base::ids::WakeToken;
use crate::vm::FrameId;

/// A frame that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    /// Slot of its execution.
    pub(super) execution: u32,
    /// The frame in the execution.
    pub(super) frame: FrameId,
    /// Whether it waits for a call's answer, and not just for its timer.
    pub(super) call: bool,
    /// What ends the wait in time.
    pub(super) timer: Option<TimerKey>,
}

/// All waits of a shard.
#[derive(Debug, Default)]
pub(super) struct Waits {
    places: Vec<Place>,
    vacant: Vec<u32>,
}

#[derive(Debug, Default)]
struct Place {
    generation: u32,
    wait: Option<Wait>,
}

impl Waits {
    /// Keeps a wait and returns what it is found under.
    pub(super) fn add(&mut self, wait: Wait) -> WakeToken {
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            self.places.len() as u32 - 1
        });
        let place = &mut self.places[index as usize];
        place.wait = Some(wait);
        WakeToken { index, generation: place.generation }
    }

    /// Sets the timer of a wait that was just added.
    pub(super) fn set_timer(&mut self, token: WakeToken, timer: TimerKey) {
        if let Some(wait) = self.get_mut(token) {
            wait.timer = Some(timer);
        }
    }

    /// The wait under `token`, unless that is stale.
    pub(super) fn get(&self, token: WakeToken) -> Option<Wait> {
        let place = self.places.get(token.index as usize)?;
        place.wait.filter(|_| place.generation == token.generation)
    }

    fn get_mut(&mut self, token: WakeToken) -> Option<&mut Wait> {
        let place = self.places.get_mut(token.index as usize)?;
        place.wait.as_mut().filter(|_| place.generation == token.generation)
    }

    /// Takes the wait under `token`, which is stale from then on.
    pub(super) fn take(&mut self, token: WakeToken) -> Option<Wait> {
        let place = self.places.get_mut(token.index as usize)?;
        if place.generation != token.generation {
            return None;
        }
        let wait = place.wait.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.vacant.push(token.index);
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_once() {
        let mut waits = Waits::default();
        let wait = Wait { execution: 7, frame: FrameId::ROOT, call: true, timer: None };
        let first = waits.add(wait);
        assert_eq!(waits.take(first).map(|wait| wait.execution), Some(7));
        assert!(waits.take(first).is_none());
        let second = waits.add(wait);
        assert_eq!(first.index, second.index);
        assert!(waits.get(first).is_none() && waits.get(second).is_some());
    }
}
