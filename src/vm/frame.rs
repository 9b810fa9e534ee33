//! A frame: where one strand of an execution stands, and its values.
//!
//! The execution itself is the root frame; each branch of a Parallel state and each iteration of
//! a Map state is a frame below. A frame whose children run is frozen until they are joined.

use crate::base::ids::WakeToken;
use crate::expr::VariableIdx;
use crate::program::{Pc, StateIdx};
use crate::value::{ArenaId, Value};

/// Number of a frame in its execution. Reused once the frame is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameId(pub(super) u32);

impl FrameId {
    /// The execution's outermost frame.
    pub const ROOT: Self = Self(0);
    /// No frame: the place of the running frame is empty.
    pub(super) const NONE: Self = Self(u32::MAX);

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What outlives a suspension.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) id: FrameId,
    /// The frame that waits for this one; [`FrameId::NONE`] for the root.
    pub(super) parent: FrameId,
    /// Number of the branch or iteration.
    pub(super) index: u32,
    /// Items that it works on; more than one where a Map puts them together.
    pub(super) items: u32,
    /// Which count of events the frame belongs to; see [`super::execution::Execution::domains`].
    pub(super) domain: u32,
    pub(super) pc: Pc,
    pub(super) state: StateIdx,
    pub(super) arena: ArenaId,
    /// State input.
    pub(super) raw: Value,
    /// Working value.
    pub(super) cur: Value,
    /// `$$`, or `null` in a state that does not read it.
    pub(super) context: Value,
    /// `$$.Map.Item`: index and value, in an iteration and in branches inside of it.
    pub(super) item: Option<(u32, Value)>,
    /// Event number at which the state was entered.
    pub(super) entered_event: u32,
    /// Number of the event that led to the entry of the state. Kept only while a history is
    /// recorded.
    pub(super) entry_cause: u32,
    /// Number of the last event of this frame, which the next one names as its cause. Kept only
    /// while a history is recorded.
    pub(super) last_event: u32,
    /// Wall clock at which the state was entered, ms since the Unix epoch.
    pub(super) entered_ms: i64,
    /// Monotonic clock at the same moment, for metrics.
    pub(super) entered_ns: u64,
    /// Retries already made in this visit of the state.
    pub(super) retry_count: u32,
    /// Bytes of values at which the next state begins with a compaction.
    pub(super) compact_at_bytes: usize,
    /// The error of this visit has been caught: what fails now is not asked about again.
    pub(super) caught: bool,
    pub(super) waiting: Waiting,
    /// What wakes the frame, once the shard has said so.
    pub(super) token: Option<WakeToken>,
    /// Retries by retrier, in this visit of the state; empty before the first.
    pub(super) attempts: Vec<u32>,
    /// The variables that the frame sees, by their index; empty when the program has none.
    pub(super) variables: Vec<Option<Value>>,
    /// Values that become visible when the state is left.
    pub(super) staged: Vec<(VariableIdx, Value)>,
}

/// What a frame waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Its turn.
    Turn,
    /// A task's answer; the flag says that a missing heartbeat is what its timeout would mean.
    Call { heartbeat: bool },
    /// A span of time.
    Time,
    /// Its children; the number of the join.
    Children(u32),
}

impl Frame {
    pub(super) fn new() -> Self {
        Self {
            id: FrameId::ROOT,
            parent: FrameId::NONE,
            index: 0,
            items: 0,
            domain: 0,
            pc: Pc(0),
            state: StateIdx(0),
            arena: ArenaId::ROOT,
            raw: Value::NULL,
            cur: Value::NULL,
            context: Value::NULL,
            item: None,
            entered_event: 0,
            entry_cause: 0,
            last_event: 0,
            entered_ms: 0,
            entered_ns: 0,
            retry_count: 0,
            compact_at_bytes: COMPACT_BYTES_MIN,
            caught: false,
            waiting: Waiting::Turn,
            token: None,
            attempts: Vec::new(),
            variables: Vec::new(),
            staged: Vec::new(),
        }
    }

    /// Makes a new frame of this one and keeps the memory of its lists.
    pub(super) fn renew(&mut self) {
        self.attempts.clear();
        self.variables.clear();
        self.staged.clear();
        let attempts = std::mem::take(&mut self.attempts);
        let variables = std::mem::take(&mut self.variables);
        let staged = std::mem::take(&mut self.staged);
        *self = Self { attempts, variables, staged, ..Self::new() };
    }
}

/// Below this many bytes of values a compaction is not worth its cost.
pub(super) const COMPACT_BYTES_MIN: usize = 65_536;
