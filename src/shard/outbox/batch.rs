//! The outcomes of one shard turn in one buffer, and how a source finds its own.

use crate::base::ids::{MachineIdx, Origin, ShardId};
use crate::shard::Status;

use super::sums::Billed;

/// Lower bits of `Origin::slot` that are the source's own; those above are the number of its lane.
pub const LANE_SLOT_BITS: u32 = 24;

/// The lane on which an event's outcome goes back.
pub fn lane_of(origin: Origin) -> usize {
    (origin.slot >> LANE_SLOT_BITS) as usize
}

/// A piece of [`OutcomeBatch::bytes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
}

impl Span {
    /// The piece from `start` to the present end of `bytes`.
    pub fn since(bytes: &[u8], start: usize) -> Self {
        Self { start: start as u32, len: (bytes.len() - start) as u32 }
    }
}

/// Log events of one outcome: a piece of [`OutcomeBatch::history`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Index of the first.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// Further events that found no room; only the last one of them says so.
    pub left_out: u32,
}

/// Outcomes of one shard for one source, encoded and ready to be written.
#[derive(Debug, Default)]
pub struct OutcomeBatch {
    /// Shard that ran the executions; the source gives it its credits back.
    pub shard: Option<ShardId>,
    /// All encoded text, back to back.
    pub bytes: Vec<u8>,
    /// What ended, in the order in which it ended.
    pub outcomes: Vec<Outcome>,
    /// The log events of all outcomes, those of one side by side.
    pub history: Vec<Span>,
}

impl OutcomeBatch {
    /// The bytes of a span; empty for a span that is not of this batch.
    pub fn slice(&self, span: Span) -> &[u8] {
        let start = span.start as usize;
        self.bytes.get(start..start + span.len as usize).unwrap_or_default()
    }

    /// The text of a span; empty when it is not UTF-8, which encoders never write.
    pub fn text(&self, span: Span) -> &str {
        std::str::from_utf8(self.slice(span)).unwrap_or_default()
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.shard = None;
        self.bytes.clear();
        self.outcomes.clear();
        self.history.clear();
    }

    /// The log events of an outcome.
    pub fn log_events(&self, events: Events) -> &[Span] {
        let first = events.first as usize;
        self.history.get(first..first + events.count as usize).unwrap_or_default()
    }
}

/// One event's end.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// An execution ran to its end: a result and a billing record.
    Settled(SettledOutcome),
    /// The event never became an execution: a dead letter, nothing billed.
    Rejected(RejectedOutcome),
}

impl Outcome {
    /// Where the event came from.
    pub fn origin(&self) -> Origin {
        match self {
            Self::Settled(settled) => settled.origin,
            Self::Rejected(rejected) => rejected.origin,
        }
    }
}

/// An execution's result and billing record.
#[derive(Clone, Copy, Debug)]
pub struct SettledOutcome {
    /// The event's origin.
    pub origin: Origin,
    /// The machine that ran.
    pub machine: MachineIdx,
    /// How it ended.
    pub status: Status,
    /// Result value: the output, or `{"error","cause"}`.
    pub value: Span,
    /// Value of the billing record: the whole CloudEvent, or its data in binary mode.
    pub billing: Span,
    /// Execution ARN, the record's id; a piece of the CloudEvent.
    pub execution_arn: Span,
    /// Start as RFC 3339; a piece of the CloudEvent.
    pub started_at: Span,
    /// End as RFC 3339, the record's time; a piece of the CloudEvent.
    pub stopped_at: Span,
    /// Error name, when the execution failed with one.
    pub error: Option<Span>,
    /// Its history, as far as it is logged.
    pub history: Events,
    /// What it is billed, for a source that sums.
    pub billed: Billed,
}

/// An event that goes to the dead letters.
#[derive(Clone, Copy, Debug)]
pub struct RejectedOutcome {
    /// The event's origin.
    pub origin: Origin,
    /// Stable class.
    pub class: &'static str,
    /// What was wrong.
    pub cause: Span,
    /// The event's value as it came in.
    pub input: Span,
}
