//! What a shard may hold and do, and which executions tell of themselves.

use super::Start;
use crate::vm::{self, Sampling};

/// Bounds of a shard.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Executions that may be open; beyond it no event is taken.
    pub open_max: usize,
    /// Instructions an execution may run before others have their turn.
    pub fuel: u32,
    /// Events taken in one turn.
    pub starts_per_turn: usize,
    /// Bounds of each execution.
    pub execution: vm::Limits,
    /// Whether every execution records its whole history, whatever
    /// [`super::ShardCore::with_recordings`] says.
    pub history: bool,
    /// Executions that record their whole history all the same.
    pub sampling: Sampling,
    /// Executions whose spans are told.
    pub spans: Spans,
    /// An execution that rests as long as this is folded up: its values become text, its memory
    /// goes to others.
    pub fold_after_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open_max: 1_000_000,
            fuel: 10_000,
            starts_per_turn: 256,
            execution: vm::Limits::default(),
            history: false,
            sampling: Sampling::NONE,
            spans: Spans::None,
            fold_after_ms: 1_000,
        }
    }
}

/// Which executions tell their spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spans {
    /// None.
    #[default]
    None,
    /// Those whose event belongs to a trace that is recorded; of those without a trace, this share.
    Sampled(Sampling),
}

impl Spans {
    #[inline]
    pub(super) fn records(self, start: &Start) -> bool {
        match (self, start.traceparent) {
            (Self::None, _) => false,
            (Self::Sampled(_), Some(parent)) => parent.is_sampled(),
            (Self::Sampled(share), None) => share.takes(start.suffix),
        }
    }
}
