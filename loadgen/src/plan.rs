//! What the run intends: which event is due when, under which key, malformed or not.
//!
//! Pure and cheap to clone: producer and checker hold the same plan, so the checker knows what
//! every sequence number ought to have been without remembering any of them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::keys::{Key, Keys};
use crate::random::{Draws, Topic, threshold};
use crate::schedule::Schedule;

/// The whole run as a function of the sequence number.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// When events are due.
    pub(crate) schedule: Arc<Schedule>,
    /// Stop sending this long after the start, whatever is left.
    pub(crate) stop_after_ns: Option<u64>,
    /// Events due before this offset are verified but not measured.
    pub(crate) warmup_ns: u64,
    /// Which keys they have.
    pub(crate) keys: Keys,
    /// Which of them are malformed.
    pub(crate) poison: Poison,
    /// What all that is random follows from.
    pub(crate) seed: u64,
    /// When the run starts, in wall-clock nanoseconds.
    pub(crate) start_ns: u64,
}

impl Plan {
    /// Returns how long after the start something due at `due_ns` is due.
    pub(crate) fn offset_ns(&self, due_ns: u64) -> u64 {
        due_ns.saturating_sub(self.start_ns)
    }

    /// Returns whether an event due at `due_ns` belongs to the warm-up.
    pub(crate) fn in_warmup(&self, due_ns: u64) -> bool {
        self.offset_ns(due_ns) < self.warmup_ns
    }

    /// Returns the key of event `sequence`.
    pub(crate) fn key(&self, sequence: u64) -> Option<Key> {
        self.keys.key(sequence)
    }

    /// Returns how event `sequence` is malformed, if it is.
    pub(crate) fn poison(&self, sequence: u64) -> Option<PoisonKind> {
        self.poison.kind(self.seed, sequence)
    }
}

/// A way to be no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PoisonKind {
    /// A JSON object that is never closed.
    Truncated,
    /// Words, not JSON.
    Text,
    /// Bytes that are no UTF-8.
    Binary,
    /// Sound JSON of more than 256 KiB, which AWS does not accept as input.
    Oversize,
}

/// Which events are malformed on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Poison {
    below: u64,
    kinds: [PoisonKind; 4],
    kind_count: usize,
}

impl Poison {
    /// No event is malformed.
    pub(crate) const NONE: Self =
        Self { below: 0, kinds: [PoisonKind::Truncated; 4], kind_count: 1 };

    /// This `share` of the events, in these kinds in equal parts; truncated when none is given.
    pub(crate) fn new(share: f64, kinds: &[PoisonKind]) -> Self {
        let mut poison = Self { below: threshold(share), ..Self::NONE };
        for (slot, kind) in poison.kinds.iter_mut().zip(kinds) {
            *slot = *kind;
        }
        poison.kind_count = kinds.len().clamp(1, poison.kinds.len());
        poison
    }

    fn kind(&self, seed: u64, sequence: u64) -> Option<PoisonKind> {
        // Most runs have none; they should not pay for drawing.
        if self.below == 0 {
            return None;
        }
        let mut draws = Draws::new(seed, Topic::Poison as u64, sequence);
        if draws.bits() >= self.below {
            return None;
        }
        Some(self.kinds[draws.below(self.kind_count as u64) as usize])
    }
}

#[cfg(test)]
impl Plan {
    /// A plan of `count` events at `rate` over four keys, starting at zero.
    pub(crate) fn for_tests(rate: f64, count: u64) -> Self {
        use crate::keys::Distribution;
        use crate::schedule::Arrivals;
        Self {
            schedule: Arc::new(Schedule::counted(rate, Arrivals::Uniform, 0, count)),
            stop_after_ns: None,
            warmup_ns: 0,
            keys: Keys::new(Distribution::RoundRobin, 4, 1.0, 0),
            poison: Poison::NONE,
            seed: 0,
            start_ns: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poison_share_is_met_and_zero_means_none() {
        let mut plan = Plan::for_tests(1_000.0, 100);
        assert!((0..10_000).all(|sequence| plan.poison(sequence).is_none()));
        plan.poison = Poison::new(0.1, &[]);
        let poison = (0..100_000).filter(|sequence| plan.poison(*sequence).is_some()).count();
        assert!((9_500..10_500).contains(&poison), "{poison}");
        plan.poison = Poison::new(1.0, &[]);
        assert!((0..10_000).all(|at| plan.poison(at) == Some(PoisonKind::Truncated)));
    }

    #[test]
    fn kinds_of_poison_have_equal_parts() {
        let mut plan = Plan::for_tests(1_000.0, 100);
        let kinds = [PoisonKind::Text, PoisonKind::Binary];
        plan.poison = Poison::new(1.0, &kinds);
        for kind in kinds {
            let count = (0..10_000).filter(|at| plan.poison(*at) == Some(kind)).count();
            assert!((4_700..5_300).contains(&count), "{kind:?}: {count}");
        }
    }

    #[test]
    fn the_warmup_ends_where_it_says() {
        let plan = Plan { warmup_ns: 10, start_ns: 1_000, ..Plan::for_tests(1_000.0, 100) };
        assert!(plan.in_warmup(1_009));
        assert!(!plan.in_warmup(1_010));
        assert_eq!(plan.offset_ns(1_010), 10);
    }
}
